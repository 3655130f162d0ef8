"""Estimate and subtract: what all photos of a person share, and photos of faces do not, is a mask, and comes off.

Tools that make one mask a person (OPOM: Zhong and Deng, TPAMI 2022, arXiv 2205.11981) are instant on new photos, and
give the trainer several copies of the same secret. The trainer knows who is in the photos it scraped, so it averages
what is fine in each of a person's photos, takes off what aligned faces share anyway, and subtracts what is left.

Coarse parts of a mask cannot be told from the face and stay; so the fine ones are subtracted at twice their size, held
to what the mask shows at most places. Of people whose photos share no more than clean photos do, nothing is changed.
"""

from __future__ import annotations

import torch
from torch import Tensor

from facetui.engine.core.interfaces import Bank, Estimating, check_photos
from facetui.engine.records.errors import UsageError

FINE = 1.2
"""Standard deviation in pixels of the blur that a photo loses to its fine part.

On development people (eight, three posted photos each, L-inf 8/255) the similarity of a masked photo to its original,
by the extractor that OPOM attacks, rose from -0.68 to 0.79 with 0.7, to 0.95 with 1 and to 0.94 with 1.4 at twice the
size; at once the size to 0.46, 0.82 and 0.90. Masks of 16/255 lose more with the coarser blur: 0.49, 0.87 and 0.90.
"""

MOST = 0.9
"""Of the pixels of an estimate: their largest value is what no pixel may exceed. A mask made by sign steps is flat."""

RARE = 0.99
"""Of handfuls of clean photos of one person: what these have in common, and ``margin`` more, is no mask yet."""

HANDFULS = (2, 3, 4)
"""How many photos are compared: two of a person may be alike by chance, four hardly are."""


class Subtract(Estimating):
    """A mean of fine parts over a person's photos of one post, less that over other people's.

    Args:
        gain: by how much what is found is enlarged before it is subtracted.
        margin: how much more alike the fine parts of a person's photos must be than those of clean ones, as a cosine.
    """

    name = "subtract"
    source = "against one mask a person, e.g. OPOM (Zhong and Deng, TPAMI 2022, arXiv 2205.11981)"

    def __init__(self, gain: float = 2.0, margin: float = 0.1) -> None:
        if gain <= 0 or not 0 <= margin <= 1:
            raise UsageError(f"expected a gain above 0 and a margin in [0, 1], got {gain} and {margin}")
        self.gain = gain
        self.margin = margin
        self.recipe = "mask subtracted" if (gain, margin) == (2.0, 0.1) else f"mask subtracted {gain:g} {margin:g}"
        self._common: Tensor | None = None
        self.least: dict[int, float] = {}
        """How alike the fine parts of so many photos with a mask are at least, as a mean cosine of pairs."""

    def fit(self, clean: Bank) -> Subtract:
        """Learn from clean photos ``(M, 3, 112, 112)`` uint8 of other people; returns itself.

        Raises:
            UsageError: nobody has two photos.
        """
        people = [clean.photos[clean.people == person] for person in clean.people.unique()]
        if not any(len(photos) > 1 for photos in people):
            raise UsageError("an estimate of masks learns from people with two clean photos or more, got none")
        self._common = torch.stack([fine(photos).mean(0) for photos in people]).mean(0)
        found = [fine(photos) - self._common for photos in people]
        for n in HANDFULS:
            some = [alike(part) for parts in found for part in parts.split(n) if len(part) == n]
            usual = float(torch.stack(some).quantile(RARE)) + self.margin if some else self.least[n - 1]
            self.least[n] = min(1.0, usual)
        return self

    def estimate(self, photos: Tensor) -> Tensor | None:
        """The mask that photos of one person share, ``(3, 112, 112)`` in grey levels; ``None`` where there is none.

        Args:
            photos: ``(n, 3, 112, 112)`` uint8, of one post.

        Raises:
            UsageError: it has learnt nothing yet.
        """
        if self._common is None:
            raise UsageError("the estimate is not trained; fit it on clean photos of other people first")
        if len(photos) < 2:  # of a single photo nobody can tell what it shares
            return None
        parts = fine(photos) - self._common
        if alike(parts) <= self.least[min(len(parts), HANDFULS[-1])]:
            return None
        mask = parts.mean(0)
        bound = float(mask.abs().flatten().quantile(MOST))
        return (self.gain * mask).clamp(-bound, bound)

    def clean(self, photos: Tensor, people: Tensor) -> Tensor:
        """Photos ``(N, 3, 112, 112)`` uint8 of people ``(N,)`` without the masks that it finds, uint8."""
        cleaned = photos.clone()
        order = people.argsort(stable=True)
        for rows in order.split(people.unique(return_counts=True)[1].tolist()) if len(people) else ():
            mask = self.estimate(photos[rows])
            if mask is not None:
                cleaned[rows] = (photos[rows] - mask).round().clamp(0, 255).to(torch.uint8)
        return cleaned


def fine(photos: Tensor) -> Tensor:
    """What a blur takes off photos ``(n, 3, 112, 112)`` uint8, same shape, in grey levels."""
    from torchvision.transforms.v2 import functional as F  # a second to import, and only for those who ask for it

    check_photos(exact := photos.float())
    return exact - F.gaussian_blur(exact, [2 * round(3 * FINE) + 1] * 2, [FINE] * 2)


def alike(parts: Tensor) -> Tensor:
    """How alike rows ``(n, ...)`` are, n at least 2: pairs' dot products, as a share of what equal rows have."""
    own, together = parts.square().sum(), parts.sum(0).square().sum()
    return (together - own) / ((len(parts) - 1) * own).clamp_min(1e-9)
