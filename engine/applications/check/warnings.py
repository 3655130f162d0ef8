"""What is odd about a user's photos: swapped folders, other people, copies that are no copies."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from facetui.engine.applications.check.album import Album
from facetui.engine.applications.check.trainers import Crowd
from facetui.engine.lab.world.world import World

NAMED = 5
"""File names in a sentence, at most."""


def warnings(album: Album, world: World, crowd: Crowd) -> list[str]:
    """Everything the user should look at, one sentence each."""
    pairs = album.pairs
    said = []
    unchanged = [pair.name for pair in pairs if pair.linf == 0]
    if unchanged:
        said.append(f"nothing was changed in the face of {listed(unchanged, len(pairs))}")
    several = [pair.name for pair in pairs if pair.faces > 1]
    if several:
        said.append(f"several faces are in {listed(several, len(pairs))}; the largest one was taken")
    resized = [pair.name for pair in pairs if pair.resized]
    if resized:
        said.append(f"the protected copy has another size in {listed(resized, len(pairs))}; compared at the original's")
    return said + _strangers(album, world, crowd)


def _strangers(album: Album, world: World, crowd: Crowd) -> list[str]:
    """Photos that show somebody else than most, and people in the crowd who look like the user.

    All released extractors have to agree: a small one sees photos of one person from several years as rather different,
    and a false alarm would send its owner looking for a stranger.
    """
    odd = torch.ones(len(album.pairs), dtype=torch.bool)
    like = torch.ones(len(world.people.persons), dtype=torch.bool)
    for generation in world.cast.generations:
        mine, others = (
            world.networks.embeddings(generation.extractor, photos) for photos in (album.clean, crowd.photos)
        )
        similar, same = others @ others.T, crowd.people[:, None] == crowd.people[None]
        within = float(similar[same & ~torch.eye(len(same), dtype=torch.bool)].mean())
        apart = float(similar[~same].mean())
        strange = _unlike(mine, apart + (within - apart) / 4)
        odd &= strange
        user = mine[~strange]
        for person in crowd.people.unique().tolist():
            close = float((user @ others[crowd.people == person].T).mean()) > apart + 0.75 * (within - apart)
            like[person] &= close
    said = []
    if odd.any():
        names = [pair.name for pair, unlike in zip(album.pairs, odd.tolist(), strict=True) if unlike]
        said.append(
            f"the face is unlike your others in {listed(names, len(odd))}: if it is not you, take it out and run again"
        )
    if world.people.fictional:
        return said  # nobody there exists
    for person in crowd.people.unique().tolist():
        if like[person]:
            name = world.people.persons[person].name
            said.append(f"{name} in the crowd looks like you: if it is you, take that folder out of --people")
    return said


def _unlike(photos: Tensor, apart: float) -> Tensor:
    """Which photos ``(n,)`` do not belong to the largest group of photos that resemble each other.

    Args:
        photos: embeddings ``(n, D)``.
        apart: mean similarity up to which two groups show two people.
    """
    from sklearn.cluster import AgglomerativeClustering  # a second to import

    distance = (1 - photos @ photos.T).clamp_min(0).double().numpy()
    clustering = AgglomerativeClustering(None, metric="precomputed", linkage="average", distance_threshold=1 - apart)
    groups = torch.from_numpy(clustering.fit_predict(distance))
    return groups != groups.bincount().argmax()


def listed(names: Sequence[str], n: int) -> str:
    """``3 of 40 photos (a.jpg, b.jpg, c.jpg)``; long lists are cut."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{len(names)} of {n} photos ({', '.join(names[:NAMED])}{more})"
