"""What following costs and how far behind it is: light followers beside one engine that computes, on one machine.

Run as ``python -m facetui.tui.cli.machine.bench_followers URL FOLDER FOLLOWERS SECONDS`` it is the followers; they
cost time of the same machine, which in a workshop they would not, so they step back behind everything else.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from facetui.engine import system
from facetui.engine.records import journal
from facetui.engine.records.errors import FacetuiError
from facetui.engine.records.events import Progress
from facetui.tui.runs import engine_process
from facetui.tui.sharing.web import server_process

STORY = '''"""Computes for as long as it is let."""


def scenario(lab):
    lab.at("2020-07")
    lab.users.protect("pgd", steps=1_000_000)
    lab.users.post(4)
'''
LOOK_SECONDS = 0.02
"""Between two looks at the journal itself, beside which followers are measured."""

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
    """

    followers: int
    behind: tuple[float, float, float]
    lines: int
    lost: int
    alone: list[float]
    followed: list[float]
    server: int

    @property
    def slowed(self) -> float:
        """Share of its speed that the engine loses while it is followed."""
        return 1 - median(self.followed) / median(self.alone)


def measure(followers: int = 200, seconds: float = 20.0, rounds: int = 3) -> Cost:
    """Let an engine compute, now alone, now followed, in one run.

    Args:
        followers: light ones.
        seconds: of each phase.
        rounds: phases of either kind.

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
            server = server_process.start(engine.folder)
            alone, followed, told = [], [], []
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
                followed.append(_rate(engine, seconds))
                memory = system.memory_of(server.process.pid) or 0
                out, _ = crowd.communicate(timeout=60)
                told.append(json.loads(out))
                time.sleep(PAUSE_SECONDS)
        finally:
            if server is not None:
                server.stop()
            engine.process.kill()
            engine.process.wait()
    behind = median(t["median"] for t in told), max(t["p99"] for t in told), max(t["worst"] for t in told)
    lines, lost = sum(t["lines"] for t in told), sum(t["lost"] for t in told)
    return Cost(followers, behind, lines, lost, alone, followed, memory)


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


class _Follower:
    def __init__(self, url: str, written: _Written) -> None:
        self._parts = urlsplit(url)
        self._written = written
        self._have = 0
        self._rest = b""
        self._seq = -2  # the header has none
        self.lines = self.lost = 0
        self.behind: list[float] = []

    async def follow(self) -> None:
        """Ask for the next bytes, for ever."""
        reader, writer = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        try:
            while True:
                asked = f"GET {self._parts.path}events.jsonl HTTP/1.1\r\nHost: x\r\nPrefer: wait=10\r\n"
                writer.write(f"{asked}Range: bytes={self._have}-\r\n\r\n".encode())
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                size = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
                self._take(await reader.readexactly(int(size)) if size else b"")
        finally:
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


async def _crowd(url: str, folder: Path, followers: int, seconds: float) -> dict[str, float]:
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
    told = {name: behind[int(share * (len(behind) - 1))] for name, share in at.items()}
    return told | {"lines": sum(o.lines for o in crowd), "lost": sum(o.lost for o in crowd) + broken}


def main() -> None:
    """Follow, and print what was seen as JSON."""
    system.yield_to(os.getpid(), 19)
    url, folder, followers, seconds = sys.argv[1:5]
    print(json.dumps(asyncio.run(_crowd(url, Path(folder), int(followers), float(seconds)))))


if __name__ == "__main__":
    main()
