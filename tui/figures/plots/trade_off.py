"""Accuracy against robustness: each of the trainer's models as a point, in a drawing and in characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

from facetui.engine.records.cohort_table import CohortTable
from facetui.engine.records.events import WHOLE_ARCHIVE, ProtectionMeasured
from facetui.engine.records.rates import percent
from facetui.engine.records.text import clean
from facetui.tui.figures.drawing import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Shape, Stroke, Words
from facetui.tui.figures.plots.shares import INK, LINE, SOFT, axis
from facetui.tui.text.spans import cut

LONGEST = 40
"""Columns of a model's name."""
LEAST = 3
"""Models from which on there is a curve."""
RADIUS = 6
GAP = 18.0
"""Pixels between two labels."""


@dataclass(frozen=True)
class Point:
    """One model.

    Attributes:
        model: its name as a column of the table.
        accuracy: share of everybody else's clean photos that it names, in [0, 1].
        robustness: share of the protected people's, from the whole archive, in [0, 1].
        interval: 95 %, of the latter.
    """

    model: str
    accuracy: float
    robustness: float
    interval: tuple[float, float]


def points(table: CohortTable) -> list[Point]:
    """The models of a run in their order; none where they are fewer than ``LEAST``, or a law decided."""
    found = [_point(table.cells.get((WHOLE_ARCHIVE, model))) for model in table.generations]
    there = [point for point in found if point is not None]
    return there if len(there) >= LEAST else []


def _point(event: ProtectionMeasured | None) -> Point | None:
    if event is None or event.unprotected_error is None or event.interval is None or event.basis != "measured":
        return None
    low, high = event.interval
    return Point(
        cut(clean(event.generation), LONGEST),
        1 - event.unprotected_error,
        1 - event.protection_rate,
        (1 - high, 1 - low),
    )


def draw(models: Sequence[Point]) -> list[Shape]:
    """The points on a white page; up and to the right is a trainer who loses nothing.

    Args:
        models: at least one.
    """
    # From the lowest accuracy's five per cent upwards: from nothing, all points would stand in one column.
    least = min(0.95, floor(20 * min(point.accuracy for point in models)) / 20)
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(accuracy: float) -> float:
        return LEFT + width * (accuracy - least) / (1 - least)

    def y(robustness: float) -> float:
        return TOP + height * (1 - robustness)

    shapes: list[Shape] = [
        Words(LEFT, 32, "up: names the protected people; to the right: names everybody else", size=18)
    ]
    shapes += axis(y)
    for part in range(6):  # a fifth of a multiple of five per cent is a whole number of them
        accuracy = least + part / 5 * (1 - least)
        shapes.append(Stroke(((x(accuracy), y(0)), (x(accuracy), y(1))), LINE, 1.0))
        shapes.append(Words(x(accuracy) + 12, HEIGHT - BOTTOM + 28, percent(accuracy), SOFT, right=True))
    taken = 0.0
    for point in sorted(models, key=lambda point: -point.robustness):
        at, height_of = x(point.accuracy), y(point.robustness)
        shapes.append(Stroke(((at, y(point.interval[0])), (at, y(point.interval[1]))), SOFT, 2.0))
        corners = [
            (at - RADIUS, height_of),
            (at, height_of - RADIUS),
            (at + RADIUS, height_of),
            (at, height_of + RADIUS),
        ]
        shapes.append(Stroke((*corners, corners[0]), INK, 3.0))
        taken = max(taken + GAP, height_of + 5)
        shapes.append(Words(WIDTH - RIGHT + 14, taken, point.model, INK, 13))
        shapes.append(Stroke(((at + RADIUS, height_of), (WIDTH - RIGHT + 10, taken - 5)), LINE, 1.0))
    return shapes


def characters(models: Sequence[Point]) -> str:
    """The same as lines, in the order in which the trainer had the models."""
    widest = max(len(point.model) for point in models)
    lines = [f"{'model':<{widest}}  names protected   names everybody else"]
    lines += [
        f"{point.model:<{widest}}  {percent(point.robustness):>15}  {percent(point.accuracy):>21}" for point in models
    ]
    return "\n".join(lines)
