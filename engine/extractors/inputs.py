"""From a photo to what a network's first layer expects: a crop, a size, a scale, an order of colours."""

from __future__ import annotations

import math
from typing import Literal

import msgspec
import torch
from torch import Tensor, nn

from facetui.engine.core.interfaces import SIDE

WHOLE = (0.0, 0.0, float(SIDE))


class Input(msgspec.Struct, frozen=True):
    """What a network expects.

    Attributes:
        height: of its input, in pixels.
        width: of its input, in pixels.
        mean: taken from every channel, red, green, blue, of pixels in [0, 255].
        deviation: every channel is divided by it afterwards.
        crop: left, top and side length of the square of the photo that becomes the input, in the photo's pixels; what
            lies outside the photo is black.
        order: of the channels.
        layout: ``nchw``, or ``nhwc`` with the channels last.
    """

    height: int = SIDE
    width: int = SIDE
    mean: tuple[float, float, float] = (127.5, 127.5, 127.5)
    deviation: tuple[float, float, float] = (127.5, 127.5, 127.5)
    crop: tuple[float, float, float] = WHOLE
    order: Literal["rgb", "bgr"] = "rgb"
    layout: Literal["nchw", "nhwc"] = "nchw"

    def words(self) -> str:
        """For the audience, e.g. ``RGB 160x160, (255x - 127.5) / 128``."""
        left, top, side = self.crop
        part = "" if self.crop == WHOLE else f" of the square of {side:g} at ({left:g}, {top:g})"
        last = ", channels last" if self.layout == "nhwc" else ""
        scaled = f"(255x - {_values(self.mean)}) / {_values(self.deviation)}"
        return f"{self.order.upper()} {self.height}x{self.width}{part}, {scaled}{last}"


def _values(values: tuple[float, float, float]) -> str:
    if len(set(values)) == 1:
        return f"{values[0]:g}"
    return "[" + " ".join(f"{value:g}" for value in values) + "]"


def resampling(start: float, length: float, n: int) -> Tensor:
    """Linear interpolation as a matrix ``(n, 112)``: n pixels from a stretch of a row or column of the photo.

    A matrix and not ``grid_sample``, whose gradient is slow on a CPU and depends on the order of threads elsewhere.
    Where the input is smaller than the stretch, each pixel averages all it covers. Beyond the photo is black.

    Args:
        start: of the stretch, in pixels of the photo; may be negative.
        length: of the stretch, in pixels.
        n: pixels wanted.
    """
    scale = length / n
    reach = max(scale, 1.0)
    low, high = math.floor(start - reach), math.ceil(start + length + reach)
    columns = torch.arange(min(low, 0), max(high, SIDE), dtype=torch.float64)
    centres = start + (torch.arange(n, dtype=torch.float64) + 0.5) * scale - 0.5
    weights = (1 - (columns - centres[:, None]).abs() / reach).clamp(min=0)
    if (start, length) == (0, SIDE):  # the whole photo: its border goes on beyond it, nothing is darkened
        weights[(columns < 0).expand_as(weights) | (columns >= SIDE).expand_as(weights)] = 0
    weights = weights / weights.sum(1, keepdim=True)
    return weights[:, (columns >= 0) & (columns < SIDE)].float()


class Preparation(nn.Module):
    """Brings photos into the form that an ``Input`` describes, differentiably.

    Args:
        expected: the form.
    """

    rows: Tensor
    columns: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, expected: Input) -> None:
        super().__init__()
        self.expected = expected
        left, top, side = expected.crop
        self.as_it_is = expected.crop == WHOLE and (expected.height, expected.width) == (SIDE, SIDE)
        constants = {
            "rows": resampling(top, side, expected.height),
            "columns": resampling(left, side, expected.width).T.contiguous(),
            "mean": torch.tensor(expected.mean).view(1, 3, 1, 1),
            "deviation": torch.tensor(expected.deviation).view(1, 3, 1, 1),
        }
        for name, constant in constants.items():
            self.register_buffer(name, constant, persistent=False)

    def forward(self, photos: Tensor) -> Tensor:
        """``(N, 3, height, width)``, or channels last, of photos ``(N, 3, 112, 112)`` in [0, 1]."""
        x = photos if self.as_it_is else self.rows @ photos.contiguous() @ self.columns
        x = (255 * x - self.mean) / self.deviation
        if self.expected.order == "bgr":
            x = x.flip(1)
        return x.permute(0, 2, 3, 1) if self.expected.layout == "nhwc" else x
