"""Files in folders that somebody else may have laid out: nothing is read or written through a link.

Every function takes a folder, which the person at the keyboard named and which may itself be reached through links,
and a name below it, whose every part must be what it seems: a real folder, a plain file. A link there may lead to any
file of this user's. What is refused raises ``OSError`` with a text that says so (``ELOOP``), so that one handler says
it as it says a full disk.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from facetui.engine import system
from facetui.engine.records.errors import DataError

_NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_AT_ONCE = getattr(os, "O_NONBLOCK", 0)
"""A named pipe is refused instead of waited for."""

_RELATIVE = os.open in os.supports_dir_fd
"""Whether names can be resolved below an open folder (not on Windows, where links are looked for beforehand)."""


def refused(path: Path, what: str) -> OSError:
    """The error for something that is not what it seems."""
    return OSError(errno.ELOOP, f"{path.name} {what}", str(path))


def _is_link(path: Path) -> OSError:
    return refused(path, "is a symbolic link, which is not followed; remove the link")


def _parts(name: str) -> list[str]:
    parts = PurePosixPath(name).parts
    if not parts or any(part in ("..", "/", "") for part in parts) or os.path.isabs(name) or "\0" in name:
        raise OSError(errno.EINVAL, f"expected a name below the folder, got {name!r}", name)
    if system.WINDOWS and not all(map(system.is_plain_name, parts)):
        raise OSError(errno.EINVAL, f"expected a name that Windows takes for a file's, got {name!r}", name)
    return list(parts)


@contextlib.contextmanager
def _place(folder: Path, name: str, make: bool = False) -> Iterator[tuple[int | None, str]]:
    """An open descriptor of the folder that holds ``name``, and the last part of the name."""
    *above, last = _parts(name)
    if not _RELATIVE:
        at = folder
        for part in above:
            at = at / part
            if _links(str(at), None):
                raise _is_link(at)
            if make:
                at.mkdir(exist_ok=True)
        yield None, str(at / last)
        return
    flags = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
    number = os.open(folder, flags)
    try:
        at = folder
        for part in above:
            at = at / part
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=number)
            try:
                below = os.open(part, flags | _NO_LINKS, dir_fd=number)
            except OSError as error:
                raise (_is_link(at) if _links(part, number) else error) from None
            os.close(number)
            number = below
        yield number, last
    finally:
        os.close(number)


def _links(name: str, number: int | None) -> bool:
    try:
        return system.is_link(os.lstat(name, dir_fd=number))
    except OSError:
        return False


def _open(folder: Path, name: str, flags: int, make: bool = False) -> int:
    with _place(folder, name, make) as (number, last):
        if number is None and _links(last, None):
            raise _is_link(folder / name)
        try:
            opened = os.open(last, flags | _NO_LINKS | _AT_ONCE | getattr(os, "O_BINARY", 0), 0o666, dir_fd=number)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EMLINK) or _links(last, number):
                raise _is_link(folder / name) from None
            if error.errno == errno.ENXIO:
                raise refused(folder / name, "is not a plain file; remove it") from None
            error.filename = str(folder / name)
            raise
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise refused(folder / name, "is not a plain file; remove it")
    return opened


def open_to_read(folder: Path, name: str) -> BinaryIO:
    """A plain file below a folder, opened for reading bytes.

    Raises:
        OSError: it is not there, cannot be read, is reached through a link, or is no plain file.
    """
    return os.fdopen(_open(folder, name, os.O_RDONLY), "rb")


def read(folder: Path, name: str, most: int | None = None) -> bytes:
    """The content of a plain file below a folder.

    Args:
        folder: where.
        name: below it, with ``/`` between its parts.
        most: bytes that it may have; ``None``: any number.

    Raises:
        OSError: as ``open_to_read``; or it is larger (``EFBIG``).
    """
    with open_to_read(folder, name) as file:
        if most is None:
            return file.read()
        # So many bytes would be set aside at once, however small the file is.
        content = file.read(min(most, os.fstat(file.fileno()).st_size) + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"{name} is larger than {most} bytes", str(folder / name))
    return content


def is_file(folder: Path, name: str) -> bool:
    """Whether there is a plain file that can be read, not through a link."""
    try:
        os.close(_open(folder, name, os.O_RDONLY))
    except OSError:
        return False
    return True


def facts(folder: Path, name: str) -> os.stat_result:
    """Size, inode and times of a plain file below a folder.

    Raises:
        OSError: as ``open_to_read``.
    """
    number = _open(folder, name, os.O_RDONLY)
    try:
        return os.fstat(number)
    finally:
        os.close(number)


def open_to_make(folder: Path, name: str) -> BinaryIO:
    """A file that was not there before, opened for writing bytes; folders of its name are made.

    Raises:
        OSError: something of that name is there (``FileExistsError``), a folder is a link, or it cannot be made.
    """
    return os.fdopen(_open(folder, name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, make=True), "wb")


def append(folder: Path, name: str, content: bytes) -> None:
    """Write at the end of a plain file, which is made where it is missing.

    Raises:
        OSError: as ``open_to_read``, or it cannot be written.
    """
    with os.fdopen(_open(folder, name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, make=True), "ab") as file:
        file.write(content)


def write(folder: Path, name: str, content: bytes | str, *, replace: bool = True) -> Path:
    """Write a whole file below a folder, or nothing: under another name first, then renamed.

    Args:
        folder: where; it is there already.
        name: below it, with ``/`` between its parts; folders of the name are made where they are missing.
        content: text is written as UTF-8.
        replace: an earlier plain file of that name.

    Returns:
        Its path.

    Raises:
        FileExistsError: it is there and is not to be replaced.
        OSError: a link or anything but a plain file has that name, or it cannot be written.
    """
    data = content.encode("utf-8", "replace") if isinstance(content, str) else content
    with _place(folder, name, make=True) as (number, last):
        _check_replaceable(folder / name, last, number, replace)
        head, tail = os.path.split(last)
        temporary = os.path.join(head, f".{tail[:100]}.{secrets.token_hex(6)}.part")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINKS | getattr(os, "O_BINARY", 0)
        opened = os.open(temporary, flags, 0o666, dir_fd=number)
        try:
            with os.fdopen(opened, "wb") as file:
                file.write(data)
            _check_replaceable(folder / name, last, number, replace)
            system.replace(temporary, last, number)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=number)
            raise
    return folder / name


def _check_replaceable(path: Path, last: str, number: int | None, replace: bool) -> None:
    try:
        there = os.lstat(last, dir_fd=number)
    except FileNotFoundError:
        return
    if system.is_link(there):
        raise _is_link(path)
    if not stat.S_ISREG(there.st_mode):
        raise refused(path, "is not a plain file; remove it or choose another name")
    if not replace:
        raise FileExistsError(errno.EEXIST, "it exists and is not overwritten", str(path))


def typed_text(path: Path, what: str, most: int) -> str:
    """The text of a file that somebody named: a link is followed, as they want it; a pipe is not waited for.

    Args:
        path: as typed.
        what: it is, for the sentence: ``the cast``.
        most: bytes.

    Raises:
        DataError: it cannot be read, or is no text; names the file.
    """
    try:
        return read(path.resolve().parent, path.resolve().name, most).decode()
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8 text; expected a TOML file") from None
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or "it is a link in a circle"
        raise DataError(f"{what} {path} cannot be read ({why}); check its path") from error
