"""Runs an attack over many people's photos, in chunks that survive a killed run."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from facetui.engine.core import cache as caching
from facetui.engine.core.budget import Budget
from facetui.engine.core.cache_folder import Kind
from facetui.engine.core.interfaces import Attack, Bank, unwatched
from facetui.engine.lab.world.preview import Preview
from facetui.engine.lab.world.world import World
from facetui.engine.records.events import Actor

CHUNK = 64
"""Photos perturbed at a time, whole people; finished chunks survive a killed run."""


def perturb(
    world: World,
    attack: Attack,
    budget: Budget,
    photos: Tensor,
    people: Tensor,
    *,
    actor: Actor,
    task: str,
    bank: Bank | None = None,
) -> Tensor:
    """Photos ``(N, 3, 112, 112)`` uint8 as an attack leaves them, from the cache where possible.

    Args:
        world: knows the surrogates, the tool's people, the seed and the cache.
        attack: with its settings.
        budget: how far a photo may move.
        photos: ``(N, 3, 112, 112)`` uint8, clean.
        people: ``(N,)`` who is in each.
        actor: who does it, for the audience.
        task: what they do, for the audience.
        bank: uint8 photos of somebody to aim at; absent: the tool's people, for the trainer others than for users.
    """
    names = world.surrogates(attack)
    setting = [attack.name, type(attack).__qualname__, attack.settings(), str(budget), world.seed]
    setting += [world.networks.weights(name) for name in names]
    goals = bank or (world.trainers_aims if actor == "trainer" else world.aims)
    bank_key = caching.key(goals.photos, goals.people)
    chunks = list(_whole_people(people))
    total, done, tick = len(photos) * attack.passes(len(names)), 0, world.recorder.progress(actor, task)
    parts = []
    for chunk in chunks:
        key = caching.key("perturbed", setting, bank_key, photos[chunk], people[chunk])
        before = done

        def compute(chunk: Tensor = chunk, key: str = key, before: int = before) -> Tensor:
            networks = [world.networks.get(name) for name in names]
            # Of what users post; other people's copies, which the trainer makes, are nobody's photos on the web.
            watch: Preview | None = None
            if actor == "users" and world.recorder.keeps_pictures:
                who = [world.people.persons[person].name for person in people[chunk].tolist()]
                watch = Preview(world.recorder, networks[0], budget, photos[chunk], who)
            clean = (photos[chunk].float() / 255).to(world.device)
            poisoned = attack.perturb(
                clean,
                networks,
                budget=budget,
                generator=world.generator("perturb", key),
                people=people[chunk].to(world.device),
                bank=Bank((goals.photos.float() / 255).to(world.device), goals.people.to(world.device)),
                progress=lambda step, _: tick(before + step, total, preview=watch.latest if watch else None),
                watch=watch or unwatched,
            )
            return budget.as_posted(photos[chunk], poisoned.cpu())

        parts.append(world.cache.get(key, compute, Kind.PERTURBED, waiting=world.recorder.check))
        done += len(chunk) * attack.passes(len(names))
        tick(done, total)
    out = photos.clone()
    for chunk, part in zip(chunks, parts, strict=True):  # whole people first, whatever order they came in
        out[chunk] = part
    return out


def _whole_people(people: Tensor) -> Iterator[Tensor]:
    """Rows in chunks of about ``CHUNK``, nobody split over two, so that an attack sees a person's whole album."""
    chunk: list[Tensor] = []
    for person in people.unique():
        rows = (people == person).nonzero()[:, 0]
        if chunk and sum(map(len, chunk)) + len(rows) > CHUNK:
            yield torch.cat(chunk)
            chunk = []
        chunk.append(rows)
    if chunk:
        yield torch.cat(chunk)
