"""A linear classifier on frozen embeddings: the second recogniser of the paper."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from facetui.engine.core.interfaces import Classifier
from facetui.engine.records.errors import UsageError


class Linear(Classifier):
    """Standardised embeddings and logistic regression, as Radiya-Dixit et al. (ICLR 2022) run it with scikit-learn.

    Args:
        iterations: of the solver at most.
    """

    name = "linear"

    def __init__(self, iterations: int = 300) -> None:
        self.iterations = iterations
        self._model: Any = None

    def fit(self, embeddings: Tensor, people: Tensor) -> Linear:
        """Train on embeddings ``(N, D)`` of people ``(N,)``.

        Raises:
            UsageError: nothing to train on, lengths differ, or only one person.
        """
        if not len(embeddings) or embeddings.ndim != 2 or people.shape != (len(embeddings),):
            raise UsageError(
                f"expected embeddings (N, D) and people (N,) with N >= 1, got {tuple(embeddings.shape)} "
                f"and {tuple(people.shape)}"
            )
        if len(people.unique()) < 2:
            raise UsageError("a linear classifier needs photos of at least two people, got one")
        # A second to import, and only for those who ask for it.
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        self._model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=self.iterations))
        self._model.fit(embeddings.double().numpy(), people.numpy())
        return self

    def predict(self, embeddings: Tensor) -> Tensor:
        """Whom the trainer names ``(N,)`` for embeddings ``(N, D)``.

        Raises:
            UsageError: nothing was trained.
        """
        if self._model is None:
            raise UsageError("the classifier is not trained; let the trainer scrape before it names anybody")
        return torch.from_numpy(self._model.predict(embeddings.double().numpy()))
