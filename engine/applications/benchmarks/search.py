"""How long a face search takes, how much memory it needs, and what it does not find, by how many faces it knows.

The vectors are made up: faces at random on the sphere, and probes around some of them, so that a probe has somebody to
be found. Time and memory do not depend on what the numbers are; how often an approximate index errs does.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import normalize

from facetui.engine.core.search import INDEXES, make, vector_file
from facetui.engine.core.search.exact import Exact
from facetui.engine.core.search.index import Index
from facetui.engine.records.errors import UsageError

SIZE = 128
"""Numbers in an embedding, as in the compact networks."""

PROBES = 768

CHUNK = 65_536
"""Vectors that are made, and given to an index, at a time."""

NOISE = 1.3
"""Of a probe around its face, in parts of the face's own length: their similarity is about 0.6."""

ROUNDS = 3

SPARE = 1.2
"""Room on the disk, in parts of what the file takes."""


@dataclass(frozen=True)
class Line:
    """One index among so many faces.

    Attributes:
        faces: how many it holds.
        index: its name.
        seconds: of one search for all probes, the median of some.
        spread: between the quickest and the slowest of these, seconds.
        built: seconds that filling it took; 0 for what lies in a file.
        recall: share of probes for which it finds the one that exact search finds.
    """

    faces: int
    index: str
    seconds: float
    spread: float
    built: float
    recall: float


def vectors(n: int, seed: int) -> Iterator[Tensor]:
    """``n`` unit vectors ``(<= CHUNK, SIZE)`` at a time, the same for the same seed, and for every longer ``n``."""
    for at in range(0, n, CHUNK):
        generator = torch.Generator().manual_seed(seed + at)
        yield normalize(torch.randn(CHUNK, SIZE, generator=generator), dim=1)[: n - at]


def probes(n: int, seed: int) -> Tensor:
    """Further photos ``(PROBES, SIZE)`` of those whom the first vectors show, evenly spread over the first chunk."""
    first = next(vectors(min(n, CHUNK), seed))
    known = first[torch.linspace(0, len(first) - 1, PROBES).long()]
    generator = torch.Generator().manual_seed(seed - 1)
    around = torch.randn(PROBES, SIZE, generator=generator) / SIZE**0.5
    return normalize(known + NOISE * around, dim=1)


def measure(
    sizes: Sequence[int],
    indexes: Sequence[str],
    *,
    seed: int = 0,
    folder: Path | None = None,
    rounds: int = ROUNDS,
    tell: Callable[[str], None] = lambda text: None,
) -> Iterator[Line]:
    """Lines for each number of faces: exact search over a file first, then the indexes, which hold all in memory.

    Args:
        sizes: numbers of faces.
        indexes: names, besides ``exact``.
        seed: of the vectors.
        folder: where the file is made, and removed; absent: the system's for what is temporary.
        rounds: searches of each index, in turn with those of the others.
        tell: what happens just now.

    Raises:
        UnknownName: there is no such index.
        UsageError: a package is missing, no size, or no room on the disk.
    """
    if not sizes or min(sizes) < 1:
        raise UsageError("expected numbers of faces of at least 1")
    for name in indexes:
        INDEXES.entry(name)
    for n in sorted(sizes):
        with tempfile.TemporaryDirectory(dir=folder, prefix="facetui-search-") as place:
            needed = int(2 * SIZE * n * SPARE)
            if (free := shutil.disk_usage(place).free) < needed:
                raise UsageError(
                    f"{n:,} faces take {needed / 1e9:.1f} GB on the disk, and {free / 1e9:.1f} are free; take fewer, "
                    "or set TMPDIR to a folder with more room"
                )
            tell(f"make up {n:,} faces")
            path = Path(place, "faces.npy")
            vector_file.write(path, n, vectors(n, seed))
            yield from _of_one_size(n, Exact.over(path), indexes, seed, rounds, tell)


def _of_one_size(
    n: int, exact: Exact, indexes: Sequence[str], seed: int, rounds: int, tell: Callable[[str], None]
) -> Iterator[Line]:
    asked = probes(n, seed)
    known: dict[str, Index] = {"exact": exact}
    built = {"exact": 0.0}
    for name in indexes:
        tell(f"fill {name} with {n:,} faces")
        began = time.perf_counter()
        known[name] = make(name, SIZE)
        for some in vectors(n, seed):
            known[name].add(some)
        built[name] = time.perf_counter() - began
    times: dict[str, list[float]] = {name: [] for name in known}
    found = {}
    for _ in range(rounds):
        for name, index in known.items():
            tell(f"search {name} among {n:,} faces")
            began = time.perf_counter()
            found[name] = index.search(asked, 1)[1][:, 0]
            times[name].append(time.perf_counter() - began)
    for name in known:
        took = times[name]
        recall = float((found[name] == found["exact"]).float().mean())
        yield Line(n, name, statistics.median(took), max(took) - min(took), built[name], recall)
