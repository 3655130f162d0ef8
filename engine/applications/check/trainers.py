"""The trainers that a user's photos are checked against: taught by public tools on other people's photos.

The user's own tool is unknown, so each of them learns from our public attacks; a trainer who has the tool itself does
better. Nothing here is ever trained on, or chosen by, a photo of the user.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from facetui.engine.core.interfaces import Bank
from facetui.engine.defences.adapt import Adapt
from facetui.engine.lab.law import Law
from facetui.engine.lab.recognition.pipeline import Pipeline
from facetui.engine.lab.recognition.trainer_state import TrainerState
from facetui.engine.lab.trainer.adapt import adapt
from facetui.engine.lab.trainer.pair_sources import own_pairs
from facetui.engine.lab.trainer.purify import best_purifier
from facetui.engine.lab.trainer.rehearsal import Rehearsal, errors_alone
from facetui.engine.lab.trainer.training_photos import perturbed, some_photos
from facetui.engine.lab.world.strength import tool_of
from facetui.engine.lab.world.web import Web
from facetui.engine.lab.world.world import World
from facetui.engine.people.casts import Cast
from facetui.engine.people.identities import tool_faces
from facetui.engine.people.persons import People, Person

TOOLS = ("pgd", "fawkes-1.0", "lowkey")
"""What the trainer runs on other people's photos: attacks of the registry."""

ENROLLED = 8
"""Photos enrolled of everybody in the crowd, at most."""

TRAINED = 128
"""Steps of training at least. At 64, compact-a named a fictional user in 2 of 10 searches, at 128 in 8, at 192 in 9."""

REHEARSED = 8
"""People, neither trained on nor the user, on whom purifiers are tried and the detector is tested."""

POSTED, ASKED = 2, 3
"""Photos of each of them that are perturbed, and clean ones that are searched for."""


@dataclass(frozen=True)
class Crowd:
    """Everybody else.

    Attributes:
        photos: ``(G, 3, 112, 112)`` uint8, enrolled clean.
        people: ``(G,)`` int64.
        numbers: ``(G,)`` which of a person's photos each is, from 0.
    """

    photos: Tensor
    people: Tensor
    numbers: Tensor

    @property
    def size(self) -> int:
        """How many people."""
        return len(self.people.unique())


@dataclass(frozen=True)
class Trial:
    """Other people, neither trained on nor the user, as if they had protected themselves.

    Attributes:
        clean: the photos that are perturbed.
        rehearsal: the copies that each of ``TOOLS`` makes, one post a tool, and other clean photos to search for.
    """

    clean: Bank
    rehearsal: Rehearsal

    @property
    def perturbed(self) -> list[Tensor]:
        """The copies, one tensor for each of ``TOOLS``, row for row."""
        return [post.photos for post in self.rehearsal.posts]


def make_world(crowd: People, cast: Cast, clean: Tensor, around: Sequence[Person] = (), **settings: Any) -> World:
    """A world in which the user, under an empty name that no folder can have, is the one who protects photos.

    Args:
        crowd: everybody else.
        cast: the extractors.
        clean: ``(N, 3, 112, 112)`` uint8 of the user; nobody trains on them.
        around: further people who are only searched among, and learnt from.
        settings: as for ``World``.
    """
    game, tool = tool_faces(crowd)
    everybody = People(game.source, (*game.persons, Person("", clean)))
    world = World(everybody, cast, tool=tool, users=[""], crowd=around, **settings)
    for name in TOOLS:
        world.tools.publish(tool_of(world.strength, name))
    return world


def enrolled(world: World) -> Crowd:
    """The crowd's photos in the gallery: of all of them, those the trainer trains on too."""
    everybody = [*world.others, *world.crowd]
    return Crowd(
        *world.gather(everybody, lambda person: list(range(min(ENROLLED, len(world.people.persons[person].photos)))))
    )


def tools_in_words(world: World) -> str:
    """Which tools the trainers learn from, and how strongly they are run."""
    tools = [(name, world.tools.settings_of(name)[-1]) for name in TOOLS]
    return ", ".join(f"{name} ({tool.weakened or 'as released'})" for name, tool in tools)


def run_tools(world: World, clean: Bank, people: str) -> list[Tensor]:
    """The copies of photos that each of ``TOOLS`` makes, row for row; ``people`` are whose they are, in words."""
    return [perturbed(world, name, clean, people)[-1] for name in TOOLS]


def try_out(world: World) -> Trial:
    """Let people post who are not trained on; of those there are few, everybody else if there are none."""
    trained, kept = world.trainable, world.kept
    able = [person for person in kept or trained if world.split[person][0] and world.split[person][1]]
    people = able[:REHEARSED]
    clean = some_photos(world, people, POSTED * len(people), POSTED)
    web = Web()
    for name, copies in zip(TOOLS, run_tools(world, clean, "people not trained on"), strict=True):
        numbers = torch.arange(len(copies))
        web.post("", "users", f"trial {name}", name, photos=copies, people=clean.people, source=numbers)
    asked, who, _ = world.gather(people, lambda person: world.split[person][0][:ASKED])
    return Trial(clean, Rehearsal(people, list(web), asked, who))


def adapted(world: World) -> str:
    """The cast's first generation, fine-tuned until clean and perturbed copies look alike; the name of the result."""
    state = _state(world)
    training = Adapt(**{**world.training, "steps": max(TRAINED, world.training["steps"])})
    adapt(state, training, own_pairs(world, TOOLS), state.current)
    return state.current.extractor


def choose_purifier(world: World, crowd: Crowd, trial: Trial) -> tuple[str, dict[str, int], int]:
    """The purifier with which the first generation names most of the trial's people, under each tool alone.

    Returns:
        Its recipe; for each candidate, and for ``""`` (none), how many searches it answers right; and how many
        searches there were.
    """
    # Among those with many photos: each candidate's pictures have to be embedded anew.
    state, rows = _state(world), (crowd.numbers < POSTED) & (crowd.people < world.crowd.start)
    web = Web()
    photos, people, numbers = crowd.photos[rows], crowd.people[rows], crowd.numbers[rows]
    state.archive.append(web.post("", "users", "", None, photos=photos, people=people, source=numbers))
    chosen, failed = best_purifier(state.current, lambda tried: sum(errors_alone(state, trial.rehearsal, tried)))
    n = len(trial.rehearsal.truth) * len(TOOLS)
    return chosen.recipe, {recipe: n - missed for recipe, missed in failed.items()}, n


def _state(world: World) -> TrainerState:
    """A trainer who begins with the cast's first generation, and has scraped nothing."""
    state = TrainerState(world, Law(world.recorder))
    state.pipelines.append(Pipeline(world.cast.generations[0].extractor))
    return state
