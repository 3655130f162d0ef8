"""The state of the app: one run, the play head over it, and what the person looks at. No screen library."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from facetui.engine.records.events import Event, RunEnded, RunFailed
from facetui.tui.runs.cues import Cue
from facetui.tui.runs.recent import Recent, Story
from facetui.tui.state.playhead import Player
from facetui.tui.state.snapshot import Scene
from facetui.tui.state.transcript import Console

VIEWS = ("home", "timeline", "cohorts", "faces", "events", "console")
SPARE = 6
"""A run that goes on gets room for so many moves more, so that the axis is laid out anew only now and then."""


@dataclass
class Stage:
    """Everything a view needs to know.

    Attributes:
        player: the play head over the journal.
        now: the scene up to the play head.
        known: the scene after all events read so far.
        folder: the run's folder, once one is chosen.
        view: one of ``VIEWS``.
        kept: show what is left with the best model the trainer has had; else with the one in use.
        motion: glide between moves; else step.
        owned: this app started the run.
        waiting: what is being waited for, in words.
        problem: why there is nothing to see, or why the run stopped without a last event.
        memory: of the process that computes, bytes.
        device: what was found, for the home screen.
        stories: for the home screen.
        recent: runs, newest first.
        choice: line chosen on the home screen.
        cell: row and column chosen in the table of cohorts.
        person: chosen on the screen of faces; an index.
        photo: chosen on the screen of faces; an index.
        picked: chosen line of the events, an index into the journal.
        words: only events with these words are listed.
        typing: the person types these words.
        console: what its page shows.
        link: what is wrong with the connection to the presenter, in words; empty: nothing, or nobody is followed.
        cue: the presenter's newest, until one goes there or looks away from it.
        recorded: the date of a recording that is played instead of a run of one's own.
    """

    player: Player = field(default_factory=Player)
    now: Scene = field(default_factory=Scene)
    known: Scene = field(default_factory=Scene)
    folder: Path | None = None
    view: str = "home"
    kept: bool = True
    motion: bool = True
    owned: bool = False
    waiting: str = ""
    problem: str = ""
    memory: int | None = None
    device: str = ""
    stories: list[Story] = field(default_factory=list)
    recent: list[Recent] = field(default_factory=list)
    choice: int = 0
    cell: tuple[int, int] = (0, 0)
    person: int = 0
    photo: int = 0
    picked: int = 0
    words: str = ""
    typing: bool = False
    console: Console = field(default_factory=Console)
    link: str = ""
    cue: Cue | None = None
    recorded: str = ""
    _folded: int = -1
    _slots: list[int] = field(default_factory=list)

    def open(self, folder: Path, *, live: bool, growing: bool = False, owned: bool = False) -> None:
        """Turn to a run.

        Args:
            folder: its journal.
            live: follow the newest event; else play from the first.
            growing: the run goes on.
            owned: this app started it.
        """
        self.player = Player(live=live, growing=growing)
        self.now, self.known, self._folded, self._slots = Scene(), Scene(), -1, []
        self.folder, self.owned, self.view = folder, owned, "timeline"
        self.problem, self.waiting, self.memory, self.link, self.cue = "", "", None, "", None
        self.recorded = ""
        self.cell, self.person, self.photo, self.picked, self.words = (0, 0), 0, 0, 0, ""

    def extend(self, events: Sequence[Event]) -> None:
        """More of the journal was read."""
        for event in events:
            self.known.add(event)
            self._slots.append(len(self.known.slots))
        self.player.extend(events)
        self.player.head = max(0, self.player.head) if self.player.events else -1
        if events and isinstance(events[-1], RunEnded | RunFailed):
            self.player.growing = self.player.live = False
        self.fold()

    def fold(self) -> None:
        """Bring the scene to the play head: on from where it is, or anew after a step back."""
        head = self.player.head
        if head < self._folded:
            self.now, self._folded = Scene(), -1
        for event in self.player.events[self._folded + 1 : head + 1]:
            self.now.add(event)
        self._folded = head

    @property
    def running(self) -> bool:
        """Whether the run goes on."""
        return self.player.growing

    @property
    def spare(self) -> int:
        """Moves for which the axis keeps room."""
        if not self.running:
            return 0
        count = len(self.known.slots)
        return max(2, -(-(count + 2) // SPARE) * SPARE - count)

    def glide(self) -> float:
        """How far the play head is on its way to the next place on the axis, in [0, 1]."""
        if self.player.live:
            task = self.now.progress
            return min(1.0, task.done / task.total) if task is not None and task.total else 0.0
        head, slots = self.player.head, self._slots
        if not self.motion or head < 0:
            return float(bool(slots) and head == len(slots) - 1 and not self.running)
        behind, ahead = bisect_left(slots, slots[head]), bisect_right(slots, slots[head])
        if ahead == len(slots):  # nothing comes after: to the end of the axis
            return (head - behind) / max(1, ahead - 1 - behind) if not self.running else 0.0
        return (head - behind + self.player.waited()) / (ahead - behind)
