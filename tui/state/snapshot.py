"""Everything the views show, as a fold over the events up to the play head."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from facetui.engine.records.cohort_table import CohortTable
from facetui.engine.records.events import (
    WHOLE_ARCHIVE,
    Actor,
    Answered,
    Asked,
    ClockMoved,
    Counted,
    Event,
    Note,
    PhotosScraped,
    PicturesShown,
    Progress,
    ProtectionMeasured,
    RunBegan,
    RunEnded,
    RunFailed,
    SearchForecast,
)
from facetui.engine.records.text import clean
from facetui.tui.state.playhead import MOVES
from facetui.tui.text.sentences import brief, outcome, short_label, words

Lane = Actor | Literal["scrapes"]
"""Actors, and what the trainer does so often that it would leave no room for the words of its other moves."""


@dataclass(frozen=True)
class Slot:
    """A place on the time axis: what different actors did one after the other, and what was measured then.

    So a change of protection stands right above the move that caused it.

    Attributes:
        t: date in the story.
        moves: the lane, one or two words, and the number of the move; every lane at most once.
        measured: a measurement followed; whatever comes next gets a place of its own.
    """

    t: str
    moves: tuple[tuple[Lane, str, int], ...] = ()
    measured: bool = False

    def label(self, lane: Lane) -> str:
        """What was done here in a lane; empty for nothing."""
        return next((label for its, label, _ in self.moves if its == lane), "")

    def number(self, lane: Lane) -> int:
        """Which move of the run that was, from 1; 0 for nothing."""
        return next((number for its, _, number in self.moves if its == lane), 0)


@dataclass(frozen=True)
class Point:
    """One measurement of a cohort.

    Attributes:
        slot: where on the time axis.
        rate: with the model in use, in [0, 1].
        interval: its 95 % interval.
        kept: what is left when the trainer uses, of all models it has had, the one that its own test picks.
        kept_interval: its 95 % interval.
        event: the measurement.
    """

    slot: int
    rate: float
    interval: tuple[float, float]
    kept: float
    kept_interval: tuple[float, float]
    event: ProtectionMeasured

    @classmethod
    def of(cls, event: ProtectionMeasured, slot: int) -> Point:
        """The point of a measurement."""
        interval = event.interval or (event.protection_rate, event.protection_rate)
        kept = event.best_protection_rate
        if kept is None:
            return cls(slot, event.protection_rate, interval, event.protection_rate, interval, event)
        return cls(slot, event.protection_rate, interval, kept, event.best_interval or (kept, kept), event)

    def value(self, kept: bool) -> float:
        """The rate with the model that the trainer's test picks, or with the one in use."""
        return self.kept if kept else self.rate

    def band(self, kept: bool) -> tuple[float, float]:
        """Its interval."""
        return self.kept_interval if kept else self.interval


@dataclass(frozen=True)
class Cited:
    """A figure that somebody else reported, and its place on the time axis."""

    slot: int
    event: ProtectionMeasured


@dataclass(frozen=True)
class Room:
    """What the room is asked, or was asked last.

    Attributes:
        asked: the question.
        counts: answers so far, by option; of guesses how many.
        answered: what it said; absent: the question is open.
    """

    asked: Asked
    counts: tuple[int, ...] = ()
    answered: Answered | None = None


