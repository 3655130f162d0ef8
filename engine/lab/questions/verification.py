"""One-to-one comparison: what users try (Fawkes issues 36, 59, 125, 138), and what tells nothing about a search."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import VerificationMeasured

if TYPE_CHECKING:
    from facetui.engine.lab.lab import Lab

FALSE_MATCHES = 0.01


def compare(lab: Lab, extractor: str) -> VerificationMeasured:
    """Compare probes of protected people with their own photos, clean and as posted; emits and returns.

    Raises:
        UnknownName: no such extractor.
        UsageError: nothing was posted under an attack.
    """
    posts = [post for post in lab.web if post.cohort and post.attack and not post.decoys]
    if not posts:
        raise UsageError("no photo was posted under an attack yet; let the users protect themselves and post")
    people = torch.cat([post.people for post in posts])
    source = [(int(p), int(i)) for post in posts for p, i in zip(post.who, post.source, strict=True)]
    originals = torch.stack([lab.people.persons[person].photos[index] for person, index in source])
    posted = torch.cat([post.photos for post in posts])
    probes, truth = lab.probes(lab.protected)
    same = truth[:, None] == people[None]
    clean = lab.networks.embeddings(extractor, probes)
    before = (clean @ lab.networks.embeddings(extractor, originals).T)[same]
    after = (clean @ lab.networks.embeddings(extractor, posted).T)[same]
    strangers, who = lab.probes(lab.others)
    others = lab.networks.embeddings(extractor, strangers)
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
        similarity_clean=float(before.mean()),
        similarity_posted=float(after.mean()),
        n_pairs=len(before),
    )
    lab.emit(event)
    return event
