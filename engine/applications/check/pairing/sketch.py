"""Sketches: small grey pictures by which many originals are looked for in many copies, wholes and parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from facetui.engine.applications.check.pairing.placement import Placement
from facetui.engine.people.same_photo import correlation

SKETCH = 32
"""Longer side of a sketch, in pixels."""

SIZES = tuple(0.96**step for step in range(1, 24))
"""Of the smaller picture in the larger one, from nearly all of it to 0.4; all of it is tried first."""

LEAST_PART = 0.7
"""Share of an original's sides that a crop has left at least."""

STRANGER = 0.6
"""What two photos of different things reach at their best, about."""

FLAT = 1.0
"""Standard deviation, in grey levels, below which a patch shows nothing."""


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
    pattern = functional.interpolate(small[:, None], (h, w), mode="area")[:, 0]
    values = correlation(large, pattern, FLAT).flatten(0, 1)  # one over many: one of the two is 1
    best = values.flatten(1).max(1)
    found = []
    for likeness, at in zip(best.values.tolist(), best.indices.tolist(), strict=True):
        y, x = divmod(at, values.shape[2])
        wide, left, top = (scale, x, y) if inside else (1 / scale, -x / scale, -y / scale)
        found.append(Placement(0, left / unit, top / unit, wide, wide, likeness))
    yield found
