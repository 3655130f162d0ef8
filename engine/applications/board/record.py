"""What a board knows of one tool, as one JSON file: everything that a page needs. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from facetui.engine.records import files
from facetui.engine.records.errors import DataError, UsageError
from facetui.engine.records.fields import Count, Name, Rate, Seconds, Whole
from facetui.engine.records.rates import people_interval
from facetui.engine.records.text import brief, json

VERSION = 1
MOST = 8 << 20
"""Bytes of a file that is read."""

MOST_PEOPLE, MOST_CELLS = 1000, 1000

Kind = Literal["naive", "newer", "other", "adapted", "purified", "detected"]
KINDS: tuple[Kind, ...] = ("naive", "newer", "other", "adapted", "purified", "detected")
"""Trainers, as ``check`` has them."""

AS_RELEASED = ("naive", "newer", "other")
"""Trainers who put nothing before an extractor, and change nothing in it."""

State = Literal["measured", "hidden", "failed"]

Level = Annotated[float, msgspec.Meta(ge=0, le=255)]
"""A change of a channel, of 255."""


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One trainer with one extractor, asked for one person."""

    trainer: Kind
    extractor: Name
    detail: Name = ""
    """What the trainer does besides, in a few words."""
    probes: Count
    missed: Count
    """Of the clean probes, how many were not named first while the tool's photos were enrolled."""
    leaked: Count
    """The same while a tenth of them is enrolled clean."""
    clean: Count
    """The same while all are enrolled clean: whether the trainer knows the person at all."""

    @property
    def key(self) -> tuple[Kind, str]:
        """What one person has once."""
        return self.trainer, self.extractor


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one fictional person's photos."""

    name: Name
    state: State
    """``hidden``: the tool hid so many faces that nothing is left to search in; ``failed``: ``why`` says it."""
    why: Name = ""
    photos: Count
    """Given to the tool."""
    pairs: Count = 0
    """Of them, those that were found again with a face."""
    hidden: Count = 0
    """Photos in whose copies no face is found any more."""
    unchanged: Count = 0
    seconds: Seconds = 0.0
    """That the tool took for all of them, its start included."""
    linf: Level | None = None
    """Of the photo that changed most."""
    dssim: Rate | None = None
    """Mean over photos."""
    left_out: Annotated[list[Name], msgspec.Meta(max_length=MOST_CELLS)] = []
    """Photos that took no part, one sentence each."""
    cells: Annotated[list[Cell], msgspec.Meta(max_length=MOST_CELLS)] = []


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What boards have to share to be compared."""

    people: Name
    fictional: bool
    n_crowd: Count
    """People among whom everybody is searched for."""
    n_people: Count
    photos: Count
    """Posted by everybody."""
    size: Count
    """Pixels of a photo's side."""
    cast: Name
    strength: Name
    """Of the tools that the trainers learn from."""
    seed: Whole
    weights: dict[Name, Name]
    """Beginnings of the SHA-256 of every network's weights."""


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """One tool."""

    facetui_board: Annotated[int, msgspec.Meta(ge=1)] = VERSION
    tool: Name
    command: Name
    """As it was given; empty: an attack of this package."""
    shell: bool = False
    about: Name = ""
    """Of an attack of this package: how it was run."""
    settings: Settings
    persons: Annotated[list[Person], msgspec.Meta(min_length=1, max_length=MOST_PEOPLE)]
    versions: dict[Name, Name] = {}
    device: Name = ""

    @property
    def measured(self) -> list[Person]:
        """People in whose photos could be searched."""
        return [person for person in self.persons if person.state == "measured"]

    @property
    def seconds_a_photo(self) -> float | None:
        """Over everybody for whom the tool came to its end."""
        done = [person for person in self.persons if person.state != "failed"]
        photos = sum(person.photos for person in done)
        return sum(person.seconds for person in done) / photos if photos else None

    @property
    def hidden(self) -> tuple[int, int]:
        """Photos in whose copies no face is found any more, of how many."""
        done = [person for person in self.persons if person.state != "failed"]
        return sum(person.hidden for person in done), sum(person.photos for person in done)

    @property
    def linf(self) -> float | None:
        """Of the photo that changed most, of 255."""
        return max((person.linf for person in self.persons if person.linf is not None), default=None)

    @property
    def dssim(self) -> float | None:
        """Mean over people's means."""
        seen = [person.dssim for person in self.persons if person.dssim is not None]
        return sum(seen) / len(seen) if seen else None

    def figures(self) -> list[Figure]:
        """One a trainer and extractor, in the order in which they were tried."""
        found: dict[tuple[Kind, str], list[Cell]] = {}
        for person in self.measured:
            for cell in person.cells:
                found.setdefault(cell.key, []).append(cell)
        return [Figure(*key, cells) for key, cells in found.items()]

    def best(self, trainers: Sequence[str] = KINDS) -> Figure | None:
        """Of some trainers the one who names most of everybody's photos; only those who were tried on everybody."""
        tried = [f for f in self.figures() if f.trainer in trainers and len(f.cells) == len(self.measured)]
        return min(tried, key=lambda figure: figure.rate, default=None)

    def retroactive(self) -> Figure | None:
        """Of the trainers as released the one who names most where a tenth of the photos is out there clean."""
        tried = [f for f in self.figures() if f.trainer in AS_RELEASED]
        return min(tried, key=lambda figure: figure.leaked_rate, default=None)


