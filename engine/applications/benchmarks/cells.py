"""Results of the paper's grid on disk: one line of JSON a cell, so that what was measured stays measured. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, get_args

import msgspec

from facetui.engine.people import PER_PERSON
from facetui.engine.records import files
from facetui.engine.records.errors import DataError, UsageError
from facetui.engine.records.fields import Count, Name, Rate, Seconds, Text
from facetui.engine.records.rates import METHOD, people_interval
from facetui.engine.records.text import brief

FILE = "cells.jsonl"
VERSION = 1
MOST = 64 << 20
"""Bytes of a file of cells that is read."""

Answer = Literal[
    "nearest", "linear", "end-to-end", "adapted", "purified", "combined", "subtracted", "learned-purifier", "stacked"
]
ANSWERS: tuple[Answer, ...] = get_args(Answer)
"""What a trainer does with an extractor: searches with it as it is, classifies by a linear layer or end to end, trains
it on the tools, washes photos before it, asks the adapted one where it is not sure, takes masks off, trains a purifier
on the tools, or one before the adapted extractor.
"""
LEARN: frozenset[Answer] = frozenset({"adapted", "combined", "learned-purifier", "stacked"})
"""Those for which the trainer learns from tools."""

Key = tuple[str, str, Answer]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a grid depends on: cells of other settings are never mixed."""

    people: Name
    """Of the game: ``embedded`` or a folder's name."""
    fictional: bool
    users: list[Name]
    """Who protects their photos, in the order of every cell's lists."""
    n_people: Count
    n_crowd: Count
    """Further people who are only searched among."""
    crowd: Name
    photos: Count
    """Posted by everybody in the game."""
    seed: int
    asked: Name
    surrogates: list[Name]
    """What tools attack: ensembles all of them, others the first."""
    tools: list[Name]
    """What the adapted trainer learns from."""
    training_steps: Count
    weights: dict[str, Name]
    """Beginnings of the SHA-256 of every network's weights."""
    per_person: Count = PER_PERSON
    """Photos taken of each person of a folder at most."""
    versions: dict[str, Name] = {}
    device: Name = ""
    seeds: list[int] = []
    """Of several that are pooled; empty: ``seed`` alone."""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One attack against one extractor in one trainer's hands."""

    attack: Name
    """In words, with what differs from its release."""
    extractor: Name
    answer: Answer
    generation: Name
    """The pipeline's name, as in the tables of stories."""
    missed: list[Count]
    """Of each user's clean probes, how many were not named right."""
    probes: list[Count]
    unprotected_error: Rate | None
    """Of the clean probes of people neither protected nor trained on."""
    n_unprotected: Count
    n_gallery: Count
    asked: Name
    linf: Rate | None = None
    dssim: Rate | None = None
    about: Text = ""
    """What in the attack differs from its release."""
    seconds: Seconds = 0.0

    @property
    def key(self) -> Key:
        """What is measured only once."""
        return self.attack, self.extractor, self.answer

    @property
    def n_people(self) -> int:
        """How many of the users were asked for: where seeds are pooled, some were not in every one."""
        return sum(n > 0 for n in self.probes)

    @property
    def rate(self) -> float:
        """Share of clean probes not named right, in [0, 1]."""
        return sum(self.missed) / max(1, sum(self.probes))

    @property
    def interval(self) -> tuple[float, float]:
        """95 %, people resampled."""
        return people_interval(self.missed, self.probes)

    def only(self, rows: Sequence[int]) -> Cell:
        """The same of some of the users, by their place in the lists."""
        return msgspec.structs.replace(
            self, missed=[self.missed[i] for i in rows], probes=[self.probes[i] for i in rows]
        )


class _Header(msgspec.Struct):
    facetui_cells: Annotated[int, msgspec.Meta(ge=1)]
    settings: Settings


@dataclass
class Results:
    """A grid as far as it is measured.

    Attributes:
        settings: what it depends on.
        cells: by key, in the order in which they were measured.
    """

    settings: Settings
    cells: dict[Key, Cell] = field(default_factory=dict)

    @property
    def attacks(self) -> list[str]:
        """Rows, in their order."""
        return list(dict.fromkeys(cell.attack for cell in self.cells.values()))

    @property
    def extractors(self) -> list[str]:
        """Columns, in their order."""
        return list(dict.fromkeys(cell.extractor for cell in self.cells.values()))

    @property
    def answers(self) -> list[Answer]:
        """What trainers did, in the order of ``ANSWERS``."""
        there = {cell.answer for cell in self.cells.values()}
        return [answer for answer in ANSWERS if answer in there]

    def at(self, attack: str, extractor: str, answer: Answer) -> Cell | None:
        """A cell, if it was measured."""
        return self.cells.get((attack, extractor, answer))

    def only(self, users: Sequence[str]) -> Results:
        """The same of some of the users.

        Raises:
            UsageError: somebody who is none of them.
        """
        unknown = [name for name in users if name not in self.settings.users]
        if unknown or not users:
            raise UsageError(f"expected some of {', '.join(self.settings.users)}, got {', '.join(users) or 'nobody'}")
        rows = [i for i, name in enumerate(self.settings.users) if name in users]
        settings = msgspec.structs.replace(self.settings, users=[self.settings.users[i] for i in rows])
        return Results(settings, {key: cell.only(rows) for key, cell in self.cells.items()})


