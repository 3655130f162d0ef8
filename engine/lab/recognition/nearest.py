"""Nearest-neighbour search: the trainer's gallery of scraped photos."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from facetui.engine.core.interfaces import Classifier
from facetui.engine.core.search.exact import Exact
from facetui.engine.records.errors import UsageError

Metric = Literal["cosine", "euclidean"]


class NearestNeighbour(Classifier):
    """Names the person on the most similar enrolled photo.

    Args:
        metric: ``cosine``, as in practice, or ``euclidean`` on the embeddings as given, as in the paper, which gives
            it raw ones; for unit-length embeddings both give the same order.
    """

    name = "nearest"

    def __init__(self, metric: Metric = "cosine") -> None:
        if metric not in ("cosine", "euclidean"):
            raise UsageError(f"expected a metric cosine or euclidean, got {metric!r}")
        self.metric = metric
        self._embeddings: Tensor | None = None
        self._index: Exact | None = None
        self._people = torch.empty(0, dtype=torch.int64)

    def fit(self, embeddings: Tensor, people: Tensor) -> NearestNeighbour:
        """Enrol embeddings ``(N, D)`` of people ``(N,)``; a former gallery is forgotten.

        Raises:
            UsageError: nothing to enrol, or lengths differ.
        """
        if not len(embeddings) or embeddings.ndim != 2 or people.shape != (len(embeddings),):
            raise UsageError(
                f"expected embeddings (N, D) and people (N,) with N >= 1, got {tuple(embeddings.shape)} "
                f"and {tuple(people.shape)}"
            )
        self._embeddings, self._people = embeddings, people
        if self.metric == "cosine":
            self._index = Exact(embeddings.shape[1])
            self._index.add(torch.nn.functional.normalize(embeddings, dim=1))
        return self

    def search(self, embeddings: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """The ``k`` most similar enrolled photos.

        Args:
            embeddings: ``(N, D)`` probes.
            k: at most the gallery's size is returned.

        Returns:
            Similarity ``(N, k)``, falling (cosine in [-1, 1], or minus the distance), and people ``(N, k)``.

        Raises:
            UsageError: nothing was enrolled.
        """
        if self._embeddings is None:
            raise UsageError("the gallery is empty; let the trainer scrape before it searches")
        if self._index is not None:
            values, order = self._index.search(torch.nn.functional.normalize(embeddings, dim=1), k)
        else:
            similarity = -torch.cdist(embeddings, self._embeddings)
            values, order = similarity.topk(min(k, similarity.shape[1]), dim=1)
        return values, self._people[order]

    def predict(self, embeddings: Tensor) -> Tensor:
        """The nearest person ``(N,)`` for probes ``(N, D)``."""
        return self.search(embeddings, 1)[1][:, 0]
