"""Random views of photos: what a gradient is taken through, so that a perturbation does not fit one network's eye.

Input diversity, resized and padded (Xie et al., CVPR 2019, arXiv 1803.06978), translation (Dong et al., CVPR 2019,
arXiv 1904.02884) and scale (Lin et al., ICLR 2020, arXiv 1908.06281); blurring and resizing as a trainer's purifier
does it. Both are two matrix products a photo, so that a gradient is the same every time on every device.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from facetui.engine.attacks.optimising.resampling import blur, resize

View = Callable[[Tensor], Tensor]
"""What a network is shown of photos ``(n, 3, h, h)``; differentiable, same shape."""

KINDS = ("plain", "pad", "shift", "dim", "blur", "resize")

SMALLEST = 0.8
"""Of a photo's side, to which it is resized before it is padded."""

SHIFT = 6
"""Pixels by which a photo is shifted at most."""


def random_view(generator: torch.Generator) -> View:
    """A view, drawn: the same for every photo, however they are divided into batches.

    Args:
        generator: on the CPU.
    """
    kind = KINDS[int(torch.randint(len(KINDS), (1,), generator=generator))]
    size, down, right = torch.rand(3, generator=generator).tolist()
    flip = bool(torch.rand(1, generator=generator) < 0.5)

    def seen(photos: Tensor) -> Tensor:
        photos = photos.flip(3) if flip else photos
        side = photos.shape[-1]
        if kind == "pad":
            return _padded(photos, round(side * (SMALLEST + (1 - SMALLEST) * size)), down, right)
        if kind == "shift":
            return _shifted(photos, round((2 * down - 1) * SHIFT), round((2 * right - 1) * SHIFT))
        if kind == "dim":
            return photos * (0.5 + 0.5 * size)
        if kind == "blur":
            return blur(photos, 7, 0.5 + 2.5 * size)
        if kind == "resize":
            return resize(resize(photos, round(side * (0.5 + 0.5 * size)), antialias=True), side)
        return photos

    return seen


def random_crop(generator: torch.Generator, smallest: float = SMALLEST) -> View:
    """A square of a photo, drawn as ``random_view`` is, scaled back to the photo's size.

    Args:
        generator: on the CPU.
        smallest: side of the square at least, as a share of the photo's, in (0, 1].
    """
    size, down, right = torch.rand(3, generator=generator).tolist()

    def seen(photos: Tensor) -> Tensor:
        side = photos.shape[-1]
        part = round(side * (smallest + (1 - smallest) * size))
        top, left = round(down * (side - part)), round(right * (side - part))
        square = photos[..., top : top + part, left : left + part].contiguous(memory_format=torch.channels_last)
        return resize(square, side)

    return seen


def _padded(photos: Tensor, side: int, down: float, right: float) -> Tensor:
    """Photos made smaller, somewhere on black of the size they had."""
    room = photos.shape[-1] - side
    top, left = round(down * room), round(right * room)
    return F.pad(resize(photos, side), (left, room - left, top, room - top))


def _shifted(photos: Tensor, down: int, right: int) -> Tensor:
    """Photos moved by whole pixels; black comes in."""
    moved = F.pad(photos, (max(0, right), max(0, -right), max(0, down), max(0, -down)))
    side = photos.shape[-1]
    top, left = max(0, -down), max(0, -right)
    return moved[..., top : top + side, left : left + side]
