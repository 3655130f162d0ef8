"""One-to-one comparison: what users try (Fawkes issues 36, 59, 125, 138), and what tells nothing about a search."""

from __future__ import annotations

import torch

from facetui.engine.lab.world.world import World
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import VerificationMeasured
from facetui.engine.records.rates import people_interval

FALSE_MATCHES = 0.01


def _by_person(matched: torch.Tensor, people: torch.Tensor) -> tuple[float, float]:
    """95 % interval of the share of pairs that match, ``(N,)`` bool, people ``(N,)`` resampled."""
    rows = [matched[people == person] for person in people.unique()]
    return people_interval([int(row.sum()) for row in rows], [len(row) for row in rows])


def compare(world: World, extractor: str) -> VerificationMeasured:
    """Compare probes of protected people with their own photos, clean and as posted; emits and returns.

    Raises:
        UnknownName: no such extractor.
        UsageError: nothing was posted under an attack.
    """
    posts = [post for post in world.web if post.cohort and post.attack and not post.decoys]
    if not posts:
        raise UsageError("no photo was posted under an attack yet; let the users protect themselves and post")
    people = torch.cat([post.people for post in posts])
    source = [(int(p), int(i)) for post in posts for p, i in zip(post.who, post.source, strict=True)]
    originals = torch.stack([world.people.persons[person].photos[index] for person, index in source])
    posted = torch.cat([post.photos for post in posts])
    probes, truth = world.probes(world.protected)
    same = truth[:, None] == people[None]
    clean = world.networks.embeddings(extractor, probes)
    before = (clean @ world.networks.embeddings(extractor, originals).T)[same]
    after = (clean @ world.networks.embeddings(extractor, posted).T)[same]
    strangers, who = world.probes(world.others)
    others = world.networks.embeddings(extractor, strangers)
    different = (others @ others.T)[who[:, None] != who[None]]
    if not len(different):
        raise UsageError("a threshold needs at least two people who do not protect their photos")
    # Not torch.quantile, which refuses more than sixteen million numbers.
    threshold = float(different.sort().values[int((1 - FALSE_MATCHES) * (len(different) - 1))])
    event = VerificationMeasured(
        actor="users",
        extractor=extractor,
        threshold=threshold,
        match_clean=float((before >= threshold).float().mean()),
        match_posted=float((after >= threshold).float().mean()),
        match_posted_interval=_by_person(after >= threshold, truth[:, None].expand_as(same)[same]),
        similarity_clean=float(before.mean()),
        similarity_posted=float(after.mean()),
        n_pairs=len(before),
    )
    world.recorder.emit(event)
    return event
