"""Indexes of faiss, by its factory strings: approximate search as large engines do it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from facetui.engine.core.search.index import Index
from facetui.engine.records.errors import UsageError, extra_command

TRAINED_ON = 262_144
"""Vectors that an index may be trained on, the first ones given."""


class Faiss(Index):
    """One of faiss's own.

    Args:
        size: of a vector.
        settings: faiss's factory string, e.g. ``Flat``, ``IVF1024,Flat`` or ``HNSW32``.

    Raises:
        UsageError: faiss is not installed, or knows no such factory.
    """

    name = "faiss"

    def __init__(self, size: int, settings: str = "") -> None:
        super().__init__(size, settings)
        try:
            import faiss
        except ImportError as error:
            raise UsageError(
                f"an index of faiss needs the package faiss-cpu; install it with: {extra_command('faiss')}"
            ) from error
        try:
            self._index: Any = faiss.index_factory(size, settings, faiss.METRIC_INNER_PRODUCT)
        except RuntimeError as error:
            raise UsageError(
                f"faiss knows no index {settings!r} for vectors of {size} numbers; try Flat, IVF1024,Flat or HNSW32"
            ) from error
        self.exact = settings == "Flat"

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, vectors: Tensor) -> None:
        """Take in vectors ``(N, D)``; what must be trained is trained on the first ones that come."""
        self._check(vectors)
        rows = vectors.float().cpu().contiguous().numpy()
        try:
            if not self._index.is_trained:
                self._index.train(rows[:TRAINED_ON])
            self._index.add(rows)
        except RuntimeError as error:
            raise UsageError(f"faiss cannot train this index on {len(rows)} vectors: {_last_line(error)}") from error

    def search(self, probes: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """See ``Index.search``; where an approximate index finds fewer than ``k``, the rest has row -1 and -inf."""
        k = self._check_search(probes, k)
        similarity, rows = self._index.search(probes.float().cpu().contiguous().numpy(), k)
        found = torch.from_numpy(rows)
        return torch.from_numpy(similarity).masked_fill(found < 0, -torch.inf), found


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]
