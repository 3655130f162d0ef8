"""The question that the room is asked now, as everybody sees it: of the story, or of the presenter beside it."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from facetui.tui.runs.cues import Cue
from facetui.tui.state.app_state import Stage


@dataclass(frozen=True)
class Question:
    """A question as it stands.

    Attributes:
        number: what a vote names.
        text: what is asked.
        options: what can be answered; empty: a share is guessed.
        counts: votes by option; of guesses how many; empty: none yet.
        left: seconds; absent: it is looked at afterwards.
        mine: what was voted here.
    """

    number: str
    text: str
    options: tuple[str, ...]
    counts: tuple[int, ...] = ()
    left: float | None = None
    mine: int | None = None


def question(stage: Stage) -> Question | None:
    """What is asked now, or was asked where the play head is; ``None``: nothing is open there."""
    run, live = stage.run, stage.running
    if run.asking is not None:
        return _beside(stage, run.asking)
    room = stage.known.room if live else stage.now.room
    if room is None or room.answered is not None:
        return None
    asked, counts, left = room.asked, room.counts, None
    if live and stage.player.events:
        left = max(0.0, asked.seconds - (stage.player.events[-1].wall + stage.clock - asked.wall))
    mine = None
    if run.vote is not None and run.vote.question == asked.question:
        counts, left, mine = run.vote.counts, max(0.0, run.vote.until - time.monotonic()), run.voted
    elif run.ballots is not None and run.ballots.question == asked.question:
        counts = run.ballots.counts(len(asked.options))
    return Question(asked.question, asked.text, tuple(asked.options), counts, left, mine)


def _beside(stage: Stage, cue: Cue) -> Question:
    """What the presenter asks beside the story."""
    run = stage.run
    counts: tuple[int, ...] = ()
    left: float | None = None
    mine: int | None = None
    if run.vote is not None:
        counts, left, mine = run.vote.counts, max(0.0, run.vote.until - time.monotonic()), run.voted
    elif run.ballots is not None and run.ballots.question == cue.question:
        counts = run.ballots.counts(len(cue.options))
        with suppress(ValueError, TypeError):
            passed = datetime.now().astimezone() - datetime.fromisoformat(cue.when)
            left = max(0.0, cue.seconds - passed.total_seconds())
    return Question(cue.question, cue.text, tuple(cue.options), counts, left, mine)
