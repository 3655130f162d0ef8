"""A run on disk: a folder with ``events.jsonl`` and ``pictures/``.

The first line is a header, every further line one event, flushed as it happens. While a run goes on its process holds
a lock on the file, so that a reader can tell a run that goes on from one that was killed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated, Literal, TypeVar

import msgspec

from facetui.engine import system
from facetui.engine.records import files, installation, places
from facetui.engine.records.errors import JournalError, UsageError
from facetui.engine.records.events import Event, RunBegan, RunEnded, RunFailed, decode, encode
from facetui.engine.records.text import brief

VERSION = 1
"""Major version of the format: a reader refuses a newer one, and skips kinds it does not know."""

EVENTS = "events.jsonl"
MOST = 256 << 20
"""Bytes of a journal that is read; what is larger was not written by a run, and would fill the memory."""

Status = Literal["running", "finished", "stopped", "failed", "killed", "empty"]
OVER: tuple[Status, ...] = ("finished", "stopped", "failed", "killed")
"""How a run stands that nothing is added to any more."""

E = TypeVar("E", bound=Event)


class _Header(msgspec.Struct):
    facetui_journal: Annotated[int, msgspec.Meta(ge=1)]
    began: str = ""


def new_run_folder(parent: Path, scenario: str) -> Path:
    """Make ``parent/<scenario>-<date>-<time>``, never an existing one.

    Raises:
        JournalError: the folder cannot be made.
    """
    slug = system.plain_name(re.sub(r"[^\w.-]+", "-", scenario).strip("-.")) or "run"
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    for suffix in ["", *(f"-{i}" for i in range(2, 1000))]:
        folder = parent / f"{slug}-{stamp}{suffix}"
        try:
            parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
        except FileExistsError:
            if not parent.is_dir():
                raise JournalError(f"{parent} is a file, not a folder; choose another with --out") from None
            continue
        except OSError as error:
            raise JournalError(
                f"cannot make the run folder {folder}: {error.strerror}; choose another with --out"
            ) from error
        return folder
    raise JournalError(f"{parent} already holds a thousand runs begun in this second")


class Journal:
    """Appends events to a run folder.

    Args:
        folder: an existing folder without a journal.

    Raises:
        JournalError: the file cannot be made or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / EVENTS
        self._file: IO[bytes] | None = None
        try:
            self._file = self.path.open("xb")
            system.lock(self._file.fileno())
            header = _Header(facetui_journal=VERSION, began=datetime.now().astimezone().isoformat(timespec="seconds"))
            self._file.write(msgspec.json.encode(header) + b"\n")
            self._file.flush()
            installation.seal(folder, EVENTS)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> JournalError:
        return JournalError(
            f"cannot write the journal {self.path}: {error.strerror}; "
            "make room or choose another folder with --out, then run again: what was computed is in the cache"
        )

    def append(self, event: Event) -> None:
        """Write one event and hand it to the operating system.

        Raises:
            JournalError: the disk is full, or the journal was closed.
        """
        if self._file is None:
            raise JournalError(f"the journal {self.path} is closed")
        try:
            self._file.write(encode(event) + b"\n")
            self._file.flush()
        except OSError as error:
            raise self._unwritable(error) from error

    def add_picture(self, png: bytes, *, fictional: bool = False) -> str:
        """Keep a PNG under its content hash; returns the hash.

        Args:
            png: the picture.
            fictional: it shows somebody who does not exist; signed, so that it may be shown to others.

        Raises:
            JournalError: it cannot be written.
        """
        name = hashlib.sha256(png).hexdigest()[:16]
        target = f"pictures/{name}.png"
        try:
            if not files.is_file(self.folder, target):
                files.write(self.folder, target, png)
                if fictional:
                    installation.vouch(self.folder, png)
        except OSError as error:
            raise self._unwritable(error) from error
        return name

    def close(self) -> None:
        """Release the lock; appending afterwards is an error."""
        if self._file is not None:
            with contextlib.suppress(OSError):  # what a full disk did not take was told when it was appended
                self._file.close()
            self._file = None


def read(folder: Path) -> list[Event]:
    """All whole events of a run, in order.

    A last line without its line break is still being written, or was cut off: it is left out.

    Raises:
        JournalError: no journal there, a newer format, or a damaged line.
    """
    return list(_parse(folder, load(folder)))


def load(folder: Path) -> bytes:
    """The journal as it lies there.

    Raises:
        JournalError: it is not there, or cannot be read.
    """
    path = folder / EVENTS
    try:
        return files.read(folder, EVENTS, MOST)
    except FileNotFoundError:
        raise JournalError(f"{folder} is not a run: it has no {EVENTS}; `facetui runs` lists runs") from None
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> JournalError:
    if error.errno == errno.EFBIG:
        return JournalError(f"{path} is larger than {MOST >> 20} MB, which no run writes; remove it")
    return JournalError(f"cannot read {path}: {error.strerror}")


def _parse(folder: Path, data: bytes) -> Iterator[Event]:
    path = folder / EVENTS
    *lines, _partial = data.split(b"\n")
    if not lines:
        raise JournalError(f"{path} is empty: the run was killed before its first event; run it again")
    yield from _events(path, lines, 1)


