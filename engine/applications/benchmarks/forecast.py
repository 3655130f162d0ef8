"""From a million strangers to ten, and on to billions: a forecast is made, and then ten million are searched.

Nobody has so many faces. Strangers are drawn from a normal distribution with the mean and covariance of what an
extractor makes of the fictional crowd, and brought to unit length; so their number is real, and they are not. The
fictional people, who protect nothing, are searched for among them.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import normalize

from facetui.engine import extractors
from facetui.engine.core.inference import embed, frozen
from facetui.engine.core.search import tail, vector_file
from facetui.engine.core.search.exact import Exact
from facetui.engine.people import identities
from facetui.engine.people.persons import EMBEDDED
from facetui.engine.records.errors import UsageError

CHUNK = 65_536
"""Strangers that are drawn at a time."""

ABOVE = 200
"""The most similar strangers of each probe, to which the tail is fitted."""

POSTED = 8
"""Photos of each person that are searched among, and of the others as many are probes."""

FAR = (3_000_000_000, 30_000_000_000)
"""What face search engines say that they hold: 3 billion in 2020, 30 in 2023 (Clearview AI)."""

RESAMPLED = 200
ENDS = torch.tensor([0.025, 0.975], dtype=torch.float64)
SPARE = 1.2
"""Room on the disk, in parts of what the file takes."""

CARD_BYTES, CARD_RATE = 80e9, 3.35e12
"""Memory of an H100 SXM, and bytes it reads in a second (NVIDIA's data sheet)."""


@dataclass(frozen=True)
class Line:
    """What was counted among so many strangers, or foretold.

    Attributes:
        faces: how many.
        counted: share of the probes to which one of them is nearer than the own photos; ``None``: not searched.
        foretold: the same by the tail of the smallest number that was searched; ``None``: that number itself.
        interval: 95 %, of the latter, people resampled.
        seconds: of the search, or what it would take at the rate of the largest that was timed.
        bytes_each: of one embedding, in float16.
    """

    faces: int
    counted: float | None
    foretold: float | None
    interval: tuple[float, float] | None
    seconds: float
    bytes_each: int

    @property
    def gigabytes(self) -> float:
        """All of them."""
        return self.faces * self.bytes_each / 1e9

    @property
    def cards(self) -> int:
        """Cards of 80 GB that hold them."""
        return max(1, -(-int(self.faces * self.bytes_each) // int(CARD_BYTES)))

    @property
    def least_seconds(self) -> float:
        """What cards that hold them take at least to read all once, for as many probes as one pass serves."""
        return self.faces * self.bytes_each / self.cards / CARD_RATE


@dataclass(frozen=True)
class Known:
    """The people who are searched for, as an extractor sees them.

    Attributes:
        probes: ``(P, D)``.
        own: ``(P,)`` the greatest similarity to a photo of the same person.
        people: ``(P,)``.
        mean: ``(D,)`` of the crowd's embeddings.
        root: ``(D, D)`` whose square is their covariance.
    """

    probes: Tensor
    own: Tensor
    people: Tensor
    mean: Tensor
    root: Tensor

    def strangers(self, n: int, seed: int) -> Iterator[Tensor]:
        """``n`` unit vectors ``(<= CHUNK, D)`` at a time, the same for the same seed, and for every longer ``n``."""
        for at in range(0, n, CHUNK):
            generator = torch.Generator().manual_seed(seed + at)
            drawn = torch.randn(CHUNK, len(self.mean), generator=generator)
            yield normalize(self.mean + drawn @ self.root, dim=1)[: n - at]


def know(extractor: str, device: torch.device) -> Known:
    """What an extractor makes of the fictional people, and of the crowd.

    Raises:
        UnknownName: no such extractor.
        DataError: its weights are missing.
    """
    network = frozen(extractors.load(extractor), device)
    people = identities.load(EMBEDDED)
    crowd = identities.crowd(None, people)
    assert crowd is not None
    others = embed(network, torch.cat([person.photos for person in crowd.persons])).cpu().double()
    centred = others - others.mean(0)
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(centred))
    probes, own, who = [], [], []
    for number, person in enumerate(people.persons):
        seen = embed(network, person.photos[: 2 * POSTED]).cpu()
        posted, asked = seen[:POSTED], seen[POSTED:]
        probes.append(asked)
        own.append((asked @ posted.T).max(1).values)
        who.append(torch.full((len(asked),), number))
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    return Known(torch.cat(probes), torch.cat(own), torch.cat(who), others.mean(0).float(), root.float())


def measure(
    extractor: str,
    sizes: Sequence[int],
    *,
    seed: int = 0,
    device: torch.device | None = None,
    folder: Path | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Iterator[Line]:
    """A line for each number: the first is counted, the others are foretold from it, and then counted; then billions.

    Args:
        extractor: its name.
        sizes: numbers of strangers; at least two, so that a forecast is checked before anybody looks further.
        seed: of the strangers.
        device: where photos are embedded; absent: the CPU, on which all is searched.
        folder: where the file is made, and removed; absent: the system's for what is temporary.
        tell: what happens just now.

    Raises:
        UnknownName: no such extractor.
        UsageError: fewer than two sizes, too small ones, or no room on the disk.
    """
    sizes = sorted(set(sizes))
    if len(sizes) < 2 or sizes[0] <= 10 * ABOVE:
        raise UsageError(f"expected two or more numbers of faces, each above {10 * ABOVE}, such as 1000000,10000000")
    known = know(extractor, device or torch.device("cpu"))
    wide = known.probes.shape[1]
    with tempfile.TemporaryDirectory(dir=folder, prefix="facetui-forecast-") as place:
        needed = int(2 * wide * sizes[-1] * SPARE)
        if (free := shutil.disk_usage(place).free) < needed:
            raise UsageError(
                f"{sizes[-1]:,} faces take {needed / 1e9:.1f} GB on the disk, and {free / 1e9:.1f} are free; take "
                "fewer, or set TMPDIR to a folder with more room"
            )
        path = Path(place, "strangers.npy")
        fitted: Fitted | None = None
        rate = 0.0
        for n in sizes:
            tell(f"draw {n:,} strangers")
            vector_file.write(path, n, known.strangers(n, seed))
            share, interval = fitted.foretell(n, seed) if fitted else (None, None)
            tell(f"search {n:,} strangers")
            began = time.perf_counter()
            found = Exact.over(path).search(known.probes, 1)[0][:, 0]
            seconds = time.perf_counter() - began
            rate = n / seconds
            counted = float((found >= known.own).double().mean())
            yield Line(n, counted, share, interval, seconds, 2 * wide)
            if fitted is None:
                tell(f"fit the tail to {n:,} strangers")
                fitted = Fitted(known, Exact.over(path).search(known.probes, ABOVE + 1)[0], n)
        for n in FAR:
            assert fitted is not None
            share, interval = fitted.foretell(n, seed)
            yield Line(n, None, share, interval, n / rate, 2 * wide)


@dataclass(frozen=True)
class Fitted:
    """What the smallest number of strangers says of larger ones.

    Attributes:
        known: who is searched for.
        largest: ``(P, ABOVE + 1)`` the largest similarities, falling.
        strangers: of how many.
    """

    known: Known
    largest: Tensor
    strangers: int

    def foretell(self, n: int, seed: int) -> tuple[float, tuple[float, float]]:
        """The share of probes to which one of ``n`` is nearer, and its 95 % interval, people resampled."""
        generator = torch.Generator().manual_seed(seed)
        rows = [(self.known.people == person).nonzero()[:, 0] for person in self.known.people.unique().tolist()]
        drawn = []
        for _ in range(RESAMPLED):
            asked = torch.cat([rows[i] for i in torch.randint(len(rows), (len(rows),), generator=generator)])
            drawn.append(self._share(n, asked))
        low, high = torch.tensor(drawn, dtype=torch.float64).quantile(ENDS).tolist()
        return self._share(n, torch.arange(len(self.largest))), (low, high)

    def _share(self, n: int, asked: Tensor) -> float:
        fitted = tail.fit(self.largest[asked], self.strangers)
        return float(fitted.misnamed(self.known.own[asked], n).mean())
