"""Standard streams that nobody reads, and machines with little memory: looked after before a command begins."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

from facetui.engine import system
from facetui.engine.records.errors import OutOfMemory

BROKEN_PIPE = 141
"""Exit code of a command whose reader left before it was done, as of a program that SIGPIPE ends."""

UNWRITTEN = 4
"""Exit code of a command whose output did not reach the disk or the terminal."""

ROOM = 1 << 29
"""Bytes beside PyTorch that must be free where memory is limited; a story of 40 people takes about 0.4 GB more."""


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
    if system.WINDOWS and old is not None and old.isatty():
        return old  # a console there takes text, not bytes, and nobody leaves it
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
    if system.is_left_reader(lost):
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
    if not system.memory_is_limited() or find_spec("torch") is None:
        return
    program = f"import torch; room = torch.ones({ROOM} // 4); torch.ones(64, 64) @ torch.ones(64, 64)"
    if subprocess.run([sys.executable, "-c", program], capture_output=True).returncode:
        raise OutOfMemory(sentence)
