"""Which of two pictures of one photo is the perturbed one, told by both together.

A detector looks at one picture, and takes what is unusual about somebody's camera for a perturbation. The difference of
two pictures of the same photo knows nothing of the camera: it is only what was done to one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facetui.engine.defences.detector import spectrum
from facetui.engine.defences.purifier import Purifier
from facetui.engine.records.errors import DataError

AFTERWARDS = ("", "jpeg 75", "resize 80")
"""What happens to copies after a tool: that they are softer than their originals tells nothing."""

FAR = 2.0
"""A picture without colours has none of their frequencies at all: the slightest change is enormous beside that."""

SURE = 0.8
"""Probability from which a pair counts."""

LEAST, MOST = 0.7, 0.2
"""Of all pairs: so many have to look swapped, and no more than that may look right, before folders are refused."""


class Order:
    """Tells which of two pictures was perturbed, from differences of block frequencies.

    Args:
        clean: ``(N, 3, 112, 112)`` uint8, of other people.
        copies: the same photos, row for row, as tools perturb them.
    """

    def __init__(self, clean: Tensor, copies: Sequence[Tensor]) -> None:
        from sklearn.linear_model import LogisticRegression  # a second to import

        before = spectrum(clean)
        seen = [Purifier(recipe)(copy) if recipe else copy for copy in copies for recipe in AFTERWARDS]
        raw = torch.cat([spectrum(copy) - before for copy in seen])
        self._scale = raw.square().mean(0).sqrt().clamp_min(1e-6)
        forth = self._limited(raw)
        # Both ways round and without a constant: which picture comes first tells nothing.
        self._model: Any = LogisticRegression(C=0.05, fit_intercept=False, max_iter=500)
        self._model.fit([*forth, *-forth], [1] * len(forth) + [0] * len(forth))

    def _limited(self, differences: Tensor) -> NDArray[np.float64]:
        """Differences in units of what tools do; what is far beyond them counts no more than they."""
        return (differences / self._scale).clamp(-FAR, FAR).double().numpy()

    def forward(self, before: Tensor, after: Tensor) -> Tensor:
        """How likely ``after`` ``(N, 3, 112, 112)`` uint8 is the perturbed one, ``(N,)``; 0.5 if both are the same."""
        return torch.from_numpy(self._model.predict_proba(self._limited(spectrum(after) - spectrum(before)))[:, 1])


def refuse_if_swapped(forward: Tensor) -> None:
    """Stop when most originals look perturbed beside their copies.

    Args:
        forward: ``(n,)`` how likely each copy, and not its original, is the perturbed one.

    Raises:
        DataError: they do.
    """
    n, back, forth = len(forward), int((forward < 1 - SURE).sum()), int((forward > SURE).sum())
    if back >= max(3, LEAST * n) and forth <= MOST * n:
        raise DataError(
            f"the folders look swapped: {back} of {n} photos in --clean look perturbed beside those in --protected, "
            f"{forth} the other way round; swap them, or say --as-given if they are right"
        )
