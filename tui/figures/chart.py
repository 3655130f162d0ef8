"""The chart: story time to the right, protection upwards; the lanes of the actors stand under the same axis.

Protection is a step: a value holds until the next measurement. A cohort rises once, where it is first measured, and
then changes with every answer of the trainer; a change is seen to happen, from the value before to the one measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from facetui.engine.records.events import WHOLE_ARCHIVE
from facetui.engine.records.rates import percent
from facetui.engine.records.text import clean
from facetui.tui.figures.axis import Geometry
from facetui.tui.figures.lanes import GUTTER
from facetui.tui.state.snapshot import Point, Scene, cohort_label
from facetui.tui.text.sentences import MARKS
from facetui.tui.text.spans import Grid, Line, Span, cells, cut, wrap

BEFORE = (
    "■ The trainer scrapes what people post, and learns to name them by it, as a search engine for faces does.",
    "▲ Users run a tool on their photos before they post.",
    "Then the trainer is shown clean photos of them: new ones that no tool changed, as a "
    "camera in the street takes them.",
    "Above, it cannot name them: hidden. Below, it does: found.",
)
"""What stands in the chart before anything was measured."""

WORDS = 60
"""Columns of these words at most."""

LEGEND = ("━ all photos it kept", "┄ one tool's alone")
"""What the thick line is, and a thin one."""

GUESSES_WIDE = 24
"""Columns of the guesses in one row, at most."""

STROKES = (("─", "│", "╮╰"), ("┄", "┆", "╮╰"), ("┈", "┊", "╮╰"), ("╌", "╎", "╮╰"))
THICK = ("━", "┃", "┓┗")


@dataclass(frozen=True)
class _Label:
    y: int
    name: str
    number: str
    role: str

    def written(self, width: int) -> str:
        """The label in so many columns: the name gives way, the number never."""
        room = max(1, width - cells(self.number) - 1)
        name = self.name if cells(self.name) <= room else self.name.replace(" weakened", " weak")
        return f"{cut(name, room)} {self.number}"


def cohort_role(now: Scene, cohort: str) -> str:
    """The role in which a cohort is drawn everywhere."""
    if cohort == WHOLE_ARCHIVE:
        return "whole"
    return f"cohort{[c for c in now.cohorts if c != WHOLE_ARCHIVE].index(cohort) % len(STROKES)}"


@dataclass(frozen=True)
class Look:
    """How the chart is looked at.

    Attributes:
        kept: show what is left with the model that the trainer's own test picks, else with the one in use.
        fall: how far lines are on their way from what was measured before to what was measured last, in [0, 1].
        at: the cursor: a place on the axis, and the name of a line; absent: there is none.
        as_it_was: the line of the run that this one branches from, as places on the axis and shares; empty: none.
    """

    kept: bool = False
    fall: float = 1.0
    at: tuple[int, str] | None = None
    as_it_was: tuple[tuple[int, float], ...] = ()

    def value(self, points: Sequence[Point], index: int) -> float:
        """What a line shows for one of its points: the last one glides there, a first one from below."""
        value = points[index].value(self.kept)
        if index < len(points) - 1 or self.fall >= 1:
            return value
        before = points[index - 1].value(self.kept) if index else 0.0
        eased = self.fall * self.fall * (3 - 2 * self.fall)
        return before + (value - before) * eased


def draw(now: Scene, known: Scene, geo: Geometry, height: int, room: int, look: Look) -> list[Line]:
    """The plot, its axis and its dates: ``height`` rows, ``GUTTER + geo.width + room`` columns.

    Args:
        now: up to the play head.
        known: the whole journal.
        geo: the axis.
        height: rows, with two for the axis and the dates.
        room: columns for the names at the lines' ends.
        look: how it is looked at.
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
        _curve(grid, points, geo, y, stroke, f"{role} bold" if cohort == WHOLE_ARCHIVE else role, look)
        name = cohort if cohort == WHOLE_ARCHIVE else cohort_label(cohort, now.cohorts)
        rate = look.value(points, len(points) - 1)
        # The line is on its way; the number is what was measured, at once.
        labels.append(_Label(y(rate), f"{stroke[0]} {name}", percent(points[-1].value(look.kept)), role))
    for cohort in now.cohorts:  # over the lines: where somebody posted, protection went up, once
        points = now.curves[cohort]
        if cohort != WHOLE_ARCHIVE or len(now.cohorts) == 1:
            grid.put(geo.columns[points[0].slot], y(look.value(points, 0)), MARKS["users"], "users bold")
    if not now.curves:
        begin = max(4, geo.head + 2)
        told = [part for text in BEFORE for part in wrap(text, min(WORDS, grid.width - begin - 1), rows)]
        for row, text in enumerate(told):
            grid.put(begin, max(0, rows - len(told)) // 2 + row, text, "dim")
    _cited(grid, now, geo, y, labels)
    if now.unprotected:
        rate = now.unprotected[-1][1]
        labels.append(_Label(y(rate), "· everybody else", percent(rate), "base"))
    _forecast(grid, now, geo, y, labels)
    _beside(grid, geo, y, labels, look)
    _baseline(grid, now, geo, y)
    _guesses(grid, now, y)
    _band(grid, whole, geo, y, look)
    _cursor(grid, now, geo, y, look)
    for row in range(rows):
        grid.put(geo.head, row, "┇", "head", under=True)
    for cited in now.cited:
        for x in range(0, geo.columns[cited.slot] - 1, 3):
            grid.put(x, y(cited.event.protection_rate), "╴", "cited", under=True)
    _put_labels(grid, labels, geo.head + 2, rows)
    axis = _axis(known, geo, room, several=len(now.cohorts) > 1)
    marks = {y(rate): f"{rate:.0%}" for rate in ((1.0, 0.75, 0.5, 0.25, 0.0) if rows >= 9 else (1.0, 0.5, 0.0))}
    left: list[Span] = [
        (f"{marks.get(row, ''):>{GUTTER - 1}}" + ("┤" if row in marks else "│"), "axis") for row in range(rows)
    ]
    plot = [clickable(line, geo) for line in grid.lines()]
    return [*([start, *line] for start, line in zip(left, plot, strict=True)), *axis]


def clickable(line: Line, geo: Geometry) -> Line:
    """A row of the plot whose columns lead to the move they belong to."""
    ends = [*geo.columns[1 : geo.shown], geo.width]
    parts: Line = []
    x, place = 0, 0
    for text, role in line:
        while text:
            while place < len(ends) - 1 and x >= ends[place]:
                place += 1
            room = ends[place] - x if x < ends[place] else len(text)
            parts.append((text[:room], f"{role} @slot:{place}" if geo.shown else role))
            text, x = text[room:], x + room
    return parts


def _forecast(grid: Grid, now: Scene, geo: Geometry, y, labels: list[_Label]) -> None:  # type: ignore[no-untyped-def]
    """While the trainer learns: what its own test on other people says, dotted, until it is measured."""
    if now.progress is None or now.progress.failing is None:
        return
    row = y(now.progress.failing)
    for x in range(geo.columns[geo.shown - 1] + 1 if geo.shown else 0, geo.head + 1, 2):
        grid.put(x, row, "∙", "trainer bold")
    labels.append(_Label(row, "∙ its own test", percent(now.progress.failing), "trainer"))


def _beside(grid: Grid, geo: Geometry, y, labels: list[_Label], look: Look) -> None:  # type: ignore[no-untyped-def]
    """The line of the run that this one branches from, faintly, under all others."""
    across, down, _ = STROKES[3]
    for (slot, rate), after in zip(look.as_it_was, [*look.as_it_was[1:], None], strict=False):
        begin, end = geo.columns[slot], geo.columns[after[0]] if after is not None else geo.head
        grid.put(begin, y(rate), across * max(1, end - begin), "dim", under=True)
        if after is not None:
            for row in range(min(y(rate), y(after[1])), max(y(rate), y(after[1])) + 1):
                grid.put(end, row, down, "dim", under=True)
    if look.as_it_was:
        rate = look.as_it_was[-1][1]
        labels.append(_Label(y(rate), f"{across} as it was", percent(rate), "dim"))


def _guesses(grid: Grid, now: Scene, y) -> None:  # type: ignore[no-untyped-def]
    """What the room guessed: a mark each at the axis of values, those in one row beside each other."""
    for row, times in Counter(y(guess) for guess in now.guesses).items():
        marks = "∙" * min(times, GUESSES_WIDE - 1) + ("+" if times >= GUESSES_WIDE else "")
        grid.put(0, row, marks, "law bold", under=True)


def _cursor(grid: Grid, now: Scene, geo: Geometry, y, look: Look) -> None:  # type: ignore[no-untyped-def]
    if look.at is None:
        return
    slot, line = look.at
    column = geo.columns[slot]
    for row in range(grid.height):
        grid.put(column, row, "╎", "lit", under=True)
    points = [point for point in now.curves.get(line, []) if point.slot <= slot]
    if points:
        grid.put(column, y(points[-1].value(look.kept)), "◉", "lit")


def _curve(grid: Grid, points: Sequence[Point], geo: Geometry, y, stroke, role: str, look: Look) -> None:  # type: ignore[no-untyped-def]
    across, down, corners = stroke
    values = [look.value(points, index) for index in range(len(points))]
    for point, value, after, later in zip(points, values, [*points[1:], None], [*values[1:], 0.0], strict=True):
        begin = geo.columns[point.slot]
        end = geo.columns[after.slot] if after is not None else geo.head
        row = y(value)
        grid.put(begin + 1 if begin != end else begin, row, across * max(0, end - begin), role)
        if after is None:
            continue
        below = y(later)
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
    top, column = y(values[0]), geo.columns[first.slot]
    grid.put(column, top, across, role)
    for row in range(top + 1, grid.height):
        grid.put(column, row, down, role, under=True)


def _band(grid: Grid, points: Sequence[Point], geo: Geometry, y, look: Look) -> None:  # type: ignore[no-untyped-def]
    for point, after in zip(points, [*points[1:], None], strict=False):
        begin, end = geo.columns[point.slot], geo.columns[after.slot] if after is not None else geo.head
        if after is None and look.fall < 1:
            continue  # it comes with the value
        low, high = point.band(look.kept)
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
        number = f"{percent(cited.event.protection_rate)} cited"
        labels.append(_Label(row, f"× {clean(cited.event.extractor)}", number, "cited"))


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
        grid.put(x, row, label.written(grid.width - x), label.role)


def _axis(known: Scene, geo: Geometry, room: int, *, several: bool) -> list[Line]:
    """The axis and its dates; right of them, where there is room, what a thick line is beside thin ones."""
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
    if several and max(map(cells, LEGEND)) < room and free <= GUTTER + geo.width:
        line.put(geo.width + 1, 0, LEGEND[0], "axis")
        dates.put(GUTTER + geo.width + 1, 0, LEGEND[1], "axis")
    dates.put(1, 0, "story", "axis", under=True)
    return [
        [(f"{'found':>{GUTTER - 1}}└", "axis"), *((text, "axis") for text, _ in line.lines()[0])],
        dates.lines()[0],
    ]


def sparkline(now: Scene, width: int, *, kept: bool) -> str:
    """The whole archive in one row of blocks, newest at the right."""
    rates = [point.value(kept) for point in now.curves.get(WHOLE_ARCHIVE, [])]
    repeat = max(1, width // max(1, len(rates)))
    return "".join("▁▂▃▄▅▆▇█"[min(7, int(rate * 8))] * repeat for rate in rates[-width:])[:width]
