"""Vectors in a file: NumPy's format, float16, read block by block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from facetui.engine.records import places
from facetui.engine.records.errors import DataError


class VectorFile:
    """A ``.npy`` file of vectors ``(N, D)`` float16, of which only the block in use is in memory.

    Raises:
        DataError: there is no such file, or it holds something else.
    """

    def __init__(self, path: Path) -> None:
        try:
            whole = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise DataError(f"{places.short(path)} is no file of vectors that can be read: {error}") from error
        if whole.ndim != 2 or whole.dtype != np.float16 or not whole.flags.c_contiguous or whole.shape[1] < 1:
            raise DataError(
                f"{places.short(path)} holds {whole.dtype} {whole.shape}, expected rows of float16: numpy.save of an "
                "array (N, D)"
            )
        self._path, (self._n, self.size) = path, whole.shape
        self._offset = int(getattr(whole, "offset", 0))

    def __len__(self) -> int:
        return self._n

    def blocks(self, rows: int) -> Iterator[Tensor]:
        """Vectors ``(<= rows, D)`` float16 in turn; each is gone when the next one comes.

        Read, not mapped: of a mapped file the process would hold every page that it looked at.
        """
        buffer = np.empty((min(rows, max(1, self._n)), self.size), np.float16)
        with self._path.open("rb", buffering=0) as file:
            file.seek(self._offset)
            for at in range(0, self._n, rows):
                some = buffer[: min(rows, self._n - at)]
                if file.readinto(some.data.cast("B")) != some.nbytes:
                    raise DataError(f"{places.short(self._path)} ends too early")
                yield torch.from_numpy(some)


def write(path: Path, n: int, blocks: Iterable[Tensor]) -> None:
    """Write vectors ``(n, D)``, given in blocks of at least one row each.

    Raises:
        ValueError: they are more or fewer than was said, or of different sizes.
        OSError: there is no room.
    """
    at = 0
    with path.open("wb") as file:  # written, not mapped: the process would hold every page
        for block in blocks:
            if not at:
                shape = (n, block.shape[1])
                header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.float16)), "fortran_order": False}
                np.lib.format.write_array_header_1_0(file, {**header, "shape": shape})
            if at + len(block) > n or block.shape[1] != shape[1]:
                raise ValueError(f"expected {n} vectors (N, {shape[1]}), got more of them, or {tuple(block.shape)}")
            file.write(np.ascontiguousarray(block.to(torch.float16).numpy()).data)
            at += len(block)
    if at != n:
        raise ValueError(f"expected {n} vectors, got {at}")
