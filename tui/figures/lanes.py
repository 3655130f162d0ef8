"""The lanes under the chart's axis: what each actor did, as marks with words, or with numbers and a list of words.

A mark without its words says nothing: it stands beside it or under it, or in the list under the lanes by the number of
its move. What the list has no room for is a dot in its lane, and is counted.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from facetui.engine.records.events import Actor
from facetui.tui.figures.axis import Geometry
from facetui.tui.state.snapshot import Lane, Scene
from facetui.tui.text.sentences import MARKS
from facetui.tui.text.spans import Grid, Line, Span, cells

GUTTER = 9
"""Columns left of the axis: the actors' names, the percentages."""

SCRAPES = 3
"""Rows of a lane where there is room; only then scrapes, which happen after every post, get a lane."""

LISTED = 3
"""Rows of the list of words at most."""

LANES: dict[Lane, Actor] = {
    "users": "users",
    "friends": "friends",
    "trainer": "trainer",
    "scrapes": "trainer",
    "law": "law",
}
"""The lanes from above, and whose they are."""


@dataclass(frozen=True)
class _Mark:
    """A move in a lane: its place, its column, its words, its number, and whose it is."""

    slot: int
    column: int
    label: str
    number: int
    actor: Actor

    @property
    def listed(self) -> str:
        """What stands in the list."""
        return f"{MARKS[self.actor]}{self.number} {self.label}"


def lanes(now: Scene, known: Scene, geo: Geometry, room: int, *, tall: bool) -> list[Line]:
    """What each actor did, under the chart's axis.

    Args:
        now: up to the play head.
        known: the whole journal; who never moves in it has no lane, and rows that it will need stay free.
        geo: the axis.
        room: columns right of the plot.
        tall: whether there is room for words under marks; else what takes fewest rows.
    """
    known = known if len(known.slots) >= len(now.slots) else now
    layouts = [(_drawn(known, known, geo, room, rows), rows) for rows in ((SCRAPES,) if tall else (1, 2))]
    (full, _), rows = min(layouts, key=lambda layout: (layout[0][1], len(layout[0][0])))
    lines, _ = _drawn(now, known, geo, room, rows)
    return lines + [[] for _ in range(len(full) - len(lines))]


def newest(now: Scene) -> Span | None:
    """The last move that has a lane: its mark, number and words; ``None`` before there is any."""
    for slot in reversed(now.slots):
        for lane, label, number in reversed(slot.moves):
            if lane in LANES and label:
                return f"{MARKS[LANES[lane]]}{number} {label}", f"{LANES[lane]} bold"
    return None


def _drawn(now: Scene, known: Scene, geo: Geometry, room: int, rows: int) -> tuple[list[Line], int]:
    """The lanes with so many rows at most, and the list; and how many marks are dots, since they have no words."""
    drawn = [(lane, actor) for lane, actor in LANES.items() if any(slot.label(lane) for slot in known.slots)]
    drawn = [(lane, actor) for lane, actor in drawn if lane != "scrapes" or rows >= SCRAPES]
    width, dots = geo.width + room, set[int]()
    for _ in range(2):  # the second time without the numbers for whose words there is no room
        lines: list[Line] = []
        numbered: list[_Mark] = []
        silent = 0
        for lane, actor in drawn:
            marks = [
                _Mark(i, geo.columns[i], slot.label(lane), slot.number(lane), actor)
                for i, slot in enumerate(now.slots)
                if slot.label(lane)
            ]
            head: Span = (f"{lane:<{GUTTER}}", f"{actor} bold" if marks else "dim")
            grids, without, its = _lane(marks, width, rows if lane == actor else 0, dots)
            numbered, silent = numbered + without, silent + its
            lines += [[head if not row else (" " * GUTTER, ""), *grid.lines()[0]] for row, grid in enumerate(grids)]
        listed, left = _list(sorted(numbered, key=lambda mark: mark.number), GUTTER + width)
        if not left:
            break
        dots = {mark.number for mark in left}
    return [*lines, *listed], silent


def _lane(marks: Sequence[_Mark], width: int, rows: int, dots: Collection[int]) -> tuple[list[Grid], list[_Mark], int]:
    """The rows of one lane, the marks that have a number for words, and how many are dots.

    Where ``rows`` is 0, the lane's name says it all.
    """
    placed = _placed(marks, width, rows, dots, words_below=True)
    if any(row is None for _, row, _, _ in placed):  # words under marks may stand where others' numbers must
        placed = _placed(marks, width, rows, dots, words_below=False)
    grids = [Grid(width, 1) for _ in range(1 + max((row or 0 for _, row, _, _ in placed), default=0))]
    numbered, silent = [], 0
    for mark, row, begin, text in placed:
        role = f"@move:{mark.slot}"
        if rows and row is None:
            grids[0].put(mark.column, 0, "·", f"{mark.actor} {role}")
            silent += 1
            continue
        grids[0].put(mark.column, 0, MARKS[mark.actor], f"{mark.actor} bold {role}")
        grids[row or 0].put(begin, 0, text, f"{mark.actor} {role}")
        if rows and text != mark.label:
            numbered.append(mark)
    return grids, numbered, silent


def _placed(
    marks: Sequence[_Mark], width: int, rows: int, dots: Collection[int], *, words_below: bool
) -> list[tuple[_Mark, int | None, int, str]]:
    """For every mark the row and the column of its words or its number, and these; no row: there is no room."""
    free = [0] * max(1, rows)
    placed: list[tuple[_Mark, int | None, int, str]] = []
    for mark, after in zip(marks, [*(mark.column for mark in marks[1:]), width + 1], strict=False):
        beside, below = after - 1, width
        places: list[tuple[int, int, int, str]] = [(0, mark.column + 2, beside, mark.label)]
        if words_below:
            places += [(row, mark.column, below, mark.label) for row in range(1, rows)]
        if mark.number not in dots:
            places.append((0, mark.column + 1, beside, str(mark.number)))
            places += [(row, mark.column, below, str(mark.number)) for row in range(1, rows)]
        fits = ((row, x, text) for row, x, end, text in places if x >= free[row] and x + cells(text) <= end)
        found = next(fits, None) if rows else None
        if found is None:
            placed.append((mark, None, mark.column, ""))
            continue
        row, begin, text = found
        free[row] = begin + cells(text) + 1
        placed.append((mark, row, begin, text))
    return placed


def _list(marks: Sequence[_Mark], width: int) -> tuple[list[Line], list[_Mark]]:
    """The words of some marks by their numbers, the newest at the end, and the marks for which there was no room."""
    kept = list(marks)
    while len(lines := _flowed(kept, width, len(marks) - len(kept))) > LISTED:
        kept = kept[1:]
    too_long = [mark for mark in kept if cells(mark.listed) > width - GUTTER]
    return lines, [*marks[: len(marks) - len(kept)], *too_long]


def _flowed(marks: Sequence[_Mark], width: int, missing: int) -> list[Line]:
    """Marks, numbers and words in rows; how many older ones are dots comes first."""
    pieces: list[Span] = [(f"· {missing} earlier", "dim")] if missing else []
    pieces += [(mark.listed, f"{mark.actor} @move:{mark.slot}") for mark in marks]
    lines: list[Line] = []
    used = width
    for text, role in pieces:
        if used + 2 + cells(text) > width:
            lines.append([(" " * GUTTER, "")])
            used = GUTTER - 2
        lines[-1] += [("  ", ""), (text, role)] if used >= GUTTER else [(text, role)]
        used += 2 + cells(text)
    return lines
