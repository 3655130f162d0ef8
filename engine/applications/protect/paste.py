"""Between a full-size picture and the aligned photo of a face in it: the geometry both ways, differentiable.

A change that was optimised on the aligned photo is pasted into the picture at unit gain, and an extractor cuts it out
again; what it gets to see is the change after both interpolations. Coordinates are continuous, as Pillow's: pixel i
spans [i, i + 1].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from facetui.engine.core.interfaces import SIDE
from facetui.engine.people.alignment import TEMPLATE, Face, similarity_transform

STRIP = 256
"""Rows of a picture that are computed at once."""


Box = tuple[int, int, int, int]
"""Left, top, right and bottom, in whole pixels."""


@dataclass(frozen=True)
class Placement:
    """Where the aligned photo of a face lies in its picture.

    Attributes:
        matrix: ``(2, 3)``, from x, y in the picture to x, y in the aligned photo.
        box: left, top, right, bottom of the smallest rectangle around the aligned photo, in whole pixels of the
            picture and within it.
    """

    matrix: NDArray[np.float64]
    box: Box

    @classmethod
    def of(cls, face: Face, size: tuple[int, int]) -> Placement:
        """The placement of a face in a picture of ``size`` width, height."""
        # The inverse of what cuts the photo out, not a second fit: so that both ways are one geometry.
        cut = similarity_transform(TEMPLATE, face.landmarks)
        linear = np.linalg.inv(cut[:, :2])
        matrix = np.column_stack([linear, -linear @ cut[:, 2]])
        corners = np.array([[0, 0], [SIDE, 0], [0, SIDE], [SIDE, SIDE]]) @ cut[:, :2].T + cut[:, 2]
        low, high = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int)
        left, top = np.clip(low, 0, size).tolist()
        right, bottom = np.clip(high, 0, size).tolist()
        return cls(matrix, (left, top, right, bottom))

    def within(self, window: Box) -> Placement:
        """The same placement in the part of the picture that a window holds."""
        moved = self.matrix[:, 2] + self.matrix[:, :2] @ window[:2]
        left, top, right, bottom = self.box
        x, y = window[:2]
        return Placement(np.column_stack([self.matrix[:, :2], moved]), (left - x, top - y, right - x, bottom - y))

    @property
    def scale(self) -> float:
        """Pixels of the picture to one of the aligned photo."""
        return float(1 / math.hypot(self.matrix[0, 0], self.matrix[1, 0]))

    @property
    def angle(self) -> float:
        """By how much the face is turned in the picture, in radians."""
        return float(-math.atan2(self.matrix[1, 0], self.matrix[0, 0]))

    def holds(self, points: Tensor) -> Tensor:
        """Which points ``(..., 2)`` x, y of the aligned photo lie within ``box``, so within the picture."""
        linear = np.linalg.inv(self.matrix[:, :2])
        at = (points.double() - torch.from_numpy(self.matrix[:, 2])) @ torch.from_numpy(linear.T)
        low, high = torch.tensor(self.box[:2]), torch.tensor(self.box[2:])
        return ((at >= low) & (at <= high)).all(-1)

    def softened(self, change: Tensor) -> Tensor:
        """What a picture with fewer pixels than the aligned photo can show of a change ``(3, 112, 112)``."""
        return _soften(change[None], _window(self.scale))

    def rows(self, softened: Tensor, top: int, bottom: int) -> Tensor:
        """A change in some rows of the picture, ``(3, bottom - top, w)`` for ``box``, zero outside the photo.

        Not all rows are asked for at once: the coordinates alone of a face of ten megapixels take half a gigabyte.

        Args:
            softened: ``(1, 3, 112, 112)``, of ``softened``.
            top: first row, within ``box``.
            bottom: the row after the last.
        """
        left, _, right, _ = self.box
        x = torch.arange(left, right, dtype=torch.float64) + 0.5
        y = torch.arange(top, bottom, dtype=torch.float64) + 0.5
        m = torch.from_numpy(self.matrix)
        u = m[0, 0] * x[None, :] + m[0, 1] * y[:, None] + m[0, 2]
        v = m[1, 0] * x[None, :] + m[1, 1] * y[:, None] + m[1, 2]
        grid = (torch.stack([u, v], -1) * (2 / SIDE) - 1).float()
        # Beyond the photo's edge nothing may change; inside, up to the edge, the gain is one.
        inside = ((u >= 0) & (u <= SIDE) & (v >= 0) & (v <= SIDE)).float()
        spread = F.grid_sample(softened, grid[None], mode="bilinear", padding_mode="border", align_corners=False)
        return spread[0] * inside


def around(placements: Sequence[Placement]) -> Box:
    """The smallest rectangle around some faces; an empty one around none."""
    if not placements:
        return 0, 0, 0, 0
    boxes = np.array([placement.box for placement in placements])
    (left, top), (right, bottom) = boxes[:, :2].min(0).tolist(), boxes[:, 2:].max(0).tolist()
    return left, top, right, bottom


def _window(scale: float) -> int:
    """Side, an odd number, of the square of a photo's pixels that fall together where a picture has fewer of them."""
    return max(1, 2 * round((1 / scale - 1) / 2) + 1)


