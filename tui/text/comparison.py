"""Two runs compared, in words: the same sentences on the screen, as lines and in reports."""

from __future__ import annotations

from collections.abc import Sequence

from facetui.engine.records.cohort_table import ROWS
from facetui.engine.records.events import WHOLE_ARCHIVE
from facetui.engine.records.rates import percent
from facetui.engine.records.text import brief, clean
from facetui.engine.runs.branches.comparison import Comparison, Difference, kind_of, label
from facetui.tui.text.spans import Line, between, cells, cut, fit, left, pad, right, wrap
from facetui.tui.text.table import column

FIRST, SECOND = "a", "b"
"""What stands for the runs, whose names are long."""

NOTHING = "Both measured nothing in common: no photos under the same attack were asked of a model of the same name."


def points(change: float) -> str:
    """The size of a difference of shares, in points: ``79``, below ten with one digit."""
    size = abs(100 * change)
    return f"{size:.1f}" if 0 < size < 9.95 else f"{size:.0f}"


def _moved(change: float) -> str:
    return f"{points(change)} {'less' if change < 0 else 'more'}"


def row_name(cell: Difference) -> str:
    """The cohort as a table has it; with the tool of the second run, where that is another."""
    other = kind_of(cell.second.cohort)
    return cell.cohort if other == kind_of(cell.cohort) else f"{cell.cohort} -> {other}"


def interval_words(cell: Difference) -> str:
    """``60-92``, where both ends lie on one side; else ``12 less to 3 more``; empty without one."""
    if cell.interval is None:
        return ""
    low, high = cell.interval
    if low <= 0 <= high:
        return f"{_moved(low)} to {_moved(high)}" if low or high else "0"
    ends = sorted((abs(low), abs(high)))
    return "-".join(f"{100 * end:.0f}" for end in ends)


def in_words(cell: Difference, cohorts: Sequence[str]) -> str:
    """``lowkey on compact-c: 95 % -> 16 %, 79 points less (60-92): lower``, by the interval alone."""
    name = label(cell.cohort, cohorts)
    if kind_of(cell.cohort) != kind_of(cell.second.cohort):
        name = f"{cell.cohort} -> {kind_of(cell.second.cohort)}"
    head = clean(f"{name} on {cell.model}").replace(": ", ":") + ": "
    head += f"{percent(cell.first.protection_rate)} -> {percent(cell.second.protection_rate)}"
    if cell.same:
        return clean(f"{head}: the same for each of {cell.people} people")
    if cell.interval is None:
        law = "a law decides" if cell.first.law or cell.second.law else "the journals keep no interval"
        return clean(f"{head}: {law}, so there is nothing to tell by")
    told = "cannot tell with so few" if cell.verdict == "cannot tell" else cell.verdict
    size = f"{points(cell.change)} points {'less' if cell.change < 0 else 'more'}" if cell.change else "no difference"
    return clean(f"{head}, {size} ({interval_words(cell)}): {told}")


def in_the_end(found: Comparison) -> str:
    """How the first run and the second differ with everything the trainer holds, by what both measured last there."""
    whole = [cell for cell in found.cells if cell.cohort == WHOLE_ARCHIVE]
    last = max(whole, key=lambda cell: cell.second.seq, default=None)
    return in_words(last, cohorts_of(found)).partition(": ")[2] if last is not None else ""


def cohorts_of(found: Comparison) -> list[str]:
    """Names of the cohorts that both measured, each once."""
    return list(dict.fromkeys(cell.cohort for cell in found.cells))


def summary(found: Comparison) -> str:
    """What came out, in one or two sentences that the intervals say."""
    if not found.cells:
        return NOTHING
    many = len(found.cells)
    kinds = (
        ("lower in b", found.count("lower")),
        ("higher in b", found.count("higher")),
        ("the same for everybody", found.count("the same")),
        ("cannot be told apart with so few people", found.count("cannot tell")),
    )
    said = ", ".join(f"{number} {_verb(what, number)}{what}" for what, number in kinds if number)
    clear = [cell for cell in found.cells if cell.verdict in ("lower", "higher")]
    most = max(clear, key=lambda cell: abs(cell.change), default=None)
    more = f" Most of all {in_words(most, cohorts_of(found))}." if most is not None else ""
    return f"Of {many} figures that both measured, {said}.{more}"


