"""Pure functions from counts to rates; no torch, so that a replay can use them."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

Z95 = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""


def wilson(successes: int, n: int, z: float = Z95) -> tuple[float, float]:
    """Wilson score interval of a binomial share; Wilson 1927.

    Args:
        successes: 0 to ``n``.
        n: number of trials; 0 gives (0, 1): nothing is known.
        z: normal quantile, 1.96 for 95 %.

    Raises:
        ValueError: ``successes`` outside 0 to ``n``.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"expected 0 <= successes <= n, got {successes} of {n}")
    if n == 0:
        return 0.0, 1.0
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # At 0 and n the formula's end is exactly 0 or 1 but for rounding.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return low, high


RESAMPLED = 2000
"""Draws of people behind an interval."""

METHOD = "people resampled"
"""How the intervals of measurements are made, in words; of all or none of the probes: exact, over people."""


def people_interval(missed: Sequence[int], probes: Sequence[int]) -> tuple[float, float]:
    """95 % interval of a share over all probes, when other people might have been asked.

    Probes of one person resemble each other, so people are drawn again, not probes (percentile bootstrap over
    clusters; Efron and Tibshirani 1993). Where all or none are missed nothing can be drawn that differs: there the
    interval is Clopper and Pearson's (1934) over people.

    Args:
        missed: of each person's probes, how many were not named right.
        probes: of each person how many there are.

    Raises:
        ValueError: lengths differ, or somebody misses more than they have.
    """
    if len(missed) != len(probes) or any(not 0 <= m <= n for m, n in zip(missed, probes, strict=True)):
        raise ValueError(f"expected 0 <= missed <= probes of every person, got {list(missed)} of {list(probes)}")
    counts = [(m, n) for m, n in zip(missed, probes, strict=True) if n]
    total, everybody = sum(m for m, _ in counts), sum(n for _, n in counts)
    if not counts:
        return 0.0, 1.0
    if total in (0, everybody):
        reach = 1 - 0.025 ** (1 / len(counts))
        return (0.0, reach) if total == 0 else (1 - reach, 1.0)
    return _middle(sorted(m / n for m, n in _drawn(counts)))


def difference_interval(before: Sequence[int], after: Sequence[int], probes: Sequence[int]) -> tuple[float, float]:
    """95 % interval of how much a share fell from one model to another, for the same people and probes.

    People are drawn again; where the share fell alike for all of them nothing can be drawn that differs. There it is
    exact over people, as for a share of all or none: so many others may differ in any way.

    Args:
        before: of each person's probes, how many the first did not name right.
        after: the same of the second.
        probes: of each person how many there are.

    Raises:
        ValueError: lengths differ.
    """
    if not len(before) == len(after) == len(probes):
        raise ValueError(f"expected equal lengths, got {len(before)}, {len(after)} and {len(probes)}")
    counts = [(a - b, n) for a, b, n in zip(before, after, probes, strict=True) if n]
    if not counts:
        return -1.0, 1.0
    if len(alike := {m / n for m, n in counts}) == 1:
        change, reach = alike.pop(), 1 - 0.025 ** (1 / len(counts))
        return change - reach * (1 + change), change + reach * (1 - change)
    return _middle(sorted(m / n for m, n in _drawn(counts)))