def _soften(change: Tensor, window: int) -> Tensor:
    """The mean over a window around every pixel: what a picture with fewer pixels can show of a change."""
    return F.avg_pool2d(change, window, 1, window // 2, count_include_pad=False) if window > 1 else change


def without_colours(change: Tensor, grey: Tensor) -> Tensor:
    """A change ``(N, 3, ...)`` with the mean of its channels in all three where ``grey`` ``(N,)`` is true.

    No channel moves further by it than the furthest did.
    """
    mean = change.mean(1, keepdim=True).expand_as(change)
    return torch.where(grey.view(-1, *[1] * (change.ndim - 1)), mean, change)


class PastedView:
    """What an extractor sees of perturbed photos once they were pasted into their pictures and cut out again.

    Pictures larger than twice the photo are reduced by a whole factor before they are cut out (``photos.align``); the
    canvas is the picture after that, so it is never larger than about twice the photo.

    What lies beyond the picture's edge, where a face is cut off, is never written, and so never seen.

    Args:
        clean: ``(N, 3, 112, 112)`` in [0, 1].
        placements: where each lies.
        grey: which of them have no colours, and can be changed in brightness only; absent: none.
    """

    def __init__(self, clean: Tensor, placements: Sequence[Placement], grey: Sequence[bool] | None = None) -> None:
        device = clean.device
        self._grey = torch.tensor(list(grey), device=device) if grey and any(grey) else None
        self._clean = clean
        self._scales = [p.scale / max(1, int(p.scale)) for p in placements]
        turned = [abs(math.cos(p.angle)) + abs(math.sin(p.angle)) for p in placements]
        each = [_window(scale) for scale in self._scales]
        self._windows, self._kinds = torch.tensor(each, device=device), sorted({w for w in each if w > 1})
        side = math.ceil(SIDE * max(a * b for a, b in zip(self._scales, turned, strict=True))) + 2
        spread, cut, within = [], [], []
        for placement, scale in zip(placements, self._scales, strict=True):
            cosine, sine = math.cos(placement.angle), math.sin(placement.angle)
            turn = torch.tensor([[cosine, -sine], [sine, cosine]])  # from the photo to the canvas
            at_canvas, at_photo = _centres(side) - side / 2, _centres(SIDE) - SIDE / 2
            spread.append((at_canvas @ turn) / scale * (2 / SIDE))
            cut.append((at_photo @ turn.T) * scale * (2 / side))
            within.append(placement.holds((spread[-1] + 1) * (SIDE / 2)))
        self._spread, self._cut = torch.stack(spread).to(device), torch.stack(cut).to(device)
        self._within = torch.stack(within)[:, None].float().to(device)

    def __call__(self, photos: Tensor, rows: Tensor) -> Tensor:
        """The photos ``(n, 3, 112, 112)`` of rows ``(n,)`` as they come back; differentiable."""
        clean = self._clean[rows]
        change = photos - clean
        if self._grey is not None:
            change = without_colours(change, self._grey[rows])
        windows, plain = self._windows[rows].view(-1, 1, 1, 1), change
        for window in self._kinds:  # which row needs which is known to the device only: all of them, and choose there
            change = torch.where(windows == window, _soften(plain, window), change)
        canvas = F.grid_sample(change, self._spread[rows], mode="bilinear", padding_mode="zeros", align_corners=False)
        canvas = canvas * self._within[rows]
        back = F.grid_sample(canvas, self._cut[rows], mode="bicubic", padding_mode="zeros", align_corners=False)
        return (clean + back).clamp(0, 1)


def _centres(side: int) -> Tensor:
    """Centres of pixels ``(side, side, 2)`` as x, y."""
    at = torch.arange(side) + 0.5
    return torch.stack(torch.meshgrid(at, at, indexing="xy"), -1)
