"""What the literature leads one to expect of a grid, judged one by one: holds, does not hold, cannot be told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from facetui.engine.applications.benchmarks.cells import Answer, Cell, Results
from facetui.engine.applications.benchmarks.cited import MIX
from facetui.engine.records.rates import difference_interval, percent, percents

Judged = Literal["holds", "does not hold", "cannot be told", "not measured"]

HALF = 0.5
CLEAN_ERROR = 0.1
"""Of people who protect nothing: the paper has 8 % on WebFace."""
ADAPTED = 0.25
"""Left under each tool once the trainer adapted: the paper has 5 to 8 %, its reproduction up to 22 %."""
LOST = 0.02
"""Of everybody else, by adapting."""
NEAR = 0.1
"""By how much a mix may lie above its weaker tool."""


@dataclass(frozen=True)
class Band:
    """One expectation.

    Attributes:
        expected: in words.
        judged: by the intervals.
        because: the figures.
    """

    expected: str
    judged: Judged
    because: str


def judge(results: Results) -> list[Band]:
    """Every band that a grid can say something about."""
    attacked = results.settings.surrogates[:1]
    unseen = [name for name in results.extractors if name not in results.settings.surrogates]
    tools = [attack for attack in results.attacks if attack not in ("clean", MIX)]
    bands = [
        _below(
            "clean photos: every extractor names the people",
            _cells(results, ["clean"], results.extractors),
            CLEAN_ERROR,
        ),
        *(
            _above(f"{tool} protects against the extractor that it attacks", _cells(results, [tool], attacked))
            for tool in tools
        ),
        *(
            _below(
                f"{tool} does not protect against extractors of others that know no tool",
                _cells(results, [tool], unseen),
                HALF,
            )
            for tool in tools
            if tool.startswith("fawkes")
        ),
        *(
            _above(f"{tool} protects against extractors of others that know no tool", _cells(results, [tool], unseen))
            for tool in tools
            if tool == "lowkey"
        ),
    ]
    for weaker, stronger in (("fawkes-0.3", "fawkes-1.0"), ("fawkes-0.3", "lowkey"), ("fawkes-1.0", "lowkey")):
        if weaker in tools and stronger in tools:
            bands.append(_order(results, weaker, stronger, unseen))
    for answer in ("adapted", "combined"):
        if answer in results.answers:
            bands += [
                _below(f"{answer}: at most {ADAPTED:.0%} is left of {tool}".replace("%", " %"), cells, ADAPTED)
                for tool in tools
                if (cells := _cells(results, [tool], results.extractors, answer))
            ]
    if "adapted" in results.answers:
        bands.append(_others(results))
    if MIX in results.attacks:
        bands.append(_mix(results, unseen))
    return bands


def _cells(
    results: Results, attacks: Iterable[str], extractors: Iterable[str], answer: Answer = "nearest"
) -> list[Cell]:
    found = (results.at(attack, extractor, answer) for attack in attacks for extractor in extractors)
    return [cell for cell in found if cell is not None]


def _said(cells: Sequence[Cell]) -> str:
    return ", ".join(f"{cell.extractor} {percent(cell.rate)} ({percents(*cell.interval)})" for cell in cells)


def _below(expected: str, cells: Sequence[Cell], most: float) -> Band:
    """Every interval has to lie below; one that lies above is enough to refute it."""
    if not cells:
        return Band(expected, "not measured", "")
    highs, lows = [cell.interval[1] for cell in cells], [cell.interval[0] for cell in cells]
    judged: Judged = "does not hold" if max(lows) > most else "holds" if max(highs) <= most else "cannot be told"
    return Band(expected, judged, _said(cells))


def _above(expected: str, cells: Sequence[Cell]) -> Band:
    if not cells:
        return Band(expected, "not measured", "")
    highs, lows = [cell.interval[1] for cell in cells], [cell.interval[0] for cell in cells]
    judged: Judged = "does not hold" if min(highs) < HALF else "holds" if min(lows) > HALF else "cannot be told"
    return Band(expected, judged, _said(cells))


def _together(cells: Sequence[Cell]) -> tuple[list[int], list[int]]:
    """Misses and probes of each person, over several extractors."""
    missed = [sum(column) for column in zip(*(cell.missed for cell in cells), strict=True)]
    probes = [sum(column) for column in zip(*(cell.probes for cell in cells), strict=True)]
    return missed, probes


def _difference(more: Sequence[Cell], less: Sequence[Cell]) -> tuple[float, float]:
    (before, probes), (after, _) = _together(more), _together(less)
    return difference_interval(before, after, probes)


def _order(results: Results, weaker: str, stronger: str, unseen: Sequence[str]) -> Band:
    expected = f"{weaker} transfers worse than {stronger}"
    pairs = [
        (a, b)
        for name in unseen
        if (a := results.at(weaker, name, "nearest")) and (b := results.at(stronger, name, "nearest"))
    ]
    if not pairs:
        return Band(expected, "not measured", "")
    low, high = _difference([b for _, b in pairs], [a for a, _ in pairs])
    judged: Judged = "holds" if low > 0 else "does not hold" if high < 0 else "cannot be told"
    return Band(
        expected, judged, f"{100 * low:.0f} to {100 * high:.0f} points less, by person, over {len(pairs)} extractors"
    )


def _others(results: Results) -> Band:
    expected = f"adapting costs everybody else at most {100 * LOST:.0f} points"
    found: list[tuple[float, float, Cell]] = []
    for after in results.cells.values():
        before = results.at(after.attack, after.extractor, "nearest") if after.answer == "adapted" else None
        if before and before.unprotected_error is not None and after.unprotected_error is not None:
            found.append((before.unprotected_error, after.unprotected_error, after))
    if not found:
        return Band(expected, "not measured", "")
    was, error, worst = max(found, key=lambda entry: entry[1] - entry[0])
    # A probe more or less is chance.
    judged: Judged = "holds" if error - was <= max(LOST, 1.01 / max(1, worst.n_unprotected)) else "does not hold"
    of = f"{worst.n_unprotected} probes"
    return Band(expected, judged, f"most: {worst.extractor} {percent(was)} to {percent(error)} of {of}")


def _mix(results: Results, unseen: Sequence[str]) -> Band:
    expected = "half and half of two tools protects no more than the weaker one"
    mixed, weaker = _cells(results, [MIX], unseen), []
    for cell in mixed:
        halves = _cells(results, MIX.split("+"), [cell.extractor])
        if len(halves) == 2:
            weaker.append(min(halves, key=lambda half: half.rate))
    if not mixed or len(weaker) != len(mixed):
        return Band(expected, "not measured", "")
    low, high = _difference(mixed, weaker)
    judged: Judged = "holds" if high <= NEAR else "does not hold" if low > NEAR else "cannot be told"
    return Band(expected, judged, f"{100 * low:.0f} to {100 * high:.0f} points more, by person; {_said(mixed)}")
