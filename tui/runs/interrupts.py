"""Signals that ask a command to stop, and standard streams that nobody reads: the same for every command."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from facetui.engine.records.errors import OutOfMemory

ASKING = ("SIGINT", "SIGTERM", "SIGHUP")
"""What people and programs send to end a command; Windows has no SIGHUP."""

BROKEN_PIPE = 141
"""Exit code of a command whose reader left before it was done, as of a program that SIGPIPE ends."""

UNWRITTEN = 4
"""Exit code of a command whose output did not reach the disk or the terminal."""

ROOM = 1 << 29
"""Bytes beside PyTorch that must be free where memory is limited; a story of 40 people takes about 0.4 GB more."""

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


class _Forgiving(io.FileIO):
    """A standard stream that never stops a computation: when nobody takes what is written, it is dropped, and noted."""

    lost: OSError | None = None

    def write(self, data: Any) -> int:
        if self.lost is None:
            try:
                return super().write(data)
            except OSError as error:
                if error.errno in (errno.EAGAIN, errno.EINTR):
                    raise
                self.lost = error
        return len(memoryview(data).cast("B"))


def open_streams() -> None:
    """Make the standard streams safe: closed ones lead nowhere, and one whose reader left stops nothing."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number: no file of ours becomes a standard stream
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  for as long as the process lives
    sys.stdout = _forgiving(1, sys.stdout)
    sys.stderr = _forgiving(2, sys.stderr)


def _forgiving(descriptor: int, old: Any) -> io.TextIOWrapper:
    raw = _Forgiving(descriptor, "wb", closefd=False)
    lines = descriptor == 2 or raw.isatty()
    encoding, errors = (old.encoding, old.errors) if old is not None else ("utf-8", "backslashreplace")
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding=encoding, errors=errors, line_buffering=lines)


def exit_code(code: int) -> int:
    """The exit code of a command that did what it should: another one when its standard output went nowhere."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    lost = getattr(getattr(getattr(sys.stdout, "buffer", None), "raw", None), "lost", None)
    if code or lost is None:
        return code
    if isinstance(lost, BrokenPipeError):
        return BROKEN_PIPE
    print(
        f"facetui: standard output could not be written ({lost.strerror}); what was computed is kept", file=sys.stderr
    )
    return UNWRITTEN


def refuse_too_little_memory(sentence: str) -> None:
    """Where memory is limited, try whether PyTorch can be loaded: in this process it would abort without a word.

    Raises:
        OutOfMemory: it cannot.
    """
    try:
        import resource
    except ImportError:
        return
    if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
        return
    program = f"import torch; room = torch.ones({ROOM} // 4); torch.ones(64, 64) @ torch.ones(64, 64)"
    if subprocess.run([sys.executable, "-c", program], capture_output=True).returncode:
        raise OutOfMemory(sentence)
