"""The play head over a list of events: play, pause, step, and follow what is still being written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from facetui.engine.records.events import (
    MOVES,
    Answered,
    Asked,
    ClockMoved,
    Counted,
    Event,
    Note,
    PicturesShown,
    Progress,
    ProtectionMeasured,
    RunBegan,
    RunFailed,
)

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
READING, LEAST_READING = 3.0, 2.5
"""Words that somebody reads in a second, and the seconds that even a short caption stays."""

TASK_SECONDS = 1.2
"""What a task that was computed for minutes takes when it is played again."""


def reading_seconds(caption: str) -> float:
    """How long a caption stays, so that everybody can read it."""
    return max(LEAST_READING, len(caption.split()) / READING)


def speaks(events: Sequence[Event], index: int) -> bool:
    """Whether an event puts another caption in the place of the one before: a note, a round of measurements, an end."""
    event = events[index]
    if isinstance(event, ProtectionMeasured):
        return event.basis == "measured" and begins_move(events, index)
    return isinstance(event, Note | Asked | Answered | RunFailed) or (
        isinstance(event, MOVES) and not _is_told(events, index)
    )


def _is_told(events: Sequence[Event], index: int) -> bool:
    """Whether the story has said something since the last date, so that a move needs no words of its own."""
    for event in reversed(events[:index]):
        if isinstance(event, Note | ClockMoved):
            return isinstance(event, Note)
    return False


def is_dull(events: Sequence[Event], index: int) -> bool:
    """Whether nothing is seen of an event that the one before did not show, or the next does not show better."""
    event = events[index]
    if isinstance(event, PicturesShown):  # of several people: one of them stands beside the chart
        return index > 0 and isinstance(events[index - 1], PicturesShown)
    return isinstance(event, Progress | ClockMoved | Counted)


def begins_move(events: Sequence[Event], index: int) -> bool:
    """Whether the event begins a move: measurements that follow each other are one."""
    event = events[index]
    if isinstance(event, ProtectionMeasured):
        before = events[index - 1] if index else None
        return not isinstance(before, ProtectionMeasured) or (before.basis, before.generation) != (
            event.basis,
            event.generation,
        )
    return isinstance(event, MOVES)


@dataclass
class Player:
    """A play head.

    Attributes:
        events: the journal so far; it only grows.
        head: index of the last event shown; -1 before the first.
        live: the head follows the newest event, as fast as captions can be read.
        fast: nobody reads along: the head is where the newest event is.
        playing: the head moves on by itself.
        speed: one of ``SPEEDS``.
        growing: the run goes on, more events will come.
    """

    events: list[Event] = field(default_factory=list)
    head: int = -1
    live: bool = False
    playing: bool = True
    speed: float = 1.0
    growing: bool = False
    fast: bool = False
    _waited: float = 0.0

    @property
    def at_end(self) -> bool:
        """Whether nothing lies after the head."""
        return self.head >= len(self.events) - 1

    @property
    def state(self) -> str:
        """``live``, ``playing``, ``paused`` or ``at the end``."""
        if self.growing and self.live and self.at_end:
            return "live"
        if self.at_end and not self.growing:
            return "at the end"
        return "playing" if self.playing else "paused"

    def extend(self, events: Sequence[Event]) -> None:
        """More of the journal was read."""
        self.events.extend(events)
        if self.live and (self.fast or self.head < 0):  # what lies back when one comes to it is not played again
            self.head = len(self.events) - 1

    def seconds(self, index: int) -> float:
        """How long an event stays before the next one is shown, at speed 1."""
        match self.events[index] if index >= 0 else None:
            case Progress():
                return TASK_SECONDS / max(1, self._task_length(index))
            case ProtectionMeasured():
                after = self.events[index + 1] if index + 1 < len(self.events) else None
                return 0.15 if isinstance(after, ProtectionMeasured) else 1.6
            case PicturesShown():
                return 0.8
            case Counted():
                return 0.3
            case RunBegan() | ClockMoved() | None:
                return 0.4
            case _:
                return 1.2

    def _task_length(self, index: int) -> int:
        first = last = index
        while first > 0 and isinstance(self.events[first - 1], Progress):
            first -= 1
        while last + 1 < len(self.events) and isinstance(self.events[last + 1], Progress):
            last += 1
        return last - first + 1

    def tick(self, seconds: float, unread: float = 0.0) -> bool:
        """Let time pass; returns whether the head moved.

        Args:
            seconds: since the last tick.
            unread: seconds for which the caption has to stay; nothing that would replace it is passed before.
        """
        if not self.playing or self.at_end:
            self._waited = 0.0
            if self.playing and self.at_end and self.growing:
                self.live = True  # caught up
            return False
        before = self.head
        self._waited += seconds * self.speed
        while not self.at_end and (self.live or self._waited >= self.seconds(self.head)):
            if speaks(self.events, self.head + 1):
                if unread > 0:
                    self._waited = min(self._waited, self.seconds(self.head))
                    break
                unread = LEAST_READING  # of the caption that comes now; how long exactly, the next tick knows
            self._waited = max(0.0, self._waited - self.seconds(self.head))
            self.head += 1
        if self.at_end and not self.growing:
            self.playing = False
        return self.head != before

    def waited(self) -> float:
        """How far the head is on its way to the next event, in [0, 1)."""
        if self.at_end or not self.playing:
            return 0.0
        return min(0.99, self._waited / max(1e-6, self.seconds(self.head)))

    def toggle(self) -> None:
        """Play or pause; at the end of a finished run, play it again."""
        if self.live:
            self.live = self.playing = False
        elif self.growing and self.at_end:
            self.live = self.playing = True
        elif self.at_end and not self.growing:
            self.first()
            self.playing = True
        else:
            self.playing = not self.playing
        self._waited = 0.0

    def jump(self, index: int) -> None:
        """Put the head on an event, and stay there."""
        self.head = max(0, min(index, len(self.events) - 1)) if self.events else -1
        self.live = self.playing = False
        self._waited = 0.0

    def first(self) -> None:
        """To the first event."""
        self.jump(0)

    def latest(self) -> None:
        """To the newest event, and on with it while the run goes on."""
        self.jump(len(self.events) - 1)
        self.live = self.playing = self.growing

    def step(self, direction: int) -> None:
        """To the next or the previous event that changes what is seen.

        Args:
            direction: 1 or -1.
        """
        index = self.head + direction
        while 0 < index < len(self.events) - 1 and is_dull(self.events, index):
            index += direction
        self.jump(index)

    def step_move(self, direction: int) -> None:
        """To the end of the next or the previous move.

        Args:
            direction: 1 or -1.
        """
        ends = [self._end(i) for i in range(len(self.events)) if begins_move(self.events, i)]
        if direction > 0:
            self.jump(next((end for end in ends if end > self.head), len(self.events) - 1))
        else:
            self.jump(next((end for end in reversed(ends) if end < self.head), 0))

    def _end(self, index: int) -> int:
        while (
            isinstance(self.events[index], ProtectionMeasured)
            and index + 1 < len(self.events)
            and isinstance(self.events[index + 1], ProtectionMeasured)
            and not begins_move(self.events, index + 1)
        ):
            index += 1
        return index

    def faster(self, by: int) -> None:
        """One speed up or down.

        Args:
            by: 1 or -1.
        """
        place = SPEEDS.index(self.speed) + by
        self.speed = SPEEDS[max(0, min(place, len(SPEEDS) - 1))]
