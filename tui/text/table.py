"""The table of cohorts as lines."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from facetui.engine.records.cohort_table import (
    ROWS,
    TITLE,
    CohortTable,
    Grid,
    falls,
    grid,
    marks,
    pooled_grid,
)
from facetui.engine.records.rates import percent
from facetui.engine.records.text import clean
from facetui.tui.text.sentences import LONGEST
from facetui.tui.text.spans import cells, cut, right

LONGEST_NAME = 200
"""Columns of a name in a table; ours are shorter, a journal may come from elsewhere."""


def blocks(names: Sequence[int], widths: Sequence[int], room: int) -> Iterator[list[tuple[int, int]]]:
    """Columns, each with its width, in blocks that fit into the room beside the first column; at least one a block."""
    block: list[tuple[int, int]] = []
    for name, width in zip(names, widths, strict=True):
        if block and sum(w for _, w in block) + width > room:
            yield block
            block = []
        block.append((name, width))
    if block:
        yield block


def table_lines(table: CohortTable, *, rise: str = "↑", cite: str = "×", width: int = 100) -> list[str]:
    """The table of cohorts by models; wide ones are cut into blocks of columns."""
    shown = grid(table, rise)
    if not shown.rows:
        return []
    lines = ["", *textwrap.wrap(TITLE, width), *grid_lines(shown, width)]
    for mark in marks(table, rise):
        lines += textwrap.wrap(mark, width, subsequent_indent="  ")
    for event in table.cited:
        text = f"{percent(event.protection_rate)} for {event.attack} on {event.extractor}: {event.source}"
        lines += textwrap.wrap(clean(text[:LONGEST]), width, initial_indent=f"{cite} reported ", subsequent_indent="  ")
    return lines


def pooled_lines(tables: Sequence[CohortTable], width: int = 100) -> list[str]:
    """The table of several seeds as one, and by how much each cohort's protection fell, paired by person."""
    shown = pooled_grid(tables)
    if not shown.rows:
        return []
    people = {name for table in tables for name in table.users}
    title = (
        f"share of clean probes not named, in per cent: {len(tables)} seeds, {len(people)} different protected people"
    )
    lines = ["", *textwrap.wrap(f"{title} (95 % interval, people resampled)", width), *grid_lines(shown, width)]
    fallen = list(falls(tables))
    if fallen:
        lines += ["", "points less that are not named than with the first model, paired by person (95 % interval)"]
        first = max(cells(column(cohort)) for cohort, *_ in fallen)
        second = max(cells(column(later)) for _, _, later, _ in fallen)
        for cohort, before, later, (fell, low, high) in fallen:
            figures = f"{100 * fell:4.0f} ({100 * low:.0f} to {100 * high:.0f})"
            lines.append(f"{column(cohort, first)}  {column(later, second)}  {figures}  from {column(before)}")
    return lines


def grid_lines(shown: Grid, width: int) -> list[str]:
    """Rows and columns as text, in blocks of columns that fit."""
    names = [column(row.name) for row in shown.rows]
    first = max(22, *map(cells, names)) + 1
    texts = [[cell.text for cell in row.cells] for row in shown.rows]
    widths = [max(8, cells(column(name)), *(len(row[i]) for row in texts)) + 2 for i, name in enumerate(shown.columns)]
    lines: list[str] = []
    for block in blocks(list(range(len(shown.columns))), widths, width - first):
        lines.append(ROWS.ljust(first) + "".join(right(column(shown.columns[i]), w) for i, w in block))
        for name, row in zip(names, texts, strict=True):
            body = "".join(row[i].rjust(w) for i, w in block)
            lines.append((column(name, first) + body).rstrip())
    return lines


def column(name: str, width: int = 0) -> str:
    """A name in a table, filled with blanks to some columns."""
    shown = cut(clean(name), LONGEST_NAME)
    return shown + " " * (width - cells(shown))
