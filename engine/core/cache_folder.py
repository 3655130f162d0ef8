"""What lies in the cache's folder: how much of which kind, what was used last, and what is in use now; no torch.

An entry's date is that of its last use. A process that uses the cache holds a locked file in the folder ``in-use`` as
long as it lives; whatever was used since the oldest of them began is in use.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import msgspec

from facetui.engine import system

IN_USE = "in-use"
BELOW = re.compile(r"[0-9a-f]{2}")
ENTRY = re.compile(r"[0-9a-f]{64}\.tensors")
PART = ".part"
"""How the name of a file ends that is being written, or was when its process was killed."""

HEAD_MOST = 1 << 20
"""Bytes that are read at most of the part of a file that names its tensors."""

JUST_MADE = 2.0
"""Seconds after which whoever made a file in ``in-use`` has surely locked it."""


class Kind(StrEnum):
    """What an entry holds, as it is shown."""

    PERTURBED = "perturbed photos"
    EMBEDDINGS = "embeddings"
    NETWORKS = "trained networks"
    CHECKPOINTS = "unfinished trainings"
    FACES = "faces found in photos"
    STRANGERS = "photos unlike the others"
    PAIRS = "photos before and after"
    NAMES = "names given to probes"
    TRIALS = "trials of networks"
    OTHER = "other results"
    EARLIER = "of earlier versions"
    KILLED = "left behind by killed runs"


@dataclass(frozen=True)
class Entry:
    """A file of the cache.

    Attributes:
        path: where it lies.
        size: bytes.
        used: when it was used last, seconds since 1970.
    """

    path: Path
    size: int
    used: float

    @property
    def kind(self) -> Kind:
        """What it holds, from its first bytes."""
        return Kind.KILLED if self.path.name.endswith(PART) else _kind(self.path)


class _Head(msgspec.Struct, rename={"metadata": "__metadata__"}):
    metadata: dict[str, str] = {}


def _kind(path: Path) -> Kind:
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            head = msgspec.json.decode(file.read(length), type=_Head) if length <= HEAD_MOST else _Head()
    except (OSError, msgspec.DecodeError, UnicodeError):
        return Kind.OTHER
    said = head.metadata.get("kind")
    if said is None:
        return Kind.EARLIER
    return Kind(said) if said in set(Kind) else Kind.OTHER


def entries(folder: Path) -> Iterator[Entry]:
    """Every file that the cache made in a folder; nothing else that lies there, and nothing behind a link."""
    for below in _scanned(folder):
        if BELOW.fullmatch(below.name) and below.is_dir(follow_symlinks=False):
            for file in _scanned(Path(below.path)):
                with contextlib.suppress(OSError):  # gone meanwhile
                    facts = file.stat(follow_symlinks=False)
                    if stat.S_ISREG(facts.st_mode) and (ENTRY.fullmatch(file.name) or file.name.endswith(PART)):
                        yield Entry(Path(file.path), facts.st_size, facts.st_mtime)


def _scanned(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []


# --- what is in use -----------------------------------------------------------------------------------------------

_marks: dict[Path, int | None] = {}


def mark_in_use(folder: Path) -> None:
    """Say that this process uses a folder, until it ends; where that cannot be said it is no matter."""
    if folder in _marks:
        return
    _marks[folder] = None
    with contextlib.suppress(OSError):
        (folder / IN_USE).mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=folder / IN_USE, prefix=f"{os.getpid()}-")
        system.lock(number)
        _marks[folder] = number  # open, and so locked, as long as the process lives
        atexit.register(_unmark, number, name, os.getpid())


def _unmark(number: int, name: str, pid: int) -> None:
    if os.getpid() == pid:  # not a child that came of a fork
        with contextlib.suppress(OSError):
            os.close(number)
            os.unlink(name)


def users(folder: Path) -> list[float]:
    """When each process that uses a folder now began to, seconds since 1970; what dead ones left is removed."""
    began = []
    for mark in _scanned(folder / IN_USE):
        with contextlib.suppress(OSError):
            facts = mark.stat(follow_symlinks=False)
            if stat.S_ISREG(facts.st_mode):
                if _lives(mark.path, time.time() - facts.st_mtime):
                    began.append(facts.st_mtime)
                else:
                    os.unlink(mark.path)
    return sorted(began)


def _lives(path: str, age: float) -> bool:
    if age < JUST_MADE:
        return True
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    try:
        return system.is_locked(number)
    finally:
        os.close(number)


# --- what goes ----------------------------------------------------------------------------------------------------


@dataclass
class Freed:
    """What was removed, and what was not.

    Attributes:
        entries: how many were removed.
        size: their bytes.
        kept: bytes of those that would have gone, but are in use.
        processes: how many processes use the cache now.
        left: bytes that remain, whatever they are.
        refused: why the system did not remove something, as it says so; empty: it did.
    """

    entries: int = 0
    size: int = 0
    kept: int = 0
    processes: int = 0
    left: int = 0
    refused: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What is to be removed.

    Attributes:
        going: entries, least recently used first.
        kept: those that would go, but are in use.
        processes: how many processes use the cache now.
        size: bytes of everything there is.
    """

    going: tuple[Entry, ...]
    kept: tuple[Entry, ...]
    processes: int
    size: int


def plan(folder: Path, *, to: int | None = None, unused_for: float | None = None) -> Plan:
    """Choose what to remove: what was not used for some time, then the least recently used until the rest is small.

    Args:
        folder: of the cache.
        to: bytes that may remain; ``None``: any number.
        unused_for: seconds; ``None``: however long.
    """
    using, now = users(folder), time.time()
    since = using[0] if using else float("inf")
    found = sorted(entries(folder), key=lambda entry: entry.used)
    whole = left = sum(entry.size for entry in found)
    going, kept = [], []
    for entry in found:
        too_old = unused_for is not None and now - entry.used > unused_for
        too_much = to is not None and left > to
        if not (too_old or too_much or entry.path.name.endswith(PART)):
            continue
        if entry.used >= since:
            kept.append(entry)
        else:
            going.append(entry)
            left -= entry.size
    return Plan(tuple(going), tuple(kept), len(using), whole)


def remove(chosen: Plan) -> Freed:
    """Remove what was chosen, but for what was used meanwhile."""
    freed = Freed(kept=sum(entry.size for entry in chosen.kept), processes=chosen.processes, left=chosen.size)
    for entry in chosen.going:
        try:
            if entry.path.lstat().st_mtime != entry.used:
                continue
            entry.path.unlink()
        except FileNotFoundError:
            pass  # somebody else removed it
        except OSError as error:
            why = error.strerror or str(error)
            freed.refused[why] = freed.refused.get(why, 0) + 1
            continue
        freed.entries += 1
        freed.size += entry.size
        freed.left -= entry.size
    return freed
