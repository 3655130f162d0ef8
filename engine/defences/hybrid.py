"""Two extractors, one accurate and one robust: no accuracy need be lost for robustness.

Radiya-Dixit et al., ICLR 2022, as told by the authors' ICLR 2023 blog post: either both answers are returned and a
human breaks the tie (``top-2``), or the robust one is asked only where the accurate one is not sure (``threshold``).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from facetui.engine.core.interfaces import Combining
from facetui.engine.records.errors import UsageError

RULES = ("threshold", "top-2")
UNSURE = 0.05
"""Share of clean searches for other people in which the accurate extractor is to count as unsure."""


@dataclass(frozen=True)
class Hybrid(Combining):
    """How two answers become one, or two.

    Attributes:
        rule: ``threshold`` or ``top-2``.
        threshold: for the former: the least cosine similarity at which the accurate extractor is believed.
    """

    name = "combine"
    source = "Radiya-Dixit et al., ICLR 2022, arXiv 2106.14851"
    rule: str = "threshold"
    threshold: float = 0.0

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise UsageError(f"expected a rule {' or '.join(RULES)}, got {self.rule!r}")
        if not -1 <= self.threshold <= 1:
            raise UsageError(f"expected a threshold as a cosine similarity in [-1, 1], got {self.threshold}")

    @property
    def words(self) -> str:  # type: ignore[override]
        """When the robust extractor is asked, for tables."""
        return "as top-2" if self.rule == "top-2" else f"under {self.threshold:.2f}"

    @property
    def detail(self) -> str:  # type: ignore[override]
        """The same for the audience."""
        if self.rule == "top-2":
            return "as well; right if either is"
        return f"where the nearest photo is less similar than {self.threshold:.2f}"

    def answers(self, accurate: Tensor, similarity: Tensor, robust: Tensor) -> Tensor:
        """Whom the trainer names: ``(N, 1)`` by the threshold, ``(N, 2)`` as top-2.

        Args:
            accurate: ``(N,)`` whom the accurate extractor names.
            similarity: ``(N,)`` of its nearest photo, cosine.
            robust: ``(N,)`` whom the robust one names.
        """
        if self.rule == "top-2":
            return torch.stack([accurate, robust], 1)
        return torch.where(similarity >= self.threshold, accurate, robust)[:, None]


def threshold_of(similarities: Tensor) -> float:
    """The similarity that all but ``UNSURE`` of clean searches for other people reach, ``(N,)`` similarities given."""
    if not len(similarities):
        raise UsageError("a threshold needs clean photos of people who are not evaluated, got none")
    return round(float(similarities.sort().values[int(UNSURE * len(similarities))]), 3)
