"""A run as one file, ``.tar.zst``: packed without what nobody needs, unpacked as if a stranger had made it."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from facetui.engine import system
from facetui.engine.records import files, journal, places
from facetui.engine.records.errors import JournalError
from facetui.tui.runs import cues, labels
from facetui.tui.runs.cues import CUES
from facetui.tui.runs.picture_policy import PicturePolicy, refuse_private

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

NAME = re.compile(r"events\.jsonl|cues\.jsonl|label\.json|pictures/[0-9a-f]{16}\.png")
MOST = {journal.EVENTS: journal.MOST, CUES: cues.MOST, labels.FILE: labels.MOST}
PICTURE_MOST = 4 << 20
ENTRIES_MOST = 20_000
WHOLE_MOST = 512 << 20
"""Bytes that an archive may unpack to."""

PIECE = 1 << 20
"""Bytes that are unpacked at a time."""

FOR_NOW = "facetui-replay-"
MADE_JUST_NOW = 60
"""Seconds after which a folder is surely locked by whoever made it."""

READING: Mapping[int, int] = {zstd.DecompressionParameter.window_log_max: 27}
"""Its compression may ask for 128 MB of memory (a power of two)."""


def is_archive(name: str) -> bool:
    """Whether a run is named by such a file."""
    return name.endswith(".tar.zst")


def pack(folder: Path, target: Path, pictures: str = "fictional") -> int:
    """Write a run as one file; returns its size in bytes.

    Args:
        folder: the run's.
        target: does not exist yet.
        pictures: which go along, see ``PicturePolicy``: ``none``, ``fictional`` or ``all``.

    Raises:
        JournalError: the run cannot be read, or the file is there already or cannot be written.
        UsageError: no such choice of pictures, or a run that stays on this machine.
    """
    refuse_private(folder)
    out = io.BytesIO()
    with (
        zstd.ZstdFile(out, "w", level=19) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name, data in _packed(folder, pictures):
            entry = tarfile.TarInfo(name)  # no owner, no date: nothing of this machine goes along
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    try:
        files.write(target.parent, target.name, out.getvalue(), replace=False)
    except FileExistsError:
        raise JournalError(f"{target} exists and is not overwritten; choose another name with -o") from None
    except OSError as error:
        raise JournalError(f"{target} cannot be written ({error.strerror}); choose another folder with -o") from error
    return len(out.getvalue())


def _packed(folder: Path, pictures: str) -> Iterator[tuple[str, bytes]]:
    """What a run's archive holds: its journal, its cues and its label written anew, and the pictures that may leave."""
    events = journal.read(folder)
    journal.began(events, folder)
    policy = PicturePolicy(folder, pictures)
    policy.learn(events)
    yield journal.EVENTS, journal.load(folder)
    if written := cues.encode(cues.read(folder)):
        yield CUES, written
    if written := labels.encode(labels.read(folder)):
        yield labels.FILE, written
    for name in policy.names:
        if (content := policy.picture(name)) is not None:
            yield f"pictures/{name}.png", content


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a run into an empty folder; nothing but a run's own files, of bounded sizes, ever leaves the archive.

    Raises:
        JournalError: it cannot be read, is no such archive, or holds anything else.
    """
    try:
        with archive.open("rb") as file:
            packed = zstd.ZstdFile(file, options=READING)
            for name, data in _members(_Bounded(packed, WHOLE_MOST), archive):
                target = folder / name
                target.parent.mkdir(exist_ok=True)
                with target.open("xb") as out:
                    out.write(data)
    except FileExistsError as error:
        raise JournalError(f"{archive} holds {Path(error.filename).name} twice; it is not unpacked") from None
    except OSError as error:
        raise JournalError(f"{archive} cannot be unpacked ({error.strerror or error}); check the path") from error
    except (zstd.ZstdError, tarfile.TarError, ValueError, EOFError) as error:
        raise JournalError(
            f"{archive} is not a run packed by facetui runs export, or it is damaged ({error})"
        ) from None
    if not (folder / journal.EVENTS).is_file():
        raise JournalError(f"{archive} holds no run; pack one with: facetui runs export RUN -o run.tar.zst")
    return folder


@contextlib.contextmanager
def unpacked_for_now(archive: Path) -> Iterator[Path]:
    """A run's folder that is there as long as this process needs it.

    What a killed process could not remove is removed by the next one: faces do not stay in a temporary folder.

    Raises:
        JournalError: as ``unpack``; and what is raised about the folder meanwhile, with the archive in its place: the
            folder is gone when that is read.
    """
    _forget_abandoned(places.temporary())
    with tempfile.TemporaryDirectory(prefix=FOR_NOW) as place:
        lock = system.lock_folder(Path(place))
        try:
            yield unpack(archive, Path(place))
        except JournalError as error:
            raise JournalError(str(error).replace(place, str(archive))) from error
        finally:
            if lock is not None:
                os.close(lock)


def _forget_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{FOR_NOW}*"):
        with contextlib.suppress(OSError):
            is_old = time.time() - folder.lstat().st_mtime > MADE_JUST_NOW
            if is_old and (lock := system.lock_folder(folder)) is not None:
                if system.WINDOWS:  # which removes no file that is open
                    os.close(lock)
                shutil.rmtree(folder, ignore_errors=True)
                if not system.WINDOWS:
                    os.close(lock)


def _members(stream: _Bounded, archive: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of every file.

    The headers are read here, one block each, and not by ``tarfile``: its extensions (long names, sparse files, PAX)
    let a stranger's archive of a few hundred bytes fill the disk, the memory or the stack. A run needs none of them.
    """
    number = 0
    while (block := stream.exactly(tarfile.BLOCKSIZE)) != bytes(tarfile.BLOCKSIZE):
        entry = tarfile.TarInfo.frombuf(block, "utf-8", "replace")
        number += 1
        if number > ENTRIES_MOST:
            raise JournalError(f"{archive} holds more than {ENTRIES_MOST} files; it is not unpacked")
        if entry.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or not NAME.fullmatch(entry.name):
            raise JournalError(
                f"{archive} holds {entry.name[:80]!r}, which is no part of a run or no plain file; it is not unpacked"
            )
        if not 0 <= entry.size <= MOST.get(entry.name, PICTURE_MOST):
            raise JournalError(f"{archive} holds a file of {entry.size >> 20} MB, {entry.name}; it is not unpacked")
        content = stream.exactly(entry.size)
        stream.exactly(-entry.size % tarfile.BLOCKSIZE)
        yield entry.name, content


class _Bounded:
    """A stream that ends with an error once it has given too much: small archives can unpack to very large files."""

    def __init__(self, stream: zstd.ZstdFile, most: int) -> None:
        self._stream = stream
        self._left = most

    def exactly(self, size: int) -> bytes:
        """The next bytes, all of them.

        Raises:
            EOFError: there are not so many.
            ValueError: it has given too much.
        """
        self._left -= size
        if self._left < 0:
            raise ValueError(f"it unpacks to more than {WHOLE_MOST >> 20} MB")
        parts, missing = [], size
        while missing:
            part = self._stream.read(min(missing, PIECE))
            if not part:
                raise EOFError("it ends too early")
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)
