"""How similar the most similar of very many strangers is: a tail that is fitted, to look far beyond what was searched.

Looking from a thousand strangers to a billion is looking at probabilities far below one in the sample. The generalised
Pareto tail, usual for a little beyond it, ends too early there: fitted to a normal distribution it says that nothing is
larger than what one sample in a hundred thousand reaches. The generalised Weibull tail is made for that (de Valk 2016,
"Approximation of high quantiles from intermediate quantiles", Extremes 19): the quantile as a function of
``y = -log p`` grows like ``(y ** shape - 1) / shape``; a shape of 1 is an exponential tail, about 0.5 a normal one.
Here every probe has its own threshold and scale, and all share one shape, by weighted least squares on the largest
similarities.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from facetui.engine.records.errors import UsageError

LEAST = 8
"""Similarities above a probe's threshold, at least; below that there is no tail to speak of."""

SHAPES = torch.linspace(-2.0, 2.0, 201, dtype=torch.float64)
"""Shapes that are tried."""


@dataclass(frozen=True)
class Tail:
    """How strangers' similarities to each of ``P`` probes fall off.

    Attributes:
        threshold: ``(P,)`` cosine similarity above which the tail begins.
        scale: ``(P,)`` > 0.
        shape: of all; below 0 there is a greatest similarity.
        begins: ``-log`` of the share of strangers above the threshold.
    """

    threshold: Tensor
    scale: Tensor
    shape: float
    begins: float

    def beyond(self, similarity: Tensor) -> Tensor:
        """Probability ``(P,)`` float64 that a stranger is more similar to each probe than this ``(P,)``.

        Below the threshold it is the share of strangers above that, which is the least that it can be there.
        """
        excess = ((similarity.double() - self.threshold) / self.scale).clamp(min=0)
        if abs(self.shape) < 1e-6:
            further = torch.exp(excess.clamp(max=50))
        else:
            inside = 1 + self.shape * excess
            further = torch.where(inside > 0, inside.clamp(min=1e-300) ** (1 / self.shape), torch.inf)
        return torch.exp(-self.begins * further)

    def misnamed(self, similarity: Tensor, strangers: float) -> Tensor:
        """Probability ``(P,)`` float64 that one of so many strangers is more similar than this ``(P,)``.

        As if strangers were drawn independently of each other.
        """
        return -torch.expm1(strangers * torch.log1p(-self.beyond(similarity).clamp(max=1 - 1e-12)))


def fit(largest: Tensor, strangers: int) -> Tail:
    """A tail from the largest similarities of strangers to probes.

    Args:
        largest: ``(P, K + 1)`` in falling order; the last of each row becomes its threshold.
        strangers: of how many they are the largest; more than ``K``.

    Raises:
        UsageError: fewer than ``LEAST`` above the threshold, or no probe whose similarities differ.
    """
    k = largest.shape[1] - 1
    if k < LEAST or not len(largest) or strangers <= k:
        raise UsageError(
            f"a tail needs {LEAST} similarities of strangers above its threshold, got {max(0, k)} of {strangers}; "
            "a larger crowd has them (--crowd)"
        )
    values = largest.double()
    threshold = values[:, -1]
    excess = values[:, :-1] - threshold[:, None]
    mean = excess.mean(1, keepdim=True)
    varied = mean[:, 0] > 0
    if not varied.any():
        raise UsageError("all strangers are equally similar: there is no tail to fit")
    # What -log p of the j-th largest is on average (Renyi 1953): the sum of 1/i from j to all.
    steps = 1 / torch.arange(strangers, 0, -1, dtype=torch.float64)
    y = steps.cumsum(0)[-(k + 1) :].flip(0)
    ratio = y[:-1] / y[-1]
    grown = torch.stack([torch.log(ratio) if abs(s) < 1e-9 else (ratio**s - 1) / s for s in SHAPES.tolist()])
    # The few largest vary most: weights between none, and their whole variance, which left no influence to them.
    weights = torch.arange(1, k + 1, dtype=torch.float64).sqrt()
    scaled = (excess / mean)[varied]
    slopes = (scaled @ (grown * weights).T) / (grown**2 * weights).sum(1)
    squares = (scaled**2 * weights).sum() - (slopes**2 * (grown**2 * weights).sum(1)).sum(0)
    best = int(squares.argmin())
    scale = torch.full_like(threshold, 1e-12)
    scale[varied] = slopes[:, best] * mean[varied, 0]
    return Tail(threshold, scale, float(SHAPES[best]), float(y[-1]))
