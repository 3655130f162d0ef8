"""Room for many photos in a file without a name: what is not in use just now needs no memory.

The file lies in the cache's folder, nobody else can open it, and it is gone with the process, however that ends.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from pathlib import Path
from typing import IO

import numpy as np
import torch
from torch import Tensor

from facetui.engine.core.interfaces import SIDE

LARGE = 64 << 20
"""Bytes from which photos go to a file; fewer stay in memory."""

PHOTO = 3 * SIDE * SIDE
"""Bytes of one."""

_BLOCK = 1 << 24

_files: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()


def room(n: int, folder: Path | None) -> Tensor:
    """Room for photos ``(n, 3, 112, 112)`` uint8; what is in it before they are written is not said.

    Args:
        n: how many.
        folder: where the file is made; absent, or without the space for it: they are in memory.
    """
    size = n * PHOTO
    if folder is None or size < LARGE:
        return torch.empty(n, 3, SIDE, SIDE, dtype=torch.uint8)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            _reserve(file, size)
            pages = mmap.mmap(file.fileno(), size)
    except OSError:
        return torch.empty(n, 3, SIDE, SIDE, dtype=torch.uint8)
    _files.add(pages)
    return torch.from_numpy(np.frombuffer(pages, np.uint8)).view(n, 3, SIDE, SIDE)


def let_go() -> None:
    """The process holds no page of these files until it needs it again: after all of them were looked at or written."""
    for pages in list(_files):
        if hasattr(mmap, "MADV_DONTNEED"):  # of a file that is shared it forgets nothing
            pages.madvise(mmap.MADV_DONTNEED)


def _reserve(file: IO[bytes], size: int) -> None:
    """Take the space on the disk now, where its lack is an error; later it would end the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    for at in range(0, size, _BLOCK):
        file.write(bytes(min(_BLOCK, size - at)))
    file.flush()


class Shelf:
    """Photos that come a few at a time, and stay.

    Args:
        n: how many come at most.
        folder: as of ``room``.
    """

    def __init__(self, n: int, folder: Path | None) -> None:
        self._room = room(n, folder) if folder is not None and n * PHOTO >= LARGE else None
        self._at = 0

    def put(self, photos: Tensor) -> Tensor:
        """The same photos ``(k, 3, 112, 112)`` uint8, on the shelf; few are left where they are."""
        if self._room is None:
            return photos
        there = self._room[self._at : self._at + len(photos)]
        before, self._at = self._at, self._at + len(photos)
        there.copy_(photos)
        if self._at * PHOTO // LARGE > before * PHOTO // LARGE:
            let_go()
        return there
