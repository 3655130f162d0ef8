"""Pictures as text: two pixels a cell in colours, or a ramp of characters where there are none."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from facetui.tui.runs import picture_policy
from facetui.tui.text.spans import Line

if TYPE_CHECKING:
    from PIL.Image import Image

RAMP = " .:-=+*#%@"


def load(folder: Path, name: str) -> Image | None:
    """A picture of a run by its name; ``None`` where there is none that can be read, or not yet."""
    content = picture_policy.read(folder, name)
    return _decoded(content) if content is not None else None


@lru_cache(maxsize=24)
def _decoded(content: bytes) -> Image | None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            return picture.convert("RGB")
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError):
        return None


def difference(folder: Path, one: str, other: str) -> Image | None:
    """How far two pictures differ in every channel, times ten; ``None`` where one is missing or sizes differ."""
    from PIL import ImageChops

    first, second = load(folder, one), load(folder, other)
    if first is None or second is None or first.size != second.size:
        return None
    return ImageChops.difference(first, second).point(lambda value: min(255, 10 * value))


def halves(picture: Image | None, width: int, *, colours: bool = True) -> list[Line]:
    """A square picture as ``width`` columns and half as many rows.

    Args:
        picture: to draw; ``None`` gives an empty frame.
        width: columns, even.
        colours: two pixels a cell in colours; else characters by brightness.
    """
    if picture is None:
        middle = "not kept".center(width)
        return [[(middle if row == width // 4 else " " * width, "dim")] for row in range(width // 2)]
    if not colours:
        grey = picture.convert("L").resize((width, width // 2)).tobytes()
        return [
            [("".join(RAMP[value * (len(RAMP) - 1) // 255] for value in grey[row * width : (row + 1) * width]), "")]
            for row in range(width // 2)
        ]
    small = picture.resize((width, width // 2 * 2)).tobytes()
    pixels = [small[i : i + 3].hex() for i in range(0, len(small), 3)]
    return [
        [
            ("▀", f"rgb:{pixels[2 * row * width + column]}{pixels[(2 * row + 1) * width + column]}")
            for column in range(width)
        ]
        for row in range(width // 2)
    ]
