"""How fast the app is, seen from outside: a pseudo-terminal that types keys and reads what comes back."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from facetui.engine.records.events import (
    WHOLE_ARCHIVE,
    Event,
    Note,
    PhotosPosted,
    Progress,
    ProtectionMeasured,
    RunBegan,
    RunEnded,
)
from facetui.engine.records.journal import Journal
from facetui.tui.runs.engine_process import COURTESY, MAIN

assert sys.platform != "win32"  # a console there is no pseudo-terminal

BURN = "while True: pass"
SCREENS = "2143"
"""Keys that always change the screen."""


class Pty:
    """A program on a pseudo-terminal.

    Args:
        command: what to run.
        size: columns and rows.
        environment: its environment; absent: this process's, with a terminal of 256 colours.
    """

    def __init__(
        self, command: Sequence[str], size: tuple[int, int] = (80, 24), environment: dict[str, str] | None = None
    ) -> None:
        self.master, slave = pty.openpty()
        self.resize(*size)
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", **(environment or {})},
        )
        os.close(slave)

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds: float) -> bytes:
        """What comes within some time; at once when something is there, empty when nothing comes."""
        if not select.select([self.master], [], [], seconds)[0]:
            return b""
        try:
            return os.read(self.master, 65536)
        except OSError:  # the program has closed its end
            return b""

    def read_until(self, wanted: bytes, seconds: float = 10.0) -> float:
        """Wait for some bytes; returns seconds since the program was started.

        Raises:
            TimeoutError: they did not come.
        """
        seen, end = b"", time.perf_counter() + seconds
        while time.perf_counter() < end:
            seen = seen[-4096:] + self.read(0.05)
            if wanted in seen:
                return time.perf_counter() - self.began
        raise TimeoutError(f"{wanted!r} did not come; the end of what came: {seen[-400:]!r}")

    def drain(self, quiet: float = 0.15, longest: float = 5.0) -> int:
        """Read until nothing comes for a while; returns how many bytes there were."""
        count, end = 0, time.perf_counter() + longest
        while time.perf_counter() < end and (data := self.read(quiet)):
            count += len(data)
        return count

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self.master, keys.encode())

    def close(self) -> int:
        """End the program if it still runs; returns its exit code."""
        with contextlib.suppress(OSError):
            os.close(self.master)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.process.wait(5)
        self.process.kill()
        return self.process.wait()


@dataclass(frozen=True)
class Speed:
    """What was measured.

    Attributes:
        home: seconds from starting ``facetui`` to its first frame, median.
        replay: the same for ``facetui replay``.
        idle: milliseconds from a key to the screen that answers it: median, 95 % quantile, longest.
        loaded: the same with every processor busy.
        rate: kilobytes a second while a journal is played at twice its speed.
        updates: writes a second meanwhile.
    """

    home: float
    replay: float
    idle: tuple[float, float, float]
    loaded: tuple[float, float, float]
    rate: float
    updates: float


def measure(rounds: int = 5, keys: int = 40, size: tuple[int, int] = (80, 24)) -> Speed:
    """Measure the app on this machine.

    Args:
        rounds: starts, of which the median counts.
        keys: presses for each latency.
        size: columns and rows.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "sample"
        folder.mkdir()
        sample(folder)
        settings = {"FACETUI_RUNS": place, "FACETUI_DISPLAY": "tui"}
        replay = [*MAIN, "replay", str(folder)]
        starts = [[_start(command, size, settings) for _ in range(rounds + 1)][1:] for command in (MAIN, replay)]
        idle = _latency(replay, size, settings, keys)
        with busy(os.cpu_count() or 1):
            loaded = _latency(replay, size, settings, keys)
        rate, updates = _rate(replay, size, settings)
    return Speed(median(starts[0]), median(starts[1]), idle, loaded, rate, updates)


def _start(command: Sequence[str], size: tuple[int, int], settings: dict[str, str]) -> float:
    terminal = Pty(command, size, settings)
    try:
        return terminal.read_until(b"quit")  # the last word of the footer, at the bottom of the screen
    finally:
        terminal.type("q")
        terminal.drain()
        terminal.close()


