"""A question to the room as lines: what is asked, what can be answered, and how many said what."""

from __future__ import annotations

from typing import Protocol

from facetui.engine.records.text import clean
from facetui.tui.text.spans import Line, between, cells, cut, wrap

BAR = 30
"""Columns of a bar, at most."""


class Asked(Protocol):
    """What is shown of a question; see ``tui/state/room.py``."""

    @property
    def text(self) -> str:
        """What is asked."""

    @property
    def options(self) -> tuple[str, ...]:
        """What can be answered; empty: a share."""

    @property
    def counts(self) -> tuple[int, ...]:
        """Votes by option; of guesses how many."""

    @property
    def left(self) -> float | None:
        """Seconds; absent: it is looked at afterwards."""

    @property
    def mine(self) -> int | None:
        """What was voted here."""


def asked_lines(question: Asked, width: int, height: int) -> list[Line]:
    """The question in at most so many lines of a width; where there is room for few, the options go without bars."""
    total = sum(question.counts)
    unit = "vote" if question.options else "guess"
    plural = {"vote": "votes", "guess": "guesses"}[unit]
    told = f"  {total} {unit if total == 1 else plural}"
    if question.left is not None:
        told += f", {question.left:.0f} s left" if question.left > 0 else ", the time is over"
    mine = f", yours: {question.mine} %" if question.mine is not None and not question.options else ""
    room = max(10, width - cells(told) - cells(mine) - 5)
    first, *rest = wrap(clean(question.text), room, 2 if height > 6 else 1) or [""]
    lines: list[Line] = [between([(" ? ", "lit"), (first, "bold")], [(told + mine + " ", "")], width)]
    lines += [[("   ", ""), (part, "bold")] for part in rest]
    options = [clean(option) for option in question.options]
    if not options:
        return lines
    if len(lines) + len(options) > height:
        short = "  ".join(f"{number} {option}" for number, option in enumerate(options, 1))
        return [*lines[: max(1, height - 1)], [(f" {cut(short, width - 2)}", "")]]
    bar = max(4, min(BAR, width // 3))
    names = min(max(map(cells, options)), width - bar - 14)
    most = max(1, *question.counts, 0)
    for number, option in enumerate(options, 1):
        count = question.counts[number - 1] if number <= len(question.counts) else 0
        full = round(bar * count / most)
        name = cut(option, names)
        mark = "✓" if question.mine == number else " "
        row: Line = [(f" {mark}", "good"), (f"{number} ", "key"), (name + " " * (names - cells(name)) + " ", "")]
        lines.append([*row, ("█" * full, "bar"), ("░" * (bar - full), "barback"), (f" {count}", "bold")])
    return lines
