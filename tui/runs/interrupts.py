"""Signals that ask a command to stop, and standard streams that nobody reads: the same for every command."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from facetui.engine import system
from facetui.engine.records import files

ASKING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""What people and programs send to end a command; Windows has no SIGHUP, others no SIGBREAK."""

ASKED_TO_STOP = "stop"
"""In a run's folder, for a process that hears no signals: a file with the number of the one that is meant."""

LOOK = 0.25
"""Seconds between two looks at whether it is there."""

Handler = Callable[[int, FrameType | None], Any]


class Stop:
    """Whether somebody asked to stop, and with which signal.

    Attributes:
        event: set when somebody did.
        number: the first signal; 0 while nobody asked.
    """

    def __init__(self) -> None:
        self.event = threading.Event()
        self.number = 0

    def __bool__(self) -> bool:
        return self.event.is_set()

    def __call__(self, number: int, frame: FrameType | None = None) -> None:
        """Take a signal; the second Ctrl-C does not wait for the next step."""
        if self.number and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.number = self.number or number
        self.event.set()

    def code(self, error: int) -> int:
        """Exit code of a command that stopped: 128 + the signal, else the error's own."""
        return 128 + self.number if self.number else error


@contextlib.contextmanager
def handled(handler: Handler, names: tuple[str, ...] = ASKING) -> Iterator[None]:
    """Give signals to a handler; what was ignored when the process began (``nohup``, a background job) stays ignored.

    Args:
        handler: as for ``signal.signal``.
        names: of signals; those that the system lacks are left out.
    """
    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in (getattr(signal, name) for name in names if hasattr(signal, name)):
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextlib.contextmanager
def stoppable(folder: Path | None = None) -> Iterator[Stop]:
    """While something long is computed: signals ask it to stop at its next step.

    Args:
        folder: of the run; a file in it asks, too, where processes in the background hear no signals.
    """
    stop, done = Stop(), threading.Event()
    if folder is not None and system.WINDOWS:
        threading.Thread(target=_watch, args=(folder, stop, done), daemon=True).start()
    try:
        with handled(stop):
            yield stop
    finally:
        done.set()


def _watch(folder: Path, stop: Stop, done: threading.Event) -> None:
    while not done.wait(LOOK):
        with contextlib.suppress(OSError, ValueError):
            stop(int(files.read(folder, ASKED_TO_STOP, 16)))
            return