def _verb(what: str, number: int) -> str:
    return "" if what.startswith("cannot") else "is " if number == 1 else "are "


def how(found: Comparison) -> str:
    """How the differences were made."""
    if not found.unpaired:
        return "The same people, asked with the same probes: paired by person; 95 % intervals, people drawn again."
    why = clean(brief(found.unpaired, 300))
    return f"Not comparable by pairs: {why}. Differences are unpaired; 95 % intervals, from those of both figures."


def missing(found: Comparison) -> list[str]:
    """What only one of the runs measured, a sentence a run."""
    return [
        clean(
            f"only in {name}: {'; '.join(f'{e.cohort} on {e.generation} {percent(e.protection_rate)}' for e in events)}"
        )
        for name, events in zip((FIRST, SECOND), found.only, strict=True)
        if events
    ]


def lines(found: Comparison, width: int = 100) -> list[str]:
    """The comparison as lines of text."""
    said = [f"{mark}  {_told(found, number)}" for number, mark in enumerate((FIRST, SECOND))]
    said += ["", *_settings(found, width), "", *wrap(how(found), width, 9)]
    if found.cells:
        names = [column(row_name(cell)) for cell in found.cells]
        first = max(len(ROWS), *map(cells, names)) + 2
        second = max(5, *(cells(column(cell.model)) for cell in found.cells)) + 2
        head = f"{ROWS:<{first}}{'model':<{second}}{FIRST:>7}{SECOND:>8}   points b has more or less (95 %)"
        said += ["", head]
        for cell, name in zip(found.cells, names, strict=True):
            figures = f"{percent(cell.first.protection_rate):>7}{percent(cell.second.protection_rate):>8}   "
            said.append(f"{column(name, first)}{column(cell.model, second)}{figures}{_change(cell)}")
    said += ["", *(part for text in missing(found) for part in wrap(text, width, 40))] if any(found.only) else []
    return [*said, "", *wrap(summary(found), width, 9)]


def _told(found: Comparison, number: int) -> str:
    began = found.began[number]
    return clean(f"{brief(found.names[number], 80)}: {brief(began.scenario, 60)}, seed {began.seed}")


def _settings(found: Comparison, width: int) -> list[str]:
    if not found.settings:
        return ["nothing differs in their settings"]
    first = min(40, max(cells(clean(setting.name)) for setting in found.settings))
    said = ["what differs"]
    for setting in found.settings:
        values = wrap(f"{brief(setting.first, 300)} -> {brief(setting.second, 300)}", max(20, width - first - 4), 6)
        heads = [left(setting.name, first), *[" " * first] * (len(values) - 1)]
        said += [f"  {head}  {value}".rstrip() for head, value in zip(heads, values, strict=True)]
    return said


def _change(cell: Difference) -> str:
    """``-79 (-92 to -60) lower``."""
    if cell.interval is None:
        return "no interval"
    low, high = cell.interval
    size = f"{100 * cell.change:+.0f}" if abs(cell.change) >= 0.0995 or not cell.change else f"{100 * cell.change:+.1f}"
    return (
        f"{size.replace('+0', '0') if not cell.change else size} ({100 * low:+.0f} to {100 * high:+.0f}) {cell.verdict}"
    )


# --- as a screen ---------------------------------------------------------------------------------------------------

KEYS: Line = [
    (" ↑↓ PgUp PgDn", "key"),
    (" figure ", "dim"),
    (" e", "key"),
    (" save ", "dim"),
    (" esc", "key"),
    (" back ", "dim"),
]

BAR = 12
"""Columns of each half of the bar that shows a difference."""