@dataclass
class Scene:
    """The world up to an event.

    Attributes:
        began: how the run was made.
        ended: how it ended.
        t: date in the story.
        event: the last event.
        slots: the time axis.
        moves: how many moves there were, rounds of measurements among them.
        curves: measurements of each cohort, in the order in which cohorts appeared.
        unprotected: share of everybody else's clean photos not named, by slot.
        cited: reported figures.
        table: cohorts by generations.
        move: the last move.
        note: what the story said last, until the next date.
        caption: what the audience is told: what happens, by the story, and then what it did, by what was measured.
        round: the measurements that were made together last, and how many such rounds there were.
        before: the round before it.
        progress: how far the task at hand is.
        shown: pictures, oldest first.
        line: the scenario's running line.
        room: the last question to the room.
        guesses: what the room guessed last, in [0, 1], the lowest first.
        forecast: what was foretold last for more strangers than there are.
    """

    began: RunBegan | None = None
    ended: RunEnded | RunFailed | None = None
    t: str = ""
    event: Event | None = None
    slots: list[Slot] = field(default_factory=list)
    moves: int = 0
    curves: dict[str, list[Point]] = field(default_factory=dict)
    unprotected: list[tuple[int, float]] = field(default_factory=list)
    cited: list[Cited] = field(default_factory=list)
    table: CohortTable = field(default_factory=CohortTable)
    move: Event | None = None
    note: Note | None = None
    caption: str = ""
    round: list[ProtectionMeasured] = field(default_factory=list)
    rounds: int = 0
    before: list[ProtectionMeasured] = field(default_factory=list)
    progress: Progress | None = None
    shown: list[PicturesShown] = field(default_factory=list)
    line: int | None = None
    room: Room | None = None
    guesses: tuple[float, ...] = ()
    forecast: SearchForecast | None = None

    @classmethod
    def of(cls, events: Iterable[Event]) -> Scene:
        """The scene after some events."""
        scene = cls()
        for event in events:
            scene.add(event)
        return scene

    def add(self, event: Event) -> None:
        """Take one more event into account."""
        last, self.event = self.event, event
        self.t = event.t or self.t
        self.line = event.line or self.line
        self.progress = event if isinstance(event, Progress) else None
        self.forecast = event if isinstance(event, SearchForecast) else self.forecast
        match event:
            case RunBegan():
                self.began = event
                self.caption = clean(event.title)
            case RunFailed():
                self.ended = event
                self.caption = words(event)
            case RunEnded():
                self.ended = event
            case ClockMoved():
                self.note = None
            case Note():
                self.note = event
                self.caption = words(event)
            case PicturesShown():
                self.shown.append(event)
            case Asked() | Counted() | Answered():
                self._asked(event)
            case ProtectionMeasured():
                self._measured(event, last)
            case _ if isinstance(event, MOVES):
                self._moved(event)
                self.move = event
                if self.note is None:  # nobody tells a story: the move speaks for itself
                    self.caption = brief(event)

    def _asked(self, event: Asked | Counted | Answered) -> None:
        if isinstance(event, Asked):
            self.room, self.caption = Room(event), words(event)
            self.guesses = self.guesses if event.options else ()
            return
        if self.room is None or self.room.asked.question != event.question:  # an answer to nothing
            return
        if isinstance(event, Counted):
            self.room = replace(self.room, counts=tuple(event.counts))
            return
        self.room = replace(self.room, counts=tuple(event.counts) or self.room.counts, answered=event)
        self.guesses = tuple(guess / 100 for guess in event.guesses) or self.guesses
        self.caption = words(event)

    def _moved(self, event: Event) -> None:
        self.moves += 1
        lane: Lane = "scrapes" if isinstance(event, PhotosScraped) else event.actor
        move = (lane, short_label(event), self.moves)
        last = self.slots[-1] if self.slots else None
        if last is None or last.t != event.t or last.measured or last.label(lane):
            self.slots.append(Slot(event.t, (move,)))
        else:
            self.slots[-1] = Slot(last.t, (*last.moves, move))

    def _measured(self, event: ProtectionMeasured, last: Event | None) -> None:
        self.table.add(event)
        same = isinstance(last, ProtectionMeasured) and (last.basis, last.generation, last.t) == (
            event.basis,
            event.generation,
            event.t,
        )
        if not same:
            self.moves += 1
            self.move = event
            place = self.slots[-1] if self.slots else None
            if place is None or place.t != event.t or place.measured:
                self.slots.append(Slot(event.t, (), True))
            else:
                self.slots[-1] = Slot(place.t, place.moves, True)
        slot = len(self.slots) - 1
        if event.basis == "cited":
            self.cited.append(Cited(slot, event))
            return
        if not same:
            self.before, self.round, self.rounds = self.round, [], self.rounds + 1
        self.round.append(event)
        self.curves.setdefault(event.cohort, []).append(Point.of(event, slot))
        if event.cohort == WHOLE_ARCHIVE and event.unprotected_error is not None:
            self.unprotected.append((slot, event.unprotected_error))
        fresh = {name for name, points in self.curves.items() if len(points) == 1}
        labels = {e.cohort: cohort_label(e.cohort, [other.cohort for other in self.round]) for e in self.round}
        self.caption = outcome(self.round, self.before, fresh, labels)

    @property
    def cohorts(self) -> list[str]:
        """Names of the curves, the whole archive last, so that it is drawn over the others."""
        return sorted(self.curves, key=lambda name: name == WHOLE_ARCHIVE)

    @property
    def whole(self) -> ProtectionMeasured | None:
        """The last measurement of everything the trainer holds."""
        cells = [m for (cohort, _), m in self.table.cells.items() if cohort == WHOLE_ARCHIVE]
        return max(cells, key=lambda m: m.seq, default=None)


def cohort_label(cohort: str, others: Iterable[str]) -> str:
    """A cohort without its date where its attack says enough: ``lowkey`` for ``2021-01-21 lowkey``."""
    short = _attack(cohort)
    return clean(short if [_attack(name) for name in others].count(short) == 1 else cohort)


def _attack(cohort: str) -> str:
    return re.sub(r"^\d{4}-\d\d(-\d\d)? ", "", cohort)
