"""The game of tools and answers in words: who survives whom, what falls to what, and what waiting is worth."""

from __future__ import annotations

import json
from collections.abc import Iterator

from facetui.engine.applications.game.matrix import Matrix, Reply
from facetui.engine.applications.game.solve import (
    Played,
    an_attack_for_all_models,
    best_reply,
    dates,
    fall,
    for_all_models_an_attack,
    play,
    survived,
    survivors,
)
from facetui.engine.records.rates import METHOD, percent, percents
from facetui.engine.records.text import clean

WAITS = (0, 12, None)
"""Months that the trainer waits, as the table of values has them; ``None``: for ever."""


def headline(matrix: Matrix) -> str:
    """What survives everything, loudly; or what the strongest tool falls to."""
    alive = survivors(matrix)
    if alive:
        found = [f"{tool.upper()} SURVIVES every answer: {_cell(matrix, tool, _worst(matrix, tool))}" for tool in alive]
        return "; ".join(found) + " not named at worst."
    last = dates(matrix)
    best = play(matrix, last[-1], None) if last else None
    if best is None or best.reply is None:
        return "There is no tool with a date in this grid."
    first = survived(matrix, best.tool)
    at_first = ""
    if first is not None:
        worst = _cell(matrix, best.tool, first)
        at_first = f"; when it appeared it SURVIVED every answer there was, with {worst} not named at worst"
    return (
        f"Nothing survives every answer. The best is {best.tool}: {best.reply.words}, leaves "
        f"{_cell(matrix, best.tool, best.reply)} not named{at_first}."
    )


def lines(matrix: Matrix) -> Iterator[str]:
    """All of it, for a terminal or a file."""
    yield headline(matrix)
    kind = "people who do not exist" if matrix.fictional else "real people"
    yield f"Per cent of clean photos not named; {matrix.people} {kind}; 95 % intervals: {METHOD}."
    yield ""
    yield "answers, and since when:"
    for number, reply in enumerate(matrix.replies, 1):
        yield f"  {number:>2}  {reply.date or 'always':<10}  {clean(reply.words)}"
    for reply in matrix.left_out:
        yield f"   -  {reply.date or 'always':<10}  {clean(reply.words)}: not measured against every tool, left out"
    yield ""
    width = max(len(clean(tool)) for tool in matrix.tools) + 2
    yield f"{'photos under':<{width}}{'since':<12}" + "".join(
        f"{number:>8}" for number in range(1, 1 + len(matrix.replies))
    )
    for tool, date in matrix.tools.items():
        cells = "".join(f"{percent(matrix.rate(tool, reply)):>8}" for reply in matrix.replies)
        yield f"{clean(tool):<{width}}{date or 'always':<12}{cells}"
    yield ""
    yield "since when each protects no more, by the whole interval:"
    for tool, date in matrix.tools.items():
        yield f"  {clean(tool):<{width}}{_fall(matrix, tool, date)}"
    yield ""
    yield "what a user can reach who knows what is to come, by the date of posting, and how long the trainer waits:"
    for posted in dates(matrix):
        yield f"  {posted:<11}" + "; ".join(_played(matrix, play(matrix, posted, months)) for months in WAITS)
    yield ""
    before, after = an_attack_for_all_models(matrix), for_all_models_an_attack(matrix)
    yield f"For every answer there is a tool that leaves {percent(after)} or more; "
    yield f"one tool for all answers leaves {percent(before)}."


def _fall(matrix: Matrix, tool: str, date: str) -> str:
    reply = fall(matrix, tool)
    if reply is None:
        return f"never: at worst {_cell(matrix, tool, _worst(matrix, tool))}"
    since = "from the first day" if reply.date <= date else f"since {reply.date}"
    return f"{since}: {clean(reply.words)}, leaves {_cell(matrix, tool, reply)}"


def _played(matrix: Matrix, played: Played) -> str:
    waits = {0: "at once", None: "for ever"}.get(played.months, f"{played.months} months")
    if played.reply is None:
        return f"{waits}: it has nothing"
    value = _cell(matrix, played.tool, played.reply)
    return f"{waits}: {clean(played.tool)} {value} by {matrix.replies.index(played.reply) + 1}"


def _worst(matrix: Matrix, tool: str) -> Reply:
    return best_reply(matrix, tool, matrix.replies)


def _cell(matrix: Matrix, tool: str, reply: Reply) -> str:
    outcome = matrix.outcomes[tool, reply]
    return f"{percent(outcome.rate)} ({percents(*outcome.interval)})"


def as_json(matrix: Matrix) -> str:
    """Every figure, for programs."""
    cells = [
        {
            "tool": tool,
            "since": matrix.tools[tool],
            "extractor": reply.extractor,
            "answer": reply.answer,
            "learnt": list(reply.learnt),
            "available": reply.date,
            "not_named": outcome.rate,
            "low": outcome.interval[0],
            "high": outcome.interval[1],
            "people": sum(n > 0 for n in outcome.probes),
            "probes": sum(outcome.probes),
        }
        for (tool, reply), outcome in matrix.outcomes.items()
    ]
    values = [
        {
            "posted": posted,
            "waits_months": months,
            "tool": played.tool,
            "reply": played.reply.words if played.reply else None,
            "value": played.value,
        }
        for posted in dates(matrix)
        for months in WAITS
        for played in [play(matrix, posted, months)]
    ]
    found = {
        "survivors": survivors(matrix),
        "for_all_models_an_attack": for_all_models_an_attack(matrix),
        "an_attack_for_all_models": an_attack_for_all_models(matrix),
        "cells": cells,
        "values": values,
    }
    return json.dumps(found, indent=1)
