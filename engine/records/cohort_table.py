"""Cohorts by the trainer's models: a fold over events, and its one layout, which every display only draws."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from facetui.engine.records.events import WHOLE_ARCHIVE, Event, ProtectionMeasured, RunBegan
from facetui.engine.records.rates import difference_interval, people_interval, percent, percents
from facetui.engine.records.text import html

NEWS, RISE = "!", "↑"
"""Marks of a cell: under an attack that the model was not trained against; higher than before."""

TITLE = "share of clean probes not named; the trainer's models in the order in which it had them"
ROWS = "photos posted under"
"""What stands above the names of the rows."""

EVERYBODY_ELSE = "everybody else"


@dataclass
class CohortTable:
    """Cohorts by the trainer's generations: reads like a retention table.

    Attributes:
        cohorts: rows in the order in which they were posted; the whole archive comes last.
        generations: columns in the order in which the trainer had them.
        cells: the latest measurement of a cohort under a generation.
        cited: figures that others reported.
        users: names of the protected people, in the order in which measurements have them.
    """

    cohorts: list[str] = field(default_factory=list)
    generations: list[str] = field(default_factory=list)
    cells: dict[tuple[str, str], ProtectionMeasured] = field(default_factory=dict)
    cited: list[ProtectionMeasured] = field(default_factory=list)
    users: list[str] = field(default_factory=list)

    def add(self, event: Event) -> None:
        """Take one more event into account."""
        if isinstance(event, RunBegan):
            self.users = list(event.users)
        if not isinstance(event, ProtectionMeasured):
            return
        if event.basis == "cited":
            self.cited.append(event)
            return
        if event.generation not in self.generations:
            self.generations.append(event.generation)
        if event.cohort not in self.cohorts:
            place = len(self.cohorts) - (WHOLE_ARCHIVE in self.cohorts)
            self.cohorts.insert(place, event.cohort)
        self.cells[event.cohort, event.generation] = event

    def rises(self, cohort: str, generation: str) -> bool:
        """Whether protection is higher than with the generation before it under which the cohort was measured."""
        before = self._before(cohort, generation)
        return before is not None and self.cells[cohort, generation].protection_rate > before.protection_rate

    def rises_by_law(self, cohort: str, generation: str) -> bool:
        """Whether it is higher because a law came into force, and not by a model's fault."""
        before, law = self._before(cohort, generation), self.cells[cohort, generation].law
        return self.rises(cohort, generation) and before is not None and law not in ("", before.law)

    def _before(self, cohort: str, generation: str) -> ProtectionMeasured | None:
        """The measurement of a cohort under the generation before, which need not be the next one to the left."""
        names = self.generations[: self.generations.index(generation)]
        measured = [self.cells[cohort, name] for name in names if (cohort, name) in self.cells]
        return measured[-1] if measured else None

    def _repr_html_(self) -> str:
        """The table in a notebook."""
        return "".join(table_html(self))

    def unprotected(self, generation: str) -> ProtectionMeasured | None:
        """The measurement that tells how often everybody else was not named."""
        return self.cells.get((WHOLE_ARCHIVE, generation))


def cohort_table(events: Iterable[Event]) -> CohortTable:
    """The table of a whole run."""
    table = CohortTable()
    for event in events:
        table.add(event)
    return table


# --- its layout ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """What was measured of one row under one model.

    Attributes:
        text: the rate, with its marks; empty: not measured.
        rate: share of clean probes not named, in [0, 1].
        small: the interval, the numbers of probes and people, and whether the tool was weakened.
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
        how = [percents(*event.interval) if event.interval is not None else "by law" if event.law else ""]
        how += [f"n {event.n_probes}", f"{len(event.people)} people" if event.people else "", event.weakened]
        text = percent(event.protection_rate) + cell_marks(table, name, column, rise)
        return Cell(text, event.protection_rate, ", ".join(filter(None, how)), event)

    def everybody_else(_: str, column: str) -> Cell:
        event = table.unprotected(column)
        if event is None or event.unprotected_error is None:
            return Cell()
        return Cell(percent(event.unprotected_error), event.unprotected_error, f"n {event.n_unprotected}", event)

    return _laid_out(table, cohort, everybody_else)


