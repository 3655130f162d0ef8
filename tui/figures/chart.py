"""The chart: story time to the right, protection upwards, a lane for each actor under the same axis.

Protection is a step: a value holds until the next measurement. A cohort rises once, where it is first measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from facetui.engine.records.events import WHOLE_ARCHIVE, Actor
from facetui.engine.records.rates import percent
from facetui.tui.figures.axis import Geometry
from facetui.tui.state.snapshot import Lane, Point, Scene, cohort_label
from facetui.tui.text.sentences import MARKS
from facetui.tui.text.spans import Grid, Line, Span, cells, cut

GUTTER = 9
"""Columns left of the axis: the actors' names, the percentages."""

LANES: dict[Lane, Actor] = {
    "users": "users",
    "friends": "friends",
    "trainer": "trainer",
    "scrapes": "trainer",
    "law": "law",
}
"""The lanes from above, and whose they are."""
STROKES = (("─", "│", "╮╰"), ("┄", "┆", "╮╰"), ("┈", "┊", "╮╰"), ("╌", "╎", "╮╰"))
THICK = ("━", "┃", "┓┗")


@dataclass(frozen=True)
class _Label:
    y: int
    text: str
    role: str


def cohort_role(now: Scene, cohort: str) -> str:
    """The role in which a cohort is drawn everywhere."""
    if cohort == WHOLE_ARCHIVE:
        return "whole"
    return f"cohort{[c for c in now.cohorts if c != WHOLE_ARCHIVE].index(cohort) % len(STROKES)}"


def draw(now: Scene, known: Scene, geo: Geometry, height: int, room: int, *, kept: bool) -> list[Line]:
    """The plot, its axis and its dates: ``height`` rows, ``GUTTER + geo.width + room`` columns.

    Args:
        now: up to the play head.
        known: the whole journal.
        geo: the axis.
        height: rows, with two for the axis and the dates.
        room: columns for the names at the lines' ends.
        kept: draw what is left with the model that the trainer's own test picks, else with the one in use.
    """
    rows = max(3, height - 2)
    grid = Grid(geo.width + room, rows)
    labels: list[_Label] = []

    def y(rate: float) -> int:
        return round((1 - min(1.0, max(0.0, rate))) * (rows - 1))

    whole = now.curves.get(WHOLE_ARCHIVE, [])
    for cohort in now.cohorts:
        points, role = now.curves[cohort], cohort_role(now, cohort)
        stroke = THICK if cohort == WHOLE_ARCHIVE else STROKES[int(role[-1])]
        _curve(grid, points, geo, y, stroke, f"{role} bold" if cohort == WHOLE_ARCHIVE else role, kept)
        name = cohort if cohort == WHOLE_ARCHIVE else cohort_label(cohort, now.cohorts)
        rate = points[-1].value(kept)
        labels.append(_Label(y(rate), f"{stroke[0]} {name} {percent(rate)}", role))
    for cohort in now.cohorts:  # over the lines: where somebody posted, protection went up, once
        first = now.curves[cohort][0]
        if cohort != WHOLE_ARCHIVE or len(now.cohorts) == 1:
            grid.put(geo.columns[first.slot], y(first.value(kept)), MARKS["users"], "users bold")
    _cited(grid, now, geo, y, labels)
    if now.unprotected:
        rate = now.unprotected[-1][1]
        labels.append(_Label(y(rate), f"· everybody else {percent(rate)}", "base"))
    _baseline(grid, now, geo, y)
    _band(grid, whole, geo, y, kept)
    for row in range(rows):
        grid.put(geo.head, row, "┇", "head", under=True)
    for cited in now.cited:
        for x in range(0, geo.columns[cited.slot] - 1, 3):
            grid.put(x, y(cited.event.protection_rate), "╴", "cited", under=True)
    _put_labels(grid, labels, geo.head + 2, rows)
    axis = _axis(known, geo, room)
    marks = {y(rate): f"{rate:.0%}" for rate in ((1.0, 0.75, 0.5, 0.25, 0.0) if rows >= 9 else (1.0, 0.5, 0.0))}
    left: list[Span] = [
        (f"{marks.get(row, ''):>{GUTTER - 1}}" + ("┤" if row in marks else "│"), "axis") for row in range(rows)
    ]
    return [*([start, *line] for start, line in zip(left, grid.lines(), strict=True)), *axis]


def _curve(grid: Grid, points: Sequence[Point], geo: Geometry, y, stroke, role: str, kept: bool) -> None:  # type: ignore[no-untyped-def]
    across, down, corners = stroke
    for point, after in zip(points, [*points[1:], None], strict=True):
        begin = geo.columns[point.slot]
        end = geo.columns[after.slot] if after is not None else geo.head
        row = y(point.value(kept))
        grid.put(begin + 1 if begin != end else begin, row, across * max(0, end - begin), role)
        if after is None:
            continue
        below = y(after.value(kept))
        step = 1 if below > row else -1
        for between in range(row + step, below, step):
            grid.put(end, between, down, role)
        if below > row:
            grid.put(end, row, corners[0], role)
            grid.put(end, below, corners[1], role)
        elif below < row:
            grid.put(end, row, {"╮╰": "╯", "┓┗": "┛"}[corners], role)
            grid.put(end, below, {"╮╰": "╭", "┓┗": "┏"}[corners], role)
        else:
            grid.put(end, row, across, role)
    first = points[0]
    top, column = y(first.value(kept)), geo.columns[first.slot]
    grid.put(column, top, across, role)
    for row in range(top + 1, grid.height):
        grid.put(column, row, down, role, under=True)


