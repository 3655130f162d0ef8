"""A game: whose turn it is, what was done, what one believed and what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from facetui.engine.records.events import WHOLE_ARCHIVE, Event, PhotosPosted, ProtectionMeasured
from facetui.engine.records.measurements import fates
from facetui.engine.records.rates import percent, percents
from facetui.tui.game import policy
from facetui.tui.game.tools import ANSWERS, CLEAN, DATES, MOST, PHOTOS, TOOLS, Tool, networks_at, tools_at

Role = Literal["user", "trainer"]
ROLES: tuple[Role, ...] = ("user", "trainer")


@dataclass(frozen=True)
class Move:
    """What somebody decided in a turn.

    Attributes:
        tool: of the user; ``CLEAN`` for none.
        strength: number of the tool's strengths.
        photos: that each protected person posts; 0: none.
        answer: of the trainer, a key of ``ANSWERS``.
        believed: share in [0, 1] of clean photos that the player thinks will not be named after it.
    """

    tool: str
    strength: int
    photos: int
    answer: str
    believed: float


@dataclass
class Turn:
    """A move and what came of it.

    Attributes:
        t: its date.
        move: both players'.
        measured: what was measured of the whole archive; ``None``: nothing yet.
        posted: what the tool did to the photos, where one was run.
    """

    t: str
    move: Move
    measured: ProtectionMeasured | None = None
    posted: PhotosPosted | None = None


@dataclass
class Game:
    """One game of as many turns as there are dates.

    Attributes:
        role: of the player; the machine is the other.
        turns: made so far.
        learnt: tools that the trainer's models were trained against.
        used: networks that the trainer has taken.
    """

    role: Role
    turns: list[Turn] = field(default_factory=list)
    learnt: set[str] = field(default_factory=set)
    used: list[str] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether every turn was made."""
        return len(self.turns) == len(DATES)

    @property
    def t(self) -> str:
        """Date of the turn that comes; of the last one when it is over."""
        return DATES[min(len(self.turns), len(DATES) - 1)]

    @property
    def photos(self) -> int:
        """That can still be posted."""
        return PHOTOS - sum(turn.move.photos for turn in self.turns)

    @property
    def public(self) -> list[str]:
        """Tools that somebody has run so far, in order: a trainer can only learn a tool that it has seen in use."""
        used = [turn.move.tool for turn in self.turns if turn.move.photos and turn.move.tool != CLEAN]
        return list(dict.fromkeys(used))

    def known(self) -> policy.Known:
        """What both players know now."""
        return policy.Known(
            turn=len(self.turns),
            tools=tuple(tool.name for tool in tools_at(self.t)),
            tools_before=tuple(self.public),
            learnt=frozenset(self.learnt),
            networks=tuple(networks_at(self.t)),
            used=tuple(self.used or networks_at(self.t)[:1]),
            photos=self.photos,
            turns_left=len(DATES) - len(self.turns),
        )

    def tools(self) -> list[Tool]:
        """That can be run in this turn."""
        return tools_at(self.t)

    def numbers(self) -> list[int]:
        """Of photos that can be posted in this turn; in the first one somebody must post, or nobody is asked for."""
        return list(range(0 if self.turns else 1, min(MOST, self.photos) + 1))

    def answers(self) -> list[str]:
        """What the trainer can do in this turn; one who has one model has nothing to choose from."""
        known = self.known()
        possible = ["wait"]
        possible += ["use"] if known.networks[-1] not in known.used or self.turns else []
        possible += ["adapt"] if self.public else []
        possible += ["purify"]
        possible += ["choose"] if len(self.used) + len(self.learnt) > 1 else []
        return possible

    def with_machine(self, move: Move) -> Move:
        """The player's move, with what the machine does in the same turn."""
        if self.role == "user":
            return Move(move.tool, move.strength, move.photos, policy.trainer(self.known()), move.believed)
        name, photos = policy.user(self.known())
        tool = next(tool for tool in TOOLS if tool.name == name)
        return Move(name, tool.released, min(photos, MOST, self.photos), move.answer, move.believed)

    def python(self, move: Move) -> list[str]:
        """A turn as a story would write it: the user posts, the trainer scrapes and answers, all are asked for."""
        lines = [f'lab.at("{self.t}")']
        if move.photos:
            tool = next((tool for tool in TOOLS if tool.name == move.tool), None)
            given = tool.strengths[move.strength].given if tool else ""
            called = f'"{tool.name}"' + (f", {given}" if given else "") if tool else "None"
            lines += [f"lab.users.protect({called})", f"lab.users.post({move.photos})", "lab.trainer.scrape()"]
        if answer := ANSWERS[move.answer][2]:
            lines.append(answer)
        whom = "the user" if self.role == "user" else "the trainer"
        believed = f"{100 * move.believed:.0f} % of their clean photos will not be named"
        lines.append(f'lab.note("{whom.capitalize()} believes: {believed}.")')
        return [*lines, "lab.measure()"]

    def made(self, move: Move, events: Sequence[Event]) -> None:
        """Take a turn as made.

        Args:
            move: both players'.
            events: of the run, this turn's among them.
        """
        turn = Turn(self.t, move)
        for event in events:
            if isinstance(event, ProtectionMeasured) and event.cohort == WHOLE_ARCHIVE and event.basis == "measured":
                turn.measured = event
            elif isinstance(event, PhotosPosted) and event.attack:
                turn.posted = event
        if not move.photos or move.tool == CLEAN:
            turn.posted = None
        if move.answer == "use":
            self.used = [*self.used, networks_at(self.t)[-1]]
        elif not self.used:
            self.used = networks_at(self.t)[-1:]
        self.turns.append(turn)
        if move.answer == "adapt":
            self.learnt |= set(self.public)

    # --- afterwards ----------------------------------------------------------------------------------------------

    def off_by(self) -> float | None:
        """How far beliefs lay from what was measured, on average; ``None`` where nothing was measured."""
        off = [abs(turn.move.believed - turn.measured.protection_rate) for turn in self.turns if turn.measured]
        return sum(off) / len(off) if off else None

    def conclusion(self, events: Sequence[Event]) -> list[str]:
        """What the game came to, from what was measured alone, and what to try next."""
        measured = [event for event in events if isinstance(event, ProtectionMeasured)]
        last = next((turn.measured for turn in reversed(self.turns) if turn.measured), None)
        said = []
        if last is not None:
            interval = f" ({percents(*last.interval)})" if last.interval else ""
            said.append(
                f"In the end the trainer fails on {percent(last.protection_rate)}{interval} of {last.n_probes} clean "
                f"photos of {len(last.people)} protected people."
            )
        said.append(fates(measured))
        off = self.off_by()
        if off is not None:
            said.append(f"What you believed was off by {100 * off:.0f} points on average.")
        return [*filter(None, said), f"Next: {self.next_thing()}"]

    def next_thing(self) -> str:
        """Something that this game has not shown."""
        if self.role == "trainer":
            tried = {turn.move.answer for turn in self.turns}
            left = [name for name in ANSWERS if name not in tried and name != "wait"]
            if left:
                return f"be the trainer again, and try {left[0]}: it {ANSWERS[left[0]][0]}."
            return "be the user, against a machine that learns every tool a turn after it was seen."
        tried = {turn.move.tool for turn in self.turns if turn.move.photos}
        left = [tool.name for tool in TOOLS if tool.name not in tried]
        if left:
            return f"be the user again with {left[-1]}, which you did not run."
        return "be the trainer, who moves last: what would you do with the photos that are posted already?"
