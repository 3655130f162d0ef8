"""Pure functions from counts to rates; no torch, so that a replay can use them."""

from __future__ import annotations

import math
from collections.abc import Sequence

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
