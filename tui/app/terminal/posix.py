"""The terminal of POSIX: restored however the app ends, never waited for, its latency measured when asked.

Textual leaves a terminal as it is when a signal kills it, and blocks once thirty writes wait for a link that stalls.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import sys
import termios
import threading
import time
from collections import deque
from collections.abc import Callable
from types import FrameType
from typing import Any, TextIO

from textual import events
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from facetui.tui.app.terminal.modes import RESTORE
from facetui.tui.app.terminal.probe import Probe, write_report
from facetui.tui.runs import interrupts

assert sys.platform != "win32"  # driver.py takes another module there

PATIENCE, LONGEST = 0.5, 2.0
"""Seconds that a terminal which takes nothing is waited for: when the app is killed, and when it is left."""
BETWEEN = 1.0
"""Seconds between two looks at whether the terminal is there, where it cannot be waited for."""
LOOK = 0.1
"""Seconds between two looks at whether anybody still waits for what is to be written."""

MOST = 30_000
"""Bytes within a second after which nothing more is drawn by itself: with the next frame that makes 60 KB at most."""


class _Output:
    """The file Textual writes to: never stuck in a write, however long nobody reads.

    Whoever sleeps in a write to a terminal locks all others out, and holds the process back when it ends.

    Args:
        file: standard error, for its terminal and encoding.
        probe: told when a write is through.
    """

    def __init__(self, file: TextIO, probe: Probe | None) -> None:
        self._number, self._probe = _opened(file.fileno()), probe
        self._encoding, self._errors = file.encoding, file.errors or "strict"
        self._waiting: list[str] = []
        self._forgotten = False
        self._writing = threading.Lock()
        self._counting = threading.Lock()
        self._written: deque[tuple[float, int]] = deque()

    def write(self, text: str) -> None:
        self._waiting.append(text)

    def flush(self) -> None:
        text = "".join(self._waiting)
        self._waiting.clear()
        rest = memoryview(text.encode(self._encoding, self._errors))
        with self._counting:
            self._written.append((time.monotonic(), len(rest)))
        while rest and not self._forgotten:
            if select.select([], [self._number], [], LOOK)[1]:
                with self._writing, contextlib.suppress(BlockingIOError):
                    if self._forgotten:
                        break
                    rest = rest[os.write(self._number, rest) :]
        if self._probe is not None:
            self._probe.wrote(len(text))

    def recent(self) -> int:
        """Bytes that were written within the last second."""
        with self._counting:
            while self._written and self._written[0][0] < time.monotonic() - 1.0:
                self._written.popleft()
            return sum(count for _, count in self._written)

    def forget(self) -> None:
        """Write nothing more: what is written next is the last that the terminal gets."""
        self._forgotten = True
        if self._writing.acquire(timeout=LOOK):  # in vain only where the terminal could not be opened anew
            self._writing.release()

    def close(self) -> None:
        os.close(self._number)

    def fileno(self) -> int:
        return self._number


def _opened(number: int) -> int:
    """The terminal of a descriptor, opened anew: its writes do not wait, and those of others are as they were."""
    try:
        return os.open(os.ttyname(number), os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:  # another user's, as after su, or gone
        return os.dup(number)


class Terminal(LinuxDriver):
    """Textual's driver, telling how much waits to be written, and waiting for no terminal longer than it must."""

    probe: Probe | None = None
    output: _Output | None = None
    stalled = False
    """Whether the terminal took nothing when the app was left: then nothing more should be said there."""

    @property
    def congested(self) -> bool:
        """Whether the terminal has not yet taken what was written, or has got as much as a link should carry."""
        if self._writer_thread is None or Terminal.output is None:
            return False
        return self._writer_thread._queue.qsize() > 1 or Terminal.output.recent() > MOST

    def start_application_mode(self) -> None:
        """As Textual does, but its queue never makes the app wait."""
        self._file = Terminal.output = _Output(sys.__stderr__, self.probe)  # type: ignore[assignment, arg-type]
        Terminal.stalled = False
        super().start_application_mode()
        if self._writer_thread is not None:
            self._writer_thread._queue.maxsize = 0

    def close(self) -> None:
        """Wait for the last writes, but only for so long."""
        if self._writer_thread is None or Terminal.output is None:
            return
        self._writer_thread._queue.put(None)
        self._writer_thread.join(LONGEST)
        if self._writer_thread.is_alive():
            Terminal.output.forget()
            self._writer_thread.join(2 * LOOK)
            Terminal.stalled = True
            _restore(None)
        Terminal.output.close()
        Terminal.output = None

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
        signal.signal(number, signal.SIG_IGN)
        end(number)

    def end(number: int) -> None:
        # Textual's loop may be stuck in a write that nobody reads: nothing here waits for it.
        on_signal(number)
        if Terminal.output is not None:
            Terminal.output.forget()
        _restore(before)
        if Terminal.probe is not None:
            write_report(Terminal.probe)
        os._exit(128 + number)

    threading.Thread(target=_watch, args=(end,), name="hang-up", daemon=True).start()
    with interrupts.handled(leave):
        yield


def _watch(end: Callable[[int], None]) -> None:
    """End an app whose terminal is gone, also where that does not control this process or SIGHUP is ignored.

    The engine is a process of its own and goes on where the app was started with ``nohup``.
    """
    _wait_until_gone(0)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        end(signal.SIGHUP)
    os.kill(os.getpid(), signal.SIGHUP)


def _wait_until_gone(number: int) -> None:
    """Wait until the terminal of a descriptor has hung up."""
    if sys.platform == "darwin":  # whose poll() answers for no terminal
        while not _is_gone(number):
            time.sleep(BETWEEN)
        return
    poll = select.poll()
    poll.register(number, 0)
    while not any(flags & (select.POLLHUP | select.POLLNVAL | select.POLLERR) for _, flags in poll.poll()):
        pass


def _is_gone(number: int) -> bool:
    """Whether the terminal of a descriptor has hung up."""
    try:
        termios.tcgetattr(number)
    except termios.error as error:
        return error.args[0] != errno.EINTR
    return False


def _restore(attributes: Any) -> None:
    """Leave the alternate screen and give the terminal its settings back, hardly waiting for it."""
    with contextlib.suppress(OSError, termios.error, ValueError):
        number = _opened(2)
        if not select.select([], [number], [], PATIENCE)[1]:  # a full buffer is usually read in a moment
            termios.tcflush(number, termios.TCOFLUSH)  # a late frame is worth less than a terminal left usable
        if select.select([], [number], [], 0)[1]:
            with contextlib.suppress(BlockingIOError):
                os.write(number, RESTORE)
        os.close(number)
        if attributes is not None:
            termios.tcsetattr(0, termios.TCSANOW, attributes)
