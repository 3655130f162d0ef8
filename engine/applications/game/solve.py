"""Who wins: each side's best reply, and the value of the game with and without waiting.

The user moves first, with what there is when the photo is posted; the trainer answers with what there is when it
searches, and may wait. So waiting can only help the trainer, and the user's choice is made against everything that will
ever come: "an attack for all models". That for every model there is an attack helps nobody who cannot post again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from facetui.engine.applications.game.dates import later
from facetui.engine.applications.game.matrix import Matrix, Reply
from facetui.engine.records.measurements import HALF


@dataclass(frozen=True)
class Played:
    """One posting date, and how long the trainer waits.

    Attributes:
        posted: ISO date.
        months: until the search; ``None``: for ever.
        tool: that the user does best with, of those there were.
        reply: that the trainer does best with, of those there are by then; ``None``: it has nothing yet.
        value: share of clean probes not named, in [0, 1].
    """

    posted: str
    months: int | None
    tool: str
    reply: Reply | None
    value: float


def best_reply(matrix: Matrix, tool: str, replies: Sequence[Reply]) -> Reply:
    """The answer that misses least under a tool; of equals the earliest. ``replies`` is not empty."""
    return min(replies, key=lambda reply: matrix.rate(tool, reply))


def play(matrix: Matrix, posted: str, months: int | None) -> Played:
    """The best that a user can do at a date who knows what the trainer will have when it searches.

    Args:
        matrix: the game.
        posted: ISO date.
        months: that the trainer waits; ``None``: for ever.
    """
    tools = [tool for tool, date in matrix.tools.items() if date <= posted]
    by = None if months is None else later(posted, months)
    replies = [reply for reply in matrix.replies if by is None or reply.date <= by]
    if not tools or not replies:
        return Played(posted, months, tools[0] if tools else "", None, 1.0)
    replied = {tool: best_reply(matrix, tool, replies) for tool in tools}
    tool = max(reversed(tools), key=lambda tool: matrix.rate(tool, replied[tool]))  # of equals the newest
    return Played(posted, months, tool, replied[tool], matrix.rate(tool, replied[tool]))


def dates(matrix: Matrix) -> list[str]:
    """When something is new: a tool or an answer, from the first tool on."""
    tools = [date for date in matrix.tools.values() if date]
    first = min(tools, default="")
    return sorted({*tools, *(reply.date for reply in matrix.replies if reply.date >= first)} - {""})


def for_all_models_an_attack(matrix: Matrix) -> float:
    """What is left for users who may choose their tool once they know the answer: min over answers, max over tools."""
    return min(max(matrix.rate(tool, reply) for tool in matrix.tools) for reply in matrix.replies)


def an_attack_for_all_models(matrix: Matrix) -> float:
    """What is left for users who must choose before: max over tools, min over answers."""
    return max(min(matrix.rate(tool, reply) for reply in matrix.replies) for tool in matrix.tools)


def survivors(matrix: Matrix) -> list[str]:
    """Tools that protect against every answer: the whole interval lies above a half, whatever the trainer does."""
    return [
        tool
        for tool in matrix.tools
        if all(matrix.outcomes[tool, reply].interval[0] > HALF for reply in matrix.replies)
    ]


def fall(matrix: Matrix, tool: str) -> Reply | None:
    """The first answer under which a tool protects no more: its interval lies below a half; ``None``: none."""
    return next((reply for reply in matrix.replies if matrix.outcomes[tool, reply].interval[1] < HALF), None)


def survived(matrix: Matrix, tool: str) -> Reply | None:
    """The best answer there was when a tool appeared, where the tool protected against every one; else ``None``."""
    there = [reply for reply in matrix.replies if reply.date <= matrix.tools[tool]]
    if not there or any(matrix.outcomes[tool, reply].interval[0] <= HALF for reply in there):
        return None
    return best_reply(matrix, tool, there)