def _latency(
    command: Sequence[str], size: tuple[int, int], settings: dict[str, str], keys: int
) -> tuple[float, float, float]:
    with tempfile.NamedTemporaryFile() as report:
        terminal = Pty(command, size, {**settings, "FACETUI_PROBE": report.name})
        terminal.read_until(b"quit")
        terminal.type(" ")  # paused: what is written afterwards answers a key
        terminal.drain()
        for number in range(keys):
            terminal.type(SCREENS[number % len(SCREENS)])
            terminal.drain(quiet=0.12)
        terminal.type("q")
        terminal.drain()
        terminal.close()
        told = json.loads(Path(report.name).read_text(encoding="utf-8"))
    return told["median_ms"], told["p95_ms"], told["most_ms"]


def _rate(command: Sequence[str], size: tuple[int, int], settings: dict[str, str]) -> tuple[float, float]:
    terminal = Pty(command, size, {**settings, "SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"})
    terminal.read_until(b"quit")
    terminal.drain(quiet=0.05, longest=0.5)
    terminal.type("+")
    count, writes, began, last = 0, 0, time.perf_counter(), 0.0
    while (now := time.perf_counter()) - began < 5.0:
        data = terminal.read(0.2)
        count += len(data)
        if data and now - last > 0.05:  # one update may come in several pieces
            writes, last = writes + 1, now
    terminal.type("q")
    terminal.drain()
    terminal.close()
    return count / 1000 / 5.0, writes / 5.0


@contextlib.contextmanager
def busy(processors: int) -> Iterator[None]:
    """Keep processors busy, with the niceness that the app gives its engine."""
    burners = [
        subprocess.Popen([sys.executable, "-c", BURN], preexec_fn=lambda: os.nice(COURTESY)) for _ in range(processors)
    ]
    try:
        time.sleep(0.3)
        yield
    finally:
        for burner in burners:
            burner.send_signal(signal.SIGKILL)
            burner.wait()


def sample(folder: Path, tasks: int = 6) -> None:
    """A journal with moves, measurements and progress, for measuring screens only: its figures are made up."""
    book = Journal(folder)
    seq = 0

    def add(event: Event) -> None:
        nonlocal seq
        import msgspec

        month = min(12, 1 + seq // 60)
        book.append(msgspec.structs.replace(event, seq=seq, t=f"2021-{month:02}", wall=seq / 4, line=3))
        seq += 1

    add(
        RunBegan(
            scenario="sample",
            title="A sample for measuring screens.",
            source='"""A sample."""\n\n\ndef scenario(lab):\n    lab.measure()\n',
            seed=0,
            device="none",
            cast="none",
            people="none",
            n_people=40,
            users=["a"] * 8,
            surrogates=[],
            extractors={},
            versions={},
        )
    )
    for task in range(tasks):
        for event in _task(task):
            add(event)
    add(RunEnded(peak_memory=0))
    book.close()


def _task(number: int) -> Iterator[Event]:
    """One tool of the sample: its progress, its photos, and what is measured of them."""
    for done in range(0, 640, 16):
        yield Progress(task="perturb 32 photos", done=done, total=640, rate=100.0 + done / 9, actor="users")
    attack = f"sample-{number}"
    name = f"2021-{number + 1:02} {attack}"
    yield PhotosPosted(cohort=name, attack=attack, budget="linf 8/255", n_people=8, n_photos=32, actor="users")
    for cohort in (WHOLE_ARCHIVE, name):
        yield ProtectionMeasured(
            cohort=cohort,
            attack=None,
            extractor=f"model-{number}",
            defence=None,
            classifier="nearest",
            protection_rate=1 / (1 + number),
            n_probes=64,
            interval=(0.8 / (1 + number), 1.0 / (1 + number)),
            unprotected_error=0.01,
            actor="trainer",
        )
    yield Note(text="The figures of this sample are made up; it is there to measure how fast a screen is drawn.")
