"""What was run before, from the beginning and the end of each journal: quick however long the journals are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from facetui.engine import files, journal
from facetui.engine.events import Event, RunBegan, decode
from facetui.tui.stage import Recent, Story

ENDS = 65536
"""Bytes read at either end of a journal; a scenario's source stands in the first event."""


def recent(parent: Path, most: int = 12) -> list[Recent]:
    """The newest runs, newest first; damaged journals say so."""
    return [_summary(folder) for folder in journal.runs(parent)[:most]]


def _summary(folder: Path) -> Recent:
    try:
        facts = files.facts(folder, journal.EVENTS)
        when = datetime.fromtimestamp(facts.st_mtime).strftime("%Y-%m-%d %H:%M")
        with files.open_to_read(folder, journal.EVENTS) as file:
            head = file.read(ENDS).split(b"\n")
            file.seek(max(0, facts.st_size - ENDS))
            tail = file.read(ENDS).split(b"\n")
    except (OSError, OverflowError, ValueError):
        return Recent(folder, "", "damaged", 0.0, "")
    began = _event(head[1]) if len(head) > 2 else None
    last = _event(tail[-2]) if len(tail) > 1 else None
    name = began.scenario if isinstance(began, RunBegan) else folder.name
    if last is None and len(tail) > 2 and tail[-2] != head[0]:
        return Recent(folder, name, "damaged", 0.0, when)
    return Recent(folder, name, journal.status(folder, [last] if last else []), last.wall if last else 0.0, when)


def _event(line: bytes) -> Event | None:
    try:
        return decode(line)
    except msgspec.DecodeError:
        return None


def timed(stories: Sequence[Story], runs: Sequence[Recent]) -> None:
    """Give each story the time its last finished run took here; none where it never finished."""
    for story in stories:
        story.seconds = next((r.seconds for r in runs if r.scenario == story.name and r.state == "finished"), None)
