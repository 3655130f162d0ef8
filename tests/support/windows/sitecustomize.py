"""Makes a Python tell facetui's modules, and nobody else, that they run on Windows.

What POSIX alone has is missing to them or refused as Windows would; other packages and the standard library see this
system as it is. Put this folder first into PYTHONPATH: processes that facetui starts are told the same.
"""

from __future__ import annotations

import builtins
import errno
import fcntl
import mmap
import os
import platform
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import types
from typing import Any

BLOCKED = {"termios", "tty", "pty", "fcntl", "resource", "pwd", "grp", "posix", "curses", "readline", "syslog"}

if os.environ.get("FACETUI_WITHOUT_POSIX"):  # for everybody, as far as the standard library can do without
    sys.modules.update(dict.fromkeys(["termios", "tty", "pty", "resource", "pwd", "grp", "fcntl"], None))  # type: ignore[arg-type]

LACKS = {
    "os": """chown chroot confstr ctermid fchdir fchmod fchown fork forkpty fpathconf getegid geteuid getgid getgroups
    getloadavg getpgid getpgrp getpriority getresuid getsid getuid initgroups killpg lchown lockf major makedev
    memfd_create mkfifo mknod nice openpty pathconf pidfd_open posix_fadvise posix_fallocate posix_spawn pread
    pwrite readv register_at_fork sched_getaffinity sched_setaffinity sendfile setegid seteuid setgid setpgid
    setpriority setsid setuid statvfs fstatvfs sync sysconf sysconf_names tcgetpgrp tcsetpgrp ttyname uname wait
    wait3 wait4 writev PRIO_PROCESS O_ASYNC O_CLOEXEC O_DIRECTORY O_DSYNC O_NOCTTY O_NOFOLLOW O_NONBLOCK
    O_PATH O_SYNC WNOHANG""",
    "signal": """SIGALRM SIGBUS SIGCHLD SIGCONT SIGHUP SIGIO SIGKILL SIGPIPE SIGPROF SIGQUIT SIGSTOP SIGTSTP SIGUSR1
    SIGUSR2 SIGWINCH alarm pause pthread_kill pthread_sigmask setitimer siginterrupt sigpending sigwait""",
    "time": "clock_gettime CLOCK_BOOTTIME CLOCK_MONOTONIC CLOCK_REALTIME pthread_getcpuclockid tzset",
    "select": "select poll epoll",  # Windows knows the first for sockets, which nothing of ours asks
    "mmap": "MADV_DONTNEED",
}


class View(types.ModuleType):
    """A module as Windows would have it."""

    def __init__(self, real: types.ModuleType, **other: Any) -> None:
        super().__init__(real.__name__)
        self.__dict__.update(_real=real, _lacks=set(LACKS.get(real.__name__, "").split()), **other)

    def __getattr__(self, name: str) -> Any:
        if name in self._lacks:
            raise AttributeError(f"Windows has no {self._real.__name__}.{name}")
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._real, name, value)


CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW, BELOW_NORMAL_PRIORITY_CLASS = 0x200, 0x8000000, 0x4000
BREAK, CTRL_BREAK_EVENT = signal.SIGUSR2, 1


class Popen(subprocess.Popen):  # type: ignore[type-arg]
    """A process as Windows starts and ends one."""

    def __init__(self, *words: Any, creationflags: int = 0, start_new_session: bool = False, **other: Any) -> None:
        if other.get("pass_fds") or other.get("preexec_fn"):
            raise ValueError("Windows passes no descriptors and runs nothing before a program")
        super().__init__(*words, start_new_session=bool(creationflags & CREATE_NEW_PROCESS_GROUP), **other)
        self.has_console_of_its_own = bool(creationflags & CREATE_NO_WINDOW)

    def send_signal(self, number: int) -> None:
        if number == CTRL_BREAK_EVENT and not self.has_console_of_its_own:
            os.kill(self.pid, BREAK)
        elif number == signal.SIGTERM:
            self.kill()
        elif number != CTRL_BREAK_EVENT:
            raise ValueError(f"Unsupported signal: {number}")

    def terminate(self) -> None:
        self.kill()

    def kill(self) -> None:
        super().send_signal(signal.SIGKILL)


