"""Questions to the room: asked, open for a while, counted, and answered, whoever is there.

Everything that is said of a question is an event, so that a run that is played again can be given the same answers.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from facetui.engine.lab.world.recorder import Recorder
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import NOBODY, Answered, AnsweredBy, Asked, Counted

LONGEST_TEXT, LONGEST_OPTION, MOST_OPTIONS = 300, 100, 9
MOST_SECONDS = 600.0

LOOK_SECONDS, COUNT_SECONDS = 0.05, 0.5
"""Between two looks at the votes, and between two counts in the journal."""

CLOSING_SECONDS = 3.0
"""For which the last votes are waited for after the time is over, unless whoever takes them says that these are all."""


@dataclass(frozen=True)
class Votes:
    """What came in so far.

    Attributes:
        choices: one a voter: an option's number from 1, or a guess in per cent.
        closed: no more will come.
    """

    choices: Sequence[int] = ()
    closed: bool = False


class Audience:
    """Who answers.

    Attributes:
        look: ``look(question)`` gives the votes on a question; ``None``: nobody can vote.
        given: answers that were given before the run, for as many questions: an option's number from 1, a guess in
            per cent, or ``NOBODY``.
        asked: questions so far.
    """

    def __init__(self, look: Callable[[str], Votes | None] = lambda question: None, given: Sequence[int] = ()) -> None:
        self.look = look
        self.given = deque(given)
        self.asked = 0


def ask(recorder: Recorder, audience: Audience, text: str, options: Sequence[str], seconds: float) -> str:
    """Ask for one of some options; see ``Lab.ask``."""
    names = [options] if isinstance(options, str) else list(options)
    fits = all(isinstance(name, str) and 0 < len(name.strip()) <= LONGEST_OPTION for name in names)
    if not fits or not 2 <= len(names) <= MOST_OPTIONS or len(set(names)) < len(names):
        raise UsageError(
            f"expected 2 to {MOST_OPTIONS} different options of at most {LONGEST_OPTION} characters, "
            f"like options=['yes', 'no'], got {options!r:.200}"
        )
    question, by, choices = _answers(recorder, audience, text, names, seconds)
    counts = [choices.count(number) for number in range(1, len(names) + 1)]
    taken = counts.index(max(counts))  # of equals the first
    recorder.emit(Answered(question=question, answer=names[taken], choice=taken + 1, by=by, counts=counts))
    return names[taken]


def guess(recorder: Recorder, audience: Audience, text: str, seconds: float) -> float | None:
    """Ask for a share; see ``Lab.guess``."""
    question, by, choices = _answers(recorder, audience, text, [], seconds)
    guesses = sorted(choices)
    if not guesses:
        recorder.emit(Answered(question=question, answer="", choice=None, by=by))
        return None
    middle = guesses[(len(guesses) - 1) // 2]  # one that somebody made
    recorder.emit(Answered(question=question, answer=f"{middle} %", choice=middle, by=by, guesses=guesses))
    return middle / 100


def _answers(
    recorder: Recorder, audience: Audience, text: str, options: list[str], seconds: float
) -> tuple[str, AnsweredBy, list[int]]:
    """The question's number, who answered it, and what."""
    if not isinstance(text, str) or not 0 < len(text.strip()) <= LONGEST_TEXT:
        raise UsageError(f"expected a question of 1 to {LONGEST_TEXT} characters, got {text!r:.200}")
    if not isinstance(seconds, int | float) or not 0 < seconds <= MOST_SECONDS:
        raise UsageError(f"expected more than 0 and at most {MOST_SECONDS:.0f} seconds for a question, got {seconds!r}")
    number, valid = audience.asked + 1, range(1, len(options) + 1) if options else range(101)
    if audience.given and (first := audience.given[0]) != NOBODY and first not in valid:
        raise UsageError(
            f"question {number} ({text!r}) takes {valid[0]} to {valid[-1]}, the answer given before the run is {first}"
        )
    audience.asked, question = number, str(number)
    can = not audience.given and audience.look(question) is not None
    recorder.emit(Asked(question=question, text=text, options=options, seconds=float(seconds) if can else 0.0))
    if audience.given:
        told = audience.given.popleft()
        return question, "nobody" if told == NOBODY else "before", [] if told == NOBODY else [told]
    if not can:
        return question, "unasked", []
    choices = _wait(recorder, audience, question, valid, seconds, guessed=not options)
    return question, "room" if choices else "nobody", choices


def _wait(
    recorder: Recorder, audience: Audience, question: str, valid: range, seconds: float, *, guessed: bool
) -> list[int]:
    """The votes of a question that is open for so long, told while they come."""
    end, told, last = time.monotonic() + seconds, [0] * (1 if guessed else len(valid)), 0.0
    while True:
        recorder.check()
        votes, now = audience.look(question) or Votes(), time.monotonic()
        choices = [choice for choice in votes.choices if choice in valid]
        counts = [len(choices)] if guessed else [choices.count(number) for number in valid]
        over = now >= end and (votes.closed or now >= end + CLOSING_SECONDS)
        if counts != told and (over or now - last >= COUNT_SECONDS):
            told, last = counts, now
            recorder.emit(Counted(question=question, counts=counts))
        if over:
            return choices
        time.sleep(LOOK_SECONDS)
