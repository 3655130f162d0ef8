"""Room for many photos in a file without a name: what is not in use just now needs no memory.

The file lies in the cache's folder, nobody else can open it, and it is gone with the process, however that ends.
"""

from __future__ import annotations

import math
import mmap
import os
import sys
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import torch
from torch import Tensor

LARGE = 64 << 20
"""Bytes from which photos go to a file; fewer stay in memory."""

_BLOCK = 1 << 24

_files: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()


def room(shape: Sequence[int], folder: Path | None) -> Tensor:
    """Room for photos or other bytes, uint8; what is in it before they are written is not said.

    Args:
        shape: of the tensor.
        folder: where the file is made; absent, or without the space for it: they are in memory.
    """
    size = math.prod(shape)
    if folder is None or size < LARGE:
        return torch.empty(*shape, dtype=torch.uint8)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            _reserve(file, size)
            pages = mmap.mmap(file.fileno(), size)
    except OSError:
        return torch.empty(*shape, dtype=torch.uint8)
    _files.add(pages)
    return torch.from_numpy(np.frombuffer(pages, np.uint8)).view(*shape)


def let_go() -> None:
    """The process holds no page of these files until it needs it again: after all of them were looked at or written."""
    for pages in list(_files):
        if sys.platform != "win32":  # of a file that is shared it forgets nothing
            pages.madvise(mmap.MADV_DONTNEED)


def read_through(data: memoryview) -> Iterator[memoryview]:
    """Bytes, a part at a time, of which the process holds no page afterwards if they lie in such a file."""
    for at in range(0, len(data), LARGE):
        yield data[at : at + LARGE]
        if len(data) > LARGE:
            let_go()


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
        shape: of all that come at most.
        folder: as of ``room``.
    """

    def __init__(self, shape: Sequence[int], folder: Path | None) -> None:
        self._room = room(shape, folder) if folder is not None and math.prod(shape) >= LARGE else None
        self._at = self._held = 0

    def put(self, photos: Tensor) -> Tensor:
        """The same photos ``(k, ...)`` uint8, on the shelf; few are left where they are."""
        if self._room is None:
            return photos
        there = self._room[self._at : self._at + len(photos)].copy_(photos)
        self._at += len(photos)
        self._held += photos.numel()
        if self._held >= LARGE:
            self._held = 0
            let_go()
        return there
