"""What differs between systems: locks, names and links of files, processes, and what a machine tells of itself.

Everything else is written once for all of them. ``sys.platform`` is asked here, and where a terminal is driven.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any, Final

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl
    import resource

WINDOWS: Final[bool] = sys.platform == "win32"

UNTESTED = {
    "win32": "facetui was never tested on Windows, only written for it; in WSL it is on Linux",
    "darwin": "facetui was never tested on macOS, only written for it",
}
"""By ``sys.platform``: what is said of systems on which nobody ran the tests; on others nothing."""

# --- locks --------------------------------------------------------------------------------------------------------

_LOCKED_BYTE = 0x7FFF_FFF0
"""Windows keeps others from reading what is locked: so it is one byte, far beyond the end of every file of ours."""

_TRIES, _PAUSE = 3, 0.005
"""Windows knows no shared lock of this kind: whoever only looks holds one for a moment, and is given that moment."""


def lock(number: int) -> None:
    """Lock an open file until it is closed; waits for whoever has it.

    Raises:
        OSError: it cannot be locked.
    """
    if sys.platform == "win32":
        _at_locked_byte(number, msvcrt.LK_LOCK)
    else:
        fcntl.flock(number, fcntl.LOCK_EX)


def try_lock(number: int) -> bool:
    """Lock an open file until it is closed, unless somebody else has it: then nothing happens.

    Raises:
        OSError: it cannot be locked at all.
    """
    try:
        if sys.platform == "win32":
            _at_locked_byte(number, msvcrt.LK_NBLCK)
        else:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def is_locked(number: int) -> bool:
    """Whether somebody else has locked an open file.

    Raises:
        OSError: it cannot be asked.
    """
    if sys.platform == "win32":
        for _ in range(_TRIES):
            try:
                _at_locked_byte(number, msvcrt.LK_NBLCK)
            except PermissionError:
                time.sleep(_PAUSE)
                continue
            _at_locked_byte(number, msvcrt.LK_UNLCK)
            return False
        return True
    else:
        try:
            fcntl.flock(number, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(number, fcntl.LOCK_UN)
        return False


def lock_folder(folder: Path) -> int | None:
    """Lock a folder as long as the returned descriptor is open; ``None`` where somebody else has it.

    Raises:
        OSError: it is no folder, or cannot be opened.
    """
    if sys.platform == "win32":
        number = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT)  # a folder cannot be opened there
    else:
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if sys.platform == "win32":
            _at_locked_byte(number, msvcrt.LK_NBLCK)
        else:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(number)
        return None
    return number


if sys.platform == "win32":

    def _at_locked_byte(number: int, mode: int) -> None:
        before = os.lseek(number, 0, os.SEEK_CUR)
        os.lseek(number, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(number, mode, 1)
        finally:
            os.lseek(number, before, os.SEEK_SET)


# --- files --------------------------------------------------------------------------------------------------------

_REPARSED_AS_LINK = (0xA000_000C, 0xA000_0003)
"""Tags of symbolic links and of junctions; files that a cloud keeps have others, and are files."""

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]|[. ]$')
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(\..*)?", re.IGNORECASE)

_REPLACING = 1.0
"""Seconds for which a file that somebody just reads is waited for: Windows lets nobody replace it meanwhile."""


def is_link(facts: os.stat_result) -> bool:
    """Whether what ``lstat`` told is of a symbolic link, or of a junction of Windows."""
    return stat.S_ISLNK(facts.st_mode) or getattr(facts, "st_reparse_tag", 0) in _REPARSED_AS_LINK


def is_plain_name(name: str) -> bool:
    r"""Whether Windows takes a name for a file's; there ``NUL``, ``a:b`` and ``a\b`` are something else."""
    return not (_FORBIDDEN.search(name) or _RESERVED.fullmatch(name))


def plain_name(name: str) -> str:
    """A file's name that every system takes, as like the wanted one as can be."""
    name = re.sub(r"[. ]+$", "", re.sub(r'[<>:"/\\|?*\x00-\x1f]', "-", name))
    first, dot, rest = name.partition(".")
    return f"{first.rstrip()}-{dot}{rest}" if _RESERVED.fullmatch(name) else name


def replace(source: str | Path, target: str | Path, folder: int | None = None) -> None:
    """Rename a file over another one, also where that is being read.

    Args:
        source: its name.
        target: the other's name.
        folder: descriptor of the folder in which both are; absent: names are paths.

    Raises:
        OSError: it cannot be renamed.
    """
    end = time.monotonic() + _REPLACING
    while True:
        try:
            os.replace(source, target, src_dir_fd=folder, dst_dir_fd=folder)
            return
        except PermissionError:
            if not WINDOWS or time.monotonic() > end:
                raise
        time.sleep(_PAUSE)


