"""A sweep's folder: its plan, a file for every unit that is finished, and who computes what now. No torch.

``plan.json`` has the units, ``units/NAME.json`` what came out of one, ``failed/NAME.json`` why one did not come out,
``claims/NAME.lock`` is locked while somebody computes it, ``journal.jsonl`` has a line for every beginning and end, and
``runs/NAME`` the journals of stories. A file has its name only when it is whole.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from facetui.engine.applications.benchmarks.cells import Cell
from facetui.engine.applications.sweep.units import Unit
from facetui.engine.core import claims
from facetui.engine.core.claims import Claim
from facetui.engine.records import files
from facetui.engine.records.errors import DataError
from facetui.engine.records.fields import Count, Name, Seconds, Text
from facetui.engine.records.text import brief

PLAN, JOURNAL, UNITS, FAILED, CLAIMS, RUNS = "plan.json", "journal.jsonl", "units", "failed", "claims", "runs"
VERSION = 1
MOST = 256 << 20
"""Bytes of a plan that is read."""
MOST_RECORD = 16 << 20
"""Bytes of a unit's file that is read."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What came out of a unit."""

    facetui_unit: Annotated[int, msgspec.Meta(ge=1)]
    name: Name
    seconds: Seconds
    """That it took."""
    users: list[Name] = []
    """Who protects their photos, in the order of the cells' lists."""
    n_people: Count = 0
    n_crowd: Count = 0
    fictional: bool = False
    asked: Name = ""
    cells: list[Cell] = []
    host: Name = ""
    device: Name = ""
    threads: Count = 1
    versions: dict[str, Name] = {}


class _Took(msgspec.Struct):
    """As much of a record as its status needs."""

    seconds: Seconds


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a unit did not come out."""

    name: Name
    error: Text
    host: Name = ""


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """A sweep's plan as it is kept."""

    facetui_sweep: Annotated[int, msgspec.Meta(ge=1)]
    title: Text = ""
    text: Text = ""
    """The TOML file's."""
    units: list[Unit] = []


def is_sweep(folder: Path) -> bool:
    """Whether a folder holds a sweep."""
    return files.is_file(folder, PLAN)


class Folder:
    """A sweep's folder.

    Args:
        path: where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self, title: str, text: str, units: Sequence[Unit]) -> None:
        """Keep a plan; what an earlier one left here stays.

        Raises:
            DataError: it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            whole = Whole(facetui_sweep=VERSION, title=title, text=text, units=list(units))
            files.write(self.path, PLAN, msgspec.json.encode(whole))
            for below in (UNITS, FAILED, CLAIMS, RUNS):
                (self.path / below).mkdir(exist_ok=True)
        except OSError as error:
            raise DataError(f"{self.path} cannot be written ({error.strerror}); choose another with --out") from None

    def plan(self) -> Whole:
        """The plan.

        Raises:
            DataError: there is none, it is damaged, or a newer facetui wrote it.
        """
        try:
            content = files.read(self.path, PLAN, MOST)
        except OSError as error:
            why = f"{self.path.name} holds no sweep ({error.strerror})"
            raise DataError(f"{why}; facetui sweep FILE.toml makes one") from None
        try:
            found = msgspec.json.decode(content, type=Whole)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise DataError(f"{self.path.name}/{PLAN} is damaged: {brief(error)}; sweep the TOML file again") from None
        if found.facetui_sweep > VERSION:
            raise DataError(f"{self.path.name} was written by a newer facetui; update this one")
        return found

    def _names(self, below: str, ending: str) -> Iterator[str]:
        with contextlib.suppress(OSError), os.scandir(self.path / below) as entries:
            for entry in entries:
                if entry.name.endswith(ending) and not entry.name.startswith("."):
                    yield entry.name.removesuffix(ending)

    def finished(self) -> set[str]:
        """Names of the units that are finished."""
        return set(self._names(UNITS, ".json"))

    def is_finished(self, name: str) -> bool:
        """Whether a unit is."""
        return (self.path / UNITS / f"{name}.json").is_file()

    def seconds(self, name: str) -> float | None:
        """How long a unit took; ``None`` where its file is damaged."""
        try:
            return msgspec.json.decode(files.read(self.path, f"{UNITS}/{name}.json", MOST_RECORD), type=_Took).seconds
        except (OSError, msgspec.MsgspecError, UnicodeError):
            return None

    def record(self, name: str) -> Record | None:
        """What came out of a unit; ``None``: nothing yet, or its file is damaged."""
        try:
            found = msgspec.json.decode(files.read(self.path, f"{UNITS}/{name}.json", MOST_RECORD), type=Record)
        except (OSError, msgspec.MsgspecError, UnicodeError, RecursionError):
            return None
        whole = found.facetui_unit <= VERSION and all(_fits(found, cell) for cell in found.cells)
        return found if whole else None

    def keep(self, record: Record) -> None:
        """Write what came out of a unit.

        Raises:
            OSError: it cannot be written.
        """
        files.write(self.path, f"{UNITS}/{record.name}.json", msgspec.json.encode(record))
        with contextlib.suppress(OSError):
            (self.path / FAILED / f"{record.name}.json").unlink(missing_ok=True)

    def fail(self, failure: Failure) -> None:
        """Write why a unit did not come out, as far as the disk allows."""
        with contextlib.suppress(OSError):
            files.write(self.path, f"{FAILED}/{failure.name}.json", msgspec.json.encode(failure))

    def failures(self) -> dict[str, str]:
        """Why units did not come out, by their names."""
        found = {}
        for name in self._names(FAILED, ".json"):
            with contextlib.suppress(OSError, msgspec.MsgspecError, UnicodeError):
                content = files.read(self.path, f"{FAILED}/{name}.json", MOST_RECORD)
                found[name] = msgspec.json.decode(content, type=Failure).error
        return found

    def claim(self, name: str) -> Claim | None:
        """Take a unit; ``None`` where somebody else computes it.

        Raises:
            OSError: nothing can be locked here.
        """
        return claims.claim(self.path / CLAIMS / f"{name}.lock")

    def is_claimed(self, name: str) -> bool:
        """Whether somebody computes a unit now."""
        return claims.is_claimed(self.path / CLAIMS / f"{name}.lock")

    def claimed(self) -> set[str]:
        """Names of the units that somebody computes now."""
        return {n for n in self._names(CLAIMS, ".lock") if self.is_claimed(n)}

    def note(self, what: str, name: str, **more: object) -> None:
        """A line in the journal, as far as the disk allows."""
        with contextlib.suppress(OSError):
            line = msgspec.json.encode({"what": what, "unit": name, "pid": os.getpid(), **more})
            files.append(self.path, JOURNAL, line + b"\n")


def _fits(record: Record, cell: Cell) -> bool:
    """Whether a cell has figures of everybody, and nobody misses more than there is."""
    if not len(cell.missed) == len(cell.probes) == len(record.users):
        return False
    return all(m <= n for m, n in zip(cell.missed, cell.probes, strict=True))
