"""What if: what can be chosen for a move in the place of what it was, and the line that a branch leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from facetui.engine.attacks import ATTACKS
from facetui.engine.defences import DEFENCES
from facetui.engine.records.events import WHOLE_ARCHIVE, Event, PhotosPosted, RunBegan
from facetui.engine.runs.branches.changes import ANSWERS, NONE, Change, Made, dates, moves_of
from facetui.tui.state.snapshot import Scene

BUDGETS = tuple(f"linf {size}/255" for size in (2, 4, 8, 16, 32))
SHARES = ("0.75", "0.5", "0.25", "0")
PHOTOS = tuple(map(str, (1, 2, 3, 4, 6, 8, 12)))
MONTHS = (NONE, "60", "24", "12", "6", "0")

AHEAD = 12
"""Months after the last date of a story that are offered."""

MOST_DATES = 48

OWN = "its own"
"""The budget of a tool that is chosen in the place of another."""


@dataclass
class Choice:
    """One thing that can be changed of a move.

    Attributes:
        name: as ``--what-if`` takes it.
        values: how it was, and what it can be.
        at: which of them is chosen, an index.
    """

    name: str
    values: tuple[str, ...]
    at: int = 0


@dataclass
class WhatIf:
    """A move, and what of it is to be otherwise.

    Attributes:
        moves: all of the run of which something can be changed.
        place: which of them is looked at, an index.
        row: which of its choices, an index.
        choices: of that move.
    """

    moves: list[Made]
    began: RunBegan
    events: Sequence[Event]
    place: int = 0
    row: int = 0
    choices: list[Choice] = field(default_factory=list)

    @classmethod
    def of(cls, events: Sequence[Event], began: RunBegan, number: int) -> WhatIf | None:
        """The choices for the move of a number, or the last before it that has any; ``None`` where no move has."""
        moves = [move for move in moves_of(events) if move.values]
        if not moves:
            return None
        before = [place for place, move in enumerate(moves) if move.number <= number]
        made = cls(moves, began, events)
        made.turn_to(before[-1] if before else 0)
        return made

    @property
    def move(self) -> Made:
        """The move that is looked at."""
        return self.moves[self.place]

    def turn_to(self, place: int) -> None:
        """Another move, nothing of it changed yet."""
        self.place, self.row = max(0, min(place, len(self.moves) - 1)), 0
        self.choices = [Choice(name, tuple(self._offered(name, value))) for name, value in self.move.values.items()]

    def choose(self, down: int, right: int) -> None:
        """Another row, or another value of it; round and round."""
        self.row = (self.row + down) % len(self.choices)
        choice = self.choices[self.row]
        choice.at = (choice.at + right) % len(choice.values)

    @property
    def changes(self) -> list[Change]:
        """What is otherwise, as the command takes it."""
        return [Change(self.move.number, c.name, c.values[c.at]) for c in self.choices if c.at]

    def shown(self, choice: Choice) -> str:
        """The chosen value; the budget of another tool is its own, unless one is chosen."""
        other = any(c.name == "attack" and c.at for c in self.choices)
        return OWN if choice.name == "budget" and other and not choice.at else choice.values[choice.at] or NONE

    def _offered(self, name: str, value: str) -> Iterator[str]:
        yield value
        others: Sequence[str] = ()
        match name:
            case "attack":
                tools = [tool for tool in ATTACKS.names() if "decoys" not in ATTACKS.entry(tool).summary]
                others = [*tools, NONE]
            case "budget":
                others = BUDGETS
            case "share":
                others = SHARES
            case "photos":
                others = PHOTOS
            case "months":
                others = MONTHS
            case "extractor":
                others = list(self.began.extractors)[:20]
            case "answer":
                others = [*DEFENCES.names(), *ANSWERS]
            case "against":
                others = self._attacks()
            case "date":
                others = list(_months(*dates(self.moves, self.move.number)))
        yield from dict.fromkeys(other for other in others if other != value)

    def _attacks(self) -> list[str]:
        """Attacks that were used before the move, and then all others, one at a time."""
        used = [
            e.attack for e in self.events if isinstance(e, PhotosPosted) and e.attack and e.seq < self.move.event.seq
        ]
        tools = [tool for tool in ATTACKS.names() if "decoys" not in ATTACKS.entry(tool).summary]
        return list(dict.fromkeys(name for name in [*used, *tools] if name in ATTACKS))


def _months(low: str, high: str) -> Iterator[str]:
    """Months from one date to another, both included; some after the first where there is no other."""
    if not low:
        return
    year, month = int(low[:4]), int(low[5:7])
    yield low
    for _ in range(MOST_DATES if high else AHEAD):
        month += 1
        if month > 12:
            year, month = year + 1, 1
        date = f"{year:04}-{month:02}"
        if (high and date > high[:7]) or year > 9999:
            break
        if date != high[:7]:
            yield date
    if high:
        yield high


def first_changed(began: RunBegan) -> int | None:
    """The number of the first move that is otherwise than in the run that it branches from; ``None`` for none."""
    numbers = [text.partition(":")[0] for text in began.changes]
    found = [int(number) for number in numbers if number.isascii() and number.isdecimal() and len(number) < 9]
    return min(found, default=None)


def as_it_was(now: Scene, base: Scene | None, *, kept: bool) -> tuple[tuple[int, float], ...]:
    """What the run that a branch comes from had where the branch has its own, from the changed move on.

    Args:
        now: the branch, up to the play head.
        base: the whole run that it comes from; absent: it is not at hand.
        kept: with the model that the trainer's own test picks; else with the one in use.

    Returns:
        Places on the axis of the branch, and shares; measurements are matched in their order.
    """
    changed = first_changed(now.began) if now.began is not None else None
    if base is None or changed is None:
        return ()
    first = next((i for i, slot in enumerate(now.slots) if any(n >= changed for _, _, n in slot.moves)), None)
    if first is None:
        return ()
    pairs = zip(now.curves.get(WHOLE_ARCHIVE, []), base.curves.get(WHOLE_ARCHIVE, []), strict=False)
    return tuple((own.slot, other.value(kept)) for own, other in pairs if own.slot >= first)
