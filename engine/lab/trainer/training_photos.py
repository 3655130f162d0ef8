"""What the trainer learns from: photos of people who are not evaluated, and their copies under public tools."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

import torch
from torch import Tensor

from facetui.engine.core import cache as caching
from facetui.engine.core.cache import Checkpoint
from facetui.engine.core.cache_folder import Kind
from facetui.engine.core.interfaces import Bank, Extractor, Training
from facetui.engine.lab.world.perturb import perturb
from facetui.engine.lab.world.strength import tool_of
from facetui.engine.lab.world.web import Post
from facetui.engine.lab.world.world import World
from facetui.engine.people.persons import EMBEDDED
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import Actor

TRAINING_PAIRS = 42
"""Photos of people in the run that are perturbed for training, about, however many people there are."""

ANCHORS = 32
"""Clean photos of one person, at most, that training must leave where they are."""

TRIAL_SECONDS, SLOWER = 0.4, 1.4
"""Between the first two tries of a network that learns, and by how much each pause is longer than the one before: most
happens at first, and a try takes about 0.15 seconds on two cores."""

FICTIONAL = -1001
"""Numbers from here on downwards are fictional people who help with training; nobody in a game has them."""


def training_photos(world: World, wanted: int = TRAINING_PAIRS) -> Bank:
    """About ``wanted`` photos that the trainer perturbs to learn from: of other people in the run, and fictional ones.

    What a network learns on few people it does not know of others. So the fictional people of the crowd, whom nobody
    asks for, fill up what unprotected people there are; on development people, with 20 of 40 protected, users were then
    unnamed on 11, 22 and 16 % of probes (Fawkes 0.3, LowKey, Fawkes 1.0; two seeds), and on 13, 27 and 14 % without. A
    folder has few people to spare, too: its people get the fictional ones of the tool as company.
    """
    people = world.trainable
    if world.people.source == EMBEDDED:
        missing = max(0, wanted - len(people))
        drawn = torch.randperm(len(world.crowd), generator=world.generator("some people", wanted)).tolist()
        return some_photos(world, [*people, *sorted(world.crowd[i] for i in drawn[:missing])], wanted)
    own = some_photos(world, people, wanted)
    # Not the photos that the users' tool aims at, which are the first ones of each.
    photos = torch.stack([person.photos[-1] for person in world.tool.persons])
    return Bank(torch.cat([own.photos, photos]), torch.cat([own.people, FICTIONAL - torch.arange(len(photos))]))


def anchor_photos(world: World) -> Bank:
    """Clean photos of everybody that the trainer may train on, whose embeddings training must not move."""
    people = world.trainable
    own = world.training_photos(people, ANCHORS)
    if world.people.source == EMBEDDED:
        return own
    photos = [person.photos[:ANCHORS] for person in world.tool.persons]
    who = torch.cat([torch.full((len(some),), FICTIONAL - i) for i, some in enumerate(photos)])
    return Bank(torch.cat([own.photos, *photos]), torch.cat([own.people, who]))


def some_photos(world: World, people: Sequence[int], n: int, most: int = 16) -> Bank:
    """About ``n`` photos in all of some people, as many of each, never probes; of many people some, by the seed."""
    if len(people) > n:
        drawn = torch.randperm(len(people), generator=world.generator("some people", n)).tolist()
        people = sorted(people[i] for i in drawn[:n])
    return world.training_photos(people, max(1, min(most, round(n / max(1, len(people))))))


def perturbed(world: World, attack: str, clean: Bank, people: str = "other people") -> list[Tensor]:
    """The copies that a public tool makes, one tensor for each setting in which users ran it.

    Raises:
        UnknownName: no such attack.
        UsageError: it is a closed tool.
    """
    if world.tools.is_closed(attack):
        raise UsageError(
            f"{attack} is a closed tool here, which the trainer cannot run; it can learn from what others show of it: "
            "lab.users.publish_pairs(...), and then lab.trainer.adapt(pairs='published'); or upload a few photos to "
            "its public demonstration: lab.trainer.adapt(pairs='server')"
        )
    n = len(clean.people.unique())
    task = f"run {attack} on {len(clean.photos)} photos of {n} {people}"
    return [
        perturb(world, tool.attack, tool.budget, clean.photos, clean.people, actor="trainer", task=task)
        for tool in world.tools.settings_of(attack) or [tool_of(world.strength, attack)]
    ]


def published_pairs(archive: Sequence[Post], names: Collection[str]) -> tuple[Bank, Tensor, list[str]]:
    """Photos that people published beside what a tool made of them, among what was scraped.

    Args:
        archive: what was scraped.
        names: attacks; empty: all.

    Returns:
        The originals, the copies row for row, and the attacks in the order of their first pair.

    Raises:
        UsageError: nobody published any.
    """
    posts = [post for post in archive if post.pairs and post.attack and (not names or post.attack in names)]
    if not posts:
        what = f"of {', '.join(names)} " if names else ""
        raise UsageError(
            f"nobody has published a pair {what}that the trainer has scraped; lab.users.publish_pairs(...) does, and "
            "then lab.trainer.scrape()"
        )
    halves = [(post.photos.chunk(2), post.people.chunk(2)) for post in posts]
    clean = Bank(torch.cat([photos[0] for photos, _ in halves]), torch.cat([people[0] for _, people in halves]))
    copies = torch.cat([photos[1] for photos, _ in halves])
    return clean, copies, list(dict.fromkeys(post.attack for post in posts if post.attack))


def train(
    world: World,
    training: Training,
    base: str,
    clean: Bank,
    poisoned: Tensor,
    name: str,
    trial: Callable[[], Callable[[Extractor], float] | None] = lambda: None,
    *,
    actor: Actor = "trainer",
    anchors: Bank | None = None,
) -> Extractor:
    """Train an extractor, or take it from the cache; what was trained before a stop is not trained again.

    Args:
        world: knows the networks, the cache and the audience.
        training: how.
        base: the network to begin with.
        clean: photos of people who are not evaluated.
        poisoned: their perturbed copies, row for row.
        name: of the network that results.
        trial: gives what tells, for the audience, which share of searches on trial fail with a network, or ``None``
            with nobody to try; asked only where something is trained.
        actor: who trains it, for the audience.
        anchors: clean photos that must stay where they are; absent: of everybody whom the trainer may train on.
    """
    network = world.networks.get(base)
    training = training.suited(network)
    anchors = anchors or anchor_photos(world)
    key = caching.key(
        "robust, anchored",
        training.name,
        vars(training),
        world.networks.weights(base),
        world.seed,
        clean.photos,
        clean.people,
        poisoned,
        anchors.photos,
        anchors.people,
    )
    with world.cache.alone(key, world.recorder.check):
        kept = world.cache.load(key)
        if kept is not None:
            robust = training.shell(network)
            robust.load_state_dict(kept)
            return robust
        checkpoint = Checkpoint(world.cache, key)
        tell = world.recorder.progress(actor, f"train {name} on {len(poisoned)} pairs", unit="pairs")
        looks = _Looks(trial())
        robust = training.train(
            network,
            clean,
            poisoned,
            anchors=anchors,
            generator=world.generator("train", key),
            progress=lambda done, total: tell(done, total, failing=looks.latest),
            watch=looks,
            checkpoint=checkpoint,
        )
        world.cache.save(key, dict(robust.state_dict()), Kind.NETWORKS)
        checkpoint.clear()
    return robust


class _Looks:
    """How a network that learns does on trial, now and then; what it finds changes nothing of the training."""

    def __init__(self, failing: Callable[[Extractor], float] | None) -> None:
        self.latest: float | None = None
        self._failing = failing
        self._pause = TRIAL_SECONDS
        self._looked = time.monotonic() - self._pause

    def __call__(self, network: Extractor) -> None:
        if self._failing is not None and time.monotonic() - self._looked >= self._pause:
            self.latest = self._failing(network)
            self._looked = time.monotonic()
            self._pause *= SLOWER
