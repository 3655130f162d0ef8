"""The faces in many pictures: what is known at once is read here, the rest is searched by many processes."""

from __future__ import annotations

import contextlib
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from pathlib import Path

import torch

from facetui.engine.core.cache import Cache
from facetui.engine.people.search_process import Found, Pool, cached_faces, known
from facetui.engine.records.errors import DataError

FEW = 64
"""Searches up to which no further process is started: each takes three seconds of a core to begin."""

MOST = 8
"""Processes at most: each takes 0.4 GB of memory."""

AHEAD = 256
"""Pictures that are looked at, at most, before the faces of the first of them are handed out."""

LISTENS = 0.25
"""Seconds between two calls of whoever waits for a face."""


def processes() -> int:
    """How many search at once: as many as torch has threads: the cores, or ``OMP_NUM_THREADS``; ``MOST`` at most."""
    return min(MOST, torch.get_num_threads())


def faces_in(paths: Iterable[Path], cache: Cache, waiting: Callable[[], None] = lambda: None) -> Generator[Found]:
    """The faces in each of many pictures, in their order; close it to stop.

    What is found is the same, to the byte, whether one process searches or many.

    Args:
        paths: of the pictures.
        cache: keeps what took a search, and is asked first.
        waiting: called a few times a second while nothing is found; may raise.

    Raises:
        FacetuiError: a process ended by itself, or memory ran out.
    """
    ahead: deque[Future[Found] | Found | Path] = deque()
    rest, several, pool = iter(paths), processes() > 1 and bool(sys.executable), None
    try:
        while True:
            for path in rest:
                found = _at_once(path, cache)
                ahead.append(path if found is None else found)
                if pool is not None and found is None:
                    ahead[-1] = pool.ask(path)
                elif pool is None and several and sum(isinstance(entry, Path) for entry in ahead) > FEW:
                    pool = Pool(processes(), cache)
                    ahead = deque(pool.ask(entry) if isinstance(entry, Path) else entry for entry in ahead)
                if len(ahead) >= AHEAD:
                    break
            if not ahead:
                return
            yield _now(ahead.popleft(), cache, waiting)
    finally:
        if pool is not None:
            pool.close()


def _at_once(path: Path, cache: Cache) -> Found | None:
    """What is known of a picture without a search."""
    try:
        return known(path, cache)[1]
    except DataError as error:
        return error


def _now(entry: Future[Found] | Found | Path, cache: Cache, waiting: Callable[[], None]) -> Found:
    if isinstance(entry, Path):
        try:
            return cached_faces(entry, cache)
        except DataError as error:
            return error
    if not isinstance(entry, Future):
        return entry
    while True:
        with contextlib.suppress(TimeoutError):
            return entry.result(LISTENS)
        waiting()
