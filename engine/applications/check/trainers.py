"""The trainers that a user's photos are checked against: taught by public tools on other people's photos.

The user's own tool is unknown, so each of them learns from our public attacks, at few steps; a trainer who has the tool
itself does better. Nothing here is ever trained on, or chosen by, a photo of the user.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from facetui.engine import attacks
from facetui.engine.core.interfaces import Bank
from facetui.engine.defences.adapt import Adapt
from facetui.engine.defences.purifier import CANDIDATES, Purifier
from facetui.engine.lab.recognition.nearest import NearestNeighbour
from facetui.engine.lab.trainer.training_photos import may_train_on, some_photos, train
from facetui.engine.lab.world.perturb import perturb
from facetui.engine.lab.world.world import World
from facetui.engine.people.casts import Cast
from facetui.engine.people.identities import tool_faces
from facetui.engine.people.persons import People, Person

TOOLS: dict[str, dict[str, Any]] = {"pgd": {"steps": 8}, "fawkes-1.0": {"steps": 12}, "lowkey": {"steps": 3}}
"""What the trainer runs on other people's photos: attacks of the registry, with fewer steps than their releases."""

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
class Rehearsal:
    """Other people, neither trained on nor the user, as if they had protected themselves.

    Attributes:
        clean: the photos that are perturbed.
        perturbed: one for each of ``TOOLS``, row for row.
        asked: other clean photos of the same people.
    """

    clean: Bank
    perturbed: list[Tensor]
    asked: Bank


def make_world(crowd: People, cast: Cast, clean: Tensor, **settings: Any) -> World:
    """A world in which the user, under an empty name that no folder can have, is the one who protects photos.

    Args:
        crowd: everybody else.
        cast: the extractors.
        clean: ``(N, 3, 112, 112)`` uint8 of the user; nobody trains on them.
        settings: as for ``World``.
    """
    game, tool = tool_faces(crowd)
    everybody = People(game.source, (*game.persons, Person("", clean)))
    return World(everybody, cast, tool=tool, users=[""], **settings)


def enrolled(world: World) -> Crowd:
    """The crowd's photos in the gallery: of all of them, those the trainer trains on too."""
    return Crowd(
        *world.gather(world.others, lambda person: list(range(min(ENROLLED, len(world.people.persons[person].photos)))))
    )


def tools_in_words() -> str:
    """Which tools the trainers learn from, exactly."""
    return ", ".join(
        f"{name} ({', '.join(f'{v} {k}' for k, v in settings.items())})" for name, settings in TOOLS.items()
    )


def run_tools(world: World, clean: Bank, who: str) -> list[Tensor]:
    """The copies of photos that each of ``TOOLS`` makes, row for row."""
    made = []
    for name, settings in TOOLS.items():
        attack = attacks.make(name, **settings)
        task = f"run {name} on {len(clean.photos)} photos of {who}"
        made.append(
            perturb(world, attack, attack.default_budget, clean.photos, clean.people, actor="trainer", task=task)
        )
    return made


def rehearse(world: World) -> Rehearsal:
    """Let people post who are not trained on; of those there are few, everybody else if there are none."""
    trained, kept = may_train_on(world)
    people = (kept or trained)[:REHEARSED]
    clean = some_photos(world, people, POSTED * len(people), POSTED)
    asked, who, _ = world.gather(people, lambda person: world.split[person][0][:ASKED])
    return Rehearsal(clean, run_tools(world, clean, "people not trained on"), Bank(asked, who))


def adapt(world: World, clean: Bank, perturbed: Tensor) -> str:
    """The cast's first generation, fine-tuned until clean and perturbed copies look alike; the name of the result."""
    base = world.cast.generations[0].extractor
    name = f"{base} robust"
    robust = train(world, Adapt(steps=max(TRAINED, world.cast.training_steps)), base, clean, perturbed, name)
    robust.name = name
    world.networks.add(robust.eval())
    return name


def choose_purifier(world: World, crowd: Crowd, rehearsal: Rehearsal) -> tuple[str, dict[str, int], int]:
    """The purifier with which the first generation names most of the rehearsal's people, under each tool alone.

    Returns:
        Its recipe; for each candidate, and for ``""`` (none), how many searches it answers right; and how many
        searches there were.
    """
    extractor = world.cast.generations[0].extractor
    others = ~torch.isin(crowd.people, rehearsal.clean.people) & (crowd.numbers < POSTED)
    parts = [crowd.photos[others], rehearsal.asked.photos, *rehearsal.perturbed]
    people, asked = torch.cat([crowd.people[others], rehearsal.clean.people]), rehearsal.asked.people
    named = {}
    for recipe in ("", *CANDIDATES):
        photos = torch.cat(parts)
        seen = world.networks.embeddings(extractor, Purifier(recipe)(photos) if recipe else photos)
        rest, probes, *posted = seen.split([len(part) for part in parts])
        searches = [NearestNeighbour().fit(torch.cat([rest, mine]), people) for mine in posted]
        named[recipe] = sum(int((search.predict(probes) == asked).sum()) for search in searches)
    return max(CANDIDATES, key=lambda recipe: named[recipe]), named, len(asked) * len(rehearsal.perturbed)
