"""Signals that ask a command to stop, and standard streams that nobody reads: the same for every command."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

ASKING = ("SIGINT", "SIGTERM", "SIGHUP")
"""What people and programs send to end a command; Windows has no SIGHUP."""

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
def stoppable() -> Iterator[Stop]:
    """While something long is computed: signals ask it to stop at its next step."""
    stop = Stop()
    with handled(stop):
        yield stop
