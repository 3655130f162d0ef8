"""The table of cohorts by the trainer's models, once: plain lines, screen, reports, CSV and page only lay it out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean

from facetui.engine.records.cohort_table import CohortTable
from facetui.engine.records.events import WHOLE_ARCHIVE, ProtectionMeasured
from facetui.engine.records.rates import percent, percents
from facetui.tui.text.sentences import RISE, cell_marks

TITLE = "share of clean probes not named; the trainer's models in the order in which it had them"
ROWS = "photos posted under"
"""What stands above the names of the rows."""

EVERYBODY_ELSE = "everybody else"


@dataclass(frozen=True)
class Cell:
    """What was measured of one row under one model.

    Attributes:
        text: the rate, with its marks; empty: not measured.
        rate: share of clean probes not named, in [0, 1].
        small: the interval and the number of probes.
        event: the measurement; of everybody else the one of the whole archive, which counted them, too.
    """

    text: str = ""
    rate: float | None = None
    small: str = ""
    event: ProtectionMeasured | None = None


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        name: of the cohort, or ``EVERYBODY_ELSE``.
        cells: one a column.
    """

    name: str
    cells: tuple[Cell, ...]

    @property
    def is_whole(self) -> bool:
        """Whether it is everything that the trainer holds."""
        return self.name == WHOLE_ARCHIVE

    @property
    def is_else(self) -> bool:
        """Whether it is about people who protect nothing."""
        return self.name == EVERYBODY_ELSE


@dataclass(frozen=True)
class Grid:
    """Rows and columns in the order in which they are shown; no rows where nothing was measured.

    Attributes:
        columns: the trainer's models.
        rows: cohorts, the whole archive, everybody else.
    """

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def grid(table: CohortTable, rise: str = RISE) -> Grid:
    """The table of one run, ``rise`` marking what is higher than before."""

    def cohort(name: str, column: str) -> Cell:
        event = table.cells.get((name, column))
        if event is None:
            return Cell()
        interval = f"{percents(*event.interval)}, " if event.interval is not None else ""
        text = percent(event.protection_rate) + cell_marks(table, name, column, rise)
        return Cell(text, event.protection_rate, f"{interval}n {event.n_probes}", event)

    def everybody_else(_: str, column: str) -> Cell:
        event = table.unprotected(column)
        if event is None or event.unprotected_error is None:
            return Cell()
        return Cell(percent(event.unprotected_error), event.unprotected_error, f"n {event.n_unprotected}", event)

    return _laid_out(table, cohort, everybody_else)


def spread(tables: Sequence[CohortTable]) -> Grid:
    """The tables of several seeds: each cell the mean over the runs, the smallest and the largest rate, in per cent."""
    # Other seeds are other people and other photos, but the same moves: rows and columns agree.

    def cohort(name: str, column: str) -> Cell:
        measured = [table.cells[name, column].protection_rate for table in tables if (name, column) in table.cells]
        if not measured:
            return Cell()
        low, middle, high = (f"{100 * rate:.0f}" for rate in (min(measured), mean(measured), max(measured)))
        return Cell(f"{middle} ({low}-{high})", mean(measured))

    return _laid_out(tables[0], cohort) if tables else Grid((), ())


def _laid_out(
    table: CohortTable, cohort: Callable[[str, str], Cell], others: Callable[[str, str], Cell] | None = None
) -> Grid:
    names = [(name, cohort) for name in table.cohorts] if table.cells else []
    if others is not None and names:
        names.append((EVERYBODY_ELSE, others))
    columns = tuple(table.generations)
    return Grid(columns, tuple(Row(name, tuple(cell(name, column) for column in columns)) for name, cell in names))
