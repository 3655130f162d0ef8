"""Who is who, as all embedded extractors see it together: for choosing photos, never for what is reported."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from facetui.engine import extractors
from facetui.engine.core.inference import embed, frozen
from facetui.engine.core.interfaces import Extractor


@lru_cache
def _networks() -> tuple[Extractor, ...]:
    every = extractors.EXTRACTORS
    names = [name for name in every.names() if every.entry(name).facts.get("weights") == "embedded"]
    return tuple(frozen(extractors.load(name), torch.device("cpu")) for name in names)


def describe(photos: Tensor) -> Tensor:
    """Embeddings side by side, rows of length 1: their products are the mean of the networks' cosine similarities.

    Args:
        photos: ``(N, 3, 112, 112)`` uint8.
    """
    rows = torch.cat([embed(network, photos) for network in _networks()], 1)
    return rows / len(_networks()) ** 0.5
