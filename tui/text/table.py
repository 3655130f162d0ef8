"""The table of cohorts as lines."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from statistics import mean

from facetui.engine.records.cohort_table import CohortTable
from facetui.engine.records.text import clean
from facetui.tui.text.formats import percent
from facetui.tui.text.sentences import LONGEST, cell_marks, marks
from facetui.tui.text.spans import cells, cut, right

LONGEST_NAME = 200
"""Columns of a name in a table; ours are shorter, a journal may come from elsewhere."""


def blocks(names: Sequence[str], widths: Sequence[int], room: int) -> Iterator[list[tuple[str, int]]]:
    """Columns, each with its width, in blocks that fit into the room beside the first column; at least one a block."""
    block: list[tuple[str, int]] = []
    for name, width in zip(names, widths, strict=True):
        if block and sum(w for _, w in block) + width > room:
            yield block
            block = []
        block.append((name, width))
    if block:
        yield block


def table_lines(table: CohortTable, *, rise: str = "↑", cite: str = "×", width: int = 100) -> list[str]:
    """The table of cohorts by generations; wide ones are cut into blocks of columns."""
    if not table.cells:
        return []
    title = "share of clean probes not named; the trainer's models in the order in which it had them"
    lines = ["", *textwrap.wrap(title, width)]
    first = max(22, *(cells(column(cohort)) for cohort in table.cohorts)) + 1
    widths = [max(8, cells(column(name))) + 2 for name in table.generations]
    for block in blocks(table.generations, widths, width - first):
        lines.append("photos posted under".ljust(first) + "".join(right(column(name), w) for name, w in block))
        for cohort in table.cohorts:
            row = [_cell(table, cohort, name, rise).rjust(w) for name, w in block]
            lines.append((column(cohort, first) + "".join(row)).rstrip())
        others = [table.unprotected(name) for name, _ in block]
        row = [
            (percent(m.unprotected_error) if m and m.unprotected_error is not None else "").rjust(w)
            for m, (_, w) in zip(others, block, strict=True)
        ]
        lines.append(("everybody else".ljust(first) + "".join(row)).rstrip())
    for mark in marks(table, rise):
        lines += textwrap.wrap(mark, width, subsequent_indent="  ")
    for event in table.cited:
        text = f"{percent(event.protection_rate)} for {event.attack} on {event.extractor}: {event.source}"
        lines += textwrap.wrap(clean(text[:LONGEST]), width, initial_indent=f"{cite} reported ", subsequent_indent="  ")
    return lines


def _cell(table: CohortTable, cohort: str, generation: str, rise: str) -> str:
    event = table.cells.get((cohort, generation))
    if event is None:
        return ""
    return percent(event.protection_rate) + cell_marks(table, cohort, generation, rise)


def spread_lines(tables: Sequence[CohortTable], width: int = 100) -> list[str]:
    """The table of cohorts by generations, each cell the mean over the runs and the smallest and largest rate."""
    if not tables or not tables[0].cells:
        return []
    # Other seeds are other people and other photos, but the same moves: rows and columns agree.
    cohorts, generations = tables[0].cohorts, tables[0].generations
    first = max(22, *(cells(column(cohort)) for cohort in cohorts)) + 1
    widths = [max(15, cells(column(name))) + 2 for name in generations]
    lines = ["", f"share of clean probes not named, mean (smallest-largest) of {len(tables)} seeds, in per cent"]
    for block in blocks(generations, widths, width - first):
        lines.append("photos posted under".ljust(first) + "".join(right(column(name), w) for name, w in block))
        for cohort in cohorts:
            row = "".join(_spread(tables, cohort, name).rjust(w) for name, w in block)
            lines.append((column(cohort, first) + row).rstrip())
    return lines


def _spread(tables: Sequence[CohortTable], cohort: str, generation: str) -> str:
    cells = [table.cells.get((cohort, generation)) for table in tables]
    rates = [100 * event.protection_rate for event in cells if event is not None]
    return f"{mean(rates):.0f} ({min(rates):.0f}-{max(rates):.0f})" if rates else ""


def column(name: str, width: int = 0) -> str:
    """A name in a table, filled with blanks to some columns."""
    shown = cut(clean(name), LONGEST_NAME)
    return shown + " " * (width - cells(shown))
