"""Votes of those who follow a published run, where the presenter allows them: the one thing that is taken from outside.

A vote is a small JSON object that names the open question and an answer; anything else is refused before it is read. It
counts for the voter's number, which only this process can make, so that everybody votes once and may change their mind.
Votes go, without their voters, into a file beside the journal (``engine/runs/ballots.py``).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from facetui.engine.records import files, journal
from facetui.engine.records.events import Answered, Asked, RunEnded, RunFailed
from facetui.engine.records.journal import JournalError
from facetui.engine.runs import ballots
from facetui.engine.runs.ballots import Ballots
from facetui.tui.runs import cues
from facetui.tui.sharing.web.voters import Answer, Headers, Voters, address_of, body_of, refused

KEEP_SECONDS = 0.1
"""Between two looks at the question, and between two times that votes are written."""

ADDRESS_MOST = 300
"""Voters of one address that count for a question: a room behind one can vote, one machine cannot be thousands."""

VOTERS_MOST = 5000
PRESENT_SECONDS = 5.0
"""For so long after its last question somebody counts as here."""


class Vote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a voter sends.

    Attributes:
        question: its number.
        choice: an option's number from 1, or a guess in per cent.
    """

    question: str
    choice: int


@dataclass
class _Open:
    """The question that is voted on, or was last."""

    question: str
    valid: range
    guessed: bool
    until: float
    chosen: dict[str, int] = field(default_factory=dict)
    voters: Counter[str] = field(default_factory=Counter)
    closed: bool = False

    @property
    def counts(self) -> list[int]:
        """Votes by option; of guesses only how many."""
        if self.guessed:
            return [len(self.chosen)]
        votes = Counter(self.chosen.values())
        return [votes[number] for number in self.valid]


