"""The votes of a room, in a file beside the journal: who serves the run writes it, the engine reads it; no torch.

It holds how often what was chosen, and no more: neither names nor addresses, nor which voter chose what. In another
file is what the presenter's app has to add to the journal, which only the engine writes.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import msgspec

from facetui.engine.records import files
from facetui.engine.records.fields import Count

FILE = "votes.json"
"""It is there as long as somebody can vote."""

MOST = 1 << 16
"""Bytes of it."""

NUMBERS = 101
"""Different answers to a question: options from 1, guesses from 0 to 100 %."""


class Ballots(msgspec.Struct, frozen=True):
    """How the room stands.

    Attributes:
        question: which one the votes are for; empty: none was asked yet.
        votes: how often which answer was given.
        closed: no more votes are taken for it.
        here: how many follow.
        caught_up: how many of them have seen the newest event.
    """

    question: str = ""
    votes: dict[Annotated[int, msgspec.Meta(ge=0, lt=NUMBERS)], Count] = {}
    closed: bool = False
    here: Count = 0
    caught_up: Count = 0

    @property
    def choices(self) -> list[int]:
        """The answers, one a voter, in order of their numbers."""
        return [choice for choice, times in sorted(self.votes.items()) for _ in range(min(times, MOST))]

    def counts(self, options: int) -> tuple[int, ...]:
        """Votes by option, of so many; of guesses (no options) only how many."""
        return tuple(self.votes.get(number, 0) for number in range(1, options + 1)) or (self.total,)

    @property
    def total(self) -> int:
        """How many voted."""
        return sum(self.votes.values())


def read(folder: Path) -> Ballots | None:
    """How the room stands; ``None`` where nobody can vote, or what is there is no such file."""
    with contextlib.suppress(OSError, msgspec.DecodeError, UnicodeError, RecursionError):
        return msgspec.json.decode(files.read(folder, FILE, MOST), type=Ballots)
    return None


def write(folder: Path, ballots: Ballots) -> None:
    """Replace the file, whole.

    Raises:
        OSError: it cannot be written.
    """
    files.write(folder, FILE, msgspec.json.encode(ballots))


def remove(folder: Path) -> None:
    """From now on nobody can vote."""
    with contextlib.suppress(OSError):
        (folder / FILE).unlink()


SAID = "said.jsonl"
"""What the engine is to note in the journal."""

SAID_MOST = 1 << 16


def say(folder: Path, text: str) -> None:
    """Let the engine note something before its next move; where it has ended it stays beside the journal.

    Raises:
        OSError: it cannot be written.
    """
    files.append(folder, SAID, msgspec.json.encode(text) + b"\n")


class Said:
    """What the engine was told to note since it was last asked for.

    Args:
        folder: the run's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read = 0

    def more(self) -> list[str]:
        """Whole lines that came since; what is no text is passed over."""
        try:
            whole, _, _ = files.read(self._folder, SAID, SAID_MOST)[self._read :].rpartition(b"\n")
        except OSError:
            return []
        self._read += len(whole) + 1 if whole else 0
        told = []
        for line in whole.split(b"\n"):
            with contextlib.suppress(msgspec.DecodeError, UnicodeError):
                told.append(msgspec.json.decode(line, type=str))
        return told
