"""What is odd about a user's photos: swapped folders, other people, copies that are no copies."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from facetui.engine.applications.check.album import Album
from facetui.engine.applications.check.crowd import alike
from facetui.engine.applications.check.trainers import Crowd
from facetui.engine.lab.world.world import World
from facetui.engine.people.recurring import apart_from_most, not_the_same, similarities

NAMED = 5
"""File names in a sentence, at most."""


def warnings(album: Album, world: World, crowd: Crowd, fictional: bool) -> list[str]:
    """Everything the user should look at, one sentence each; nobody in a fictional crowd exists."""
    pairs = album.pairs
    said = []
    unchanged = [pair.name for pair in pairs if pair.linf == 0]
    if unchanged:
        said.append(f"nothing was changed in the face of {listed(unchanged, len(pairs))}")
    several = [pair.name for pair in pairs if pair.faces > 1]
    if several:
        said.append(
            f"several faces are in {listed(several, len(pairs))}: of those that were changed, the one that is in your "
            "other photos too was taken"
        )
    resized = [pair.name for pair in pairs if pair.resized]
    if resized:
        said.append(f"the protected copy has another size in {listed(resized, len(pairs))}; compared at the original's")
    odd = strangers(album, world, crowd)
    if odd.any():
        names = [pair.name for pair, unlike in zip(pairs, odd.tolist(), strict=True) if unlike]
        said.append(
            f"the face is unlike your others in {listed(names, len(odd))}: if it is not you, take it out and run again"
        )
    for person in [] if fictional else sorted(alike(world, album, crowd, odd)):
        name = world.people.persons[person].name
        said.append(f"{name} in the crowd looks like you: if it is you, take that folder out of --people")
    return said


def strangers(album: Album, world: World, crowd: Crowd) -> Tensor:
    """Which photos of the user show somebody else than most, ``(n,)`` bool.

    All released extractors have to agree: a small one sees photos of one person from several years as rather different,
    and a false alarm would send its owner looking for a stranger. None where everybody in the crowd has one photo: how
    similar two photos of one person are is not known then.
    """
    if crowd.size == len(crowd.people):
        return torch.zeros(len(album.pairs), dtype=torch.bool)
    odd = torch.ones(len(album.pairs), dtype=torch.bool)
    for generation in world.cast.generations:
        mine, others = (
            world.networks.embeddings(generation.extractor, photos) for photos in (album.clean, crowd.photos)
        )
        within, apart = similarities(others, crowd.people)
        odd &= apart_from_most(mine, not_the_same(within, apart))
    return odd


def listed(names: Sequence[str], n: int) -> str:
    """``3 of 40 photos (a.jpg, b.jpg, c.jpg)``; long lists are cut."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{len(names)} of {n} photos ({', '.join(names[:NAMED])}{more})"
