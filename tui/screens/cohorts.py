"""The table of cohorts by the trainer's generations, with a cursor on one cell."""

from __future__ import annotations

from facetui.engine.records.cohort_table import ROWS, CohortTable, Grid, Row, cell_remarks, grid, marks
from facetui.engine.records.measurements import among, in_words
from facetui.engine.records.rates import percent
from facetui.engine.records.text import clean
from facetui.tui.state.app_state import Stage
from facetui.tui.state.snapshot import Scene
from facetui.tui.text.sentences import reported, words
from facetui.tui.text.spans import Line, cells, left, pad, right, wrap

LOW = 16
"""Below this height rows of the table go before what explains its marks."""

CELL = 10

ABOUT = (
    "share of protected people's clean photos not named, by model, in order of time →",
    "clean photos of protected people not named, by model, in time →",
    "clean photos not named, by model →",
)
"""What the table shows, in as many words as there is room for."""


def paint(stage: Stage, width: int, height: int) -> list[Line]:
    """The page, exactly ``width`` by ``height``."""
    shown, chosen = grid(stage.now.table), stage.selection.cell
    if not shown.rows:
        return pad(
            [[], [(" nothing was measured up to here: space plays on, G goes to the end", "dim")]], width, height
        )
    first = min(max(20, *(cells(clean(row.name)) for row in shown.rows)), max(12, width // 3)) + 1
    lines, begin, count, cell = _heads(shown, chosen, width, first)
    notes = _notes(stage.now, width) if height >= LOW else []
    room = height - len(lines) - 5 - min(len(notes), 3) if notes else height - len(lines) - 3
    top = max(0, min(chosen[0] - room // 2, len(shown.rows) - room))
    for number, row in enumerate(shown.rows[top : top + max(1, room)], start=top):
        line: Line = [(f" {left(row.name, first)}", "bold" if row.is_whole else "")]
        for column in range(begin, begin + count):
            text, role = row.cells[column].text, tint(row, column)
            here = (number, column) == chosen
            text = f"[{text}]" if here else f"{text} "
            target = f" @cell:{number},{column}"
            line += [(" ", ""), (f"{text:>{cell + 1}}", (f"{role} cursor" if here else role) + target)]
        lines.append(line)
    if notes:
        lines.append([])
    sentences = wrap(_tell(stage.now.table, shown, chosen), width - 4, 3)
    lines += [[(f" {'▸ ' if not i else '  '}{text}", "caption")] for i, text in enumerate(sentences)]
    return pad([*lines, *notes], width, height)


def _heads(shown: Grid, chosen: tuple[int, int], width: int, first: int) -> tuple[list[Line], int, int, int]:
    """The lines above the rows, the first column that fits and how many do, and how wide a cell is."""
    visible = max(1, (width - first - 2) // (CELL + 2))
    begin = max(0, min(chosen[1] - visible // 2, len(shown.columns) - visible))
    columns = shown.columns[begin : begin + visible]
    cell = min(22, max(CELL, (width - first - 2) // max(1, len(columns)) - 2))
    said = next((text for text in ABOUT if len(text) < width), ABOUT[-1])
    lines: list[Line] = [[(f" {said}", "dim")]]
    if begin or begin + visible < len(shown.columns):
        which = f" models {begin + 1}-{begin + len(columns)} of {len(shown.columns)}: ← → for others"
        lines.append([(which, "dim")])
    heads = [wrap(name, cell, 2) for name in columns]
    for part in range(max(map(len, heads))):
        texts = [head[part] if part < len(head) else "" for head in heads]
        lines.append([(f" {ROWS if not part else '':<{first}}", "dim")])
        lines[-1] += [(f"  {right(text, cell)}", "bold") for text in texts]
    return lines, begin, len(columns), cell


def _notes(now: Scene, width: int) -> list[Line]:
    """What the marks mean, what was foretold, and what others reported."""
    notes: list[Line] = [[(f" {mark}", "dim")] for mark in marks(now.table)]
    if now.forecast is not None:
        told = wrap(f"… {words(now.forecast)}", width - 4, 4)
        notes += [[(f" {text}", "cited")] for text in told]
    cited = [text for event in now.table.cited for text in wrap(reported(event), width - 4, 2)]
    return notes + [[(f" × {text}", "cited")] for text in cited]


def tint(row: Row, column: int) -> str:
    """The role in which a cell is drawn, by fifths of the rate."""
    rate = row.cells[column].rate
    if rate is None or row.is_else:
        return "" if rate is None else "base"
    return f"level{min(4, int(rate * 5))}"


def _tell(table: CohortTable, shown: Grid, chosen: tuple[int, int]) -> str:
    """The chosen cell in words: n, interval, basis."""
    row, generation = shown.rows[chosen[0]], shown.columns[chosen[1]]
    event = row.cells[chosen[1]].event
    if row.is_else:
        if event is None:
            return f"{row.name}, {generation}: not measured"
        share = f"{percent(event.unprotected_error)} of {event.n_unprotected} clean photos not named"
        return f"{row.name}, {generation}: {share}, measured"
    if event is None:
        return f"{row.name}, {generation}: not measured, the photos were not there yet or the model was no longer used"
    remarks = cell_remarks(table, row.name, generation)
    return "; ".join(
        filter(None, [f"{row.name}, {generation}: {in_words(event)}, {event.basis}", among(event), *remarks])
    )
