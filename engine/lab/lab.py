"""The lab: a clock, a web that only grows, and the actors who move on it.

A scenario drives it; every move becomes an event. ``lab.users`` poison what they post, ``lab.friends`` post clean
photos of the same people, ``lab.trainer`` scrapes and recognises, and ``lab.measure()`` asks: shown clean photos, whom
does the trainer name?
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import torch

from facetui.engine.core.cache import Cache
from facetui.engine.lab.anticipation import anticipate
from facetui.engine.lab.friends import Friends
from facetui.engine.lab.law import Law
from facetui.engine.lab.questions.audience import Audience, ask, guess
from facetui.engine.lab.questions.forecast import forecast
from facetui.engine.lab.questions.identification import measure, search
from facetui.engine.lab.questions.open_set import identify
from facetui.engine.lab.questions.pictures import Shower
from facetui.engine.lab.questions.verification import compare
from facetui.engine.lab.recognition.trainer_state import TrainerState
from facetui.engine.lab.trainer.combine_and_choose import picked
from facetui.engine.lab.trainer.trainer import Trainer
from facetui.engine.lab.users import Users
from facetui.engine.lab.world.moves import Player, move
from facetui.engine.lab.world.recorder import OnMove, Recorder, make_move
from facetui.engine.lab.world.web import Post, Web
from facetui.engine.lab.world.world import Asked, World
from facetui.engine.people.casts import Cast
from facetui.engine.people.persons import People, Person
from facetui.engine.records.cohort_table import cohort_table
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import (
    ClockMoved,
    Event,
    Note,
    OpenSetMeasured,
    ProtectionMeasured,
    SearchForecast,
    SearchMeasured,
    VerificationMeasured,
)
from facetui.engine.records.fields import DATE
from facetui.engine.records.measurements import Measurements
from facetui.engine.records.text import html

FORECAST = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 3_000_000_000, 30_000_000_000)
"""Photos of strangers; the last two are a face search engine's of 2020, and its of 2023, by their own account."""


