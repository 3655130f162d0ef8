"""Exact search, block by block: memory does not grow with what is searched, and a file need not fit into it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from facetui.engine.core.search.index import Index
from facetui.engine.core.search.vector_file import VectorFile
from facetui.engine.records.errors import UsageError

BLOCK = 4096
"""Vectors compared at a time: with 768 probes 12 MB of similarities, which most processors' last cache holds."""

PROBES = 1024
"""Probes compared at a time, so that memory does not grow with them either."""


class Exact(Index):
    """Compares every probe with every vector.

    Vectors stay as they are given (float32, as a rule), or lie in a file as float16, see ``over``: of unit vectors the
    similarities are then right to about 0.0003.
    """

    name = "exact"
    exact = True

    def __init__(self, size: int, settings: str = "") -> None:
        super().__init__(size, settings)
        if settings:
            raise UsageError(f"the exact index has no settings, got {settings!r}")
        self._parts: list[Tensor] = []
        self._file: VectorFile | None = None

    @classmethod
    def over(cls, path: Path) -> Exact:
        """An index of what lies in a file of vectors already.

        Raises:
            DataError: there is no such file, or it holds something else.
        """
        file = VectorFile(path)
        index = cls(file.size)
        index._file = file
        return index

    def __len__(self) -> int:
        return sum(map(len, self._parts)) + (len(self._file) if self._file else 0)

    def add(self, vectors: Tensor) -> None:
        """Keep vectors ``(N, D)`` in memory, after those of the file if there is one."""
        self._check(vectors)
        self._parts.append(vectors)

    def _blocks(self) -> Iterator[Tensor]:
        if self._file:
            yield from self._file.blocks(BLOCK)
        for part in self._parts:
            yield from part.split(BLOCK)

    def search(self, probes: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """See ``Index.search``; on the probes' device, whose kind all vectors in memory must share."""
        k = self._check_search(probes, k)
        found = [_Best(some.float(), k) for some in probes.split(PROBES)]
        at = 0
        for block in self._blocks():
            vectors = block.to(probes.device, torch.float32)
            for best in found:
                best.look_at(vectors, at)
            at += len(block)
        return torch.cat([best.similarity for best in found]), torch.cat([best.rows for best in found])


class _Best:
    """The best so far of some probes.

    A block's largest similarity is quickly found; only probes that it betters are looked at more closely, and after a
    few blocks these are few.
    """

    def __init__(self, probes: Tensor, k: int) -> None:
        self._probes, self._k = probes, k
        self.similarity = torch.full((len(probes), 0), -torch.inf, device=probes.device)
        self.rows = torch.empty(len(probes), 0, dtype=torch.int64, device=probes.device)

    def look_at(self, vectors: Tensor, at: int) -> None:
        """Compare with vectors ``(B, D)``, of which the first has the row ``at``."""
        seen = self._probes @ vectors.T
        if self.rows.shape[1] < self._k:
            self.similarity, self.rows = self._merged(seen, at, slice(None))
            return
        better = (seen.amax(1) > self.similarity[:, -1]).nonzero()[:, 0]
        if len(better):
            self.similarity[better], self.rows[better] = self._merged(seen[better], at, better)

    def _merged(self, seen: Tensor, at: int, which: Tensor | slice) -> tuple[Tensor, Tensor]:
        """The best of what was found before and of a block; of equal ones the earlier row stands first."""
        values, order = seen.sort(dim=1, descending=True, stable=True) if self._k > 1 else seen.max(1, keepdim=True)
        values, order = values[:, : self._k], order[:, : self._k] + at
        both = torch.cat([self.similarity[which], values], 1)
        rows = torch.cat([self.rows[which], order], 1)
        best, places = both.sort(dim=1, descending=True, stable=True)
        return best[:, : self._k], rows.gather(1, places)[:, : self._k]