def _drawn(counts: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Sums over as many people as there are, drawn with replacement; the same draws every time."""
    source = random.Random(0)
    for _ in range(RESAMPLED):
        drawn = source.choices(counts, k=len(counts))
        yield sum(m for m, _ in drawn), sum(n for _, n in drawn)


def _middle(values: list[float]) -> tuple[float, float]:
    """Where the middle 95 % of sorted values begin and end."""
    return values[int(0.025 * len(values))], values[min(len(values) - 1, int(0.975 * len(values)))]


def precision_at(base_rate: float, recall: float, false_positive_rate: float) -> float | None:
    """Share of positives among what a test flags, where a share of all cases is positive; ``None``: it flags nothing.

    A detector measured near balance keeps its recall and false positive rate in a crawl, but not its precision.

    Args:
        base_rate: share of positives, in [0, 1].
        recall: share of positives that are flagged, in [0, 1].
        false_positive_rate: share of negatives that are flagged, in [0, 1].

    Raises:
        ValueError: a share outside [0, 1].
    """
    for share in (base_rate, recall, false_positive_rate):
        if not 0 <= share <= 1:
            raise ValueError(f"expected shares in [0, 1], got {share}")
    hits, alarms = recall * base_rate, false_positive_rate * (1 - base_rate)
    return hits / (hits + alarms) if hits + alarms else None


def error_rate(named: Sequence[int], truth: Sequence[int]) -> tuple[float, int, int]:
    """Share of probes not named right: of protected people the protection rate, of others the error.

    Returns:
        The rate in [0, 1], how many were not named right, and how many there were; a rate of 0 for no probes.

    Raises:
        ValueError: the two differ in length.
    """
    if len(named) != len(truth):
        raise ValueError(f"expected as many names as probes, got {len(named)} and {len(truth)}")
    missed = sum(a != b for a, b in zip(named, truth, strict=True))
    return (missed / len(truth) if truth else 0.0), missed, len(truth)


def rank_k(candidates: Sequence[Sequence[int]], truth: Sequence[int], k: int) -> float:
    """Share of probes whose identity is among the first ``k`` candidates.

    Args:
        candidates: for each probe the gallery's identities, nearest first.
        truth: for each probe who is in it.
        k: at least 1.

    Raises:
        ValueError: ``k`` below 1, or lengths differ.
    """
    if k < 1:
        raise ValueError(f"expected k >= 1, got {k}")
    if len(candidates) != len(truth):
        raise ValueError(f"expected as many candidate lists as probes, got {len(candidates)} and {len(truth)}")
    hits = sum(identity in list(row)[:k] for row, identity in zip(candidates, truth, strict=True))
    return hits / len(truth) if truth else 0.0


def recall_at_k(candidates: Sequence[Sequence[int]], truth: Sequence[int], enrolled: Sequence[int], k: int) -> float:
    """Of the photos of the right person that a search could return, the share among its first ``k``; the mean.

    A probe whose person has fewer than ``k`` photos enrolled can still reach 1. Evtimov et al., PETS 2021.

    Args:
        candidates: for each probe the identities of the nearest photos, nearest first.
        truth: for each probe who is in it.
        enrolled: for each probe how many photos of that person are enrolled.
        k: at least 1.

    Raises:
        ValueError: ``k`` below 1, or lengths differ.
    """
    if k < 1:
        raise ValueError(f"expected k >= 1, got {k}")
    if not len(candidates) == len(truth) == len(enrolled):
        raise ValueError(f"expected equal lengths, got {len(candidates)}, {len(truth)} and {len(enrolled)}")
    shares = [
        list(row)[:k].count(identity) / min(n, k) if n else 0.0
        for row, identity, n in zip(candidates, truth, enrolled, strict=True)
    ]
    return sum(shares) / len(shares) if shares else 0.0


discovery_at_k = rank_k
"""Share of searches that return any photo of the right person among the first ``k``: rank-k by another name."""


def identity_uniformity_at_k(candidates: Sequence[Sequence[int]], n_identities: int, k: int) -> float:
    """``(identities - distinct ones among the first k) / identities``, the mean; Evtimov et al., PETS 2021.

    Near 1 when a search returns one person over and over, lower when it returns a crowd.

    Args:
        candidates: for each probe the identities of the nearest photos, nearest first.
        n_identities: enrolled, at least 1.
        k: at least 1.

    Raises:
        ValueError: ``k`` or ``n_identities`` below 1.
    """
    if k < 1 or n_identities < 1:
        raise ValueError(f"expected k >= 1 and at least one identity, got {k} and {n_identities}")
    shares = [(n_identities - len(set(list(row)[:k]))) / n_identities for row in candidates]
    return sum(shares) / len(shares) if shares else 0.0


def percent(rate: float | None) -> str:
    """A share in [0, 1] as everything here writes it: ``98 %``, below ten with one digit, ``1.6 %``.

    ``None`` was not measured.
    """
    if rate is None:
        return "an unmeasured share"
    value = 100 * rate
    return f"{value:.1f} %" if 0 < value < 9.95 else f"{value:.0f} %"


def percents(low: float, high: float) -> str:
    """Both ends of an interval of a share: ``92-100 %``."""
    return f"{100 * low:.0f}-{100 * high:.0f} %"