class Lab(Player):
    """One run's world, as a story sees it.

    Args:
        people: everybody in the game.
        tool: the people whom the users' tool aims at; they are nobody in the game.
        cast: the surrogates and the trainer's generations.
        users: names of those who protect their photos; absent: a quarter of the people, at most eight, by the seed.
        seed: of every random draw.
        device: where to compute.
        cache: results of earlier runs.
        emit: receives every event, numbered and dated.
        keep_picture: stores a PNG and returns its hash; absent: pictures are not kept.
        cancelled: asked between steps; when true the run stops with ``Cancelled``.
        scenario_file: file name of the running scenario's code, whose line numbers events carry.
        on_move: makes the moves that a story calls.
        posts: how many photos the story posts of each protected person, at each time; empty: it does not say.
        strength: of tools whose settings a story leaves open: ``release``, or ``workshop``, which weakens them.
        crowd: people who only have clean photos on the web, among whom the others are searched for.
        asked: for protected people ``alone``, each among everybody else's clean photos, or ``together``.
        audience: who answers what a story asks the room; absent: nobody can.

    Attributes:
        world: who is who, the web and the networks.
        recorder: the clock and the audience.
        measurements: every measurement made so far.
        users: who protect what they post.
        friends: who post photos of the protected ones.
        trainer: who scrapes, recognises and answers.
        law: what the trainer must not do.

    Raises:
        UnknownName: a user who is not among the people, or an extractor of the cast that does not exist.
        UsageError: everybody or nobody would be a user, or a user has too few photos for the story.
    """

    def __init__(
        self,
        people: People,
        cast: Cast,
        *,
        tool: People,
        users: Sequence[str] | None = None,
        seed: int = 0,
        device: torch.device | None = None,
        cache: Cache | None = None,
        emit: Callable[[Event], None] = lambda event: None,
        keep_picture: Callable[[bytes], str] | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        scenario_file: str = "",
        on_move: OnMove = make_move,
        posts: Sequence[int] = (),
        strength: str = "release",
        crowd: Sequence[Person] = (),
        asked: Asked = "alone",
        audience: Audience | None = None,
    ) -> None:
        self._audience = audience or Audience()
        recorder = partial(
            Recorder,
            emit,
            keep_picture=keep_picture,
            cancelled=cancelled,
            scenario_file=scenario_file,
            on_move=on_move,
        )
        where: dict[str, Any] = {"tool": tool, "users": users, "seed": seed, "device": device}
        where |= {"cache": cache, "posts": posts, "strength": strength, "crowd": crowd, "asked": asked}
        self._new_world = lambda: World(people, cast, recorder=recorder(), **where)
        self.restart()

    def restart(self) -> None:
        """Put everything back to before the first move, in the same object; what was computed is in the cache."""
        self.world = self._new_world()
        self.recorder = self.world.recorder
        self.measurements: list[ProtectionMeasured] = []
        self._audience.asked = 0
        self.users = Users(self.world, partial(anticipate, self.world))
        self.friends = Friends(self.world)
        self.law = Law(self.recorder)
        self.trainer = Trainer(TrainerState(self.world, self.law))

    # --- who is who ---------------------------------------------------------------------------------------------

    @property
    def people(self) -> People:
        """Everybody in the game, the crowd last."""
        return self.world.people

    @property
    def cast(self) -> Cast:
        """The surrogates and the trainer's generations."""
        return self.world.cast

    @property
    def web(self) -> Web:
        """Everything that was posted."""
        return self.world.web

    @property
    def protected(self) -> list[int]:
        """Who protects their photos, by number."""
        return self.world.protected

    @property
    def others(self) -> list[int]:
        """Everybody who does not protect their photos."""
        return self.world.others

    @property
    def n_crowd(self) -> int:
        """How many people of the crowd there are to search among."""
        return len(self.world.crowd)

    @property
    def players(self) -> dict[str, Player]:
        """The lab and its actors by name, the lab's own empty: everybody who has moves."""
        return {player.actor: player for player in (self, self.users, self.friends, self.trainer, self.law)}

    def _repr_html_(self) -> str:
        """The lab in a notebook: where it stands, and the table of what was measured."""
        posted, scraped = (sum(len(post.who) for post in posts) for posts in (self.web, self.trainer.archive))
        where = (
            f"{self.recorder.t or 'before the first date'}: {len(self.protected)} of {len(self.world.players)} people "
            f"protect their photos; {posted} photos are posted, the trainer holds {scraped}"
        )
        current = self.trainer.pipelines[-1].generation if self.trainer.pipelines else "no model yet"
        return f"<p>{html(where)}; it uses {html(current)}</p>\n{cohort_table(self.measurements)._repr_html_()}"

    def __dir__(self) -> list[str]:
        return sorted(name for name in super().__dir__() if not name.startswith("_") or name.endswith("__"))

    # --- moves --------------------------------------------------------------------------------------------------

    @move
    def at(self, t: str) -> None:
        """Move the clock to an ISO date, ``2020-07`` or ``2020-07-29``.

        Raises:
            UsageError: not a date, or one in the past: what happened stays.
        """
        if not DATE.fullmatch(t):
            raise UsageError(f"expected a date like '2020-07' or '2020-07-29', got {t!r}")
        if t < self.recorder.t[: len(t)]:
            raise UsageError(f"the clock stands at {self.recorder.t} and cannot go back to {t}")
        self.recorder.t = t
        self.recorder.emit(ClockMoved())

    @move
    def note(self, text: str) -> None:
        """Say something to the audience."""
        self.recorder.emit(Note(text=text))

    @move
    def ask(self, text: str, options: Sequence[str], seconds: float = 30) -> str:
        """Let the room decide: those who follow vote; the option with most votes is returned, of equals the first.

        Where nobody can vote the first option is taken at once, where nobody does after the time, and both are said.

        Args:
            text: the question.
            options: two to nine answers.
            seconds: for which one can vote, at most 600.

        Raises:
            UsageError: no question, options or time of this kind, or an answer given before the run that is none.
        """
        return ask(self.recorder, self._audience, text, options, seconds)

    @move
    def guess(self, text: str, seconds: float = 30) -> float | None:
        """Let the room guess a share before it is measured; returns the guess in the middle, in [0, 1].

        Args:
            text: the question, "What will be left?".
            seconds: for which one can guess, at most 600.

        Returns:
            The median, or ``None`` where nobody guessed.

        Raises:
            UsageError: no question or time of this kind, or a guess given before the run that is none.
        """
        return guess(self.recorder, self._audience, text, seconds)

    @move
    def cite(
        self, protection_rate: float, *, attack: str, extractor: str, source: str, n_probes: int = 0, cohort: str = ""
    ) -> None:
        """Put a figure that somebody else reported beside the measured ones.

        Args:
            protection_rate: in [0, 1], as reported.
            attack: what the photos were perturbed with.
            extractor: the network it was reported for.
            source: where; required, and shown with the figure.
            n_probes: if reported.
            cohort: the cohort of this run it compares with.
        """
        if not source:
            raise UsageError("a cited figure needs its source")
        self.recorder.emit(
            ProtectionMeasured(
                cohort=cohort,
                attack=attack,
                extractor=extractor,
                defence=None,
                classifier="nearest",
                protection_rate=protection_rate,
                n_probes=n_probes,
                interval=None,
                basis="cited",
                source=source,
            )
        )

    @move
    def measure(self) -> Measurements:
        """Show the trainer clean probes of everybody and count whom it fails to name.

        Measures the whole archive, and each cohort as if the trainer had nothing else of the protected people.
        """
        state = self.trainer.state
        measured = measure(state, picked(state) if state.pipelines else None)
        self.measurements.extend(measured)
        self._show_witness()
        return Measurements(measured)

    def _show_witness(self) -> None:
        """Whom the trainer names now for a clean photo of the first protected person, beside what was measured."""
        state = self.trainer.state
        posts = [p for p in self.web if p.cohort and p.by == "users" and (p.people == self.protected[0]).any()]
        if not self.recorder.keeps_pictures or not posts or state.current.classifier != "nearest":
            return
        with suppress(UsageError):  # a law, or nothing scraped: then nobody is named
            self._show([self.protected[0]], posts[-1], 0)

    @move
    def search(self, k: int = 10, *, people: int | None = None) -> SearchMeasured:
        """Ask the trainer's gallery with clean probes of the protected people, as a face search engine is asked.

        Args:
            k: how many answers somebody reads.
            people: only the first so many of the protected people; absent: all.

        Raises:
            UsageError: nothing was scraped, or ``k`` below 1.
        """
        return search(self.trainer.state, k, people)

    @move
    def identify(self, false_alarms: float = 0.01) -> OpenSetMeasured:
        """Ask a trainer that may say "nobody", as an open-set search does it.

        Args:
            false_alarms: share of searches for strangers that may end in a name, e.g. one in a hundred.

        Raises:
            UsageError: nothing was scraped, a share outside (0, 1), or too few strangers for it.
        """
        return identify(self.trainer.state, false_alarms)

    @move
    def forecast(self, *photos: int) -> SearchForecast:
        """Foretell how many searches would fail among more photos of strangers than there are, with intervals.

        Args:
            photos: how many there would be; none: from ten thousand to thirty billion.

        Raises:
            UsageError: nothing was scraped, or too few strangers to fit a tail to.
        """
        return forecast(self.trainer.state, photos or FORECAST)

    @move
    def compare(self, extractor: str | None = None) -> VerificationMeasured:
        """What users see who compare a clean photo with their posted ones, one to one.

        Args:
            extractor: a name; absent: the first surrogate, which the tool itself attacks.

        Raises:
            UnknownName: no such extractor.
            UsageError: no protected person has posted anything under an attack.
        """
        return compare(self.world, extractor or self.cast.surrogates[0])

    @move
    def show(self, person: int | None = None, photo: int = 0, cohort: str | None = None) -> None:
        """Show posted photos beside their originals, and whom the trainer names for a clean probe of each person.

        Args:
            person: which of the protected people, from 0; absent: every one of them.
            photo: which of their photos in the cohort, from 0.
            cohort: its name; absent: the one posted last.
        """
        if not self.recorder.keeps_pictures:
            return
        posts = [p for p in self.web if p.cohort and p.by == "users" and cohort in (None, p.cohort)]
        if not posts or (person is not None and not 0 <= person < len(self.protected)):
            raise UsageError("there is nothing to show yet: let the users post first")
        self._show(self.protected if person is None else [self.protected[person]], posts[-1], photo)

    def _show(self, people: Sequence[int], post: Post, photo: int) -> None:
        shower = Shower(self.trainer.state, post.cohort)
        for who in people:
            rows = [i for i, p in enumerate(post.who.tolist()) if p == who]
            if not 0 <= photo < len(rows):
                raise UsageError(f"expected a photo from 0 to {len(rows) - 1}, got {photo}")
            entry, probe = self.people.persons[who], self.world.split[who][0][0]
            original = self.recorder.picture(entry.photos[int(post.source[rows[photo]])])
            posted = self.recorder.picture(post.photos[rows[photo]])
            self.recorder.emit(
                shower.pictures(who, original, posted, probe, self.recorder.picture(entry.photos[probe]))
            )