def read(folder: Path) -> Results:
    """A grid that was kept; a last line that was cut off by a stop is left out.

    Raises:
        DataError: there is none, or it is damaged.
    """
    try:
        lines = files.read(folder, FILE, MOST).split(b"\n")
    except OSError as error:
        raise DataError(
            f"{folder.name} holds no results ({error.strerror}); facetui bench paper --out makes them"
        ) from None
    return parse(lines, f"{folder.name}/{FILE}")


SHIPPED = "data/paper.jsonl"
"""The results that come along, within the engine's package."""


def shipped() -> Results:
    """The results that come along.

    Raises:
        DataError: none do.
    """
    try:
        content = (resources.files("facetui.engine") / SHIPPED).read_bytes()
    except FileNotFoundError:
        raise DataError("no results come along; facetui bench paper --out FOLDER makes them") from None
    return parse(content.split(b"\n"), "the results that come along")


def parse(lines: Sequence[bytes], name: str) -> Results:
    """Results from lines of JSON: a header, and a cell a line.

    Raises:
        DataError: not such a file, or a damaged line, with its number.
    """
    try:
        header = msgspec.json.decode(lines[0] if lines else b"", type=_Header)
    except msgspec.MsgspecError as error:
        raise DataError(f"{name} is no file of results: {brief(str(error))}") from None
    if header.facetui_cells > VERSION:
        raise DataError(f"{name} was written by a newer facetui; update this one")
    results = Results(header.settings)
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        try:
            cell = msgspec.json.decode(line, type=Cell)
        except msgspec.MsgspecError as error:
            if number == len(lines):
                break  # a stop in the middle of a write
            raise DataError(f"{name}, line {number}: {brief(str(error))}") from None
        if not len(cell.missed) == len(cell.probes) == len(header.settings.users):
            raise DataError(f"{name}, line {number}: expected figures of {len(header.settings.users)} users")
        if any(m > n for m, n in zip(cell.missed, cell.probes, strict=True)):
            raise DataError(f"{name}, line {number}: somebody misses more probes than there are")
        results.cells[cell.key] = cell
    return results


class Store:
    """A folder to which cells are appended.

    Args:
        folder: made if it is not there.
        settings: of this run.

    Attributes:
        results: what is there.

    Raises:
        DataError: what is there is damaged, or cannot be written.
        UsageError: what is there was measured with other settings.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            there = files.is_file(folder, FILE)
        except OSError as error:
            raise DataError(f"{folder} cannot be made ({error.strerror}); choose another with --out") from None
        if there:
            self.results = read(folder)
            other = [name for name, (a, b) in differences(self.results.settings, settings).items() if a != b]
            if other:
                raise UsageError(
                    f"{folder.name} holds results with other {', '.join(other)}; choose another folder with --out"
                )
            self._mend()
        else:
            self.results = Results(settings)
            header = msgspec.json.encode(_Header(VERSION, settings)) + b"\n"
            self._write(lambda: files.write(folder, FILE, header))

    def _mend(self) -> None:
        """Write what was read anew where the last line was cut off."""
        lines = [msgspec.json.encode(_Header(VERSION, self.results.settings))]
        lines += [msgspec.json.encode(cell) for cell in self.results.cells.values()]
        self._write(lambda: files.write(self._folder, FILE, b"\n".join([*lines, b""])))

    def add(self, cell: Cell) -> None:
        """Keep a cell, at once."""
        self.results.cells[cell.key] = cell
        line = msgspec.json.encode(cell) + b"\n"
        self._write(lambda: files.append(self._folder, FILE, line))

    def _write(self, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError as error:
            raise DataError(
                f"{self._folder / FILE} cannot be written ({error.strerror}); what was computed is in the cache"
            ) from None


IGNORED = ("versions", "device")
"""What may differ between the runs that make one grid."""


def differences(one: Settings, other: Settings) -> dict[str, tuple[object, object]]:
    """Both values of every setting that decides what is measured, by its name."""
    names = [name for name in Settings.__struct_fields__ if name not in IGNORED]
    return {name: (getattr(one, name), getattr(other, name)) for name in names}


def table(results: Results) -> Iterator[dict[str, object]]:
    """Every cell as a flat row, for CSV and Parquet."""
    for cell in results.cells.values():
        low, high = cell.interval
        yield {
            "attack": cell.attack,
            "extractor": cell.extractor,
            "answer": cell.answer,
            "not_named": cell.rate,
            "low": low,
            "high": high,
            "method": METHOD,
            "people": cell.n_people,
            "probes": sum(cell.probes),
            "unprotected_error": cell.unprotected_error,
            "n_unprotected": cell.n_unprotected,
            "among": cell.n_gallery,
            "asked": cell.asked,
            "linf": cell.linf,
            "dssim": cell.dssim,
            "generation": cell.generation,
            "seconds": cell.seconds,
        }
