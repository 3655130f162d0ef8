"""Where the trainer's pairs of a photo and its perturbed copy come from: tools it runs, what others show, a server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from facetui.engine.core.interfaces import Bank
from facetui.engine.lab.recognition.trainer_state import TrainerState
from facetui.engine.lab.trainer.training_photos import perturbed, published_pairs, training_photos
from facetui.engine.lab.world.perturb import perturb
from facetui.engine.lab.world.tools import DEMONSTRATION
from facetui.engine.lab.world.world import World
from facetui.engine.records.errors import UsageError

SOURCES = ("own", "published", "server")
"""The trainer runs public tools itself; takes what people published; or uploads photos to a public demonstration."""

UPLOADS = 20
"""Photos that the trainer uploads at a time, unless it is told: a person with a browser has the time for so many."""


@dataclass(frozen=True)
class Pairs:
    """What a training learns from.

    Attributes:
        clean: photos of people who are not evaluated.
        poisoned: their perturbed copies, row for row, for each attack.
        names: the attacks.
        how: what sets the network's name apart, where the trainer did not make them itself: ``from 5 pairs``.
        cost: what it took to get them, for the audience; empty: no more than running the tools.
    """

    clean: Bank
    poisoned: Tensor
    names: list[str]
    how: str = ""
    cost: str = ""


def pairs_from(source: str, state: TrainerState, names: Sequence[str], uploads: int) -> Pairs:
    """Pairs of some source.

    Args:
        source: of ``SOURCES``.
        state: the trainer's.
        names: attacks; of published pairs and of demonstrations, none means all there are.
        uploads: photos for each demonstration.

    Raises:
        UnknownName: no such attack.
        UsageError: a tool that the trainer cannot run, no pair was published, or no demonstration takes the photos.
    """
    if source == "published":
        clean, copies, found = published_pairs(state.archive, names)
        return Pairs(clean, copies, found, f"from {len(clean.photos)} pairs")
    if source == "server":
        return _uploaded(state, list(names) or state.world.tools.demonstrated(), uploads)
    return own_pairs(state.world, names)


def own_pairs(world: World, names: Sequence[str]) -> Pairs:
    """Pairs of public tools that the trainer runs itself.

    Raises:
        UnknownName: no such attack.
        UsageError: it is a closed tool.
    """
    clean = training_photos(world)
    copies = torch.cat([copies for name in names for copies in perturbed(world, name, clean)])
    return Pairs(clean, copies, list(names))


def _uploaded(state: TrainerState, names: list[str], n: int) -> Pairs:
    """Pairs by uploading ``n`` photos of other people to each tool's demonstration; earlier ones count, too."""
    if not names:
        raise UsageError(
            "there is no public demonstration of a closed tool; lab.users.protect(..., public=False) has users use one"
        )
    for name in names:
        _upload(state, name, n)
    pairs = [pair for name in names for pair in state.uploads[name]]
    clean = Bank(torch.cat([bank.photos for bank, _ in pairs]), torch.cat([bank.people for bank, _ in pairs]))
    who = len(torch.cat([state.uploads[name][-1][0].people for name in names]).unique())
    cost = f"uploads {n} photos of {who} other people to the public demonstration of {', '.join(names)}"
    return Pairs(clean, torch.cat([copies for _, copies in pairs]), names, f"from {len(clean.photos)} uploads", cost)


def _upload(state: TrainerState, name: str, n: int) -> None:
    """Have a demonstration perturb the next ``n`` photos of other people."""
    world, before = state.world, state.uploads.setdefault(name, [])
    pool = training_photos(world, DEMONSTRATION)
    order = torch.randperm(len(pool.photos), generator=world.generator("uploads")).tolist()
    start = sum(len(bank.photos) for bank, _ in before)
    if start + n > len(order):
        raise UsageError(f"expected 1 to {len(order) - start} uploads of other people's photos, got {n}; add people")
    tool = world.tools.upload(name, n)
    rows = torch.tensor(sorted(order[start : start + n]))
    clean = Bank(pool.photos[rows], pool.people[rows])
    task = f"the public demonstration of {name} perturbs {n} photos that the trainer uploads"
    # The service aims at whom its customers' copies aim at, not at people of the trainer's choice.
    copies = perturb(
        world, tool.attack, tool.budget, clean.photos, clean.people, actor="trainer", task=task, bank=world.aims
    )
    before.append((clean, copies))
