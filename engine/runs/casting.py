"""A cast as far as its networks are at hand."""

from __future__ import annotations

from dataclasses import replace

from facetui.engine.extractors.at_hand import way
from facetui.engine.people.casts import Cast
from facetui.engine.records.errors import DataError

OPTION = "--with-what-is-there"

LEAST = 2
"""Networks that a cast is played with at least: with one, there is nobody to move to."""


def cast_at_hand(cast: Cast, partly: bool) -> tuple[Cast, tuple[str, ...]]:
    """The cast, without what is missing if that was asked for.

    Args:
        cast: whole.
        partly: whether it may be played with those of its networks that are at hand, two at least.

    Returns:
        The cast to play with, and the names of those that were left out.

    Raises:
        UnknownName: an extractor of it does not exist.
        DataError: networks are missing and it may not be played without them, or too few are left.
    """
    ways = {name: found for name in cast.networks if (found := way(name)) is not None}
    if not ways:
        return cast, ()
    generations = tuple(each for each in cast.generations if each.extractor not in ways)
    surrogates = tuple(name for name in cast.surrogates if name not in ways)
    there = [name for name in cast.networks if name not in ways]
    enough = bool(generations) and len(there) >= LEAST
    if not (partly and enough):
        missing = ", ".join(f"{name} ({found})" for name, found in ways.items())
        rest = f": only {', '.join(there) or 'none'} of its networks would be left, and it takes {LEAST} at least"
        offer = f", or say {OPTION} to play it with {', '.join(there)}" if enough else rest
        raise DataError(f"the cast {cast.name} lacks the weights of {missing}; get them{offer}")
    fitted = replace(cast, generations=generations, surrogates=surrogates or (generations[0].extractor,))
    return fitted, tuple(ways)
