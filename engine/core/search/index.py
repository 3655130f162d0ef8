"""What every index does."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from facetui.engine.records.errors import UsageError


class Index(ABC):
    """Vectors, and which of them are most similar to others by inner product; cosine for those of unit length.

    Args:
        size: of a vector, D.
        settings: what stands behind the colon of its name.

    Attributes:
        name: as in the registry.
        exact: whether it always finds the most similar ones; what another one misses is its own failure, and must never
            be counted as somebody's protection.
    """

    name: str
    exact: bool

    def __init__(self, size: int, settings: str = "") -> None:
        if size < 1:
            raise UsageError(f"expected vectors of at least one number, got {size}")
        self.size = size

    @abstractmethod
    def __len__(self) -> int:
        """How many vectors it holds."""

    @abstractmethod
    def add(self, vectors: Tensor) -> None:
        """Take in vectors ``(N, D)``, whose rows go on counting from those before.

        Raises:
            UsageError: they have another size.
        """

    @abstractmethod
    def search(self, probes: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """The ``k`` most similar vectors of each probe.

        Args:
            probes: ``(Q, D)``.
            k: at least 1; at most as many as there are come back.

        Returns:
            Similarity ``(Q, k)`` float32, falling, and rows ``(Q, k)`` int64; of equal ones the earlier row first where
            the index is exact.

        Raises:
            UsageError: it is empty, ``k`` is too small, or probes have another size.
        """

    def _check(self, vectors: Tensor) -> None:
        if vectors.ndim != 2 or vectors.shape[1] != self.size:
            raise UsageError(f"expected vectors (N, {self.size}), got {tuple(vectors.shape)}")

    def _check_search(self, probes: Tensor, k: int) -> int:
        self._check(probes)
        if k < 1:
            raise UsageError(f"expected k of at least 1, got {k}")
        if not len(self):
            raise UsageError("the index is empty")
        return min(k, len(self))
