"""The terminal: restored however the app ends, never waited for, and its latency measured when asked.

Textual leaves a terminal as it is when a signal kills it, and blocks once thirty writes wait for a link that stalls.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import sys
import termios
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from textual import events
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

MODES = (1000, 1003, 1006, 1015, 1004, 2004, 2048)
"""What Textual switches on: the mouse, focus, pasting, sizes."""

RESTORE = "".join(["\x1b[<u", *(f"\x1b[?{m}l" for m in MODES), "\x1b[?7h\x1b[0m\x1b[?1049l\x1b[?25h"]).encode()
PATIENCE = 0.5
"""Seconds that a terminal which takes nothing is waited for when the app is killed."""

BEGAN = time.monotonic()
"""When this module was loaded; the process began a little earlier."""


class Probe:
    """Times from a key's arrival to the end of the write that follows it."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.sent = 0
        self.first_frame: float | None = None
        self._waiting: deque[float] = deque()

    def key(self) -> None:
        """A key arrived."""
        self._waiting.append(time.perf_counter())

    def wrote(self, characters: int) -> None:
        """Something went to the terminal."""
        now = time.perf_counter()
        self.sent += characters
        if self.first_frame is None and characters > 200:
            self.first_frame = _since_start()
        while self._waiting:
            self.latencies.append(now - self._waiting.popleft())

    def report(self) -> dict[str, Any]:
        """Milliseconds and counts."""
        ordered = sorted(self.latencies)
        at = (
            [round(1000 * ordered[int(share * (len(ordered) - 1))], 1) for share in (0.5, 0.95, 1.0)] if ordered else []
        )
        return {
            "keys": len(ordered),
            "median_ms": at[0] if at else None,
            "p95_ms": at[1] if at else None,
            "most_ms": at[2] if at else None,
            "first_frame_ms": round(1000 * self.first_frame) if self.first_frame else None,
            "characters": self.sent,
        }


def _since_start() -> float:
    """Seconds since the process began, as the system tells; else since this module was loaded."""
    try:
        began = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - began
    except (OSError, AttributeError, IndexError, ValueError):
        return time.monotonic() - BEGAN


class _Measured:
    """The file Textual writes to, telling the probe when a write is through."""

    def __init__(self, file: Any, probe: Probe) -> None:
        self._file, self._probe, self._since_flush = file, probe, 0

    def write(self, text: str) -> None:
        self._file.write(text)
        self._since_flush += len(text)

    def flush(self) -> None:
        self._file.flush()
        self._probe.wrote(self._since_flush)
        self._since_flush = 0

    def fileno(self) -> int:
        return int(self._file.fileno())


class Terminal(LinuxDriver):
    """Textual's driver, telling how much waits to be written."""

    probe: Probe | None = None

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        if self.probe is not None:
            self._file = _Measured(self._file, self.probe)  # type: ignore[assignment]

    @property
    def congested(self) -> bool:
        """Whether the terminal has not yet taken what was written."""
        return self._writer_thread is not None and self._writer_thread._queue.qsize() > 1

    def process_message(self, message: Message) -> None:
        """Note when a key arrives."""
        if self.probe is not None and isinstance(message, events.Key):
            self.probe.key()
        super().process_message(message)


@contextlib.contextmanager
def guarded(on_signal: Callable[[int], None]):  # type: ignore[no-untyped-def]
    """Around the app: signals and a closed terminal restore it, and end the process with 128 + their number.

    Args:
        on_signal: called with the signal first; it must be quick.
    """
    try:
        before = termios.tcgetattr(sys.__stdin__.fileno())  # type: ignore[union-attr]
    except (termios.error, ValueError, AttributeError):
        before = None

    def leave(number: int, frame: FrameType | None) -> None:
        # Textual's loop may be stuck in a write that nobody reads: nothing here waits for it.
        signal.signal(number, signal.SIG_IGN)
        on_signal(number)
        _restore(before)
        if Terminal.probe is not None:
            write_report(Terminal.probe)
        os._exit(128 + number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    old = [signal.signal(number, leave) for number in numbers]
    threading.Thread(target=_watch, name="hang-up", daemon=True).start()
    try:
        yield
    finally:
        for number, handler in zip(numbers, old, strict=True):
            signal.signal(number, handler)


def _watch() -> None:
    """Turn a terminal that is gone into SIGHUP, also where it does not control this process."""
    poll = select.poll()
    poll.register(0, 0)
    while True:
        if any(flags & (select.POLLHUP | select.POLLNVAL | select.POLLERR) for _, flags in poll.poll()):
            os.kill(os.getpid(), signal.SIGHUP)
            return


def _restore(attributes: Any) -> None:
    """Leave the alternate screen and give the terminal its settings back, hardly waiting for it."""
    with contextlib.suppress(OSError, termios.error, ValueError):
        flags = fcntl.fcntl(2, fcntl.F_GETFL)
        fcntl.fcntl(2, fcntl.F_SETFL, flags | os.O_NONBLOCK)
        select.select([], [2], [], PATIENCE)  # a full buffer is usually read in a moment
        with contextlib.suppress(OSError):
            os.write(2, RESTORE)
        fcntl.fcntl(2, fcntl.F_SETFL, flags)
        if attributes is not None:
            termios.tcsetattr(0, termios.TCSANOW, attributes)


def write_report(probe: Probe) -> None:
    """Write what was measured to the file named by FACETUI_PROBE; for ``1``, to standard error."""
    where = os.environ.get("FACETUI_PROBE", "")
    text = json.dumps(probe.report()) + "\n"
    with contextlib.suppress(OSError):
        if where in ("", "1"):
            sys.stderr.write(text)
        else:
            Path(where).write_text(text, encoding="utf-8")