@dataclass(frozen=True)
class Pooled:
    """One cell of several runs, person by person: who is asked for in several runs counts as one person.

    Attributes:
        missed: of each person, how many probes were not named right in all runs.
        probes: of each person, how many there were.
    """

    missed: dict[str, int]
    probes: dict[str, int]

    @property
    def rate(self) -> float:
        """Share of all probes not named."""
        return sum(self.missed.values()) / sum(self.probes.values())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval, people resampled."""
        return people_interval(list(self.missed.values()), list(self.probes.values()))

    def fell_to(self, after: Pooled) -> tuple[float, float, float]:
        """By how much less is missed with another model, and the interval, paired by person; people of both count."""
        both = [name for name in self.probes if name in after.probes]
        rows = [[cell[name] for name in both] for cell in (self.missed, after.missed, self.probes)]
        return (sum(rows[0]) - sum(rows[1])) / sum(rows[2]), *difference_interval(*rows)


def pooled(tables: Sequence[CohortTable]) -> dict[tuple[str, str], Pooled]:
    """The tables of several runs, cell by cell; what a law decided and what is cited are left out."""
    cells: dict[tuple[str, str], Pooled] = {}
    for table in tables:
        for key, event in table.cells.items():
            if event.interval is None or not event.people:
                continue
            names = table.users
            if len(names) != len(event.people):  # not known: other runs' people are not taken for the same
                names = [f"{id(table)}, {number}" for number in range(len(event.people))]
            cell = cells.setdefault(key, Pooled({}, {}))
            for name, missed, n in zip(names, event.missed, event.people, strict=True):
                cell.missed[name] = cell.missed.get(name, 0) + missed
                cell.probes[name] = cell.probes.get(name, 0) + n
    return cells


def pooled_grid(tables: Sequence[CohortTable]) -> Grid:
    """The tables of several seeds as one: share, interval and people of each cell, in per cent."""
    if not tables:
        return Grid((), ())
    cells = pooled(tables)

    def cohort(name: str, column: str) -> Cell:
        cell = cells.get((name, column))
        if cell is None:
            return Cell()
        low, high = (f"{100 * end:.0f}" for end in cell.interval)
        small = f"n {sum(cell.probes.values())}, {len(cell.probes)} people"
        return Cell(f"{100 * cell.rate:.0f} ({low}-{high})", cell.rate, small)

    def everybody_else(_: str, column: str) -> Cell:
        asked = [e for table in tables if (e := table.unprotected(column)) and e.unprotected_error is not None]
        n = sum(event.n_unprotected for event in asked)
        if not n:
            return Cell()
        rate = sum(event.n_unprotected * (event.unprotected_error or 0) for event in asked) / n
        return Cell(f"{100 * rate:.1f}", rate, f"n {n}")

    return _laid_out(tables[0], cohort, everybody_else)


def falls(tables: Sequence[CohortTable]) -> Iterator[tuple[str, str, str, tuple[float, float, float]]]:
    """Cohort, the first model that all runs asked, a later one, and by how much less is missed with it.

    Pooled over the runs that have both, and paired by person: in a run whose trainer chose otherwise one may be absent.
    """
    for cohort in tables[0].cohorts if tables else ():
        columns = [column for column in tables[0].generations if (cohort, column) in pooled(tables)]
        common = [column for column in columns if all((cohort, column) in table.cells for table in tables)]
        first = (common or columns)[:1]
        for before, later in ((b, column) for b in first for column in columns[columns.index(b) + 1 :]):
            both = [t for t in tables if (cohort, before) in t.cells and (cohort, later) in t.cells]
            cells = pooled(both)
            if (cohort, before) in cells and (cohort, later) in cells:
                yield cohort, before, later, cells[cohort, before].fell_to(cells[cohort, later])


def _laid_out(
    table: CohortTable, cohort: Callable[[str, str], Cell], others: Callable[[str, str], Cell] | None = None
) -> Grid:
    names = [(name, cohort) for name in table.cohorts] if table.cells else []
    if others is not None and names:
        names.append((EVERYBODY_ELSE, others))
    columns = tuple(table.generations)
    return Grid(columns, tuple(Row(name, tuple(cell(name, column) for column in columns)) for name, cell in names))


def cell_marks(table: CohortTable, cohort: str, generation: str, rise: str = RISE) -> str:
    """What stands behind a measured figure in the table of cohorts by models: ``!``, `` ↑``, both, or nothing."""
    news = NEWS if table.cells[cohort, generation].is_news else ""
    return news + (f" {rise}" if table.rises(cohort, generation) else "")


def cell_remarks(table: CohortTable, cohort: str, generation: str) -> list[str]:
    """The marks of one cell in words."""
    said = []
    if table.cells[cohort, generation].is_news:
        said.append("the model was not trained against this attack")
    if table.rises_by_law(cohort, generation):
        said.append("higher, for a law forbids what the trainer could do before")
    elif table.rises(cohort, generation):
        said.append("higher than with the model before it")
    return said


def marks(table: CohortTable, rise: str = RISE) -> list[str]:
    """What the marks in a table mean, as far as they are there."""
    risen = [key for key in table.cells if table.rises(*key)]
    said = []
    if any(not table.rises_by_law(*key) for key in risen):
        said.append(f"{rise} higher than with the model before it; who keeps the old model loses nothing")
    if any(table.rises_by_law(*key) for key in risen):
        said.append(f"{rise} under a law: higher, for the trainer may not do what it could do before")
    if any(event.is_news for event in table.cells.values()):
        said.append(f"{NEWS} under an attack that this model was not trained against")
    return said


def table_html(table: CohortTable) -> Iterator[str]:
    """The table as HTML, whatever text is foreign in it escaped; nothing where nothing was measured."""
    shown = grid(table)
    if not shown.rows:
        return
    yield f'<table><caption>{html(TITLE)}</caption>\n<thead><tr><th scope="col">{html(ROWS)}</th>'
    yield from (f'<th scope="col">{html(name)}</th>' for name in shown.columns)
    yield "</tr></thead>\n<tbody>\n"
    for row in shown.rows:
        yield f'<tr><th scope="row">{html(row.name)}</th>'
        yield from (f'<td title="{html(cell.small)}">{html(cell.text)}</td>' for cell in row.cells)
        yield "</tr>\n"
    yield "</tbody></table>\n"
    yield from (f"<p>{html(text)}</p>\n" for text in marks(table))
