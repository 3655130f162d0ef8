"""Whose photos these are: of several faces in a picture, the one that is in the person's other pictures, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Describe = Callable[[Tensor], Tensor]
"""From photos ``(N, 3, 112, 112)`` uint8 to rows ``(N, D)`` of length 1, by which people are told apart."""

CLEARLY = 0.05
"""By how much another face has to recur more than the largest one: two who are in every picture are told by size."""


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


def _chosen(faces: Tensor, others: list[Tensor]) -> Tensor:
    score = torch.stack([(faces @ other.T).amax(1) for other in others]).mean(0)
    best = int(score.argmax())
    return torch.tensor([best if score[best] > score[0] + CLEARLY else 0])
