"""What following costs and how far behind it is: light followers beside one engine that computes, on one machine.

Run as ``python -m facetui.tui.cli.machine.bench_followers URL FOLDER FOLLOWERS SECONDS`` it is the followers, who also
vote on what is asked; they cost time of the same machine, which in a workshop they would not, so they step back behind
everything else.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from facetui.engine import system
from facetui.engine.records import journal
from facetui.engine.records.errors import FacetuiError
from facetui.engine.records.events import Progress
from facetui.engine.runs import ballots
from facetui.tui.runs import cues, engine_process
from facetui.tui.sharing.web import server_process

STORY = '''"""Computes for as long as it is let."""


def scenario(lab):
    lab.at("2020-07")
    lab.users.protect("pgd", steps=1_000_000)
    lab.users.post(4)
'''
LOOK_SECONDS = 0.02
"""Between two looks at the journal itself, beside which followers are measured."""

VOTE_SECONDS = 1.0
"""In which all who follow vote once something is asked."""

PAUSE_SECONDS = 4.0
"""After followers came or went, before anything counts."""


@dataclass(frozen=True)
class Cost:
    """What was measured.

    Attributes:
        followers: how many there were.
        behind: seconds from a line's being in the journal to a follower's having it: median, 99 %, worst.
        lines: lines received in all.
        lost: lines that a follower did not receive before a later one, or twice, or in another order.
        alone: image-steps a second of the engine without followers, in the phases of the run.
        followed: the same with them.
        server: main memory of the server, bytes.
        voted: votes that were said to count, in all phases; 0: nothing was asked.
        counted: votes that were in the end counted.
        shown: seconds from a vote's being sent to a count with it, as another follower sees it: median, worst.
    """

    followers: int
    behind: tuple[float, float, float]
    lines: int
    lost: int
    alone: list[float]
    followed: list[float]
    server: int
    voted: int = 0
    counted: int = 0
    shown: tuple[float, float] = (0.0, 0.0)

    @property
    def slowed(self) -> float:
        """Share of its speed that the engine loses while it is followed."""
        return 1 - median(self.followed) / median(self.alone)


def measure(followers: int = 200, seconds: float = 20.0, rounds: int = 3, *, votes: bool = False) -> Cost:
    """Let an engine compute, now alone, now followed, in one run.

    Args:
        followers: light ones.
        seconds: of each phase.
        rounds: phases of either kind.
        votes: all of them vote, once in each phase.

    Raises:
        FacetuiError: the engine or the server did not begin.
    """
    with tempfile.TemporaryDirectory() as place:
        story = Path(place) / "computes.py"
        story.write_text(STORY)
        engine = engine_process.start(str(story), ["--no-cache"], Path(place), "computes")
        server = None
        try:
            engine_process.wait_until_begun(engine)
            _until_computing(engine)
            server = server_process.start(engine.folder, votes=votes)
            alone, followed, told, counted = [], [], [], 0
            time.sleep(PAUSE_SECONDS)
            for _ in range(rounds):
                alone.append(_rate(engine, seconds))
                command = [
                    sys.executable,
                    "-m",
                    "facetui.tui.cli.machine.bench_followers",
                    server.url,
                    str(engine.folder),
                ]
                crowd = subprocess.Popen(
                    [*command, str(followers), str(seconds + PAUSE_SECONDS)], stdout=subprocess.PIPE, text=True
                )
                time.sleep(PAUSE_SECONDS)
                if votes:
                    cues.send(engine.folder, 0, "timeline", "Does it work?", ["yes", "no"], seconds - 1)
                followed.append(_rate(engine, seconds))
                memory = system.memory_of(server.process.pid) or 0
                out, _ = crowd.communicate(timeout=60)
                told.append(json.loads(out))
                room = ballots.read(engine.folder)
                counted += room.total if room is not None else 0
                time.sleep(PAUSE_SECONDS)
        finally:
            if server is not None:
                server.stop()
            engine.process.kill()
            engine.process.wait()
    behind = median(t["median"] for t in told), max(t["p99"] for t in told), max(t["worst"] for t in told)
    lines, lost = sum(t["lines"] for t in told), sum(t["lost"] for t in told)
    shown = sorted(delay for t in told for delay in t["shown"]) or [0.0]
    voted, slow = sum(t["voted"] for t in told), (shown[len(shown) // 2], shown[-1])
    return Cost(followers, behind, lines, lost, alone, followed, memory, voted, counted, slow)


def _until_computing(engine: engine_process.Engine) -> None:
    tail, end = journal.Tail(engine.folder), time.monotonic() + 120
    while not any(isinstance(event, Progress) for event in tail.more()):
        if engine.code is not None or time.monotonic() > end:
            raise FacetuiError(f"the engine did not begin to compute: {engine.said()}")
        time.sleep(0.1)


def _rate(engine: engine_process.Engine, seconds: float) -> float:
    """Image-steps a second, by the engine's own count and clock."""
    before = len(journal.read(engine.folder))
    time.sleep(seconds)
    seen = [event for event in journal.read(engine.folder)[before:] if isinstance(event, Progress)]
    if len(seen) < 2:
        raise FacetuiError(f"the engine told nothing for {seconds:.0f} s; give it more --seconds")
    return (seen[-1].done - seen[0].done) / (seen[-1].wall - seen[0].wall)


# --- the followers ------------------------------------------------------------------------------------------------


