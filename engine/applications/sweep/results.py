"""What a sweep found: seeds pooled by person, a grid for every story, cast and gallery, and curves. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from facetui.engine.applications.benchmarks.cells import Answer, Cell, Results, Settings
from facetui.engine.applications.sweep.folder import Folder, Record
from facetui.engine.applications.sweep.units import Task, Unit
from facetui.engine.records.errors import DataError
from facetui.engine.records.rates import METHOD, people_interval


@dataclass(frozen=True)
class Measured:
    """A cell of one unit."""

    unit: Unit
    record: Record
    cell: Cell

    @property
    def task(self) -> Task:
        """What was asked for."""
        return self.unit.task

    @property
    def attack(self) -> str:
        """As a row is called."""
        return self.task.words if self.task.kind == "measure" else self.cell.attack

    @property
    def page(self) -> tuple[str, str, str, int]:
        """Story, values, cast and gallery: what does not fit into one grid."""
        task = self.task
        values = " ".join(f"{name}={value}" for name, value in task.values.items())
        return task.story, values, task.cast, self.cell.n_gallery

    @property
    def budget(self) -> str:
        """That the tool had; empty where the story says."""
        return self.task.budget


@dataclass
class Pooled:
    """The same of several seeds: who is asked for in several counts as one person.

    Attributes:
        first: one of them, for all that is the same.
        seeds: that are in it.
        missed: of each person, how many probes were not named right.
        probes: of each person, how many there were.
        others: of everybody else, how many were not named right, as far as it was asked, and how many there were.
    """

    first: Measured
    seeds: list[int] = field(default_factory=list)
    missed: dict[str, int] = field(default_factory=dict)
    probes: dict[str, int] = field(default_factory=dict)
    others: tuple[float, int] = (0.0, 0)
    linf: float | None = None
    dssim: float | None = None
    seconds: float = 0.0

    def add(self, one: Measured) -> None:
        """Take in another seed's."""
        cell = one.cell
        self.seeds.append(one.task.seed)
        for name, missed, n in zip(one.record.users, cell.missed, cell.probes, strict=True):
            if n:
                self.missed[name] = self.missed.get(name, 0) + missed
                self.probes[name] = self.probes.get(name, 0) + n
        if cell.unprotected_error is not None:
            wrong, n = self.others
            self.others = wrong + cell.unprotected_error * cell.n_unprotected, n + cell.n_unprotected
        self.linf = _most(self.linf, cell.linf)
        self.dssim = _most(self.dssim, cell.dssim)
        self.seconds += cell.seconds

    @property
    def rate(self) -> float:
        """Share of clean probes not named right, in [0, 1]."""
        return sum(self.missed.values()) / max(1, sum(self.probes.values()))

    @property
    def interval(self) -> tuple[float, float]:
        """95 %, people resampled."""
        return people_interval(list(self.missed.values()), list(self.probes.values()))

    def cell(self, users: list[str]) -> Cell:
        """As a cell of a grid of these people."""
        cell, (wrong, n) = self.first.cell, self.others
        return Cell(
            attack=self.first.attack,
            extractor=cell.extractor,
            answer=cell.answer,
            generation=cell.generation,
            missed=[self.missed.get(name, 0) for name in users],
            probes=[self.probes.get(name, 0) for name in users],
            unprotected_error=wrong / n if n else None,
            n_unprotected=n,
            n_gallery=cell.n_gallery,
            asked=cell.asked,
            linf=self.linf,
            dssim=self.dssim,
            about=cell.about,
            seconds=round(self.seconds, 1),
        )


def _most(one: float | None, other: float | None) -> float | None:
    return max((value for value in (one, other) if value is not None), default=None)


@dataclass(frozen=True)
class Page:
    """A grid of one story, cast and gallery.

    Attributes:
        title: what is particular to it.
        results: its cells.
    """

    title: str
    results: Results


@dataclass(frozen=True)
class Point:
    """One point of a curve: where it lies, and what was measured there."""

    x: float
    rate: float
    interval: tuple[float, float]
    people: int
    probes: int


@dataclass(frozen=True)
class Curve:
    """How protection under one attack goes along gallery sizes or budgets."""

    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Panel:
    """Curves that belong together.

    Attributes:
        title: extractor, answer, and what else is particular.
        axis: what goes along, with its unit.
        curves: one an attack.
    """

    title: str
    axis: str
    curves: tuple[Curve, ...]


Cells = dict[tuple[object, ...], Pooled]


@dataclass
class Found:
    """All that a sweep measured so far.

    Attributes:
        title: of the plan.
        cells: of each unit.
        total: units that measure something.
        finished: of these.
        damaged: names of units whose files are damaged: they are computed anew by the same sweep.
    """

    title: str
    cells: list[Measured]
    total: int
    finished: int
    damaged: list[str]
    text: str = ""

    def pooled(self) -> list[Pooled]:
        """Every cell, seeds pooled."""
        found: Cells = {}
        for one in self.cells:
            key = (*one.page, one.attack, one.cell.extractor, one.cell.answer, one.cell.generation)
            found.setdefault(key, Pooled(one)).add(one)
        return list(found.values())

    def pages(self) -> list[Page]:
        """A grid for every story, cast and gallery, in the order of the plan."""
        by_page: dict[tuple[str, str, str, int], list[Pooled]] = {}
        for one in self.pooled():
            by_page.setdefault(one.first.page, []).append(one)
        several = {place: len({key[place] for key in by_page}) > 1 for place in range(4)}
        return [Page(_title(key, several), _results(cells)) for key, cells in by_page.items()]

    def panels(self) -> list[Panel]:
        """Curves along gallery sizes and along budgets, where there is more than one of them."""
        pooled = [one for one in self.pooled()]
        return [*_panels(pooled, "gallery"), *_panels(pooled, "budget")]

    def rows(self, *, by_seed: bool = False) -> Iterator[dict[str, object]]:
        """Every cell as a flat row, for CSV and Parquet.

        Args:
            by_seed: each seed for itself instead of all together.
        """
        if not by_seed:
            yield from map(_row, self.pooled())
            return
        for one in self.cells:
            alone = Pooled(one)
            alone.add(one)
            yield _row(alone)


