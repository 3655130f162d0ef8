"""What is odd about a user's photos: swapped folders, other people, copies that are no copies."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from facetui.engine.check_album import Album
from facetui.engine.check_trainers import Crowd
from facetui.engine.errors import DataError
from facetui.engine.lab import Lab
from facetui.engine.people import EMBEDDED

NAMED = 5
"""File names in a sentence, at most."""


def refuse_if_swapped(clean: Tensor, protected: Tensor) -> None:
    """Stop when most originals look perturbed and hardly a protected copy does.

    Args:
        clean: ``(n,)`` bool, which originals the detector flags.
        protected: ``(n,)`` bool, which copies.

    Raises:
        DataError: they do.
    """
    n = len(clean)
    if int((clean & ~protected).sum()) >= max(3, 0.7 * n) and int(protected.sum()) <= 0.2 * n:
        raise DataError(
            f"the folders look swapped: {int(clean.sum())} of {n} photos in --clean look perturbed, "
            f"{int(protected.sum())} in --protected; swap them, or say --as-given if they are right"
        )


def warnings(album: Album, lab: Lab, crowd: Crowd, flags: dict[str, Tensor]) -> list[str]:
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
    n = len(pairs)
    back, forth = (int((flags[a] & ~flags[b]).sum()) for a, b in (("clean", "protected"), ("protected", "clean")))
    if back >= 3 and back > 2 * forth:
        said.append(f"{back} of {n} originals look more perturbed than their copies: are the folders swapped?")
    return said + _strangers(album, lab, crowd)


def _strangers(album: Album, lab: Lab, crowd: Crowd) -> list[str]:
    """Photos that show somebody else than most, and people in the crowd who look like the user.

    Two groups of photos are two people when they resemble each other less than halfway from what photos of different
    people in the crowd have in common to what photos of one person have.
    """
    from sklearn.cluster import AgglomerativeClustering  # a second to import

    extractor = lab.cast.generations[-1].extractor
    mine, others = (lab.networks.embeddings(extractor, photos) for photos in (album.clean, crowd.photos))
    similar, same = others @ others.T, crowd.people[:, None] == crowd.people[None]
    within = similar[same & ~torch.eye(len(same), dtype=torch.bool)].mean()
    halfway = float((within + similar[~same].mean()) / 2)
    distance = (1 - mine @ mine.T).clamp_min(0).double().numpy()
    clustering = AgglomerativeClustering(None, metric="precomputed", linkage="average", distance_threshold=1 - halfway)
    groups = torch.from_numpy(clustering.fit_predict(distance))
    user = int(groups.bincount().argmax())
    odd = [album.pairs[i].name for i in (groups != user).nonzero()[:, 0].tolist()]
    said = []
    if odd:
        said.append(
            f"the face is unlike your others in {listed(odd, len(groups))}: if it is not you, take it out and run again"
        )
    if lab.people.source == EMBEDDED:
        return said  # nobody there exists
    alike = float(within + halfway) / 2
    for person in crowd.people.unique().tolist():
        if float((mine[groups == user] @ others[crowd.people == person].T).mean()) > alike:
            name = lab.people.persons[person].name
            said.append(f"{name} in the crowd looks like you: if it is you, take that folder out of --people")
    return said


def listed(names: Sequence[str], n: int) -> str:
    """``3 of 40 photos (a.jpg, b.jpg, c.jpg)``; long lists are cut."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{len(names)} of {n} photos ({', '.join(names[:NAMED])}{more})"
