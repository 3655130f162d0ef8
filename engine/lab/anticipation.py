"""Users who read papers, too: what the trainer did with earlier tools, they do with their own surrogates beforehand.

A tool that anticipates is made against robust copies of its surrogates as well. Its makers train them as the trainer
does, against every public tool that was used before, on the photos that come with the tool: nobody in the game is among
them.
"""

from __future__ import annotations

import torch

from facetui.engine.core.interfaces import Bank
from facetui.engine.defences.adapt import Adapt
from facetui.engine.lab.trainer.training_photos import TRAINING_PAIRS, perturbed, train
from facetui.engine.lab.world.world import World


def anticipate(world: World) -> None:
    """Train robust copies of the cast's surrogates, which tools that anticipate use from now on.

    Where no public tool was used before there is nothing to train against, and nothing happens.

    Args:
        world: whose ``anticipated`` networks these become.
    """
    names = [name for name in world.tools.names() if not _anticipates(world, name)]
    if not names:
        return
    people = world.tool.persons
    each = max(1, round(TRAINING_PAIRS / len(people)))
    clean = _photos(world, each)
    copies = torch.cat(
        [copy for name in names for copy in perturbed(world, name, clean, "people who come with the tool")]
    )
    made = []
    for base in world.cast.surrogates:
        name = f"{base} anticipated against {' and '.join(names)}"
        training = Adapt(**world.training)
        everything = _photos(world, max(len(person.photos) for person in people))
        robust = train(world, training, base, clean, copies, name, actor="users", anchors=everything)
        robust.name = name
        world.networks.add(robust.eval())
        made.append(name)
    world.anticipated = tuple(made)


def _anticipates(world: World, name: str) -> bool:
    return any(tool.attack.anticipate for tool in world.tools.settings_of(name))


def _photos(world: World, n: int) -> Bank:
    """Up to ``n`` photos of each person of the tool; of those that nothing aims at first."""
    photos = [person.photos.flip(0)[:n] for person in world.tool.persons]
    who = [torch.full((len(some),), number) for number, some in enumerate(photos)]
    return Bank(torch.cat(photos), torch.cat(who))
