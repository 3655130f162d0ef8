"""The same story under several seeds: mean and spread of every cell."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from facetui.engine.records.cohort_table import CohortTable
from facetui.tui.text.plain import blocks, column
from facetui.tui.text.spans import cells, right


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
            row = "".join(_cell(tables, cohort, name).rjust(w) for name, w in block)
            lines.append((column(cohort, first) + row).rstrip())
    return lines


def _cell(tables: Sequence[CohortTable], cohort: str, generation: str) -> str:
    cells = [table.cells.get((cohort, generation)) for table in tables]
    rates = [100 * event.protection_rate for event in cells if event is not None]
    return f"{mean(rates):.0f} ({min(rates):.0f}-{max(rates):.0f})" if rates else ""
