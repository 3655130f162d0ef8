"""Where a trainer begins to name somebody: above what strangers reach, whom nobody asks for."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from facetui.engine.lab.recognition.gallery import Gallery
from facetui.engine.records.errors import UsageError


def threshold_at(gallery: Gallery, strangers: list[int], false_alarms: float) -> tuple[float, int]:
    """The cosine similarity above which few searches for strangers end, and how many there were.

    Args:
        gallery: in which each of their photos is searched for, without those of its own person.
        strangers: people whom nobody asks for.
        false_alarms: share of searches for them that may end in a name, in (0, 1).

    Raises:
        UsageError: too few strangers for such a share.
    """
    wrong = _nearest_other(gallery, strangers)
    if len(wrong) * false_alarms < 1:
        raise UsageError(
            f"{len(wrong)} searches for strangers cannot tell {100 * false_alarms:g} % of false alarms; "
            "a larger crowd can (--crowd)"
        )
    return float(wrong.sort(descending=True).values[int(len(wrong) * false_alarms) - 1]), len(wrong)


def _nearest_other(gallery: Gallery, people: list[int]) -> Tensor:
    """For every photo ``(N,)`` of some people in a gallery, the similarity of the nearest one of anybody else."""
    rows = torch.isin(gallery.people, torch.tensor(people))
    known = normalize(gallery.embeddings)
    similarity = known[rows] @ known.T
    similarity[gallery.people[rows][:, None] == gallery.people[None]] = -1
    return similarity.max(1).values
