"""Where an original lies in a copy: turned by quarters, in a frame, cropped or resized."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image, ImageOps


@dataclass(frozen=True)
class Placement:
    """Where an original lies in a copy.

    A point (x, y) of the original is at (left + x * wide, top + y * high) of the copy once that is turned upright.

    Attributes:
        turns: quarter turns against the clock that bring the copy upright.
        left: in pixels of the upright copy.
        top: the same.
        wide: pixels of the copy for one of the original, across.
        high: the same, down.
        likeness: correlation of the two where they overlap, in [-1, 1].
        mirrored: whether the copy has to be mirrored, before it is turned.
        window: left, top, right, bottom in the original of what was compared; none: all that both show.
    """

    turns: int
    left: float
    top: float
    wide: float
    high: float
    likeness: float
    mirrored: bool = False
    window: tuple[int, int, int, int] | None = None

    def framed(self, original: tuple[int, int], copy: tuple[int, int]) -> bool:
        """Whether something lies around the picture; sizes as (width, height), the copy's upright."""
        least = self._unseen(copy)
        right, bottom = self.left + self.wide * original[0], self.top + self.high * original[1]
        return max(self.left, self.top, copy[0] - right, copy[1] - bottom) > least

    def cropped(self, original: tuple[int, int], copy: tuple[int, int]) -> bool:
        """Whether an edge of the original is cut off."""
        beyond = (-self.left, -self.top, self.left + self.wide * original[0] - copy[0])
        return max(*beyond, self.top + self.high * original[1] - copy[1]) > self._unseen(copy)

    def is_whole(self, original: tuple[int, int], copy: tuple[int, int]) -> bool:
        """Whether the copy is the original and nothing else, resized or not."""
        ends = self.left + self.wide * original[0] - copy[0], self.top + self.high * original[1] - copy[1]
        return max(abs(self.left), abs(self.top), *map(abs, ends)) < 1e-6

    def _unseen(self, copy: tuple[int, int]) -> float:
        """Pixels of an edge that are within the error of the place; whole pixels of the same size have none."""
        return 0.75 if self.wide == self.high == 1 else max(0.75, 0.002 * max(copy))

    def box(self, box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        """A box of the original, in the upright copy."""
        x, y = (self.left, self.left), (self.top, self.top)
        return (
            x[0] + box[0] * self.wide,
            y[0] + box[1] * self.high,
            x[1] + box[2] * self.wide,
            y[1] + box[3] * self.high,
        )


def upright(copy: Image.Image, turns: int, mirrored: bool = False) -> Image.Image:
    """A copy, mirrored if need be, then turned by so many quarters against the clock; not one pixel changes."""
    copy = ImageOps.mirror(copy) if mirrored else copy
    ways = (None, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)
    way = ways[turns % 4]
    return copy if way is None else copy.transpose(way)


def undone(original: Image.Image, copy: Image.Image, placement: Placement) -> Image.Image:
    """The copy where it lies on the original, of its size; what the copy does not show is the original's.

    Args:
        original: RGB.
        copy: RGB, already upright.
        placement: of one in the other.
    """
    west, north, east, south = placement.window or (0, 0, *original.size)
    left = max(west, math.ceil(-placement.left / placement.wide - 1e-6))
    top = max(north, math.ceil(-placement.top / placement.high - 1e-6))
    right = min(east, math.floor((copy.width - placement.left) / placement.wide + 1e-6))
    bottom = min(south, math.floor((copy.height - placement.top) / placement.high + 1e-6))
    if right <= left or bottom <= top:
        return original.copy()
    box = placement.box((left, top, right, bottom))
    box = (max(0.0, box[0]), max(0.0, box[1]), min(float(copy.width), box[2]), min(float(copy.height), box[3]))
    shown = copy.resize((right - left, bottom - top), Image.Resampling.BICUBIC, box=box)
    made = original.copy()
    made.paste(shown, (left, top))
    return made