def _band(grid: Grid, points: Sequence[Point], geo: Geometry, y, kept: bool) -> None:  # type: ignore[no-untyped-def]
    for point, after in zip(points, [*points[1:], None], strict=False):
        begin, end = geo.columns[point.slot], geo.columns[after.slot] if after is not None else geo.head
        low, high = point.band(kept)
        for row in range(y(high), y(low) + 1):
            grid.put(begin, row, "░" * max(1, end - begin), "band", under=True)


def _baseline(grid: Grid, now: Scene, geo: Geometry, y) -> None:  # type: ignore[no-untyped-def]
    for (slot, rate), after in zip(now.unprotected, [*now.unprotected[1:], None], strict=False):
        end = geo.columns[after[0]] if after is not None else geo.head
        grid.put(geo.columns[slot], y(rate), "·" * (end - geo.columns[slot] + 1), "base", under=True)


def _cited(grid: Grid, now: Scene, geo: Geometry, y, labels: list[_Label]) -> None:  # type: ignore[no-untyped-def]
    for cited in now.cited:
        row, column = y(cited.event.protection_rate), geo.columns[cited.slot]
        grid.put(column, row, "×", "cited bold")
        labels.append(_Label(row, f"× {cited.event.extractor} {percent(cited.event.protection_rate)} cited", "cited"))


def _put_labels(grid: Grid, labels: Sequence[_Label], x: int, rows: int) -> None:
    """Names at the lines' ends, each in a row of its own, as near to its line as there is room."""
    taken: list[int] = []
    for label in sorted(labels, key=lambda label: label.y):
        taken.append(max(label.y, taken[-1] + 1 if taken else 0))
    floor = rows - 1
    for index in range(len(taken) - 1, -1, -1):
        taken[index] = min(taken[index], floor)
        floor = taken[index] - 1
    for row, label in zip(taken, sorted(labels, key=lambda label: label.y), strict=True):
        grid.put(x, row, " " * (grid.width - x))
        grid.put(x, row, cut(label.text, grid.width - x), label.role)


def _axis(known: Scene, geo: Geometry, room: int) -> list[Line]:
    line, dates = Grid(geo.width + room, 1), Grid(GUTTER + geo.width + room, 1)
    line.put(0, 0, "─" * geo.width)
    free = 0
    for before, slot, column in zip([None, *known.slots], known.slots, geo.columns, strict=False):
        if before is not None and before.t == slot.t:
            continue
        line.put(column, 0, "┬")
        begin = max(0, GUTTER + column - 3)
        if begin >= free:
            dates.put(begin, 0, slot.t, "axis")
            free = begin + cells(slot.t) + 1
    return [
        [(" " * (GUTTER - 1) + "└", "axis"), *((text, "axis") for text, _ in line.lines()[0])],
        dates.lines()[0],
    ]


def lanes(now: Scene, known: Scene, geo: Geometry, room: int, *, everybody: bool) -> list[Line]:
    """What each actor did, under the chart's axis; a word stands where there is room for it.

    Args:
        now: up to the play head.
        known: the whole journal.
        geo: the axis.
        room: columns right of the plot.
        everybody: also lanes of actors who never move.
    """
    lines: list[Line] = []
    for lane, actor in LANES.items():
        if not everybody and not any(slot.label(lane) for slot in known.slots):
            continue
        grid = Grid(geo.width + room, 1)
        moves = [(geo.columns[i], slot.label(lane)) for i, slot in enumerate(now.slots) if slot.label(lane)]
        for (column, label), after in zip(moves, [*(c for c, _ in moves[1:]), geo.width + room], strict=False):
            grid.put(column, 0, MARKS[actor], f"{actor} bold")
            space = after - column - 3
            if lane == actor and space >= min(4, cells(label)):
                grid.put(column + 2, 0, cut(label, space), actor)
        lines.append([(f"{lane:<{GUTTER}}", f"{actor} bold" if moves else "dim"), *grid.lines()[0]])
    return lines


def sparkline(now: Scene, width: int, *, kept: bool) -> str:
    """The whole archive in one row of blocks, newest at the right."""
    rates = [point.value(kept) for point in now.curves.get(WHOLE_ARCHIVE, [])]
    repeat = max(1, width // max(1, len(rates)))
    return "".join("▁▂▃▄▅▆▇█"[min(7, int(rate * 8))] * repeat for rate in rates[-width:])[:width]
