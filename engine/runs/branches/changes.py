"""What can be changed of a run's moves: their numbers, as the timeline counts them, names and values; no torch.

Moves are counted by the events that they leave: ``3: attack=lowkey`` changes the third. A story's call that only
prepares one (``lab.at``, ``lab.users.protect``) belongs to the move that follows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from facetui.engine.attacks import ATTACKS
from facetui.engine.defences import DEFENCES
from facetui.engine.extractors import EXTRACTORS
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import (
    ENROL,
    GALLERY,
    LINK,
    MOVES,
    RESCAN,
    DefenceApplied,
    DetectionMeasured,
    Event,
    ExtractorReleased,
    LawPassed,
    PhotosPosted,
    ProtectionMeasured,
)
from facetui.engine.records.fields import DATE, DATE_PATTERN
from facetui.engine.records.text import brief

NONE = "none"
"""No attack, no answer, no law."""

ANSWERS = ("use", RESCAN, NONE)
"""What the trainer can answer besides the registered defences: the newest extractor, another search, or nothing."""


@dataclass(frozen=True)
class Change:
    """One thing that is otherwise: ``3: attack=lowkey``.

    Attributes:
        move: its number, from 1.
        name: what of it.
        value: as it is typed.
    """

    move: int
    name: str
    value: str

    def __str__(self) -> str:
        return f"{self.move}: {self.name}={self.value}"

    @classmethod
    def parse(cls, text: str) -> Change:
        """Read ``MOVE: NAME=VALUE``.

        Raises:
            UsageError: not of that form, nothing of that name can be changed, or a value that does not fit.
        """
        number, _, rest = text.partition(":")
        name, equals, value = rest.partition("=")
        if not (number.strip().isascii() and number.strip().isdecimal() and equals and len(number) < 9):
            raise UsageError(
                f"expected --what-if 'MOVE: NAME=VALUE', as in '1: attack=lowkey', got {brief(repr(text))}"
            )
        change = cls(int(number), name.strip(), value.strip())
        if change.move < 1:
            raise UsageError("moves are counted from 1, as on the timeline")
        change.read()
        return change

    def read(self) -> Any:
        """The value as a move takes it.

        Raises:
            UsageError: nothing of that name can be changed, or the value does not fit.
        """
        if self.name not in READERS:
            raise UsageError(f"expected one of {', '.join(READERS)} to be changed, got {brief(repr(self.name))}")
        return READERS[self.name](self.value)


# --- values --------------------------------------------------------------------------------------------------------


def _attack(value: str) -> str | None:
    if value == NONE:
        return None
    ATTACKS.entry(value)
    return value


def _share(value: str) -> float:
    try:
        share = float(value)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise UsageError(f"expected a share from 0 to 1, got {brief(repr(value))}")
    return share


def _count(value: str) -> int:
    if not (value.isascii() and value.isdecimal() and 0 < len(value) < 7 and int(value)):
        raise UsageError(f"expected a whole number from 1 on, got {brief(repr(value))}")
    return int(value)


def _months(value: str) -> int | None:
    if value == NONE:
        return None
    return 0 if value == "0" else _count(value)


def _date(value: str) -> str:
    if not DATE.fullmatch(value):
        raise UsageError(f"expected a date like 2020-07 or 2020-07-29, got {brief(repr(value))}")
    return value


def _extractor(value: str) -> str:
    if value != "newest":
        EXTRACTORS.entry(re.sub("( robust| purified)+$", "", value))
    return value


def _answer(value: str) -> str:
    if value not in ANSWERS:
        known = [*DEFENCES.names(), *ANSWERS]
        if value not in known:
            raise UsageError(f"expected an answer of the trainer, {', '.join(known)}, got {brief(repr(value))}")
    return value


def _attacks(value: str) -> list[str]:
    names = [name.strip() for name in value.split(",") if name.strip()]
    for name in names:
        ATTACKS.entry(name)
    if not names:
        raise UsageError("expected names of attacks, separated by commas, got none")
    return names


READERS: Mapping[str, Callable[[str], Any]] = {
    "attack": _attack,
    "budget": str,
    "share": _share,
    "photos": _count,
    "date": _date,
    "extractor": _extractor,
    "answer": _answer,
    "against": _attacks,
    "people": _count,
    "months": _months,
    "since": _date,
    "until": _date,
}
"""Everything that can be changed of some move, and how its value is read."""


# --- counting ------------------------------------------------------------------------------------------------------


@dataclass
class MoveCount:
    """Counts moves as the timeline does: a round of measurements is one.

    Attributes:
        count: so far.
    """

    count: int = 0
    _last: Event | None = None

    def add(self, event: Event) -> bool:
        """Take one more event into account; whether it began a move."""
        last, self._last = self._last, event
        begins = isinstance(event, MOVES)
        if isinstance(event, ProtectionMeasured):
            same = isinstance(last, ProtectionMeasured)
            begins = not (same and _round(last) == _round(event))  # type: ignore[arg-type]
        self.count += begins
        return begins


def _round(event: ProtectionMeasured) -> tuple[str, str, str]:
    return event.basis, event.generation, event.t


@dataclass(frozen=True)
class Made:
    """A move of a run as its journal has it.

    Attributes:
        number: from 1.
        event: that it began with.
        values: what can be changed of it, and how it was; empty where it was made together with the move before it.
    """

    number: int
    event: Event
    values: dict[str, str] = field(default_factory=dict)


def moves_of(events: Iterable[Event]) -> list[Made]:
    """The moves of a run, and what can be changed of each."""
    counter, made = MoveCount(), list[Made]()
    for event in events:
        if counter.add(event):
            before = made[-1].event if made else None
            together = before is not None and event.line is not None and _place(before) == _place(event)
            if together and isinstance(before, ExtractorReleased) and made[-1].values.pop("answer", ""):
                # A first model that was taken on the way: the call is the other one's.
                made[-1].values.update({n: v for n, v in _values(event).items() if n in ("answer", "against")})
            if together and "photos" in made[-1].values and isinstance(event, PhotosPosted):
                _more(made[-1], event)
            made.append(Made(counter.count, event, {} if together else _values(event)))
    return made


def _more(first: Made, event: PhotosPosted) -> None:
    """What a post leaves besides its first tool's photos: those of another tool, or clean ones."""
    photos, more = int(first.values["photos"]), event.n_photos // max(1, event.n_people)
    if event.attack is None and "share" in first.values:
        first.values["share"] = f"{photos / max(1, photos + more):.3g}"
    first.values["photos"] = str(photos + more)