class Voting:
    """Takes votes on what a run, or its presenter, asks the room.

    Attributes:
        version: grows whenever there is something new to tell about the question.

    Args:
        folder: the run's folder.
    """

    def __init__(self, folder: Path) -> None:
        self.version = 1
        self._folder = folder
        self._voters = Voters()
        self._tail = journal.Tail(folder)
        self._size = -1
        self._cues_seen = len(cues.read(folder))
        self._cues_at: object = None
        self._now: _Open | None = None
        self._written: Ballots | None = None
        self._kept: asyncio.Future[bool] | None = None
        self._seen: dict[str, tuple[float, bool]] = {}

    # --- who is here ---------------------------------------------------------------------------------------------

    def introduce(self, headers: dict[bytes, bytes], path: bytes) -> tuple[bytes, Headers]:
        """A number to vote with for who has none, see ``Voters.introduce``."""
        return self._voters.introduce(headers, path)

    def saw(self, headers: dict[bytes, bytes], client: object, seconds: float, *, caught_up: bool) -> None:
        """Somebody asks for the run, and waits for so many seconds at most."""
        who = self._voters.number(headers) or str(client)
        if who in self._seen or len(self._seen) < VOTERS_MOST:
            self._seen[who] = time.monotonic() + seconds + PRESENT_SECONDS, caught_up

    # --- the question --------------------------------------------------------------------------------------------

    def told(self) -> Headers:
        """What an answer says of the open question: its number, the seconds left, and the counts."""
        self.look()
        headers = [(b"facetui-votes", str(self.version).encode())]
        if self._now is not None and not self._is_over(self._now):
            left, counts = self._now.until - time.monotonic(), ",".join(map(str, self._now.counts))
            headers.append((b"facetui-question", f"{self._now.question} {left:.1f} {counts}".encode()))
        return headers

    def _is_over(self, now: _Open) -> bool:
        return now.closed or time.monotonic() >= now.until

    def look(self) -> None:
        """Take in what was asked since the last look: by the run, else by its presenter."""
        with contextlib.suppress(OSError, JournalError):
            size = files.facts(self._folder, journal.EVENTS).st_size
            if size != self._size:
                self._size = size
                for event in self._tail.more():
                    if isinstance(event, Asked) and event.seconds:
                        self._open(event.question, len(event.options), event.seconds)
                    elif isinstance(event, RunEnded | RunFailed) or (
                        isinstance(event, Answered) and self._now and self._now.question == event.question
                    ):
                        self._close()
        with contextlib.suppress(OSError):
            at = files.facts(self._folder, cues.CUES)
            if (at.st_size, at.st_mtime_ns) != self._cues_at:
                self._cues_at = at.st_size, at.st_mtime_ns
                sent = cues.read(self._folder)
                for cue in sent[self._cues_seen :]:
                    if cue.options and (self._now is None or self._is_over(self._now)):
                        self._open(cue.question, len(cue.options), cue.seconds)
                self._cues_seen = len(sent)

    def _open(self, question: str, options: int, seconds: float) -> None:
        valid = range(1, options + 1) if options else range(ballots.NUMBERS)
        self._now = _Open(question, valid, not options, time.monotonic() + seconds)
        self.version += 1

    def _close(self) -> None:
        if self._now is not None and not self._now.closed:
            self._now.closed = True
            self.version += 1

    # --- a vote --------------------------------------------------------------------------------------------------

    async def vote(self, scope: dict[str, Any], headers: dict[bytes, bytes], receive: Any) -> Answer:
        """Take one vote, or say why not; what is refused is not read, and changes nothing."""
        address = address_of(scope)
        if not await self._voters.listens_to(address):
            return 429, b"too many votes from this address; try again in a moment\n"
        if (answer := refused(headers)) is not None:
            return answer
        voter = self._voters.number(headers)
        if not voter:
            return 403, b"this vote is nobody's; open the page again\n"
        body = await body_of(receive)
        if body is None:
            return 408, b"the vote did not come in time, or is too long\n"
        try:
            vote = msgspec.json.decode(body, type=Vote)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return 400, b"this is no vote\n"
        return await self._take(vote, voter, address)

    async def _take(self, vote: Vote, voter: str, address: str) -> Answer:
        self.look()
        now = self._now
        if now is None or now.question != vote.question or self._is_over(now):
            return 409, b"this question is not open\n"
        if vote.choice not in now.valid:
            return 400, b"there is no such answer\n"
        if voter not in now.chosen:
            if now.voters[address] >= ADDRESS_MOST or len(now.chosen) >= VOTERS_MOST:
                return 429, b"as many have voted from this address as count\n"
            now.voters[address] += 1
        if now.chosen.get(voter) != vote.choice:
            now.chosen[voter] = vote.choice
            self.version += 1
        if self._kept is None:
            self._kept = asyncio.get_running_loop().create_future()
        if not await asyncio.shield(self._kept):
            return 503, b"the vote could not be kept; vote again\n"
        return 200, b"counted\n"

    # --- what is kept --------------------------------------------------------------------------------------------

    async def keep(self) -> None:
        """Look at the question, close it when its time is over, and write what came in."""
        while True:
            self.look()
            if self._now is not None and self._is_over(self._now):
                self._close()
            waiting, self._kept = self._kept, None
            ballots_now, good = self._ballots(), True
            if ballots_now != self._written:
                try:
                    ballots.write(self._folder, ballots_now)
                    self._written = ballots_now
                except OSError:
                    good = False
            if waiting is not None:
                waiting.set_result(good)
            await asyncio.sleep(KEEP_SECONDS)

    def _ballots(self) -> Ballots:
        moment = time.monotonic()
        self._seen = {who: seen for who, seen in self._seen.items() if seen[0] > moment}
        here, caught_up = len(self._seen), sum(caught for _, caught in self._seen.values())
        if self._now is None:
            return Ballots(here=here, caught_up=caught_up)
        votes = dict(sorted(Counter(self._now.chosen.values()).items()))
        return Ballots(self._now.question, votes, self._now.closed, here, caught_up)