def read(folder: Folder) -> Found:
    """What a sweep measured so far.

    Raises:
        DataError: the folder holds no sweep, or nothing was measured yet.
    """
    plan = folder.plan()
    there = folder.finished()
    wanted = [unit for unit in plan.units if unit.task.kind != "perturb"]
    cells, damaged, finished = [], [], 0
    for unit in wanted:
        if unit.name not in there:
            continue
        record = folder.record(unit.name)
        if record is None:
            damaged.append(unit.name)
            continue
        finished += 1
        cells += [Measured(unit, record, cell) for cell in record.cells]
    if not cells:
        why = f"0 of {len(wanted)} units are finished" if not finished else "nothing was measured by people"
        raise DataError(f"{folder.path.name} has no results yet: {why}; facetui sweep goes on with it")
    return Found(plan.title, cells, len(wanted), finished, damaged, plan.text)


def _title(key: tuple[str, str, str, int], several: dict[int, bool]) -> str:
    story, values, cast, gallery = key
    parts = [story, values, f"cast {cast}" if several[2] or not story else "", f"among {gallery} people"]
    return ", ".join(filter(None, parts))


def _results(cells: list[Pooled]) -> Results:
    users = list(dict.fromkeys(name for one in cells for name in one.probes))
    first = cells[0].first
    task, record = first.task, first.record
    settings = Settings(
        people=task.people,
        fictional=record.fictional,
        users=users,
        n_people=record.n_people,
        n_crowd=record.n_crowd,
        crowd=task.crowd,
        photos=task.photos,
        seed=task.seed,
        seeds=sorted({seed for one in cells for seed in one.seeds}),
        asked=record.asked,
        surrogates=list(task.surrogates),
        tools=list(task.adapted_to),
        training_steps=task.training_steps,
        weights={name: digest for name, digest in task.hashes.items() if name in (*task.surrogates, *task.extractors)},
        per_person=task.per_person,
        versions=dict(record.versions),
        device=record.device,
    )
    made = [one.cell(users) for one in cells]
    return Results(settings, {cell.key: cell for cell in made})


def _row(one: Pooled) -> dict[str, object]:
    task, cell = one.first.task, one.first.cell
    (low, high), (wrong, n) = one.interval, one.others
    return {
        "story": task.story,
        "values": one.first.page[1],
        "cast": task.cast,
        "attack": one.first.attack,
        "budget": one.first.budget,
        "extractor": cell.extractor,
        "answer": cell.answer,
        "generation": cell.generation,
        "among": cell.n_gallery,
        "seeds": " ".join(map(str, sorted(one.seeds))),
        "not_named": one.rate,
        "low": low,
        "high": high,
        "method": METHOD,
        "people": len(one.probes),
        "probes": sum(one.probes.values()),
        "unprotected_error": wrong / n if n else None,
        "n_unprotected": n,
        "asked": cell.asked,
        "linf": one.linf,
        "dssim": one.dssim,
        "seconds": round(one.seconds, 1),
    }


# --- curves -------------------------------------------------------------------------------------------------------


def _panels(pooled: Iterable[Pooled], axis: str) -> Iterator[Panel]:
    """One panel for every combination of what does not go along the axis."""
    grouped: dict[tuple[str, ...], dict[str, list[Point]]] = {}
    for one in pooled:
        found = _place(one, axis)
        if found is None:
            continue
        where, name, x, unit = found
        people, probes = len(one.probes), sum(one.probes.values())
        point = Point(x, one.rate, one.interval, people, probes)
        grouped.setdefault((*where, unit), {}).setdefault(name, []).append(point)
    for key, curves in grouped.items():
        *place, unit = key
        long = [Curve(name, tuple(sorted(p, key=lambda p: p.x))) for name, p in curves.items() if len(p) > 1]
        if long:
            yield Panel(", ".join(filter(None, place)), unit, tuple(long))


def _place(one: Pooled, axis: str) -> tuple[tuple[str, ...], str, float, str] | None:
    """Panel, curve, place on the axis and its name of a cell; ``None``: it stands on no such axis."""
    first = one.first
    story, values, cast, gallery = first.page
    answer: Answer = first.cell.answer
    what = (story, values, f"cast {cast}", first.cell.generation, answer if answer != "nearest" else "")
    if axis == "gallery":
        return what, first.attack, float(gallery), "people searched among"
    if first.task.kind != "measure" or not first.unit.size:
        return None
    norm = first.budget.partition(" ")[0]
    size = first.unit.size * (255 if norm == "linf" else 1)
    return (*what, f"among {gallery} people"), first.task.attack, size, f"budget, {norm}{' of 255' * (norm == 'linf')}"