def user_number() -> int:
    """The user's number, as files have it for their owner; 0 on Windows, where temporary folders are a user's own."""
    if sys.platform == "win32":
        return 0
    else:
        return os.getuid()


# --- processes ----------------------------------------------------------------------------------------------------

if sys.platform == "win32":
    OWN_GROUP = subprocess.CREATE_NEW_PROCESS_GROUP
    DETACHED = OWN_GROUP | subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
else:
    OWN_GROUP = DETACHED = 0
"""``creationflags`` of a process, beside ``start_new_session``: Ctrl-C is not for it; a closed window does not end it.

A detached process has a console of its own without a window, so that what it starts opens none.
"""


def yield_to(pid: int, niceness: int) -> None:
    """Let others go before a process; on Windows ``DETACHED`` says it."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, pid, niceness)


def interrupt(process: subprocess.Popen[Any]) -> None:
    """Ask a process of an own group to stop what it does, as Ctrl-C would; it has called ``hear_interrupts``."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            process.send_signal(signal.CTRL_BREAK_EVENT)
        else:
            process.send_signal(signal.SIGINT)


def hear_interrupts() -> None:
    """Take what ``interrupt`` sends as SIGINT: on Windows a group of its own hears Ctrl-Break only."""
    if sys.platform == "win32":

        def heard(number: int, frame: FrameType | None) -> None:
            handler = signal.getsignal(signal.SIGINT)
            if callable(handler):
                handler(signal.SIGINT, frame)

        signal.signal(signal.SIGBREAK, heard)


def end_group(process: subprocess.Popen[Any], *, hard: bool) -> None:
    """End a process of an own group and all that it started.

    Args:
        process: it.
        hard: do not ask. Windows cannot ask.
    """
    if sys.platform == "win32":
        with contextlib.suppress(OSError):
            subprocess.run(["taskkill", "/T", "/F", "/PID", str(process.pid)], capture_output=True, check=False)
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL if hard else signal.SIGTERM)


def words(command: str) -> list[str]:
    """A command as it was typed, word by word; on Windows a backslash is a part of a path.

    Raises:
        ValueError: quotes do not close.
    """
    if not WINDOWS:
        return shlex.split(command)
    return [re.sub(r'^(["\'])(.*)\1$', r"\2", word) for word in shlex.split(command, posix=False)]


def quoted(word: str) -> str:
    """A word for the system's shell."""
    return subprocess.list2cmdline([word]) if WINDOWS else shlex.quote(word)


def is_left_reader(error: OSError) -> bool:
    """Whether writing failed because nobody reads any more; Windows says that an argument is invalid."""
    return isinstance(error, BrokenPipeError) or (WINDOWS and error.errno == 22)


def name_of_signal(number: int) -> str:
    """``SIGKILL``, or its number where it has no name here."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


# --- what a machine tells -----------------------------------------------------------------------------------------


def memory() -> int | None:
    """Main memory of this machine, bytes; ``None`` where the system does not tell."""
    if sys.platform == "win32":
        return None
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None


def memory_of(pid: int) -> int | None:
    """Main memory a process holds now, bytes; ``None`` where the system does not tell."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, ValueError, IndexError):
            pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE")
    return None


def peak_memory() -> int:
    """Most main memory this process held, bytes; 0 where the system does not tell."""
    if sys.platform == "win32":
        return 0
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return int(peak if sys.platform == "darwin" else peak * 1024)


def memory_is_limited() -> bool:
    """Whether this process may not have all the memory there is (``ulimit -v``)."""
    if sys.platform == "win32":
        return False
    else:
        return resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY


def load() -> float | None:
    """Processes that compute or wait for it, over the last minute; ``None`` where the system does not tell."""
    if sys.platform == "win32":
        return None
    try:
        return os.getloadavg()[0]
    except OSError:
        return None


def since_start() -> float | None:
    """Seconds since this process began; ``None`` where the system does not tell."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, IndexError, ValueError):
            began = int(Path("/proc/self/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[19])
            return time.clock_gettime(time.CLOCK_BOOTTIME) - began / os.sysconf("SC_CLK_TCK")
    return None


def untested() -> str:
    """What is to be said of a system that nobody tested; empty on others."""
    return UNTESTED.get(sys.platform, "")
