"""Makes a lab ready for a run: people, cast, device and cache loaded, and the run's first event."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from facetui.engine.core import device
from facetui.engine.core.cache import Cache
from facetui.engine.extractors.describing import describe
from facetui.engine.lab.lab import Lab
from facetui.engine.lab.questions.audience import Audience, Votes
from facetui.engine.lab.world.recorder import OnMove, make_move
from facetui.engine.lab.world.strength import Strength, check
from facetui.engine.lab.world.world import Asked
from facetui.engine.people import PER_PERSON, casts, from_folder, identities, persons
from facetui.engine.people.casts import Cast
from facetui.engine.people.persons import EMBEDDED, People
from facetui.engine.records.events import Event, RunBegan
from facetui.engine.records.text import html
from facetui.engine.runs import ballots
from facetui.engine.runs.casting import cast_at_hand
from facetui.engine.runs.environment import repeats, versions
from facetui.engine.runs.scenario import Value
from facetui.engine.runs.settings import Settings

ME = "me"
"""What somebody is called who plays with their own photos."""

PRIVATE = (
    "Your own photos are searched for among people who do not exist. No picture of you is kept, nothing that is "
    "computed of your photos stays on the disk, and this run is neither published nor archived: its numbers stay here."
)


@dataclass(frozen=True, repr=False)
class Setup:
    """What a run takes place in; loaded once, however many labs are opened in it.

    Attributes:
        cast: the surrogates and the trainer's generations.
        people: everybody in the game.
        tool: the people whom the users' tool aims at.
        device: where to compute.
        cache: results of earlier runs.
        users: names of those who protect their photos; ``None``: chosen by the seed.
        seed: of every random draw.
        strength: of the tools, ``release`` or ``workshop``.
        crowd: further people who only have clean photos on the web; ``None``: nobody.
        asked: how protected people are asked for, ``alone`` or ``together``.
        left_out: networks of the cast that it is played without.
        per_person: how many photos of each person of a folder were taken at most.
        private: somebody's own photos are among them: no picture is kept, and nothing of the run may leave the machine.
        answers: to what the story asks the room, given before the run.
    """

    cast: Cast
    people: People
    tool: People
    device: torch.device
    cache: Cache
    users: tuple[str, ...] | None
    seed: int
    strength: Strength = "release"
    crowd: People | None = None
    asked: Asked = "alone"
    left_out: tuple[str, ...] = ()
    per_person: int = PER_PERSON
    private: bool = False
    answers: tuple[int, ...] = ()

    def _facts(self) -> dict[str, str]:
        """What it is, in words, by heading."""
        generations = " → ".join(f"{each.extractor} ({each.dates})" for each in self.cast.generations)
        users = "chosen by the seed" if self.users is None else ", ".join(self.users)
        users += ", chosen by the seed" if users.isdigit() else ""
        return {
            "people": f"{len(self.people)} ({self.people.source}), and {len(self.crowd) if self.crowd else 0} around",
            "protect their photos": users,
            "users attack": ", ".join(self.cast.surrogates),
            "the trainer has": generations,
            "tools": f"at {self.strength} strength",
            "seed, device": f"{self.seed}, {device.describe(self.device)}",
        }

    def __repr__(self) -> str:
        return f"<setup: {'; '.join(f'{heading}: {fact}' for heading, fact in self._facts().items())}>"

    def _repr_html_(self) -> str:
        """In a notebook: who plays, and with what."""
        rows = "".join(
            f'<tr><th scope="row">{html(heading)}</th><td>{html(fact)}</td></tr>\n'
            for heading, fact in self._facts().items()
        )
        return f"<table>\n{rows}</table>\n"


def prepare(settings: Settings, tell: persons.Tell = persons.silent) -> Setup:
    """Load everything that a run depends on.

    Args:
        settings: what was asked for.
        tell: told how far reading people is; may raise ``Cancelled``.

    Raises:
        FacetuiError: people, cast or device that do not exist or fit.
    """
    strength = check(settings.strength)
    chosen, without = cast_at_hand(casts.load(settings.cast), settings.with_what_is_there)
    where = device.choose(settings.device)
    cache = Cache(settings.cache)
    if settings.me is not None:
        cache = Cache(None)  # what is computed of somebody's own photos goes with the process
    source = EMBEDDED if settings.me is not None else settings.people or chosen.people
    how: dict[str, Any] = {"cache": cache, "tell": tell, "describe": describe, "per_person": settings.per_person}
    loaded = identities.load(source, strict=settings.strict, **how)
    everybody, tool = identities.tool_faces(loaded)
    users = settings.users
    if settings.me is not None:
        mine = from_folder.read_one(settings.me.expanduser(), ME, cache, tell, describe)
        everybody, users = replace(everybody, persons=(*everybody.persons, *mine.persons), fictional=False), (ME,)
        everybody = replace(everybody, left_out=mine.left_out)
    around = identities.crowd(settings.crowd, loaded, **how)
    asked: Asked = "together" if settings.together else "alone"
    return Setup(
        chosen,
        everybody,
        tool,
        where,
        cache,
        users,
        settings.seed,
        strength,
        around,
        asked,
        without,
        settings.per_person,
        settings.me is not None,
        settings.answers,
    )


def open_lab(
    setup: Setup | None = None,
    *,
    emit: Callable[[Event], None] = lambda event: None,
    keep_picture: Callable[[bytes], str] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    path: str = "",
    on_move: OnMove = make_move,
    posts: Sequence[int] = (),
    audience: Audience | None = None,
) -> Lab:
    """A lab in which nothing has happened yet, not even its first event: see ``begin``.

    Args:
        setup: where; absent: the embedded people and cast, with a cache in memory only.
        emit: receives every event.
        keep_picture: stores a PNG and returns its hash; absent: pictures are not kept.
        cancelled: asked between steps.
        path: file name of the scenario, whose line numbers events carry.
        on_move: makes the moves that a story calls.
        posts: how many photos the story posts of each protected person, at each time.
        audience: who answers what a story asks the room; absent: nobody can.
    """
    setup = setup or prepare(Settings())
    if setup.private:
        keep_picture = None
    return Lab(
        setup.people,
        setup.cast,
        tool=setup.tool,
        users=setup.users,
        seed=setup.seed,
        device=setup.device,
        cache=setup.cache,
        emit=emit,
        keep_picture=keep_picture,
        cancelled=cancelled,
        scenario_file=path,
        on_move=on_move,
        posts=posts,
        strength=setup.strength,
        crowd=setup.crowd.persons if setup.crowd else (),
        asked=setup.asked,
        audience=audience,
    )


def audience_of(folder: Callable[[], Path], given: Sequence[int] = ()) -> Audience:
    """Those who vote on a run.

    Args:
        folder: gives the run's folder, beside whose journal the votes are.
        given: answers that were given before the run.
    """

    def look(question: str) -> Votes | None:
        now = ballots.read(folder())
        if now is None:
            return None
        return Votes(now.choices, now.closed) if now.question == question else Votes()

    return Audience(look, given)


def begin(
    lab: Lab,
    setup: Setup,
    *,
    name: str,
    title: str,
    source: str,
    values: Mapping[str, Value] | None = None,
    branched: Mapping[str, Any] | None = None,
) -> None:
    """Emit what a run depends on, and who was left out.

    Args:
        lab: in which nothing has happened yet.
        setup: what it takes place in.
        name: of the story.
        title: of the story.
        source: its text.
        values: of its parameters.
        branched: ``changes`` and ``branch_of``, as the event has them.
    """
    cast, everybody = setup.cast, setup.people
    names = cast.networks
    lab.recorder.emit(
        RunBegan(
            scenario=name,
            title=title,
            source=source,
            seed=setup.seed,
            device=device.describe(setup.device),
            cast=cast.name,
            people=everybody.source,
            fictional=everybody.fictional,
            n_people=len(everybody),
            users=[everybody.persons[i].name for i in lab.protected],
            surrogates=list(cast.surrogates),
            extractors={extractor: lab.world.networks.weights(extractor) for extractor in names},
            versions=versions(),
            pid=os.getpid(),
            parameters=dict(values or {}),
            strength=setup.strength,
            n_crowd=len(lab.world.crowd),
            crowd=setup.crowd.source if setup.crowd else "",
            asked=setup.asked,
            left_out=list(setup.left_out),
            per_person=setup.per_person,
            private=setup.private,
            n_postable=lab.users.left(),
            repeats=repeats(setup.device.type),
            preprocessing={extractor: lab.world.networks.get(extractor).preprocessing for extractor in names},
            **(branched or {}),
        )
    )
    if setup.private:
        lab.note(PRIVATE)
    for sentence in (*everybody.left_out, *(setup.crowd.left_out if setup.crowd else ())):
        lab.note(f"Left out: {sentence}.")
    if setup.left_out:
        lab.note(f"Left out of the cast, because their weights are not at hand: {', '.join(setup.left_out)}.")
    for sentence in lab.world.shortage():
        lab.note(sentence)
