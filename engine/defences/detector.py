"""A detector of perturbed photos, trained on clean photos of other people and their perturbed copies.

Radiya-Dixit et al., ICLR 2022 (arXiv 2106.14851) fine-tune a network for it and report 99.8 % precision and recall (as
told by the authors' ICLR 2023 blog post). A perturbation is small, but it has a spectrum that photographs have not, so
this one needs no network: logistic regression on how strong each frequency of 8x8 blocks is, as in steganalysis.

Photos are stored again on their way: a detector that knows clean JPEGs and perturbed pixels would tell a JPEG from what
is none. So clean and perturbed photos are learnt alike, as they are and re-encoded.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from facetui.engine.core.device import in_batches
from facetui.engine.core.interfaces import Detecting, check_photos
from facetui.engine.defences.purifier import Purifier
from facetui.engine.records.errors import UsageError

BLOCK = 8

RECODINGS = ("jpeg 95", "jpeg 75", "resize 96", "resize 90, jpeg 85", "noise 1")
"""What happens to photos on their way to a crawl; the fourth is about a screenshot."""

TOGETHER = 64
"""Photos whose blocks are taken apart at a time: they take ten times the memory of the photos."""
TO_YCC = ((0.299, 0.587, 0.114), (-0.169, -0.331, 0.5), (0.5, -0.419, -0.081))
"""Brightness and two differences of colour, as JPEG takes them."""


class Detector(Detecting):
    """Logistic regression on the strength of block frequencies.

    Args:
        regularisation: of scikit-learn's logistic regression, ``C``; small, for there are more features than photos.
    """

    name = "detect"
    source = "Radiya-Dixit et al., ICLR 2022, arXiv 2106.14851"

    def __init__(self, regularisation: float = 0.05) -> None:
        if regularisation <= 0:
            raise UsageError(f"expected a regularisation above 0, got {regularisation}")
        self.regularisation = regularisation
        self._model: Any = None

    def fit(self, clean: Tensor, poisoned: Tensor) -> Detector:
        """Learn from clean photos and perturbed ones ``(N, 3, 112, 112)``, uint8 or in [0, 1]; returns itself.

        Raises:
            UsageError: none of either, or of a wrong shape.
        """
        if not len(clean) or not len(poisoned):
            raise UsageError("a detector learns from clean and perturbed photos, got none of one kind")
        # A second to import, and only for those who ask for it.
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        kinds = [self._learnt(clean), self._learnt(poisoned)]
        seen = torch.cat(kinds).double().numpy()
        labels = [0] * len(kinds[0]) + [1] * len(kinds[1])
        regression = LogisticRegression(C=self.regularisation, class_weight="balanced", max_iter=500)
        self._model = make_pipeline(StandardScaler(), regression).fit(seen, labels)
        return self

    @staticmethod
    def _learnt(photos: Tensor) -> Tensor:
        """Spectra of photos as they are, and of each re-encoded."""
        stored = photos if photos.dtype == torch.uint8 else (photos * 255).round().to(torch.uint8)
        return torch.cat([spectrum(photos), *(spectrum(Purifier(recipe)(stored)) for recipe in RECODINGS)])

    def flags(self, photos: Tensor) -> Tensor:
        """Which photos it takes for perturbed ``(N,)`` bool, on the CPU.

        Raises:
            UsageError: it was not trained.
        """
        if self._model is None:
            raise UsageError("the detector is not trained; fit it on clean and perturbed photos first")
        if not len(photos):
            return torch.empty(0, dtype=torch.bool)
        return torch.from_numpy(self._model.predict(spectrum(photos).double().numpy()) == 1)


def spectrum(photos: Tensor) -> Tensor:
    """How strong each block frequency is, ``(N, 768)``: mean and median over blocks, twice, by two grids.

    The grids are half a block apart, so that the seams of a JPEG in the one are inside the blocks of the other.

    Args:
        photos: ``(N, 3, 112, 112)``, uint8 or floating point in [0, 1].
    """
    return in_batches(_strengths, photos, TOGETHER, photos.device)


def _strengths(photos: Tensor) -> Tensor:
    """``spectrum`` of a few photos."""
    x = photos.float() if photos.dtype == torch.uint8 else photos * 255
    check_photos(x)
    ycc = torch.einsum("kc,nchw->nkhw", torch.tensor(TO_YCC, device=x.device), x)
    cosines = _cosines().to(x.device)
    found = []
    for start in (0, BLOCK // 2):
        side = (x.shape[-1] - start) // BLOCK * BLOCK
        window = ycc[..., start : start + side, start : start + side]
        blocks = window.unfold(2, BLOCK, BLOCK).unfold(3, BLOCK, BLOCK)  # (N, 3, rows, columns, 8, 8)
        strength = (cosines @ blocks @ cosines.T).abs().flatten(2, 3)
        # A tenth of a grey level: nothing smaller survives in bytes, and the logarithm of zero is none.
        found += [strength.mean(2), strength.median(2).values]
    return torch.cat([(part + 0.1).log().flatten(1) for part in found], 1).cpu()


def _cosines() -> Tensor:
    """The matrix of the discrete cosine transform of eight values, orthonormal."""
    k, i = torch.arange(BLOCK)[:, None], torch.arange(BLOCK)[None]
    matrix = (math.pi * (2 * i + 1) * k / (2 * BLOCK)).cos() * math.sqrt(2 / BLOCK)
    matrix[0] /= math.sqrt(2)
    return matrix
