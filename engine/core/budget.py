"""Perturbation budgets, and how visible a perturbation is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from facetui.engine.core.ssim import Dissimilarity
from facetui.engine.records.errors import UsageError

Norm = Literal["linf", "l2", "dssim"]
_EXAMPLES = "'linf 8/255', 'l2 3.5', 'dssim 0.008' or 'dssim 0.017 linf 15/255'"
_HALVINGS = 10
"""Halvings in the search for the largest part of a change that a DSSIM budget allows: to a thousandth."""


@dataclass(frozen=True)
class Budget:
    """How far a perturbed photo may lie from the clean one.

    Attributes:
        norm: ``linf`` (the largest change of any channel of any pixel), ``l2`` (the length of the change) or ``dssim``
            (structural dissimilarity, (1 - SSIM) / 2).
        epsilon: the radius; for linf and l2 in pixels in [0, 1]: 8/255 is ``Budget("linf", 8 / 255)``.
        clip: with dssim, the largest change of any channel besides, pixels in [0, 1].
    """

    norm: Norm
    epsilon: float
    clip: float | None = None

    def __post_init__(self) -> None:
        if self.norm not in ("linf", "l2", "dssim"):
            raise UsageError(f"expected a norm linf, l2 or dssim, got {self.norm!r}")
        for size in (self.epsilon, self.clip):
            if size is not None and not (math.isfinite(size) and size > 0):
                raise UsageError(f"expected a budget above 0, got {size!r}")
        if self.clip is not None and self.norm != "dssim":
            raise UsageError(f"expected a second bound only beside dssim, got one beside {self.norm}")

    def __str__(self) -> str:
        if self.norm == "linf":
            return f"linf {self.epsilon * 255:g}/255"
        also = f" linf {self.clip * 255:g}/255" if self.clip else ""
        return f"{self.norm} {self.epsilon:g}{also}"

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Read ``linf 8/255``, ``8/255`` (linf), ``l2 3.5``, ``dssim 0.008`` or ``dssim 0.017 linf 15/255``.

        Raises:
            UsageError: anything else.
        """
        words = text.split()
        if len(words) == 1:
            words.insert(0, "linf")
        wrong = UsageError(f"expected a budget like {_EXAMPLES}, got {text!r}")
        if len(words) not in (2, 4) or (len(words) == 4 and words[2] != "linf"):
            raise wrong
        try:
            sizes = [float(a) / float(b or 1) for a, _, b in (word.partition("/") for word in words[1::2])]
        except (ValueError, ZeroDivisionError):
            raise wrong from None
        return cls(words[0], *sizes)  # type: ignore[arg-type]

    @property
    def linf(self) -> float:
        """How far a channel may move at most, pixels in [0, 1]."""
        return self.epsilon if self.norm == "linf" else self.clip or 1.0

    def project(self, clean: Tensor, poisoned: Tensor) -> Tensor:
        """Photos ``(N, 3, H, W)`` within the budget of ``clean`` and [0, 1], in the direction of ``poisoned``."""
        change = (poisoned - clean).clamp(-self.linf, self.linf)
        if self.norm == "l2":
            length = change.flatten(1).norm(dim=1).clamp_min(1e-12)
            change = change * (self.epsilon / length).clamp(max=1).view(-1, 1, 1, 1)
        # Both sets are convex and clean lies in both, so clamping the range afterwards never leaves the ball.
        inside = (clean + change).clamp(0, 1)
        if self.norm == "dssim":
            return torch.cat([self._shrink(*part) for part in zip(clean.split(64), inside.split(64), strict=True)])
        return inside

    def _shrink(self, clean: Tensor, poisoned: Tensor) -> Tensor:
        """The largest part of each change whose DSSIM the budget allows; between none of it and all of it."""
        measure, change = Dissimilarity(clean), poisoned - clean
        over = measure(poisoned) > self.epsilon
        low = torch.zeros(len(clean), 1, 1, 1, device=clean.device)
        high = torch.ones_like(low)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            fits = (measure(clean + middle * change) <= self.epsilon).view(-1, 1, 1, 1)
            low, high = torch.where(fits, middle, low), torch.where(fits, high, middle)
        return torch.where(over.view(-1, 1, 1, 1), clean + low * change, poisoned)

    def as_posted(self, clean: Tensor, poisoned: Tensor) -> Tensor:
        """Perturbed photos as the 8-bit pictures that are posted, still within the budget.

        Args:
            clean: ``(N, 3, H, W)`` uint8.
            poisoned: ``(N, 3, H, W)`` in [0, 1], within the budget.

        Returns:
            ``(N, 3, H, W)`` uint8.
        """
        change = poisoned * 255 - clean
        bound = math.floor(self.linf * 255 + 1e-4)
        rounded = change.round().clamp(-bound, bound)
        if self.norm != "linf":
            # Rounding can lengthen a change; where it leaves the budget, towards the clean photo instead.
            over = self._size(clean / 255, (clean + rounded).clamp(0, 255) / 255) > self.epsilon
            rounded = torch.where(over.view(-1, 1, 1, 1), change.trunc(), rounded)
        return (clean + rounded).clamp(0, 255).to(torch.uint8)

    def _size(self, clean: Tensor, poisoned: Tensor) -> Tensor:
        if self.norm == "l2":
            return (poisoned - clean).flatten(1).norm(dim=1)
        pairs = zip(clean.split(64), poisoned.split(64), strict=True)
        return torch.cat([Dissimilarity(a)(b) for a, b in pairs])


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
    """(1 - SSIM) / 2 of each photo, ``(N,)``; Wang et al. 2004, 11x11 Gaussian window, no padding."""
    from kornia.metrics import ssim  # kornia takes a second to import

    return (1 - ssim(clean, poisoned, window_size=11, padding="valid").flatten(1).mean(dim=1)) / 2


def visibility(clean: Tensor, poisoned: Tensor) -> Visibility:
    """Measure photos ``(N, 3, H, W)`` in [0, 1] against their clean originals."""
    change = (poisoned - clean).flatten(1)
    mse = change.square().mean(dim=1)
    return Visibility(
        linf=change.abs().amax(dim=1),
        dssim=dssim(clean, poisoned).clamp_min(0),
        psnr=torch.where(mse > 0, -10 * torch.log10(mse.clamp_min(1e-20)), torch.inf),
    )
