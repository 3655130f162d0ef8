"""Whose photos these are: of several faces in a picture, the one that is in the person's other pictures, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from facetui.engine.core import paged

Describe = Callable[[Tensor], Tensor]
"""From photos ``(N, 3, 112, 112)`` uint8 to rows ``(N, D)`` of length 1, by which people are told apart."""

CLEARLY = 0.05
"""By how much another face has to recur more than the largest one: two who are in every picture are told by size."""


LEAST = 3
"""Photos of somebody of which one can be said to be unlike the others."""

TOGETHER = 512
"""Photos that are described at a time."""

ASKED = 2000
"""Photos at most by which it is found out how similar photos of one person are, and of two."""


def recurring(photos: Sequence[Tensor], describe: Describe) -> list[int]:
    """Which face of each photo is the person's.

    A face counts by how similar it is, on average, to the most similar face of each other photo. Photos with one face
    decide most; where a friend is nearer to the camera in some, it is still the other one who is in all.

    Args:
        photos: of one person, each ``(k, 3, 112, 112)`` uint8 with k faces, the largest first.
        describe: as ``Describe``; asked only if some photo has several faces.

    Returns:
        The row of each photo's face.
    """
    if len(photos) < 2 or all(len(faces) < 2 for faces in photos):
        return [0] * len(photos)
    rows = describe(torch.cat(list(photos))).split([len(faces) for faces in photos])
    chosen = [torch.arange(len(faces)) for faces in photos]
    for _ in range(3):  # what was chosen is what the next choice is held against
        others = [row[mine] for row, mine in zip(rows, chosen, strict=True)]
        chosen = [_chosen(row, [o for j, o in enumerate(others) if j != i]) for i, row in enumerate(rows)]
    return [int(mine[0]) for mine in chosen]


def nearest(faces: Tensor, person: Tensor, describe: Describe) -> int:
    """Which of several faces ``(k, 3, 112, 112)`` is most similar to somebody's photos ``(n, 3, 112, 112)``."""
    return int(_chosen(describe(faces), [describe(person)])[0]) if len(faces) > 1 else 0


def strange(people: Sequence[Tensor], describe: Describe) -> list[Tensor]:
    """Which of each person's photos show somebody else than most of them do, ``(n,)`` bool each.

    None of somebody with fewer than three photos, nor where everybody has one: what is alike is not known then.

    Args:
        people: each one's photos ``(n, 3, 112, 112)`` uint8, their face in each.
        describe: as ``Describe``.
    """
    sizes = [len(photos) for photos in people]
    if len(people) < 2 or max(sizes) < LEAST:
        return [torch.zeros(size, dtype=torch.bool) for size in sizes]
    rows = _described(people, describe)
    who = torch.arange(len(people)).repeat_interleave(torch.tensor(sizes))
    some = torch.linspace(0, len(rows) - 1, min(len(rows), ASKED)).long()  # a similarity of any two is a large table
    apart = not_the_same(*similarities(rows[some], who[some]))
    return [
        apart_from_most(mine, apart) if len(mine) >= LEAST else torch.zeros(len(mine), dtype=torch.bool)
        for mine in rows.split(sizes)
    ]


def _described(people: Sequence[Tensor], describe: Describe) -> Tensor:
    """Everybody's rows ``(N, D)``, a few people at a time: all photos at once would be held twice."""
    rows, waiting = [], []
    for number, photos in enumerate(people, 1):
        waiting.append(photos)
        if sum(map(len, waiting)) >= TOGETHER or number == len(people):
            rows.append(describe(torch.cat(waiting)))
            paged.let_go()
            waiting = []
    return torch.cat(rows)


def not_the_same(within: float, apart: float) -> float:
    """The mean similarity up to which two groups of photos show two people."""
    return apart + (within - apart) / 4


def apart_from_most(photos: Tensor, apart: float) -> Tensor:
    """Which photos ``(n,)`` do not belong to the largest group of photos that resemble each other.

    Args:
        photos: embeddings ``(n, D)`` of length 1.
        apart: mean similarity up to which two groups show two people.
    """
    from sklearn.cluster import AgglomerativeClustering  # a second to import

    distance = (1 - photos @ photos.T).clamp_min(0).double().numpy()
    clustering = AgglomerativeClustering(None, metric="precomputed", linkage="average", distance_threshold=1 - apart)
    groups = torch.from_numpy(clustering.fit_predict(distance))
    return groups != groups.bincount().argmax()


def similarities(embeddings: Tensor, people: Tensor) -> tuple[float, float]:
    """Mean similarity of photos ``(G, D)`` of one person, and of two, by who is in each ``(G,)``."""
    similar, same = embeddings @ embeddings.T, people[:, None] == people[None]
    own = same & ~torch.eye(len(same), dtype=torch.bool)
    return float(similar[own].mean()), float(similar[~same].mean())


def _chosen(faces: Tensor, others: list[Tensor]) -> Tensor:
    score = torch.stack([(faces @ other.T).amax(1) for other in others]).mean(0)
    best = int(score.argmax())
    return torch.tensor([best if score[best] > score[0] + CLEARLY else 0])
