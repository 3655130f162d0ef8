"""What was run before, from the beginning and the end of each journal: quick however long the journals are."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import msgspec

from facetui.engine.records import files, journal
from facetui.engine.records.errors import JournalError
from facetui.engine.records.events import Note, RunBegan, decode
from facetui.tui.runs import labels, recordings
from facetui.tui.runs.labels import Label

ENDS = (65536, 16 << 20)
"""Bytes read at either end of a journal; the second where a line is longer than the first: a scenario's source stands
in the first event, what stopped a run in the last."""


DEMO = "demo"
"""The name under which the recording that comes along stands among the stories."""


@dataclass
class Story:
    """One line of the home screen's stories: its name, its sentence, seconds it took here last, and what came out."""

    name: str
    title: str
    seconds: float | None = None
    said: str = ""

    @property
    def words(self) -> str:
        """Everything by which it is found."""
        return f"{self.name} {self.title}".lower()


@dataclass
class Recent:
    """One line of the home screen's runs.

    Attributes:
        folder: its folder.
        scenario: its story.
        state: how it stands, or ``damaged``.
        seconds: how long it took so far.
        when: date and time of its last event.
        said: what its story said last, its conclusion if it is over.
        label: what somebody calls it, and says about it.
        cast: whom it was played with.
        title: of its story.
        changes: what in it is otherwise than the story has it; empty: nothing.
    """

    folder: Path
    scenario: str
    state: str
    seconds: float
    when: str
    said: str = ""
    label: Label = field(default_factory=Label)
    cast: str = ""
    title: str = ""
    changes: str = ""

    @property
    def words(self) -> str:
        """Everything by which it is found."""
        told = (self.folder.name, self.label.name, self.label.note, self.scenario, self.title, self.state, self.cast)
        return " ".join((*told, self.when, self.said, self.changes)).lower()


def comparable(entry: Story | Recent | None) -> str | None:
    """A line of the home screen as ``facetui diff`` takes it: a run by its folder, a story by its recording."""
    if isinstance(entry, Recent):
        return str(entry.folder) if entry.state not in ("damaged", "empty") else None
    name = recordings.FIRST if entry is not None and entry.name == DEMO else entry.name if entry is not None else ""
    return f"{recordings.RECORDED}{name}" if name in recordings.names() else None


def has_words(said: str, wanted: str) -> bool:
    """Whether a text in small letters has every one of some words, or beginnings of them."""
    return all(word in said for word in wanted.lower().split())


FEW, MANY = 12, 500
"""Runs that are read for a list: at once, and where one looks for some."""


def recent(parent: Path, most: int = FEW) -> list[Recent]:
    """The newest runs, newest first; damaged journals say so."""
    return [_summary(folder) for folder in journal.runs(parent)[:most]]


def when(folder: Path) -> str:
    """Date and time at which a run's journal was written last; as many blanks where no calendar has it."""
    try:
        return datetime.fromtimestamp((folder / journal.EVENTS).lstat().st_mtime).strftime("%Y-%m-%d %H:%M")
    except (OverflowError, ValueError, OSError):
        return " " * 16


def _summary(folder: Path) -> Recent:
    date = when(folder)
    try:
        head, tail = _ends(folder)
        last_line = tail[-1] if tail else None
        if len(head) > 1:
            journal.check_header(folder / journal.EVENTS, head[0])
        began = decode(head[1]) if len(head) > 2 else None
        last = decode(last_line) if last_line is not None else None
    except (OSError, JournalError, msgspec.DecodeError):
        return Recent(folder, folder.name, "damaged", 0.0, date, label=labels.read(folder))
    name = began.scenario if isinstance(began, RunBegan) else folder.name
    state, wall = journal.status(folder, [last] if last else []), last.wall if last else 0.0
    label, about = labels.read(folder), ("", "", "")
    if isinstance(began, RunBegan):
        about = began.cast, began.title, "; ".join(began.changes)
    return Recent(folder, name, state, wall, date, _last_note(tail), label, *about)


def _last_note(lines: Sequence[bytes]) -> str:
    """What the story said last, of some lines of a journal; empty for nothing."""
    for line in reversed(lines):
        if line.startswith(b'{"kind":"note"'):
            with suppress(msgspec.DecodeError, UnicodeError, RecursionError):
                event = decode(line)
                return event.text if isinstance(event, Note) else ""
    return ""


def _ends(folder: Path) -> tuple[list[bytes], list[bytes]]:
    """The pieces between the first line breaks, and the last whole lines after the header.

    Raises:
        OSError: it cannot be read.
    """
    head: list[bytes] = []
    tail: list[bytes] = []
    with files.open_to_read(folder, journal.EVENTS) as file:
        size = file.seek(0, 2)
        if size > journal.MOST:
            raise OSError(errno.EFBIG, "it is larger than a journal may be")
        for many in ENDS:
            file.seek(0)
            head = file.read(many).split(b"\n")
            start = max(0, size - many)
            file.seek(start)
            _, *tail = file.read(many).split(b"\n")  # what comes first is the header, or a piece of a line
            if start == 0 or (len(head) > 2 and len(tail) > 1):
                break
    return head, tail[:-1]


def timed(stories: Sequence[Story], runs: Sequence[Recent]) -> None:
    """Give each story the time its last finished run took here; none where it never finished."""
    for story in stories:
        last = next((r for r in runs if r.scenario == story.name and r.state == "finished"), None)
        story.seconds, story.said = (last.seconds, last.said) if last else (None, "")
