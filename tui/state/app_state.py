"""The state of the app: one run, the play head over it, and what the person looks at. No screen library."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from facetui.engine.records.cohort_table import grid
from facetui.engine.records.events import Event, Progress, RunEnded, RunFailed
from facetui.engine.runs.ballots import Ballots
from facetui.tui.runs.cues import Cue
from facetui.tui.runs.recent import Recent, Story, comparable, has_words
from facetui.tui.runs.voter import Open
from facetui.tui.state.playhead import Player, reading_seconds, speaks
from facetui.tui.state.selection import Selection, inside, listed, photos_of_people
from facetui.tui.state.snapshot import Scene
from facetui.tui.state.transcript import Console

FALL_SECONDS = 1.5
"""What a line takes from one value to the next; with reduced motion it steps."""

SPARE = 6
"""A run that goes on gets room for so many moves more, so that the axis is laid out anew only now and then."""


@dataclass
class ShownRun:
    """The run that is looked at, beyond what its journal says.

    Attributes:
        folder: its journal, once one is chosen.
        owned: this app started it.
        waiting: what is being waited for, in words.
        problem: why there is nothing to see, or why the run stopped without a last event.
        memory: of the process that computes, bytes.
        link: what is wrong with the connection to the presenter, in words; empty: nothing, or nobody is followed.
        cue: the presenter's newest, until one goes there or looks away from it.
        recorded: the date of a recording that is played instead of a run of one's own.
        base: the run that it branches from, as ``facetui diff`` takes it; empty: none, or it is not at hand.
        against: by how much it differs from that in the end, in words.
        ballots: how the room stands, where this app's run is voted on.
        vote: the question that one who follows can vote on now.
        voted: what was voted on it.
        offered: the question that was put to who follows last.
        asking: what the presenter asks beside the story, until it is answered.
    """

    folder: Path | None = None
    owned: bool = False
    waiting: str = ""
    problem: str = ""
    memory: int | None = None
    link: str = ""
    cue: Cue | None = None
    recorded: str = ""
    base: str = ""
    against: str = ""
    ballots: Ballots | None = None
    vote: Open | None = None
    voted: int | None = None
    offered: str = ""
    asking: Cue | None = None


@dataclass
class _Way:
    """How far a move has come whose tasks are not all known yet; it never goes back.

    Attributes:
        share: of the way to the next place on the axis, in [0, 1).
    """

    share: float = 0.0
    _slot: int = 0
    _task: str = ""
    _begun: float = 0.0

    def add(self, slot: int, event: Event) -> None:
        """Take an event into account, after so many places on the axis."""
        if slot != self._slot:
            self._slot, self._task, self.share, self._begun = slot, "", 0.0, 0.0
        if not isinstance(event, Progress) or not event.total:
            return
        if event.task != self._task:
            self._task, self._begun = event.task, self.share
        # A task takes half of the way that is left: how many come, nobody knows.
        self.share = max(self.share, self._begun + (1 - self._begun) / 2 * min(1.0, event.done / event.total))


@dataclass
class Stage:
    """Everything a view needs to know; views paint it and change nothing.

    Attributes:
        player: the play head over the journal.
        now: the scene up to the play head.
        known: the scene after all events read so far.
        base: the whole run that this one branches from; absent: it does not, or that is not at hand.
        run: what is looked at.
        selection: where the cursors stand.
        console: what its page shows.
        view: the name of the screen that is looked at.
        kept: show what is left with the model that the trainer's own test picks; else with the one in use.
        motion: glide between moves; else step.
        fast: what happens is shown as soon as it does, whether or not captions can be read.
        device: what was found, for the home screen.
        stories: for the home screen.
        recent: runs, newest first.
        fall: how far the lines are on their way from what was measured before to what was measured last, in [0, 1].
        clock: seconds since the last event came.
        game: whether a game is played.
    """

    player: Player = field(default_factory=Player)
    now: Scene = field(default_factory=Scene)
    known: Scene = field(default_factory=Scene)
    base: Scene | None = None
    run: ShownRun = field(default_factory=ShownRun)
    selection: Selection = field(default_factory=Selection)
    console: Console = field(default_factory=Console)
    view: str = "home"
    kept: bool = False
    motion: bool = True
    fast: bool = False
    device: str = ""
    stories: list[Story] = field(default_factory=list)
    recent: list[Recent] = field(default_factory=list)
    fall: float = 1.0
    clock: float = 0.0
    game: bool = False
    _folded: int = -1
    _slots: list[int] = field(default_factory=list)
    _read: float = 0.0
    _way: _Way = field(default_factory=lambda: _Way())

    def open(self, folder: Path, *, live: bool, growing: bool = False, owned: bool = False) -> None:
        """Turn to a run.

        Args:
            folder: its journal.
            live: follow the newest event; else play from the first.
            growing: the run goes on.
            owned: this app started it.
        """
        self.player = Player(live=live, growing=growing, fast=self.fast)
        self.now, self.known, self._folded, self._slots, self.base = Scene(), Scene(), -1, [], None
        self.run, self.view, self.clock = ShownRun(folder, owned), "timeline", 0.0
        self.selection = Selection(self.selection.entry, sought=self.selection.sought, marked=self.selection.marked)

    def extend(self, events: Sequence[Event]) -> None:
        """More of the journal was read."""
        self.clock = 0.0 if events else self.clock
        for event in events:
            self.known.add(event)
            self._slots.append(len(self.known.slots))
        self.player.extend(events)
        self.player.head = max(0, self.player.head) if self.player.events else -1
        if events and isinstance(events[-1], RunEnded | RunFailed):
            self.player.growing = self.player.live = False
        self.fold()

    def tick(self, seconds: float) -> None:
        """Let time pass: the head moves on as captions can be read, and lines glide to where they belong."""
        caption, rounds = self.now.caption, self.now.rounds
        self._read += seconds * self.player.speed
        self.clock += seconds
        fall = min(1.0, self.fall + seconds / FALL_SECONDS)
        unread = 0.0 if self.player.fast else reading_seconds(caption) - self._read
        moved = self.player.tick(seconds, unread)
        self.fold()
        if self.now.caption != caption:
            self._read = 0.0
        self.fall = 0.0 if moved and self.motion and self.now.rounds == rounds + 1 else fall

    @property
    def rests(self) -> bool:
        """Whether nothing on the screen will change by itself."""
        return self.fall >= 1 and self.player.at_end and not self.player.growing and not self.console.doing

    def fold(self) -> None:
        """Bring the scene to the play head: on from where it is, or anew after a step back."""
        head = self.player.head
        if head < self._folded:
            self.now, self._folded = Scene(), -1
            self._way = _Way()
        for event in self.player.events[self._folded + 1 : head + 1]:
            self.now.add(event)
            self._way.add(len(self.now.slots), event)
        if head != self._folded:
            self.fall = 1.0
        self._folded = head
        self.settle()

    # --- what is chosen ------------------------------------------------------------------------------------------

    @property
    def entries(self) -> list[Story | Recent]:
        """What the cursor of the home screen moves over: stories, then runs, that have the words which are sought."""
        return [*self.listed_stories, *self.listed_runs]

    @property
    def listed_stories(self) -> list[Story]:
        """Those with the words that are sought."""
        return [story for story in self.stories if has_words(story.words, self.selection.sought)]

    @property
    def listed_runs(self) -> list[Recent]:
        """Those with the words that are sought, newest first."""
        return [run for run in self.recent if has_words(run.words, self.selection.sought)]

    @property
    def chosen(self) -> Story | Recent | None:
        """What Enter opens on the home screen."""
        lines = self.entries
        return lines[inside(self.selection.entry, len(lines))] if lines else None

    @property
    def comparable(self) -> str | None:
        """The run under the cursor as ``facetui diff`` takes it, a story by its recording; ``None`` without one."""
        return comparable(self.chosen)

    def move(self, down: int, right: int) -> None:
        """Move the cursor of the screen; where there is none, left and right step the play head."""
        chosen = self.selection
        match self.view:
            case "home":
                chosen.entry = inside(chosen.entry + down, len(self.entries))
            case "cohorts":
                chosen.cell = (chosen.cell[0] + down, chosen.cell[1] + right)
            case "events":
                self._move_event(down)
            case "faces":
                self.choose_face(down, right)
            case "timeline" if self.now.slots:
                last = len(self.now.slots) - 1
                chosen.slot = inside(last if chosen.slot is None else chosen.slot + right, last + 1)
                chosen.line = (chosen.line + down) % max(1, len(self.now.cohorts))
        self.settle()

    def go_to_slot(self, slot: int) -> None:
        """The play head to the end of what happened at a place on the axis."""
        places = [index for index, count in enumerate(self._slots) if count == slot + 1]
        if places:
            self.player.jump(places[-1])
            self.selection.slot = None
            self.fold()

    def choose_face(self, person: int, photo: int) -> None:
        """Another person, or another of their photos; round and round."""
        people = photos_of_people(self.now.shown)
        if not people:
            return
        chosen = self.selection
        chosen.person = (chosen.person + person) % len(people)
        photos = list(people.values())[chosen.person]
        chosen.photo = 0 if person else (chosen.photo + photo) % len(photos)

    def _move_event(self, by: int) -> None:
        kept = listed(self.player.events, self.selection.words)
        if kept:
            place = min(range(len(kept)), key=lambda i: abs(kept[i] - self.selection.event))
            self.selection.event = kept[inside(place + by, len(kept))]

    def settle(self) -> None:
        """Put every cursor of the screen that is looked at inside of what there is."""
        chosen = self.selection
        match self.view:
            case "home":
                chosen.entry = inside(chosen.entry, len(self.entries))
            case "cohorts":
                shown = grid(self.now.table)
                chosen.cell = (inside(chosen.cell[0], len(shown.rows)), inside(chosen.cell[1], len(shown.columns)))
            case "events":
                self._move_event(0)
            case "timeline" if chosen.slot is not None:
                chosen.slot = inside(chosen.slot, len(self.now.slots)) if self.now.slots else None
            case "faces":
                people = list(photos_of_people(self.now.shown).values())
                if people:
                    chosen.person = inside(chosen.person, len(people))
                    chosen.photo = inside(chosen.photo, len(people[chosen.person]))

    # --- how far ---------------------------------------------------------------------------------------------------

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
            return self._way.share
        head, slots = self.player.head, self._slots
        if not self.motion or head < 0:
            return float(bool(slots) and head == len(slots) - 1 and not self.running)
        behind, ahead = bisect_left(slots, slots[head]), bisect_right(slots, slots[head])
        if ahead == len(slots):  # nothing comes after: to the end of the axis
            return (head - behind) / max(1, ahead - 1 - behind) if not self.running else 0.0
        waited = self.player.waited()
        if not self.player.at_end and self.player.playing and speaks(self.player.events, head + 1):
            waited = min(waited, self._read / reading_seconds(self.now.caption))  # on its way while one reads
        return (head - behind + min(0.99, waited)) / (ahead - behind)
