"""The table of cohorts as rows, for CSV and JSON."""

from __future__ import annotations

import csv
import io

from facetui.engine.records.cohort_table import CohortTable, grid
from facetui.engine.records.events import ProtectionMeasured
from facetui.engine.records.text import csv_cell

FIELDS = (
    *("cohort", "generation", "attack", "extractor", "defence", "classifier", "law", "t"),
    *("protection_rate", "interval_low", "interval_high", "method", "n_probes", "n_people", "missed", "weakened"),
    *("asked", "n_gallery"),
    *("unprotected_error", "n_unprotected", "best_protection_rate", "best_generation", "basis", "source"),
)


def rows(table: CohortTable) -> list[dict[str, object]]:
    """Every measured cell and every cited figure, one a row."""
    shown = [cell.event for row in grid(table).rows if not row.is_else for cell in row.cells if cell.event]
    return [_row(event) for event in [*shown, *table.cited]]


def _row(event: ProtectionMeasured) -> dict[str, object]:
    low, high = event.interval or (None, None)
    values: dict[str, object] = {"interval_low": low, "interval_high": high, "n_people": len(event.people) or None}
    values["missed"] = " ".join(map(str, event.missed))  # of each person
    return {name: values.get(name, getattr(event, name, None)) for name in FIELDS}


def table_csv(table: CohortTable) -> str:
    """The same rows as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: csv_cell(value) for name, value in row.items()} for row in rows(table))
    return out.getvalue()
