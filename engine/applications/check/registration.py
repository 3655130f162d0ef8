"""Where an original lies in a copy: turned by quarters, in a frame, cropped or resized; found by correlation.

Copies come back from tools, telephones and messengers on their side, inside a screenshot's frame, smaller, or with an
edge cut off. Both pictures are reduced to grey sketches; the original is looked for in the copy, and the copy in the
original, at every size that makes sense, by normalised cross-correlation (Lewis 1995), which does not mind a change of
brightness or contrast. The best place is then refined on the pictures themselves.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

SKETCH = 32
"""Longer side of a sketch, in pixels."""

FINE = 320
"""Longer side at which a place is refined."""

SIZES = tuple(0.96**step for step in range(1, 24))
"""Of the smaller picture in the larger one, from nearly all of it to 0.4; all of it is tried first."""

LEAST_PART = 0.7
"""Share of an original's sides that a crop has left at least."""

SURE = 0.97
"""Correlation of whole pictures from which nothing else is tried."""

PLAUSIBLE = 0.7
"""Correlation of whole sketches from which the whole is a place to begin with."""

FOUND = 0.9
"""Correlation from which a refined place in a frame or a crop is believed; parts of two portraits reach 0.8."""

STRANGER = 0.6
"""What two photos of different things reach at their best, about."""

FLAT = 1.0
"""Standard deviation, in grey levels, below which a patch shows nothing."""


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
    """

    turns: int
    left: float
    top: float
    wide: float
    high: float
    likeness: float

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


def upright(copy: Image.Image, turns: int) -> Image.Image:
    """A copy turned by so many quarters against the clock; not one pixel changes."""
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
    width, height = original.size
    left = max(0, math.ceil(-placement.left / placement.wide - 1e-6))
    top = max(0, math.ceil(-placement.top / placement.high - 1e-6))
    right = min(width, math.floor((copy.width - placement.left) / placement.wide + 1e-6))
    bottom = min(height, math.floor((copy.height - placement.top) / placement.high + 1e-6))
    if right <= left or bottom <= top:
        return original.copy()
    box = placement.box((left, top, right, bottom))
    box = (max(0.0, box[0]), max(0.0, box[1]), min(float(copy.width), box[2]), min(float(copy.height), box[3]))
    shown = copy.resize((right - left, bottom - top), Image.Resampling.BICUBIC, box=box)
    made = original.copy()
    made.paste(shown, (left, top))
    return made


def certainty(likeness: float, rival: float = STRANGER) -> float:
    """How sure it is that two pictures are one: 1 if they are the same, 0 if another is as much alike.

    Args:
        likeness: correlation of the two.
        rival: of the most similar other one; absent: what strangers reach.
    """
    return max(0.0, 1 - (1 - likeness) / max(1 - rival, 1e-6))


# --- sketches -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sketch:
    """What is left of a picture.

    Attributes:
        grey: ``(h, w)`` float, the longer side ``SKETCH``.
        square: ``(SKETCH, SKETCH)`` float, whatever its shape was.
        size: of the picture, (width, height).
    """

    grey: Tensor
    square: Tensor
    size: tuple[int, int]

    @classmethod
    def of(cls, picture: Image.Image) -> Sketch:
        """A picture's sketch."""
        grey = picture.convert("L")
        scale = SKETCH / max(grey.size)
        size = max(4, round(grey.width * scale)), max(4, round(grey.height * scale))
        return cls(_grey(grey, size), _grey(grey, (SKETCH, SKETCH)), picture.size)

    def turned(self, turns: int) -> Sketch:
        """Turned by quarters against the clock."""
        size = self.size if turns % 2 == 0 else self.size[::-1]
        return Sketch(torch.rot90(self.grey, turns), torch.rot90(self.square, turns), size)


def _grey(grey: Image.Image, size: tuple[int, int]) -> Tensor:
    return torch.from_numpy(np.array(grey.resize(size, Image.Resampling.BOX), dtype=np.float32))


def _standard(rows: Tensor) -> Tensor:
    """Rows with mean 0 and length 1; flat ones are 0."""
    rows = rows - rows.mean(-1, keepdim=True)
    return rows / rows.norm(dim=-1, keepdim=True).clamp(min=FLAT * rows.shape[-1] ** 0.5)


