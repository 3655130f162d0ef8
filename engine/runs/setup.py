"""Makes a lab ready for a run: people, cast, device and cache loaded, and the run's first event."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from facetui.engine.core import device
from facetui.engine.core.cache import Cache
from facetui.engine.lab.lab import Lab
from facetui.engine.people import casts, identities, persons
from facetui.engine.people.casts import Cast
from facetui.engine.people.persons import People
from facetui.engine.records.events import Event, RunBegan
from facetui.engine.runs.environment import versions
from facetui.engine.runs.scenario import Value


@dataclass(frozen=True)
class World:
    """What a run takes place in; loaded once, however many labs are opened in it.

    Attributes:
        cast: the surrogates and the trainer's generations.
        people: everybody in the game.
        tool: the people whom the users' tool aims at.
        device: where to compute.
        cache: results of earlier runs.
        users: names of those who protect their photos; ``None``: chosen by the seed.
        seed: of every random draw.
    """

    cast: Cast
    people: People
    tool: People
    device: torch.device
    cache: Cache
    users: tuple[str, ...] | None
    seed: int


def prepare(
    *,
    cast: str,
    people_from: str | None,
    users: tuple[str, ...] | None,
    seed: int,
    device_name: str,
    cache_folder: Path | None,
    strict: bool = False,
    tell: persons.Tell = persons.silent,
) -> World:
    """Load everything that a run depends on.

    Args:
        cast: name or TOML file.
        people_from: ``embedded`` or a folder; absent: what the cast says.
        users: names of those who protect their photos; absent: chosen by the seed.
        seed: of every random draw.
        device_name: as for ``device.choose``.
        cache_folder: of results; absent: nothing is kept.
        strict: a picture that cannot be read is an error.
        tell: told how far reading people is; may raise ``Cancelled``.

    Raises:
        FacetuiError: people, cast or device that do not exist or fit.
    """
    chosen = casts.load(cast)
    where = device.choose(device_name)
    cache = Cache(cache_folder)
    loaded = identities.load(people_from or chosen.people, cache=cache, tell=tell, strict=strict)
    everybody, tool = identities.tool_faces(loaded)
    return World(chosen, everybody, tool, where, cache, users, seed)


def open_lab(
    world: World,
    *,
    emit: Callable[[Event], None],
    keep_picture: Callable[[bytes], str],
    cancelled: Callable[[], bool],
    path: str = "",
) -> Lab:
    """A lab in which nothing has happened yet, not even its first event: see ``begin``.

    Args:
        world: where.
        emit: receives every event.
        keep_picture: stores a PNG and returns its hash.
        cancelled: asked between steps.
        path: file name of the scenario, whose line numbers events carry.
    """
    return Lab(
        world.people,
        world.cast,
        tool=world.tool,
        users=world.users,
        seed=world.seed,
        device=world.device,
        cache=world.cache,
        emit=emit,
        keep_picture=keep_picture,
        cancelled=cancelled,
        scenario_file=path,
    )


def begin(
    lab: Lab, world: World, *, name: str, title: str, source: str, values: Mapping[str, Value] | None = None
) -> None:
    """Emit what a run depends on, and who was left out."""
    cast, everybody = world.cast, world.people
    names = list(dict.fromkeys([*cast.surrogates, *(g.extractor for g in cast.generations)]))
    lab.emit(
        RunBegan(
            scenario=name,
            title=title,
            source=source,
            seed=world.seed,
            device=device.describe(world.device),
            cast=cast.name,
            people=everybody.source,
            fictional=everybody.fictional,
            n_people=len(everybody),
            users=[everybody.persons[i].name for i in lab.protected],
            surrogates=list(cast.surrogates),
            extractors={extractor: lab.networks.weights(extractor) for extractor in names},
            versions=versions(),
            pid=os.getpid(),
            parameters=dict(values or {}),
            preprocessing={extractor: lab.networks.get(extractor).preprocessing for extractor in names},
        )
    )
    for sentence in everybody.left_out:
        lab.note(f"Left out: {sentence}.")
