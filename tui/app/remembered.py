"""What the app remembers from one start to the next by itself: that its cards were seen. What one sets: ``config``."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import msgspec

from facetui.engine import system
from facetui.engine.records import places
from facetui.engine.records.errors import DataError

FILE = "app.json"
MOST = 1 << 16
"""Bytes of that file."""


class Remembered(msgspec.Struct, omit_defaults=True):
    """What is kept; a file from elsewhere, or damaged, is as good as none.

    Attributes:
        welcomed: the cards were seen.
        theme: as it was kept here before there was ``config``; empty: not set.
        motion: the same.
    """

    welcomed: bool = False
    theme: str = ""
    motion: bool = True


def recall() -> Remembered:
    """What was kept last; the defaults where there is nothing that can be read."""
    try:
        with (places.state() / FILE).open("rb") as file:
            return msgspec.json.decode(file.read(MOST), type=Remembered)
    except (OSError, msgspec.DecodeError, DataError, UnicodeError):
        return Remembered()


def keep(remembered: Remembered) -> None:
    """Keep it for the next start, where that is possible."""
    with contextlib.suppress(OSError, DataError):
        folder: Path = places.state()
        folder.mkdir(parents=True, exist_ok=True)
        new = folder / f"{FILE}.{os.getpid()}"
        new.write_bytes(msgspec.json.encode(remembered))
        system.replace(new, folder / FILE)
