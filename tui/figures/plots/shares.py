"""The axis of shares, from nothing to all, that figures of reports have at their left."""

from __future__ import annotations

from collections.abc import Callable

from facetui.tui.figures.drawing import LEFT, RIGHT, WIDTH, Shape, Stroke, Words

INK, SOFT, LINE = "#15191e", "#5b6570", "#d5d9dd"


def axis(y: Callable[[float], float]) -> list[Shape]:
    """A line a quarter, and its per cent.

    Args:
        y: where a share in [0, 1] stands, in pixels.
    """
    shapes: list[Shape] = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        shapes.append(Stroke(((LEFT, y(share)), (WIDTH - RIGHT, y(share))), LINE, 1.0))
        shapes.append(Words(LEFT - 12, y(share) + 5, f"{share:.0%}", SOFT, right=True))
    return shapes
