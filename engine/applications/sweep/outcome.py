"""What becomes of asking somebody to compute a unit. No torch."""

from __future__ import annotations

from typing import Literal

import msgspec

State = Literal["done", "taken", "failed", "died"]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody is asked for who computes a unit; plain values, so that every scheduler can carry them."""

    folder: str
    """Of the sweep, as all who compute see it."""
    unit: bytes
    """As JSON."""
    cache: str
    """Folder of results; empty: none."""
    device: str = "auto"
    threads: int = 1
    again: bool = False
    """Somebody computes it already, and takes long: nobody is waited for."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it."""

    name: str
    state: State
    """``taken``: somebody else computes it. ``died``: whoever computed it is no more."""
    seconds: float = 0.0
    error: str = ""
    again: bool = False
    """Whether it may come out another time."""
