"""What somebody calls a run, and a line about it, beside the journal: neither that nor the folder's name changes.

So a run may be named while it goes on, and a copy of somebody else's, too. A label may come with a stranger's archive:
whatever it says is cleaned, and cut to what a line can hold.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from facetui.engine.records import files, journal, places, text
from facetui.engine.records.errors import JournalError, UsageError

FILE = "label.json"
MOST = 1 << 14
"""Bytes of that file."""

NAME_MOST, NOTE_MOST = 60, 300
"""Characters of a name, and of a note."""


class Label(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a run is called, and a line about it; empty: nothing.

    Attributes:
        name: how it is called.
        note: a line about it.
    """

    name: str = ""
    note: str = ""


def line(said: str, most: int) -> str:
    """Text as it is kept: one line, cleaned, so many characters of it at most."""
    return text.brief(" ".join(text.name(said).split()), most)


def read(folder: Path) -> Label:
    """The label of a run; an empty one where there is none that can be read."""
    try:
        found = msgspec.json.decode(files.read(folder, FILE, MOST), type=Label)
    except (OSError, msgspec.DecodeError, UnicodeError, RecursionError):
        return Label()
    return Label(line(found.name, NAME_MOST), line(found.note, NOTE_MOST))


def encode(label: Label) -> bytes:
    """A label as its file has it; nothing for an empty one."""
    return text.json(label) + b"\n" if label.name or label.note else b""


def write(folder: Path, *, name: str | None = None, note: str | None = None) -> Label:
    """Call a run something, or say something about it.

    Args:
        folder: the run's; it may go on.
        name: empty: none any more; ``None``: as it was.
        note: the same.

    Raises:
        UsageError: it is too long.
        JournalError: it cannot be written.
    """
    before = read(folder)
    for said, most, what in ((name, NAME_MOST, "name"), (note, NOTE_MOST, "note")):
        if said is not None and len(said.strip()) > most:
            raise UsageError(f"expected a {what} of at most {most} characters, got {len(said.strip())}")
    label = Label(
        before.name if name is None else line(name, NAME_MOST), before.note if note is None else line(note, NOTE_MOST)
    )
    try:
        files.write(folder, FILE, encode(label))
    except OSError as error:
        raise JournalError(f"{places.short(folder / FILE)} cannot be written ({error.strerror})") from error
    return label


def find(name: str, parents: Sequence[Path] | None = None) -> Path:
    """The run that is meant: a path, a folder's name, what somebody calls it, or the beginning of one folder's name.

    Args:
        name: as typed.
        parents: folders of runs; absent: one's own.

    Raises:
        UsageError: none, or more than one.
    """
    places_of_runs = [journal.runs_folder()] if parents is None else list(parents)
    wanted = line(name, NAME_MOST)
    known = [folder for parent in places_of_runs for folder in journal.runs(parent)]
    if wanted and all(folder.name != name for folder in known) and not os.path.exists(places.expanded(Path(name))):
        called = [folder for folder in known if read(folder).name == wanted]
        if len(called) > 1:
            raise UsageError(f"{len(called)} runs are called {wanted!r}: {', '.join(f.name for f in called[:4])}")
        if called:
            return called[0]
    return journal.find(name, places_of_runs)