def _place(event: Event) -> tuple[str, int | None]:
    return event.t, event.line


def _values(event: Event) -> dict[str, str]:
    values = {"date": event.t} if event.t else {}
    match event:
        case PhotosPosted(actor="users") if " decoys for " in event.cohort:
            values = {"budget": event.budget or "", **values}
        case PhotosPosted(actor="users") if event.cohort.endswith(" pairs"):
            values = {
                "attack": event.attack or NONE,
                "budget": event.budget or "",
                "people": str(event.n_people),
                **values,
            }
        case PhotosPosted(actor="users"):
            tool = (
                {"attack": event.attack, "budget": event.budget or "", "share": "1"}
                if event.attack
                else {"attack": NONE}
            )
            values = {**tool, "photos": str(event.n_photos // max(1, event.n_people)), **values}
        case PhotosPosted():
            values = {"photos": str(event.n_photos // max(1, event.n_people)), **values}
        case ExtractorReleased():
            values = {"extractor": event.extractor, "answer": "use", **values}
        case DefenceApplied() if event.defence not in (GALLERY, ENROL, LINK):
            values = {"answer": event.defence, **values}
            if event.defence == "adapt" and event.against:
                values = {"answer": "adapt", "against": ", ".join(event.against), **values}
        case DetectionMeasured():
            values = {"answer": "detect", **values}
        case LawPassed(law="retention"):
            values = {"months": NONE if event.months is None else str(event.months), **values}
        case LawPassed(law="moratorium") if len(found := re.findall(DATE_PATTERN, event.text)) == 2:
            since, until = (f"{year}-{month}{day}" for year, month, day, _ in found)
            values = {"since": since, "until": until, **values}
        case LawPassed(law="scraping") if len(found := re.findall(DATE_PATTERN, event.text)) == 1:
            ((year, month, day, _),) = found
            values = {"since": f"{year}-{month}{day}", **values}
    return values


def dates(made: Sequence[Made], number: int) -> tuple[str, str]:
    """The dates between which a move can be put: those of the move before it, and of the next that is later.

    Args:
        made: the moves of a run.
        number: of the move.

    Returns:
        ISO dates of the story, both included; empty: there is none.
    """
    here = next(move.event.t for move in made if move.number == number)
    before = [move.event.t for move in made if move.number < number]
    after = [move.event.t for move in made if move.number > number and move.event.t > here]
    return (before[-1] if before else here), (after[0] if after else "")


def _lies_between(date: str, low: str, high: str) -> bool:
    return date >= low[: len(date)] and (not high or date[: len(high)] <= high)


def check(changes: Sequence[Change], events: Iterable[Event], name: str) -> None:
    """Refuse changes that do not fit a run, before anything is computed.

    Args:
        changes: of its moves.
        events: of the run.
        name: how it is called.

    Raises:
        UsageError: a move that it does not have, or something that cannot be changed of that move.
    """
    made = moves_of(events)
    for change in changes:
        if change.move > len(made):
            raise UsageError(f"{name} makes {len(made)} moves; there is no move {change.move}")
        move = made[change.move - 1]
        if not move.values:
            first = next(m for m in reversed(made[: change.move]) if m.values or m.number == 1)
            raise UsageError(f"move {change.move} is made together with move {first.number}: change that one")
        # What another tool or another answer takes stands in no journal.
        further = {"attack": ("budget", "share"), "answer": ("against",)}
        if change.name not in {*move.values, *(n for name in move.values for n in further.get(name, ()))}:
            can = ", ".join(move.values)
            raise UsageError(f"of move {change.move} of {name} can be changed: {can}; not {change.name}")
        if change.name == "date" and [c.name for c in changes].count("date") == 1:
            low, high = dates(made, change.move)
            if not _lies_between(change.value, low, high):
                until = f"to {high}" if high else "on"
                raise UsageError(f"expected a date from {low} {until} for move {change.move}, got {change.value}")
