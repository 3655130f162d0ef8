"""Pictures as text: two pixels a cell in colours, or a ramp of characters where there are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from facetui.tui.figures import pixels
from facetui.tui.figures.pixels import Picture
from facetui.tui.runs import picture_policy
from facetui.tui.text.spans import Line, fit, side_by_side

RAMP = " .:-=+*#%@"


def load(folder: Path, name: str) -> Picture | None:
    """A picture of a run by its name; ``None`` where there is none that can be read, or not yet."""
    content = picture_policy.read(folder, name)
    return _decoded(content) if content is not None else None


_decoded = lru_cache(maxsize=24)(pixels.decoded)


def difference(folder: Path, one: str, other: str) -> Picture | None:
    """How far two pictures differ in every channel, times ten; ``None`` where one is missing or sizes differ."""
    first, second = load(folder, one), load(folder, other)
    if first is None or second is None or (first.width, first.height) != (second.width, second.height):
        return None
    return _difference(first, second, 10)


_difference = lru_cache(maxsize=16)(pixels.difference)


@dataclass(frozen=True)
class Looks:
    """What a terminal can show.

    Attributes:
        colours: ``true`` for 16 million, ``256``, or ``none``: pictures are made of characters.
        pixels: something else draws pictures in pixels: their place stays empty.
    """

    colours: Literal["true", "256", "none"] = "true"
    pixels: bool = False


@dataclass(frozen=True)
class Placed:
    """A picture and where it stands, in columns and rows.

    Attributes:
        title: what it shows.
        picture: ``None`` where it was not kept.
        x: column of its left edge.
        y: row of its upper edge.
        width: columns; half as many rows.
    """

    title: str
    picture: Picture | None
    x: int
    y: int
    width: int


def pictures_in_row(pictures: Sequence[Placed], looks: Looks) -> list[Line]:
    """Pictures of one size side by side, a column between them and before the first: their titles, then themselves."""
    if not pictures:
        return []
    side = pictures[0].width
    empty: list[Line] = [[(" " * side, "")] for _ in range(side // 2)]
    gap: list[Line] = [[(" ", "")] for _ in range(side // 2)]
    drawn = [empty if looks.pixels and p.picture else halves(p.picture, side, looks.colours) for p in pictures]
    titles: Line = [span for p in pictures for span in fit([(f" {p.title}", "bold")], side + 1)]
    return [titles, *side_by_side(*(block for picture in drawn for block in (gap, picture)))]


@lru_cache(maxsize=64)
def _small(picture: Picture, width: int, dithered: bool) -> bytes:
    small = pixels.resized(picture, width, width // 2 * 2)
    return (pixels.dithered(small) if dithered else small).rgb


def halves(picture: Picture | None, width: int, colours: Literal["true", "256", "none"] = "true") -> list[Line]:
    """A square picture as ``width`` columns and half as many rows.

    Args:
        picture: to draw; ``None`` gives an empty frame.
        width: columns, even.
        colours: two pixels a cell in colours, dithered where there are 256; else characters by brightness.
    """
    if picture is None:
        middle = "not kept".center(width)
        return [[(middle if row == width // 4 else " " * width, "dim")] for row in range(width // 2)]
    if colours == "none":
        grey = pixels.grey(pixels.resized(picture, width, width // 2))
        return [
            [("".join(RAMP[value * (len(RAMP) - 1) // 255] for value in grey[row * width : (row + 1) * width]), "")]
            for row in range(width // 2)
        ]
    small = _small(picture, width, colours == "256")
    cells = [small[i : i + 3].hex() for i in range(0, len(small), 3)]
    return [
        [
            ("▀", f"rgb:{cells[2 * row * width + column]}{cells[(2 * row + 1) * width + column]}")
            for column in range(width)
        ]
        for row in range(width // 2)
    ]
