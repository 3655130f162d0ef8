"""Perturbation budgets, and how visible a perturbation is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from facetui.engine.errors import UsageError

Norm = Literal["linf", "l2"]


@dataclass(frozen=True)
class Budget:
    """How far a perturbed photo may lie from the clean one.

    Attributes:
        norm: ``linf`` (the largest change of any channel of any pixel) or ``l2`` (the length of the change).
        epsilon: the radius, pixels in [0, 1]: 8/255 is ``Budget("linf", 8 / 255)``.
    """

    norm: Norm
    epsilon: float

    def __post_init__(self) -> None:
        if self.norm not in ("linf", "l2"):
            raise UsageError(f"expected a norm linf or l2, got {self.norm!r}")
        if not (math.isfinite(self.epsilon) and self.epsilon > 0):
            raise UsageError(f"expected a budget above 0, got {self.epsilon!r}")

    def __str__(self) -> str:
        if self.norm == "linf":
            return f"linf {self.epsilon * 255:g}/255"
        return f"l2 {self.epsilon:g}"

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Read ``linf 8/255``, ``8/255`` (linf) or ``l2 3.5``.

        Raises:
            UsageError: anything else.
        """
        words = text.split()
        norm, size = ("linf", words[0]) if len(words) == 1 else (words[0], words[-1]) if words else ("", "")
        try:
            numerator, _, denominator = size.partition("/")
            epsilon = float(numerator) / float(denominator or 1)
        except (ValueError, ZeroDivisionError):
            raise UsageError(f"expected a budget like 'linf 8/255' or 'l2 3.5', got {text!r}") from None
        if len(words) > 2:
            raise UsageError(f"expected a budget like 'linf 8/255' or 'l2 3.5', got {text!r}")
        return cls(norm, epsilon)  # type: ignore[arg-type]

    def project(self, clean: Tensor, poisoned: Tensor) -> Tensor:
        """The nearest photos ``(N, 3, H, W)`` within the budget of ``clean`` and within [0, 1]."""
        change = poisoned - clean
        if self.norm == "linf":
            change = change.clamp(-self.epsilon, self.epsilon)
        else:
            length = change.flatten(1).norm(dim=1).clamp_min(1e-12)
            change = change * (self.epsilon / length).clamp(max=1).view(-1, 1, 1, 1)
        # Both sets are convex and clean lies in both, so clamping the range afterwards never leaves the ball.
        return (clean + change).clamp(0, 1)

    def as_posted(self, clean: Tensor, poisoned: Tensor) -> Tensor:
        """Perturbed photos as the 8-bit pictures that are posted, still within the budget.

        Args:
            clean: ``(N, 3, H, W)`` uint8.
            poisoned: ``(N, 3, H, W)`` in [0, 1], within the budget.

        Returns:
            ``(N, 3, H, W)`` uint8.
        """
        change = poisoned * 255 - clean
        if self.norm == "linf":
            bound = math.floor(self.epsilon * 255 + 1e-4)
            change = change.round().clamp(-bound, bound)
        else:
            change = change.trunc()  # towards the clean photo, so that the length cannot grow
        return (clean + change).clamp(0, 255).to(torch.uint8)


@dataclass(frozen=True)
class Visibility:
    """How visible perturbations are, one value a photo.

    Attributes:
        linf: largest change of a channel, pixels in [0, 1]; ``(N,)``.
        dssim: structural dissimilarity (1 - SSIM) / 2, in [0, 1]; ``(N,)``.
        psnr: peak signal-to-noise ratio in dB, infinite for identical photos; ``(N,)``.
    """

    linf: Tensor
    dssim: Tensor
    psnr: Tensor


def dssim(clean: Tensor, poisoned: Tensor) -> Tensor:
    """(1 - SSIM) / 2 of each photo, ``(N,)``; Wang et al. 2004, 11x11 Gaussian window."""
    from kornia.metrics import ssim  # kornia takes a second to import

    return (1 - ssim(clean, poisoned, window_size=11).flatten(1).mean(dim=1)) / 2


def visibility(clean: Tensor, poisoned: Tensor) -> Visibility:
    """Measure photos ``(N, 3, H, W)`` in [0, 1] against their clean originals."""
    change = (poisoned - clean).flatten(1)
    mse = change.square().mean(dim=1)
    return Visibility(
        linf=change.abs().amax(dim=1),
        dssim=dssim(clean, poisoned).clamp_min(0),
        psnr=torch.where(mse > 0, -10 * torch.log10(mse.clamp_min(1e-20)), torch.inf),
    )