def _open(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
    if dir_fd is not None:
        raise NotImplementedError("dir_fd unavailable on this platform")
    if os.path.isdir(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))
    return os.open(path, flags, mode)


def _locking(number: int, mode: int, size: int) -> None:
    """As msvcrt has it: others cannot read what is locked, so it must lie behind the end."""
    at = os.lseek(number, 0, os.SEEK_CUR)
    assert size == 1 and os.fstat(number).st_size <= at < 1 << 31, "what is locked is read by others"
    try:
        fcntl.flock(number, {0: fcntl.LOCK_UN, 1: fcntl.LOCK_EX, 2: fcntl.LOCK_EX | fcntl.LOCK_NB}[mode])
    except BlockingIOError:
        raise PermissionError(errno.EACCES, "Permission denied") from None


def _msvcrt() -> types.ModuleType:
    made = types.ModuleType("msvcrt")
    made.__dict__.update(locking=_locking, LK_UNLCK=0, LK_LOCK=1, LK_NBLCK=2)
    return made


def _share(listener: socket.socket, pid: int) -> bytes:
    """What stands for a socket in another process: here an address at which that process fetches it."""
    place = socket.socket(socket.AF_UNIX)
    place.bind("")  # a name that this system chooses and that lies in no folder
    place.listen(1)
    copy = listener.dup()

    def give() -> None:
        with place, copy, place.accept()[0] as taker:
            socket.send_fds(taker, [b"."], [copy.fileno()])

    threading.Thread(target=give, daemon=True).start()
    return place.getsockname()


def _fromshare(shared: bytes) -> socket.socket:
    with socket.socket(socket.AF_UNIX) as giver:
        giver.connect(shared)
        return socket.socket(fileno=socket.recv_fds(giver, 1, 1)[1][0])


class Socket(socket.socket):
    share = _share


VIEWS = {
    "socket": View(socket, socket=Socket, fromshare=_fromshare, SO_EXCLUSIVEADDRUSE=socket.SO_REUSEADDR),
    "sys": View(sys, platform="win32"),
    "os": View(os, name="nt", open=_open, supports_dir_fd=set(), O_BINARY=0),
    "signal": View(signal, SIGBREAK=BREAK, CTRL_BREAK_EVENT=CTRL_BREAK_EVENT, CTRL_C_EVENT=0),
    "subprocess": View(
        subprocess,
        Popen=Popen,
        CREATE_NEW_PROCESS_GROUP=CREATE_NEW_PROCESS_GROUP,
        CREATE_NO_WINDOW=CREATE_NO_WINDOW,
        BELOW_NORMAL_PRIORITY_CLASS=BELOW_NORMAL_PRIORITY_CLASS,
    ),
    "time": View(time),
    "select": View(select),
    "mmap": View(mmap),
    "platform": View(platform, system=lambda: "Windows"),
    "msvcrt": _msvcrt(),
}


def _windows_driver() -> types.ModuleType:
    """Textual's driver of this system, under the name and with the attributes that the one of Windows has."""
    try:
        from textual.drivers.linux_driver import LinuxDriver as driver
    except ImportError:
        from textual.drivers.headless_driver import HeadlessDriver as driver  # type: ignore[assignment]
    made = types.ModuleType("textual.drivers.windows_driver")
    made.WindowsDriver = type("WindowsDriver", (driver,), {"_restore_console": None})  # type: ignore[attr-defined]
    return made


_import = builtins.__import__


def _imported(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
    spec = globals.get("__spec__") if globals else None
    if level or spec is None or not spec.name.startswith("facetui."):
        return _import(name, globals, locals, fromlist, level)
    if name == "textual.drivers.windows_driver":
        return _windows_driver()
    top = name.partition(".")[0]
    if top in BLOCKED:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return VIEWS[top] if top in VIEWS and (top == name or not fromlist) else _import(name, globals, locals, fromlist)


builtins.__import__ = _imported