def screen(found: Comparison, at: int, width: int, height: int) -> list[Line]:
    """The comparison as a screen of exactly so many columns and rows.

    Args:
        found: the comparison.
        at: the figure under the cursor, an index; cut to what there is.
        width: columns.
        height: rows.
    """
    lines_: list[Line] = [between([(" facetui", "title"), ("  two runs compared", "bold")], [], width)]
    for number, mark in enumerate((FIRST, SECOND)):
        lines_.append([(f" {mark} ", "lit"), (f" {cut(_told(found, number), width - 6)}", "bold")])
    roomy = height >= 20
    differs = (
        "; ".join(f"{clean(s.name)} {brief(s.first, 60)} -> {brief(s.second, 60)}" for s in found.settings)
        or "nothing in their settings"
    )
    lines_ += [[(f" {part}", "")] for part in wrap(f"differs: {differs}", width - 2, 3 if roomy else 1)]
    lines_ += [[(f" {part}", "dim")] for part in wrap(how(found), width - 2, 2 if roomy else 1)]
    said = wrap(summary(found), width - 2, 3 if roomy else 2)
    below: list[Line] = [[(f" {part}", "caption")] for part in said]
    below += [[(f" {part}", "dim")] for text in missing(found) for part in wrap(text, width - 2, 1)] if roomy else []
    if found.cells:
        here = found.cells[max(0, min(at, len(found.cells) - 1))]
        told = wrap(f"▸ {in_words(here, cohorts_of(found))}{_besides(here)}", width - 2, 2)
        below = [*([(f" {part}", "lit")] for part in told), *below]
    below.append(KEYS)
    room = height - len(lines_) - len(below)
    table = _rows(found, at, width, room)
    return [fit(line, width) for line in [*lines_, *pad(table, width, max(0, room)), *below][:height]]


def _besides(cell: Difference) -> str:
    """What a difference rests on, and what the cohort is called in the second run."""
    people = f"; {cell.people} people" if cell.people else ""
    other = f"; in b {cell.second.cohort}" if cell.second.cohort != cell.cohort else ""
    return f"{people}{other}"


def _rows(found: Comparison, at: int, width: int, height: int) -> list[Line]:
    """The figures of both, a row each, around the cursor; a bar to the left is less, to the right more."""
    if height < 2 or not found.cells:
        return []
    at = max(0, min(at, len(found.cells) - 1))
    bar = BAR if width >= 100 else 0
    room = width - 22 - (13 + 2 * bar + 3 if bar else 13)
    first = max(8, room * 3 // 5)
    second = max(6, room - first)
    head: Line = [
        (f" {left(ROWS, first)} {left('model', second)}{FIRST:>7}{SECOND:>8}  ", "dim"),
        (f"{'':{2 * bar + 3}}" if bar else "", ""),
        ("b less, more", "dim"),
    ]
    top = max(0, min(at - (height - 1) // 2, len(found.cells) - (height - 1)))
    rows: list[Line] = [head]
    for number, cell in enumerate(found.cells[top : top + height - 1], start=top):
        role = {"lower": "bad", "higher": "good"}.get(cell.verdict, "dim")
        figures = f"{percent(cell.first.protection_rate):>7}{percent(cell.second.protection_rate):>8}  "
        name = f"{left(row_name(cell), first)} {left(cell.model, second)}"
        rows.append(
            [
                (f"{'▸' if number == at else ' '}{name}", "cursor" if number == at else ""),
                (figures, ""),
                *(_bar(cell, bar) if bar else []),
                (right(f"{100 * cell.change:+.0f}" if cell.change else "0", 4), f"{role} bold"),
                (f" {_sign(cell)}", role),
            ]
        )
    return rows


def _sign(cell: Difference) -> str:
    """The verdict in a word that fits."""
    return {"cannot tell": "?", "the same": "same"}.get(cell.verdict, cell.verdict)


def _bar(cell: Difference, room: int) -> Line:
    """The change as a block from the middle, and its interval behind it."""
    low, high = cell.interval or (cell.change, cell.change)
    marks = [" "] * (2 * room + 1)

    def place(value: float) -> int:
        return room + round(max(-1.0, min(1.0, value)) * room)

    for x in range(place(low), place(high) + 1):
        marks[x] = "░"
    for x in range(min(room, place(cell.change)), max(room, place(cell.change)) + 1):
        marks[x] = "█"
    marks[room] = "│"
    role = {"lower": "bad", "higher": "good"}.get(cell.verdict, "dim")
    return [("".join(marks), role), ("  ", "")]