def _events(path: Path, lines: list[bytes], number: int) -> Iterator[Event]:
    """Events of some lines of which the first has a number, from 1; the file's first line is the header."""
    if number == 1 and lines:
        check_header(path, lines.pop(0))
        number = 2
    for line in lines:
        try:
            event = decode(line)
        except msgspec.DecodeError as error:
            raise JournalError(
                f"{path}, line {number}: damaged ({brief(error)}); delete that line to read the rest"
            ) from None
        number += 1
        if event is not None:
            yield event


def check_header(path: Path, line: bytes) -> None:
    """Refuse a first line that is not one of ours.

    Raises:
        JournalError: no journal, or one in a newer format.
    """
    try:
        header = msgspec.json.decode(line, type=_Header)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise JournalError(f"{path}, line 1: not a facetui journal; `facetui runs` lists runs") from None
    if header.facetui_journal > VERSION:
        raise JournalError(
            f"{path} was written in journal format {header.facetui_journal}, this facetui reads up to {VERSION}; "
            "upgrade facetui to replay it"
        )


class Tail:
    """Reads a journal while it is being written: each call gives what came since the last.

    Args:
        folder: a run's folder; the journal itself may not be there yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read = 0
        self._lines = 0
        self._rest = b""

    def more(self) -> list[Event]:
        """Whole events written since; a partial last line is kept for the next time.

        Raises:
            JournalError: a newer format, a damaged line, or a file that cannot be read.
        """
        path = self.folder / EVENTS
        try:
            with files.open_to_read(self.folder, EVENTS) as file:
                file.seek(self._read)
                left = max(0, min(MOST, os.fstat(file.fileno()).st_size) - self._read)
                data = file.read(left + 1)  # so many bytes are set aside at once, however few there are
            if self._read + len(data) > MOST:
                raise OSError(errno.EFBIG, "it is too large", str(path))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unreadable(path, error) from error
        self._read += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        first, self._lines = self._lines + 1, self._lines + len(lines)
        return list(_events(path, lines, first))


def is_locked(folder: Path) -> bool:
    """Whether a process still writes this journal."""
    try:
        with files.open_to_read(folder, EVENTS) as file:
            return system.is_locked(file.fileno())
    except OSError:
        return False


def status(folder: Path, events: list[Event]) -> Status:
    """How a run stands: its last event says finished, stopped or failed, its lock says running; else it was killed."""
    last = events[-1] if events else None
    if isinstance(last, RunEnded):
        return "finished"
    if isinstance(last, RunFailed):
        return "stopped" if last.stopped else "failed"
    if is_locked(folder):
        return "running"
    return "killed" if events else "empty"


def began_at(folder: Path) -> str:
    """When a run began, as ISO date and time with zone, from the first line of its journal.

    Raises:
        JournalError: no journal, or one in a newer format.
    """
    line = load(folder).partition(b"\n")[0]
    check_header(folder / EVENTS, line)
    return msgspec.json.decode(line, type=_Header).began[:40]


def first(events: list[Event], kind: type[E]) -> E | None:
    """The first event of a kind."""
    return next((event for event in events if isinstance(event, kind)), None)


def began(events: list[Event], folder: Path) -> RunBegan:
    """The event that opens a run.

    Raises:
        JournalError: it is not there: the run was killed before it.
    """
    event = first(events, RunBegan)
    if event is None:
        raise JournalError(f"{folder} ends before the run began: it was killed at once; run it again")
    return event


def find(name: str, parents: list[Path]) -> Path:
    """The run folder called ``name``: a path, a run's name, or the beginning of exactly one run's name.

    Raises:
        UsageError: none, or more than one.
    """
    direct = places.expanded(Path(name))
    if direct.name == EVENTS and os.path.isfile(direct):  # unlike Path.is_file it takes names of any length
        return direct.parent
    if os.path.isfile(direct / EVENTS) or (os.sep in name and os.path.isdir(direct)):
        return direct
    known = [folder for parent in parents for folder in runs(parent)]
    hits = [folder for folder in known if folder.name == name] or [f for f in known if f.name.startswith(name)]
    if len(hits) == 1:
        return hits[0]
    if hits:
        raise UsageError(f"{name!r} is the beginning of {len(hits)} runs: {', '.join(f.name for f in hits[:4])}")
    raise UsageError(
        f"no run is called {brief(repr(name))}; `facetui runs` lists runs, a path to a run folder works too"
    )


def runs_folder() -> Path:
    """``FACETUI_RUNS``, else the user's data folder."""
    override = os.environ.get("FACETUI_RUNS")
    return places.expanded(Path(override)) if override else places.data() / "runs"


def runs(parent: Path) -> list[Path]:
    """Run folders under a folder, newest first."""
    dated = []
    try:
        for folder in parent.iterdir():
            with contextlib.suppress(OSError):  # no run, or one that is being deleted
                dated.append(((folder / EVENTS).lstat().st_mtime, folder))
    except OSError:
        return []
    return [folder for _, folder in sorted(dated, reverse=True)]
