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


OPTIONS_MOST, OPTION_LONGEST = 9, 100
"""Of a question: how many answers, and characters of each."""


class Cue(msgspec.Struct, frozen=True):
    """Look here.

    Attributes:
        at: ``seq`` of the event that is meant.
        view: the screen that is meant.
        text: words; empty for none.
        when: date and time with zone.
        question: what votes on it name; empty: nothing is asked.
        options: what can be answered.
        seconds: for how long.
    """

    at: Annotated[int, msgspec.Meta(ge=0, le=2**53)]
    view: str = "timeline"
    text: str = ""
    when: str = ""
    question: str = ""
    options: Annotated[list[str], msgspec.Meta(max_length=OPTIONS_MOST)] = []
    seconds: Annotated[float, msgspec.Meta(ge=0, le=600)] = 0.0


def send(folder: Path, at: int, view: str, text: str, options: Sequence[str] = (), seconds: float = 0.0) -> Cue:
    """Append a cue to those of a run, or a question, when it has options.

    Raises:
        JournalError: it cannot be written.
    """
    question = f"cue {len(read(folder)) + 1}" if options else ""  # a story's questions are numbers
    when = datetime.now().astimezone().isoformat(timespec="seconds")
    cue = Cue(at, view, text.strip()[:LONGEST], when, question, [one[:OPTION_LONGEST] for one in options], seconds)
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
            cut = {"text": cue.text[:LONGEST], "view": cue.view[:20], "when": cue.when[:40]}
            options = [one[:OPTION_LONGEST] for one in cue.options]
            cues.append(msgspec.structs.replace(cue, **cut, question=cue.question[:20], options=options))
    return cues
