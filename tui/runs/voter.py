"""One who follows from a terminal, and votes on what the room is asked."""

from __future__ import annotations

import http.client
import re
import threading
import time
from dataclasses import dataclass

import msgspec

from facetui.engine.records.text import clean
from facetui.tui.runs.answers import Connection, Foreign, why

MOST = 1024
"""Bytes of an answer to a vote."""

VERSION = re.compile(r"[0-9]{1,15}", re.ASCII)
QUESTION = re.compile(r"(.{1,20}) (-?[0-9]{1,6}\.[0-9]) ([0-9,]{1,99})", re.ASCII)
NUMBER = re.compile(r"[0-9a-f]{16}\.[0-9a-f]{32}", re.ASCII)


@dataclass(frozen=True)
class Open:
    """The question that can be voted on now.

    Attributes:
        question: its number.
        until: when its time is over, by ``time.monotonic``.
        counts: votes by option; of guesses how many.
    """

    question: str
    until: float
    counts: tuple[int, ...]


class Voter:
    """Hears what the presenter's side says of the open question, and votes.

    Attributes:
        open: the question; absent: none is open, or no votes are taken.
        choice: what was sent for it last, and taken; absent: nothing.

    Args:
        connection: to the presenter's side, used by nobody else.
    """

    def __init__(self, connection: Connection) -> None:
        self.open: Open | None = None
        self.choice: int | None = None
        self._connection = connection
        self._version = ""
        self._number = ""
        self._one_at_a_time = threading.Lock()

    def headers(self) -> dict[str, str]:
        """What is told with every question for the run."""
        told = {"Facetui-Votes": self._version} if self._version else {}
        return told | ({"Facetui-Voter": self._number} if self._number else {})

    def heard(self, version: str, question: str) -> None:
        """Take in what an answer says of the votes; both empty where none are taken."""
        self._version = version if VERSION.fullmatch(version) else ""
        said = QUESTION.fullmatch(question)
        if said is None:
            self.open = None
            return
        counts = tuple(int(count or 0) for count in said[3].split(",")[:9])
        if self.open is None or self.open.question != said[1]:
            self.choice = None
        self.open = Open(said[1], time.monotonic() + float(said[2]), counts)

    def vote(self, question: str, choice: int) -> str:
        """Send an answer, and say in words what became of it; from a thread of its own.

        Args:
            question: the number of the open one.
            choice: an option's number from 1, or a guess in per cent.
        """
        with self._one_at_a_time:
            try:
                if not self._number:
                    _, given = self._connection.get("voter", {}, MOST)
                    number = given.decode("ascii", "replace").strip()
                    self._number = number if NUMBER.fullmatch(number) else ""
                headers = {"Content-Type": "application/json", "Facetui-Vote": "1", "Facetui-Voter": self._number}
                content = msgspec.json.encode({"question": question, "choice": choice})
                status, said = self._connection.post("vote", headers, content, MOST)
            except (OSError, http.client.HTTPException, Foreign) as error:
                self._connection.hang_up()
                return f"The vote did not arrive ({why(error)}); vote again."
            if status in (403, 408, 411, 413, 415, 429):
                self._connection.hang_up()
            if status != 200:
                return f"The vote does not count: {clean(said.decode(errors='replace')).strip()[:200]}."
            self.choice = choice
            return ""

    def left(self) -> None:
        """Nobody follows any more."""
        self.open = None
