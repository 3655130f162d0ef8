"""Runs that come along, packed beside this file: every story at release strength, and one on published networks.

The real engine recorded them: tools/record_stories.py. ``real`` is arms_race on published networks and real people,
without any picture.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterator
from functools import lru_cache
from importlib import resources
from pathlib import Path

from facetui.engine.records import journal
from facetui.engine.records.errors import UnknownName
from facetui.engine.runs.read import Run, read_run
from facetui.tui.runs.archive import unpacked_for_now

FIRST = "arms_race"
"""What a newcomer is shown."""

RECORDED = "demo:"
"""Begins the name of a recording where runs are named, too: ``demo:arms_race``."""

ENDING = ".tar.zst"


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """What was recorded, first what a newcomer is shown."""
    found = (file.name for file in resources.files(__name__).iterdir())
    told = sorted(name.removesuffix(ENDING) for name in found if name.endswith(ENDING))
    return tuple(sorted(told, key=lambda name: (name != FIRST, name)))


def read(name: str = FIRST) -> Run:
    """A recording as a run, for notebooks and scripts; its folder is there no more.

    Raises:
        UnknownName: there is none of that name.
    """
    with unpacked(name) as (folder, _):
        return read_run(folder)


@contextlib.contextmanager
def unpacked(name: str = FIRST) -> Iterator[tuple[Path, str]]:
    """A recording as long as it is needed: its folder, and the date on which it was made.

    Raises:
        UnknownName: there is none of that name.
    """
    if name not in names():
        raise UnknownName("recording", name, difflib.get_close_matches(name, names(), 1, 0.6), list(names()))
    packed = resources.files(__name__) / f"{name}{ENDING}"
    with resources.as_file(packed) as archive, unpacked_for_now(archive) as folder:
        yield folder, journal.began_at(folder)[:10]