@dataclass(frozen=True)
class Figure:
    """One trainer with one extractor, asked for everybody; shares are of clean photos not named first.

    Attributes:
        trainer: its kind.
        extractor: its name.
        cells: one a person.
    """

    trainer: Kind
    extractor: str
    cells: Sequence[Cell]

    @property
    def probes(self) -> list[int]:
        """Of each person."""
        return [cell.probes for cell in self.cells]

    def _rate(self, missed: Sequence[int]) -> float:
        return sum(missed) / max(1, sum(self.probes))

    @property
    def rate(self) -> float:
        """While the tool's photos are enrolled, in [0, 1]."""
        return self._rate([cell.missed for cell in self.cells])

    @property
    def interval(self) -> tuple[float, float]:
        """Of ``rate``: 95 %, people resampled."""
        return people_interval([cell.missed for cell in self.cells], self.probes)

    @property
    def leaked_rate(self) -> float:
        """While a tenth of them is enrolled clean."""
        return self._rate([cell.leaked for cell in self.cells])

    @property
    def leaked_interval(self) -> tuple[float, float]:
        """Of ``leaked_rate``."""
        return people_interval([cell.leaked for cell in self.cells], self.probes)

    @property
    def clean_rate(self) -> float:
        """While all are enrolled clean."""
        return self._rate([cell.clean for cell in self.cells])

    @property
    def clean_interval(self) -> tuple[float, float]:
        """Of ``clean_rate``."""
        return people_interval([cell.clean for cell in self.cells], self.probes)


def differences(one: Board, other: Board) -> list[str]:
    """Names of the settings in which two boards differ; figures of such boards are not to be compared."""
    return [n for n in Settings.__struct_fields__ if getattr(one.settings, n) != getattr(other.settings, n)]


def read(path: Path) -> Board:
    """A board from a file that somebody else may have made.

    Raises:
        DataError: it is missing, no board, damaged, or of a newer version.
    """
    try:
        content = files.read(path.parent, path.name, MOST)
    except OSError as error:
        raise DataError(f"{path.name} cannot be read ({error.strerror}); facetui board TOOL makes boards") from None
    try:
        board = msgspec.json.decode(content, type=Board)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{path.name} is no board of a tool: {brief(error)}; facetui board TOOL makes them") from None
    if board.facetui_board > VERSION:
        raise DataError(f"{path.name} was written by a newer facetui; update this one")
    for fault in _faults(board):
        raise DataError(f"{path.name} is damaged: {fault}; measure the tool again")
    return board


def _faults(board: Board) -> Iterator[str]:
    """What no measurement gives, in words."""
    if len({person.name for person in board.persons}) < len(board.persons):
        yield "somebody is in it twice"
    for person in board.persons:
        name = brief(person.name, 40)
        if person.state == "measured" and not person.cells:
            yield f"{name} is measured, without any figure"
        if person.state != "measured" and person.cells:
            yield f"{name} has figures without being measured"
        if len({cell.key for cell in person.cells}) < len(person.cells):
            yield f"{name} has two figures of one trainer"
        if person.pairs + person.hidden > person.photos or person.unchanged > person.pairs:
            yield f"{name} has more photos than were given to the tool"
        for cell in person.cells:
            if not cell.probes or max(cell.missed, cell.leaked, cell.clean) > cell.probes:
                yield f"expected 1 or more probes of {name}, and no more missed than there are"


def write(board: Board, path: Path) -> None:
    """Keep a board in a file.

    Raises:
        DataError: it cannot be written.
    """
    try:
        files.write(path.parent, path.name, json(board) + b"\n")
    except OSError as error:
        raise DataError(f"{path.name} cannot be written ({error.strerror}); choose another name with -o") from error


def check_name(tool: str) -> str:
    """A tool's name, which a file can have.

    Raises:
        UsageError: it is empty, or holds what a path holds.
    """
    if not tool.strip() or len(tool) > 100 or set(tool) & set("/\\\0") or tool.startswith("."):
        raise UsageError(f"expected a tool's name that a file can have, got {brief(tool)!r}")
    return tool
