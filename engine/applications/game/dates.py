"""Since when there is something: tools, networks, and what a trainer learns from tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from facetui.engine.applications.benchmarks.cells import LEARN, Answer
from facetui.engine.attacks import ATTACKS
from facetui.engine.people import casts

TOOLS: Mapping[str, str] = {
    "fawkes-0.3": "2020-07",  # release 0.3
    "lowkey": "2021-01",  # arXiv 2101.07922
    "filters": "2021-04",  # DoNotPay's Photo Ninja
    "fawkes-1.0": "2021-04",  # release 1.0
    "opom": "2022-05",  # arXiv 2205.11981
    "personal-mask": "2024-10",  # ECCV 2024
    "unlinkable": "2026-11",  # this project
    "strongest": "2026-11",  # this project
}
"""When a tool was there to be run; of one that is not here the year, which the registry knows."""

LAG = 1
"""Months after the newest of its tools, or after its network, at which a trainer has learnt from them."""


def tool_date(words: str) -> str:
    """When everything was there that a row of a grid runs, ISO; clean photos always were.

    Args:
        words: as in a cell: ``lowkey``, ``strongest anticipate=True``, or several joined by ``+``.
    """
    names = words.split()[0].split("+")
    return max((TOOLS.get(name) or _year(name) for name in names if name in ATTACKS), default="")


def _year(name: str) -> str:
    return f"{ATTACKS.entry(name).facts['year']}-01"


def released() -> dict[str, str]:
    """When each network was released, by the casts that come along: the earliest; what none has is missing."""
    found: dict[str, str] = {}
    for name in casts.names():
        for generation in casts.load(name).generations:
            found[generation.extractor] = min(found.get(generation.extractor, "9999"), generation.released)
    return found


def answer_date(extractor_date: str, answer: Answer, learnt: Iterable[str], lag: int = LAG) -> str:
    """When a trainer has an answer.

    Args:
        extractor_date: of its network, ISO, or empty: always.
        answer: what it does with it.
        learnt: the tools that it learns from, where it learns.
        lag: months.
    """
    if answer not in LEARN:
        return extractor_date
    return later(max([extractor_date, *map(tool_date, learnt)]), lag)


def later(date: str, months: int) -> str:
    """A date so many months later, as ``2021-02``; an empty one stays empty.

    Args:
        date: ISO, a month or a day of it.
        months: at least 0.
    """
    if not date or not months:
        return date
    count = 12 * int(date[:4]) + int(date[5:7]) - 1 + months
    return f"{count // 12:04d}-{count % 12 + 1:02d}"
