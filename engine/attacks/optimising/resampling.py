"""Resizing and blurring as two matrix products a photo.

What torch and kornia compute, to rounding, but with a gradient that is the same every time on every device: theirs adds
up in the order in which a GPU's threads happen to come, once for bilinear interpolation and once for reflected edges.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F


def resize(photos: Tensor, side: int, antialias: bool = False) -> Tensor:
    """Square photos ``(n, c, h, h)``, bilinear, as ``(n, c, side, side)``; differentiable."""
    return _both_ways(_resizing(photos.shape[-1], side, antialias), photos)


def blur(photos: Tensor, window: int, sigma: float) -> Tensor:
    """Square photos through a Gaussian of window x window pixels, reflected at the edges; differentiable."""
    return _both_ways(_blurring(photos.shape[-1], window, sigma), photos)


def _both_ways(matrix: Tensor, photos: Tensor) -> Tensor:
    matrix = matrix.to(photos)
    return (matrix @ photos @ matrix.T).contiguous(memory_format=torch.channels_last)


@lru_cache(maxsize=256)
def _resizing(before: int, after: int, antialias: bool) -> Tensor:
    """``(after, before)``: what each pixel of a line becomes."""
    lines = torch.eye(before)[None, None]
    return F.interpolate(lines, size=(after, before), mode="bilinear", antialias=antialias)[0, 0]


@lru_cache(maxsize=64)
def _blurring(side: int, window: int, sigma: float) -> Tensor:
    """``(side, side)``: what each pixel of a line becomes."""
    at = torch.arange(window) - window // 2
    weights = torch.exp(-(at**2) / (2 * sigma**2))
    lines = F.pad(torch.eye(side)[None], (window // 2, window // 2), mode="reflect")[0]
    return (lines.unfold(1, window, 1) @ (weights / weights.sum())).T.contiguous()
