"""Cues: the presenter says "look here" to those who follow. They lie beside the engine's journal."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec

from facetui.engine.records import files
from facetui.engine.records.errors import JournalError
from facetui.engine.records.text import json

CUES = "cues.jsonl"
MOST = 1 << 20
"""Bytes of all cues of a run."""

LONGEST = 400
"""Characters of a cue's words."""


class Cue(msgspec.Struct, frozen=True):
    """Look here.

    Attributes:
        at: ``seq`` of the event that is meant.
        view: the screen that is meant.
        text: words; empty for none.
        when: date and time with zone.
    """

    at: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    view: str = "timeline"
    text: str = ""
    when: str = ""


def send(folder: Path, at: int, view: str, text: str) -> Cue:
    """Append a cue to those of a run.

    Raises:
        JournalError: it cannot be written.
    """
    cue = Cue(at, view, text.strip()[:LONGEST], datetime.now().astimezone().isoformat(timespec="seconds"))
    try:
        before = files.read(folder, CUES, MOST) if files.is_file(folder, CUES) else b""
        # After half a line, of a process that was killed, a line of its own.
        line = (b"\n" if before and not before.endswith(b"\n") else b"") + encode([cue])
        if len(before) + len(line) > MOST:  # nobody would read any of them
            raise OSError(errno.EFBIG, f"it holds as many cues as a run may have, {MOST >> 20} MB")
        files.append(folder, CUES, line)
    except OSError as error:
        raise JournalError(f"cannot write {folder / CUES}: {error.strerror}; make room and press c again") from error
    return cue


def encode(told: Sequence[Cue]) -> bytes:
    """Cues as lines of JSON."""
    return b"".join(json(cue) + b"\n" for cue in told)


def read(folder: Path) -> list[Cue]:
    """All whole cues of a run; damaged lines are passed over, a cue is no fact."""
    try:
        *lines, _ = files.read(folder, CUES, MOST).split(b"\n")
    except OSError:
        return []
    cues = []
    for line in lines:
        with contextlib.suppress(msgspec.DecodeError, UnicodeError, RecursionError):
            cue = msgspec.json.decode(line, type=Cue)
            cues.append(msgspec.structs.replace(cue, text=cue.text[:LONGEST], view=cue.view[:20], when=cue.when[:40]))
    return cues
