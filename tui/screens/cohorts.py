"""The table of cohorts by the trainer's generations, with a cursor on one cell."""

from __future__ import annotations

from facetui.engine.records.cohort_table import CohortTable
from facetui.engine.records.events import WHOLE_ARCHIVE
from facetui.engine.records.text import clean
from facetui.tui.state.app_state import Stage
from facetui.tui.text.formats import percent
from facetui.tui.text.sentences import cell_marks, cell_remarks, counted, marks, reported
from facetui.tui.text.spans import Line, cells, left, pad, right, wrap

EVERYBODY_ELSE = "everybody else"
LOW = 16
"""Below this height rows of the table go before what explains its marks."""

CELL = 10


def rows(table: CohortTable) -> list[str]:
    """The rows: cohorts, then everybody else."""
    return [*table.cohorts, EVERYBODY_ELSE] if table.cells else []


def move(stage: Stage, down: int, right: int) -> None:
    """Move the cursor, within the table."""
    table = stage.now.table
    row = max(0, min(stage.cell[0] + down, len(rows(table)) - 1))
    column = max(0, min(stage.cell[1] + right, len(table.generations) - 1))
    stage.cell = (row, column)


def level(rate: float) -> str:
    """The role in which a cell is tinted, by fifths of the rate."""
    return f"level{min(4, int(rate * 5))}"


def paint(stage: Stage, width: int, height: int) -> list[Line]:
    """The page, exactly ``width`` by ``height``."""
    table = stage.now.table
    if not table.cells:
        return pad([[], [(" nothing was measured up to here", "dim")]], width, height)
    move(stage, 0, 0)
    names, chosen = rows(table), stage.cell
    first = min(max(20, *(cells(clean(name)) for name in names)), max(12, width // 3)) + 1
    visible = max(1, (width - first - 2) // (CELL + 2))
    begin = max(0, min(chosen[1] - visible // 2, len(table.generations) - visible))
    columns = table.generations[begin : begin + visible]
    cell = min(22, max(CELL, (width - first - 2) // max(1, len(columns)) - 2))
    lines: list[Line] = [[(" share of protected people's clean photos not named, by model, in order of time →", "dim")]]
    if begin or begin + visible < len(table.generations):
        lines.append(
            [(f" models {begin + 1}-{begin + len(columns)} of {len(table.generations)}: ← → for others", "dim")]
        )
    heads = [wrap(name, cell, 2) for name in columns]
    for part in range(max(map(len, heads))):
        texts = [head[part] if part < len(head) else "" for head in heads]
        lines.append([(f" {'photos posted under' if not part else '':<{first}}", "dim")])
        lines[-1] += [(f"  {right(text, cell)}", "bold") for text in texts]
    notes = _notes(table, width) if height >= LOW else []
    room = height - len(lines) - 5 - min(len(notes), 3) if notes else height - len(lines) - 3
    top = max(0, min(chosen[0] - room // 2, len(names) - room))
    for number, name in enumerate(names[top : top + max(1, room)], start=top):
        line: Line = [(f" {left(name, first)}", "bold" if name == WHOLE_ARCHIVE else "")]
        for column, generation in enumerate(columns, start=begin):
            text, role = _cell(table, name, generation)
            here = (number, column) == chosen
            text = f"[{text}]" if here else f"{text} "
            line += [(" ", ""), (f"{text:>{cell + 1}}", f"{role} cursor" if here else role)]
        lines.append(line)
    if notes:
        lines.append([])
    told = wrap(_tell(stage), width - 4, 3)
    lines += [[(f" {'▸ ' if not i else '  '}{text}", "caption")] for i, text in enumerate(told)]
    return pad([*lines, *notes], width, height)


def _notes(table: CohortTable, width: int) -> list[Line]:
    """What the marks mean, and what others reported."""
    notes: list[Line] = [[(f" {mark}", "dim")] for mark in marks(table)]
    return notes + [[(f" × {text}", "cited")] for cited in table.cited for text in wrap(reported(cited), width - 4, 2)]


def _cell(table: CohortTable, row: str, generation: str) -> tuple[str, str]:
    if row == EVERYBODY_ELSE:
        whole = table.unprotected(generation)
        if whole is None or whole.unprotected_error is None:
            return "", ""
        return percent(whole.unprotected_error), "base"
    event = table.cells.get((row, generation))
    if event is None:
        return "", ""
    return percent(event.protection_rate) + cell_marks(table, row, generation), level(event.protection_rate)


def _tell(stage: Stage) -> str:
    """The chosen cell in words: n, interval, basis."""
    table = stage.now.table
    row, generation = rows(table)[stage.cell[0]], table.generations[stage.cell[1]]
    if row == EVERYBODY_ELSE:
        whole = table.unprotected(generation)
        if whole is None or whole.unprotected_error is None:
            return f"everybody else, {generation}: not measured"
        share = f"{percent(whole.unprotected_error)} of {whole.n_unprotected} clean photos not named"
        return f"everybody else, {generation}: {share}, measured"
    event = table.cells.get((row, generation))
    if event is None:
        return f"{row}, {generation}: not measured, the photos were not there yet or the model was no longer used"
    return "; ".join([f"{row}, {generation}: {counted(event)}, {event.basis}", *cell_remarks(table, row, generation)])
