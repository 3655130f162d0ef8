"""A run as one file, ``.tar.zst``: packed without what nobody needs, unpacked as if a stranger had made it."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import zstandard

from facetui.engine import journal
from facetui.engine.errors import JournalError
from facetui.engine.events import PicturesShown
from facetui.tui.cues import CUES

NAME = re.compile(r"events\.jsonl|cues\.jsonl|pictures/[0-9a-f]{16}\.png")
MOST = {journal.EVENTS: 256 << 20, CUES: 1 << 20}
PICTURE_MOST = 4 << 20
ENTRIES_MOST = 20_000
WHOLE_MOST = 512 << 20
"""Bytes that an archive may unpack to."""

WINDOW_MOST = 1 << 27
"""Bytes of memory that its compression may ask for."""


def is_archive(name: str) -> bool:
    """Whether a run is named by such a file."""
    return name.endswith(".tar.zst")


def pack(folder: Path, target: Path, pictures: str = "fictional") -> int:
    """Write a run as one file; returns its size in bytes.

    Args:
        folder: the run's.
        target: does not exist yet.
        pictures: which go along: ``none``, ``fictional`` (of people who do not exist) or ``all``.

    Raises:
        JournalError: the run cannot be read, or the file is there already or cannot be written.
    """
    events = journal.read(folder)
    began = journal.began(events, folder)
    shown = [e for e in events if isinstance(e, PicturesShown)]
    names = {name for e in shown for name in (e.original, e.posted, e.probe)}
    if pictures == "none" or (pictures == "fictional" and began.people != "embedded"):
        names = set()
    files = [journal.EVENTS, CUES, *(f"pictures/{name}.png" for name in sorted(names))]
    out = io.BytesIO()
    with (
        zstandard.ZstdCompressor(level=19).stream_writer(out, closefd=False) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name in files:
            if NAME.fullmatch(name) and (folder / name).is_file():
                data = (folder / name).read_bytes()
                entry = tarfile.TarInfo(name)  # no owner, no date: nothing of this machine goes along
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
    try:
        with target.open("xb") as file:
            file.write(out.getvalue())
    except FileExistsError:
        raise JournalError(f"{target} exists and is not overwritten; choose another name with -o") from None
    except OSError as error:
        raise JournalError(f"{target} cannot be written ({error.strerror}); choose another folder with -o") from error
    return len(out.getvalue())


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a run into an empty folder; nothing but a run's own files, of bounded sizes, ever leaves the archive.

    Raises:
        JournalError: it cannot be read, is no such archive, or holds anything else.
    """
    try:
        with archive.open("rb") as file:
            packed = zstandard.ZstdDecompressor(max_window_size=WINDOW_MOST).stream_reader(file)
            with tarfile.open(fileobj=_Bounded(packed, WHOLE_MOST), mode="r|") as tar:
                for entry, data in _members(tar, archive):
                    target = folder / entry.name
                    target.parent.mkdir(exist_ok=True)
                    with target.open("xb") as out:
                        out.write(data)
    except OSError as error:
        raise JournalError(f"{archive} cannot be unpacked ({error.strerror or error}); check the path") from error
    except (zstandard.ZstdError, tarfile.TarError, ValueError, EOFError) as error:
        raise JournalError(
            f"{archive} is not a run packed by facetui runs export, or it is damaged ({error})"
        ) from None
    if not (folder / journal.EVENTS).is_file():
        raise JournalError(f"{archive} holds no run; pack one with: facetui runs export RUN -o run.tar.zst")
    return folder


def _members(tar: tarfile.TarFile, archive: Path) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    for number, entry in enumerate(tar):
        most = MOST.get(entry.name, PICTURE_MOST)
        if number >= ENTRIES_MOST:
            raise JournalError(f"{archive} holds more than {ENTRIES_MOST} files; it is not unpacked")
        if not entry.isreg() or not NAME.fullmatch(entry.name):
            raise JournalError(f"{archive} holds {entry.name[:80]!r}, which is no part of a run; it is not unpacked")
        if entry.size > most:
            raise JournalError(f"{archive} holds a file of {entry.size >> 20} MB, {entry.name}; it is not unpacked")
        content = tar.extractfile(entry)
        yield entry, content.read() if content is not None else b""


class _Bounded(io.RawIOBase):
    """A stream that ends with an error once it has given too much: small archives can unpack to very large files."""

    def __init__(self, stream: zstandard.ZstdDecompressionReader, most: int) -> None:
        self._stream = stream
        self._left = most

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data = self._stream.read(size if size >= 0 else 1 << 20)
        self._left -= len(data)
        if self._left < 0:
            raise ValueError(f"it unpacks to more than {WHOLE_MOST >> 20} MB")
        return data
