"""Structural dissimilarity with a gradient written by hand: what Fawkes computes in every step.

Wang et al. 2004, as ``tf.image.ssim`` in Fawkes does it: 11x11 Gaussian window of sigma 1.5, no padding, each of R, G
and B, averaged. Autograd through the formula keeps two dozen maps; by hand it takes three blurs forward and three back.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from facetui.engine.core.device import full_precision

WINDOW = 11
SIGMA = 1.5
C1, C2 = 0.01**2, 0.03**2
"""Stabilisers for pixels in [0, 1]."""


def _window(like: Tensor) -> Tensor:
    """The Gaussian ``(1, 1, 1, 11)``."""
    at = torch.arange(WINDOW, device=like.device, dtype=like.dtype) - WINDOW // 2
    weights = torch.exp(-(at**2) / (2 * SIGMA**2))
    return (weights / weights.sum()).view(1, 1, 1, -1)


class _Blur:
    """The window, as two convolutions of every channel by itself; and its adjoint.

    Three channels at a time and never nine: cut out of a wider map they would lie apart in memory, and everything
    after the convolution would run at a third of the speed.
    """

    def __init__(self, like: Tensor) -> None:
        window = _window(like)
        self._rows = window.expand(3, 1, 1, WINDOW).contiguous()
        self._columns = window.mT.expand(3 * like.shape[3], 1, WINDOW, 1).contiguous()

    def __call__(self, maps: Tensor) -> Tensor:
        return F.conv2d(self._down(maps, 0), self._rows, groups=3)

    def adjoint(self, maps: Tensor) -> Tensor:
        # The window is symmetric: the adjoint of a blur that cuts the edge off is a blur that puts it back.
        return self._down(F.conv2d(maps, self._rows, padding=(0, WINDOW - 1), groups=3), WINDOW - 1)

    def _down(self, maps: Tensor, padding: int) -> Tensor:
        """Blur along columns; a whole row counts as channels, which a processor takes eight at a time."""
        n, c, h, w = maps.shape
        lines = maps.permute(0, 2, 3, 1).reshape(n, h, 1, w * c).permute(0, 3, 1, 2)
        blurred = F.conv2d(lines, self._columns, padding=(padding, 0), groups=w * c)
        return blurred.permute(0, 2, 3, 1).reshape(n, -1, w, c).permute(0, 3, 1, 2)


class Dissimilarity:
    """DSSIM = (1 - SSIM) / 2 to fixed clean photos, whose own statistics are computed once.

    Computed from the change, it is right to 2e-6, and to a thousandth of itself where it is small; from the photos, in
    32 bits, to 3e-6 and for nearly white ones to 6e-5: variances are then small differences of large numbers.

    Args:
        clean: ``(N, 3, H, W)`` in [0, 1], H and W at least 11.
        from_change: compute from the change. Absent: everywhere but on a CPU. There photos are perturbed in hundreds of
            steps that make a grey level of a rounding, and what was recorded with the other way should be met again.
    """

    def __init__(self, clean: Tensor, from_change: bool | None = None) -> None:
        self._clean = clean.contiguous(memory_format=torch.channels_last)
        self._blur = _Blur(self._clean)
        self._from_change = clean.device.type != "cpu" if from_change is None else from_change
        with full_precision(clean.device):
            self._mean = self._blur(self._clean)
            self._mean_c1 = self._mean.square().add_(C1)
            if self._from_change:
                # Variances do not depend on where zero is, but their rounding does: here in the middle of the range.
                self._variance_c2 = (
                    self._blur((self._clean - 0.5).square_()).sub_((self._mean - 0.5).square_()).add_(C2)
                )
            else:
                self._variance_c2 = self._blur(self._clean.square()).sub_(self._mean_c1).add_(C1 + C2)

    def __call__(self, photos: Tensor) -> Tensor:
        """DSSIM of photos, row for row with the clean ones: ``(N,)`` in [0, 1], differentiable."""
        value: Tensor = _Function.apply(photos, self)
        return value

    def _compared(self, photos: Tensor) -> tuple[Tensor, _Maps]:
        """DSSIM ``(N,)`` of photos that lie channels last, and what the gradient of SSIM needs."""
        if self._from_change:
            return self._compared_by_change(photos)
        mean = self._blur(photos)
        both, mean_square = self._mean * mean, mean.square()
        a1 = (2 * both).add_(C1)
        a2 = self._blur(photos * self._clean).sub_(both).mul_(2).add_(C2)
        b1 = self._mean_c1 + mean_square
        b2 = self._blur(photos.square()).sub_(mean_square).add_(self._variance_c2)
        by_covariance = a1 / (b1 * b2)  # half of the derivative by the covariance
        similarity = by_covariance * a2
        return (1 - similarity.flatten(1).mean(dim=1)) / 2, (mean, a2, b1, b2, by_covariance, similarity)

    def _compared_by_change(self, photos: Tensor) -> tuple[Tensor, _Maps]:
        """The same from the mean and the variance of the change: a1 = b1 - mean^2, and a2 = b2 - variance."""
        change = photos - self._clean
        moved = self._blur(change)
        variance = self._blur(change.square_()).sub_(moved.square())
        mean = self._mean + moved
        b1 = self._mean_c1 + mean.square()
        b2 = self._blur((photos - 0.5).square_()).sub_((mean - 0.5).square_()).add_(self._variance_c2)
        lost1, lost2 = moved.square_().div_(b1), variance / b2
        lost = lost1 + lost2 - lost1 * lost2
        maps = (mean, b2 - variance, b1, b2, (1 - lost1) / b2, 1 - lost)
        return lost.flatten(1).mean(dim=1) / 2, maps

    def _gradient(self, photos: Tensor, maps: _Maps, rows: Tensor | None) -> Tensor:
        """The gradient of SSIM ``(n, 3, H, W)`` by photos, of some rows ``(n,)``; absent: of all of them."""
        own, clean = self._mean, self._clean
        if rows is not None:
            photos, own, clean = photos[rows], own[rows], clean[rows]
            maps = tuple(part[rows] for part in maps)  # type: ignore[assignment]
        mean, a2, b1, b2, by_covariance, similarity = maps
        # With s = a1 a2 / (b1 b2), halves of the derivatives: by the covariance, by the variance, and by the mean
        # of the photo, which is in all four factors.
        by_mean = (similarity / b2).sub_(similarity / b1).mul_(mean)
        by_mean.addcmul_(own, a2 / (b1 * b2) - by_covariance)
        by_variance = (similarity / b2).mul_(-0.5)
        gradient = self._blur.adjoint(by_mean)
        gradient.addcmul_(photos, self._blur.adjoint(by_variance), value=2)
        gradient.addcmul_(clean, self._blur.adjoint(by_covariance))
        return gradient.mul_(2 / similarity[0].numel())


_Maps = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]


class _Function(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, photos: Tensor, reference: Dissimilarity) -> Tensor:
        photos = photos.detach().contiguous(memory_format=torch.channels_last)
        with full_precision(photos.device):
            value, maps = reference._compared(photos)
        if ctx.needs_input_grad[0]:
            ctx.reference = reference
            ctx.save_for_backward(photos, *maps)
        return value

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor | None, None]:
        photos, *maps = ctx.saved_tensors
        weight = upstream[0] * -0.5
        # A penalty on what lies above a limit asks for the photos that do, often few. A GPU would have to wait for
        # the count of them, and takes all.
        rows = None if weight.is_cuda else weight.nonzero()[:, 0]
        with full_precision(photos.device):
            if rows is None or len(rows) == len(photos):
                return ctx.reference._gradient(photos, tuple(maps), None).mul_(weight.view(-1, 1, 1, 1)), None
            found = torch.zeros_like(photos)
            if len(rows):
                found[rows] = ctx.reference._gradient(photos, tuple(maps), rows).mul_(weight[rows].view(-1, 1, 1, 1))
            return found, None
