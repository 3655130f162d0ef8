"""One of several processes does something: a locked file, which the system unlocks when its process dies. No torch."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from facetui.engine import system


class Claim:
    """What this process alone may do, until it is released or the process dies.

    Args:
        number: descriptor of the locked file.
        path: its name.
    """

    def __init__(self, number: int, path: Path) -> None:
        self._number = number
        self._path = path

    def say(self, text: str) -> None:
        """Write into the file who does it, for people."""
        with contextlib.suppress(OSError):
            os.truncate(self._number, 0)
            os.write(self._number, text.encode())

    def release(self) -> None:
        """Let others do it."""
        with contextlib.suppress(OSError):
            os.unlink(self._path)  # while it is locked: whoever waits for this file finds that it is no more
        os.close(self._number)


def claim(path: Path) -> Claim | None:
    """Take what a file stands for; ``None`` where somebody else has it.

    Args:
        path: made where it is missing, with its folder; a dead process's is taken over.

    Raises:
        OSError: it cannot be made, or this file system knows no locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        number = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            taken = system.try_lock(number)
            # Between opening and locking, its owner may have released it: then the file is no more, or another one.
            if taken and _is_still(number, path):
                return Claim(number, path)
        except BaseException:
            os.close(number)
            raise
        os.close(number)
        if not taken:
            return None


def _is_still(number: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(number), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False


def is_claimed(path: Path) -> bool:
    """Whether somebody has what a file stands for."""
    try:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError:
        return False
    try:
        return system.is_locked(number)
    except OSError:
        return False
    finally:
        os.close(number)
