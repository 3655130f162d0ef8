"""A network of FRBench by its three parts: what it is, what trained it, and on what."""

from __future__ import annotations

import re
from typing import NamedTuple

PREFIX = "frbench:"

PART = r"[a-z0-9][a-z0-9.-]*"
"""One of the three, as a regular expression."""

_KEY = re.compile(rf"({PART})_({PART})_({PART})")
_NAME = re.compile(rf"{PREFIX}({PART})/({PART})/({PART})")


class Model(NamedTuple):
    """A network that FRBench publishes.

    Attributes:
        backbone: e.g. ``irse-100``.
        loss: that it was trained with, e.g. ``arcface``.
        data: that it was trained on, e.g. ``ms1m``.
    """

    backbone: str
    loss: str
    data: str

    @property
    def name(self) -> str:
        """As an extractor is called."""
        return f"{PREFIX}{self.backbone}/{self.loss}/{self.data}"

    @property
    def key(self) -> str:
        """As FRBench's manifest calls it."""
        return "_".join(self)


def of_key(key: str) -> Model | None:
    """The network under a key of the manifest; ``None`` for a face detector, and for anything else."""
    found = _KEY.fullmatch(key)
    return Model(*found.groups()) if found else None


def of_name(name: str) -> Model | None:
    """The network of an extractor's name, published or not; ``None`` for another kind of name."""
    found = _NAME.fullmatch(name)
    return Model(*found.groups()) if found else None