def whole_likeness(originals: Sequence[Sketch], copies: Sequence[Sketch]) -> tuple[Tensor, Tensor]:
    """Correlation of whole pictures, the best of four turns, and that turn; both ``(originals, copies)``."""
    one = _standard(torch.stack([sketch.square.flatten() for sketch in originals]))
    turned = [
        one @ _standard(torch.stack([sketch.turned(turns).square.flatten() for sketch in copies])).T
        for turns in range(4)
    ]
    # A turn has to be worth it: a picture that looks alike from two sides lies as it is.
    worth = torch.stack(turned) - torch.tensor([0.0, 0.01, 0.01, 0.01])[:, None, None]
    turns = worth.argmax(0)
    return torch.stack(turned).gather(0, turns[None])[0], turns


def part_likeness(originals: Sequence[Sketch], copy: Sketch) -> list[Placement]:
    """The best place of each original in a copy, or of the copy in each original, beside the whole."""
    best = [Placement(0, 0.0, 0.0, 1.0, 1.0, -1.0)] * len(originals)
    shapes: dict[tuple[int, int], list[int]] = {}
    for number, sketch in enumerate(originals):
        shapes.setdefault(sketch.size, []).append(number)
    for turns in range(4):
        turned = copy.turned(turns)
        for size, numbers in shapes.items():
            grey = torch.stack([originals[number].grey for number in numbers])
            for places in _places(size, grey, turned):
                for number, found in zip(numbers, places, strict=True):
                    if found.likeness > best[number].likeness + 0.01 * bool(turns):
                        best[number] = replace(found, turns=turns)
    return best


def _places(size: tuple[int, int], grey: Tensor, copy: Sketch) -> Iterator[list[Placement]]:
    """The best place of originals of one size, for every size in the copy: framed ones first, then crops.

    Args:
        size: of the originals, (width, height).
        grey: their sketches, ``(N, h, w)``.
        copy: its sketch, upright.
    """
    across, down = copy.size[0] / size[0], copy.size[1] / size[1]
    fit, cover = min(across, down), max(across, down)
    bars = (1.0,) if cover / fit > 1.02 else ()  # a frame on two sides only
    for part in (*bars, *SIZES):
        yield from _slide(copy.grey[None], copy.size, grey, size, fit * part, inside=True)
    for part in SIZES:
        if part >= LEAST_PART:
            yield from _slide(grey, size, copy.grey[None], copy.size, part / cover, inside=False)


def _slide(
    large: Tensor, size: tuple[int, int], small: Tensor, other: tuple[int, int], scale: float, *, inside: bool
) -> Iterator[list[Placement]]:
    """Move smaller sketches over larger ones: one over many, or many over one.

    Args:
        large: ``(1 or N, H, W)``.
        size: of the picture it was made of.
        small: ``(N or 1, h, w)``.
        other: of the picture that was made of.
        scale: pixels of the larger picture for one of the smaller.
        inside: the original is the smaller one.
    """
    unit = large.shape[2] / size[0]  # of the sketch for one of the picture
    w, h = (max(1, round(side * scale * unit)) for side in other)
    if min(w, h) < 8 or w > large.shape[2] or h > large.shape[1]:
        return
    values = _correlation(large, functional.interpolate(small[:, None], (h, w), mode="area")[:, 0])
    best = values.flatten(1).max(1)
    found = []
    for likeness, at in zip(best.values.tolist(), best.indices.tolist(), strict=True):
        y, x = divmod(at, values.shape[2])
        wide, left, top = (scale, x, y) if inside else (1 / scale, -x / scale, -y / scale)
        found.append(Placement(0, left / unit, top / unit, wide, wide, likeness))
    yield found


def _correlation(large: Tensor, templates: Tensor) -> Tensor:
    """Normalised cross-correlation at every place, ``(N, H - h + 1, W - w + 1)``; of one with many."""
    count = templates[0].numel()
    flat = templates - templates.mean((1, 2), keepdim=True)
    length = flat.flatten(1).norm(dim=1)[:, None, None]
    image = large[:, None]
    above = functional.conv2d(image - image.mean((2, 3), keepdim=True), flat[:, None])
    above = above.flatten(0, 1)  # one of the two is 1
    box = torch.ones(1, 1, *templates.shape[1:])
    mean, square = (functional.conv2d(values, box)[:, 0] / count for values in (image, image**2))
    spread = ((square - mean**2).clamp(min=0) * count).sqrt()
    shows_nothing = (spread < FLAT * count**0.5) | (length < FLAT * count**0.5)
    return torch.where(shows_nothing, -1.0, above / (spread * length).clamp(min=1e-6))


