"""What the trainer learns from: photos of people who are not evaluated, and their copies under public tools."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from facetui.engine.core import cache as caching
from facetui.engine.core.cache import Checkpoint
from facetui.engine.core.interfaces import Bank, Extractor, Training
from facetui.engine.people.persons import EMBEDDED

if TYPE_CHECKING:
    from facetui.engine.lab.lab import Lab

TRAINING_SHARE = 2 / 3
"""Of the unprotected people: those the trainer may train on; the rest tell what training did to accuracy."""

TRAINING_PAIRS = 42
"""Photos of people in the run that are perturbed for training, about, however many people there are."""

ANCHORS = 32
"""Clean photos of one person, at most, that training must leave where they are."""

FICTIONAL = -1001
"""Numbers from here on downwards are fictional people who help with training; nobody in a game has them."""


def may_train_on(lab: Lab) -> tuple[list[int], list[int]]:
    """Unprotected people to train on, and those kept to tell what it did to accuracy."""
    others = [lab.others[i] for i in torch.randperm(len(lab.others), generator=lab.generator("training")).tolist()]
    count = max(1, round(len(others) * TRAINING_SHARE))
    return sorted(others[:count]), sorted(others[count:])


def training_photos(lab: Lab) -> Bank:
    """Photos that the trainer perturbs to learn from: of other people in the run, and of fictional ones.

    A folder has few people to spare, and what a network learns on few it does not know of others. The fictional ones
    come along with the package, so people from a folder get them as company; among themselves they are enough.
    """
    people, _ = may_train_on(lab)
    own = some_photos(lab, people, TRAINING_PAIRS)
    if lab.people.source == EMBEDDED:
        return own
    # Not the photos that the users' tool aims at, which are the first ones of each.
    photos = torch.stack([person.photos[-1] for person in lab.tool.persons])
    return Bank(torch.cat([own.photos, photos]), torch.cat([own.people, FICTIONAL - torch.arange(len(photos))]))


def anchor_photos(lab: Lab) -> Bank:
    """Clean photos of everybody that the trainer may train on, whose embeddings training must not move."""
    people, _ = may_train_on(lab)
    own = lab.training_photos(people, ANCHORS)
    if lab.people.source == EMBEDDED:
        return own
    photos = [person.photos[:ANCHORS] for person in lab.tool.persons]
    who = torch.cat([torch.full((len(some),), FICTIONAL - i) for i, some in enumerate(photos)])
    return Bank(torch.cat([own.photos, *photos]), torch.cat([own.people, who]))


def some_photos(lab: Lab, people: Sequence[int], n: int, most: int = 16) -> Bank:
    """About ``n`` photos in all of some people, as many of each, never probes."""
    return lab.training_photos(people, max(1, min(most, round(n / max(1, len(people))))))


def perturbed(lab: Lab, attack: str, clean: Bank, people: str = "other people") -> list[Tensor]:
    """The copies that a public tool makes, one tensor for each setting in which users ran it.

    Raises:
        UnknownName: no such attack.
    """
    n = len(clean.people.unique())
    task = f"run {attack} on {len(clean.photos)} photos of {n} {people}"
    return [
        lab.perturb(policy.attack, policy.budget, clean.photos, clean.people, actor="trainer", task=task)
        for policy in lab.users.public_tools(attack)
    ]


def train(lab: Lab, training: Training, base: str, clean: Bank, poisoned: Tensor, name: str) -> Extractor:
    """Train an extractor, or take it from the cache; what was trained before a stop is not trained again."""
    network = lab.networks.get(base)
    training = training.suited(network)
    anchors = anchor_photos(lab)
    key = caching.key(
        "robust, anchored",
        training.name,
        vars(training),
        lab.networks.weights(base),
        lab.seed,
        clean.photos,
        clean.people,
        poisoned,
        anchors.photos,
        anchors.people,
    )
    kept = lab.cache.load(key)
    if kept is not None:
        robust = copy.deepcopy(network)
        robust.load_state_dict(kept)
        return robust
    checkpoint = Checkpoint(lab.cache, key)
    robust = training.train(
        network,
        clean,
        poisoned,
        anchors=anchors,
        generator=lab.generator("train", key),
        progress=lab.progress("trainer", f"train {name} on {len(poisoned)} pairs", unit="pairs"),
        checkpoint=checkpoint,
    )
    lab.cache.save(key, dict(robust.state_dict()))
    checkpoint.clear()
    return robust