class _Written:
    """When which byte of a journal was there, by looking often."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sizes = [path.stat().st_size]
        self._times = [time.monotonic()]

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            size = self._path.stat().st_size
            if size != self._sizes[-1]:
                self._sizes.append(size)
                self._times.append(time.monotonic())
            await asyncio.sleep(LOOK_SECONDS)

    def when(self, byte: int) -> float | None:
        """When it was first there; ``None`` for what was there from the beginning."""
        at = bisect_left(self._sizes, byte)
        return self._times[min(at, len(self._times) - 1)] if at else None


async def _answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """An answer's head in small letters, and its content."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    size = _header(head, b"content-length")
    return head, await reader.readexactly(int(size)) if size else b""


def _header(head: bytes, name: bytes) -> bytes:
    return head.partition(b"\r\n" + name + b": ")[2].partition(b"\r\n")[0]


class _Follower:
    def __init__(self, url: str, written: _Written) -> None:
        self._parts = urlsplit(url)
        self._written = written
        self._have = 0
        self._rest = b""
        self._seq = -2  # the header has none
        self.lines = self.lost = 0
        self.behind: list[float] = []
        self.voter = b""
        self.voted: list[float] = []
        self.seen: list[tuple[float, int]] = []
        self._asked = b""
        self._voting: asyncio.Task[None] | None = None

    async def follow(self) -> None:
        """Ask for the next bytes, for ever."""
        reader, writer = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        votes = b""
        try:
            while True:
                asked = f"GET {self._parts.path}events.jsonl HTTP/1.1\r\nHost: x\r\nPrefer: wait=10\r\n".encode()
                asked += b"Facetui-Voter: %s\r\nFacetui-Votes: %s\r\n" % (self.voter, votes) if votes else b""
                writer.write(asked + b"Range: bytes=%d-\r\n\r\n" % self._have)
                head, body = await _answer(reader)
                votes = _header(head, b"facetui-votes")
                if asked_now := _header(head, b"facetui-question"):
                    self._see(asked_now)
                self._take(body)
        finally:
            writer.close()

    def _see(self, asked: bytes) -> None:
        """A question is open: its number, seconds left, and counts; once for each a vote is sent."""
        *number, _, counts = asked.split(b" ")
        self.seen.append((time.monotonic(), sum(map(int, counts.split(b",")))))
        if (question := b" ".join(number)) != self._asked:
            self._asked = question
            self._voting = asyncio.create_task(self._vote(question.decode()))

    async def _vote(self, question: str) -> None:
        await asyncio.sleep(random.uniform(0, VOTE_SECONDS))
        reader, writer = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        writer.write(f"GET {self._parts.path}voter HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        _, self.voter = await _answer(reader)
        body = json.dumps({"question": question, "choice": random.choice((1, 2))}).encode()
        sent = time.monotonic()
        asked = (
            f"POST {self._parts.path}vote HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nFacetui-Vote: 1\r\n"
        )
        writer.write(
            asked.encode() + b"Facetui-Voter: %s\r\nContent-Length: %d\r\n\r\n" % (self.voter, len(body)) + body
        )
        head, _ = await _answer(reader)
        if head.startswith(b"http/1.1 200"):
            self.voted.append(sent)
        writer.close()

    def _take(self, data: bytes) -> None:
        now = time.monotonic()
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._have += len(data)
        at = self._have - len(self._rest) - sum(len(line) + 1 for line in lines)
        for line in lines:
            at += len(line) + 1
            seq = int(line.partition(b'"seq":')[2].partition(b",")[0] or -1)
            self.lost += seq != self._seq + 1
            self._seq, self.lines = seq, self.lines + 1
            written = self._written.when(at)
            if written is not None:
                self.behind.append(max(0.0, now - written))


def _shown(sent: list[float], seen: list[tuple[float, int]]) -> list[float]:
    """For each vote of a phase, in the order in which they were sent: until a count was seen that may have it in."""
    return [
        min((at - when for at, count in seen if count > number and at >= when), default=float("inf"))
        for number, when in enumerate(sorted(sent))
    ]


async def _crowd(url: str, folder: Path, followers: int, seconds: float) -> dict[str, Any]:
    written = _Written(folder / journal.EVENTS)
    crowd = [_Follower(url, written) for _ in range(followers)]
    tasks = [asyncio.create_task(written.watch()), *(asyncio.create_task(one.follow()) for one in crowd)]
    await asyncio.sleep(seconds)
    broken = sum(task.done() for task in tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    behind = sorted(delay for one in crowd for delay in one.behind) or [float("inf")]
    at = {"median": 0.5, "p99": 0.99, "worst": 1.0}
    sent = [when for one in crowd for when in one.voted]
    votes = {"voted": len(sent), "shown": [d for one in crowd[:1] for d in _shown(sent, one.seen)]}
    told: dict[str, Any] = {name: behind[int(share * (len(behind) - 1))] for name, share in at.items()}
    return told | votes | {"lines": sum(o.lines for o in crowd), "lost": sum(o.lost for o in crowd) + broken}


def main() -> None:
    """Follow, and print what was seen as JSON."""
    system.yield_to(os.getpid(), 19)
    url, folder, followers, seconds = sys.argv[1:5]
    print(json.dumps(asyncio.run(_crowd(url, Path(folder), int(followers), float(seconds)))))


if __name__ == "__main__":
    main()