# --- pictures -----------------------------------------------------------------------------------------------------


def register(original: Image.Image, copy: Image.Image) -> Placement:
    """Where an original lies in a copy of it; the likeness tells whether it does at all."""
    one, other = Sketch.of(original), Sketch.of(copy)
    likeness, turns = whole_likeness([one], [other])
    turned = int(turns[0, 0])
    (width, height), (wide, high) = original.size, other.turned(turned).size
    whole = Placement(turned, 0.0, 0.0, wide / width, high / height, float(likeness[0, 0]))
    if whole.likeness >= SURE and (wide, high) == (width, height):
        return whole
    (part,) = part_likeness([one], other)
    # A thin frame is not seen on sketches, so the whole is a place to begin with, too.
    even = replace(whole, wide=math.sqrt(whole.wide * whole.high), high=math.sqrt(whole.wide * whole.high))
    starts = [even] if whole.likeness >= PLAUSIBLE else []
    if part.likeness > whole.likeness + 0.02 or not starts:
        starts.append(part)
    found = max((refined(original, upright(copy, s.turns), s) for s in starts), key=lambda place: place.likeness)
    as_whole = overlap(original, upright(copy, whole.turns), whole)
    # What is only resized is best taken as a whole; in a frame that fits the picture badly.
    better = found.likeness >= FOUND and 1 - found.likeness < 0.6 * (1 - as_whole)
    return found if better else whole


def overlap(original: Image.Image, copy: Image.Image, place: Placement) -> float:
    """Correlation of an original and an upright copy where they overlap, in [-1, 1]; -1 where they hardly do."""
    small, scale = _reduced(original)
    return _overlap(small, scale, copy.convert("L"), place)


def _reduced(original: Image.Image) -> tuple[Image.Image, float]:
    """An original in grey, its longer side ``FINE`` at most, and by how much it was reduced."""
    scale = min(1.0, FINE / max(original.size))
    size = max(8, round(original.width * scale)), max(8, round(original.height * scale))
    return original.convert("L").resize(size, Image.Resampling.BOX), scale


def _overlap(small: Image.Image, scale: float, copy: Image.Image, place: Placement) -> float:
    # Only what the copy shows counts: beyond its edges there is nothing to compare.
    data = (place.wide / scale, 0, place.left, 0, place.high / scale, place.top)
    shown = copy.transform(small.size, Image.Transform.AFFINE, data, Image.Resampling.BILINEAR, fillcolor=0)
    seen = Image.new("L", copy.size, 255).transform(small.size, Image.Transform.AFFINE, data, fillcolor=0)
    mask = np.asarray(seen) > 0
    if mask.mean() < LEAST_PART**2 / 2:
        return -1.0
    a, b = (np.asarray(picture, dtype=np.float64)[mask] for picture in (small, shown))
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > FLAT and b.std() > FLAT else -1.0


def refined(original: Image.Image, copy: Image.Image, start: Placement) -> Placement:
    """A place to a part of a pixel: steps that become smaller, as long as the correlation grows.

    Args:
        original: RGB.
        copy: upright.
        start: about where.
    """
    small, scale = _reduced(original)
    grey = copy.convert("L")

    def likeness(place: Placement) -> float:
        return _overlap(small, scale, grey, place)

    best = replace(start, likeness=likeness(start))
    step = max(original.size) / SKETCH
    while step * scale > 0.03:
        tried = []
        for x, y, grow in ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)):
            factor = 1 + grow * step / max(original.size)
            wide, high = best.wide * factor, best.high * factor
            # It grows about the middle, so that size and place do not pull at each other.
            left = best.left + x * step * best.wide - (wide - best.wide) * original.width / 2
            top = best.top + y * step * best.high - (high - best.high) * original.height / 2
            place = replace(best, left=left, top=top, wide=wide, high=high)
            tried.append(replace(place, likeness=likeness(place)))
        better = max(tried, key=lambda place: place.likeness)
        if better.likeness > best.likeness:
            best = better
        else:
            step /= 2
    # Most frames and crops move whole pixels and change no size: then nothing has to be interpolated.
    if abs(best.wide - 1) * max(original.size) < 3:
        snapped = replace(best, left=float(round(best.left)), top=float(round(best.top)), wide=1.0, high=1.0)
        snapped = replace(snapped, likeness=likeness(snapped))
        if snapped.likeness >= best.likeness - 0.002:
            return snapped
    return best
