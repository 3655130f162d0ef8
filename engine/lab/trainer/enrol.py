"""A gallery that learns, and photos that are matched with each other: what protects against neither is found again.

DynTracker (arXiv 2501.06533): what a tracker recognises it enrols, so that one clean photo, or a weak cohort, opens
what was protected. Photos that do not match each other are the answer to it (DivTrackee, the same paper;
Protego, CVPR 2026).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import normalize

from facetui.engine.lab.recognition.gallery import make_gallery
from facetui.engine.lab.recognition.strangers import threshold_at
from facetui.engine.lab.recognition.trainer_state import TrainerState
from facetui.engine.lab.world.web import Post
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import ENROL, LINK, DefenceApplied
from facetui.engine.records.rates import percent


@dataclass(frozen=True)
class Enrolment:
    """What was recognised among photos without names.

    Attributes:
        unnamed: how many there were that had not been enrolled before.
        enrolled: how many were given a name.
        right: how many of those the right one.
        rounds: in how many rounds something was recognised.
        threshold: cosine similarity from which on.
        by_cohort: of each cohort, unnamed, enrolled and right.
    """

    unnamed: int
    enrolled: int
    right: int
    rounds: int
    threshold: float
    by_cohort: dict[str, tuple[int, int, int]]


def enrol(state: TrainerState, false_alarms: float, rounds: int) -> Enrolment:
    """Enrol what the current pipeline recognises among unnamed photos, and search it from now on.

    Raises:
        UsageError: as ``lab.trainer.enrol``.
    """
    if not 0 < false_alarms < 1 or rounds < 1:
        raise UsageError(f"expected false alarms in (0, 1) and at least 1 round, got {false_alarms} and {rounds}")
    pipeline = replace(state.current, enrols=True)
    if pipeline.classifier != "nearest" or pipeline.second:
        raise UsageError("to enrol needs the similarities of one extractor; use one, and classify_by('nearest')")
    posts = [post for post in state.archive if post.unnamed]
    if not posts:
        raise UsageError("there is no photo without a name in the archive; users post some with unnamed=True")
    gallery = make_gallery(state, pipeline, state.archive)
    threshold, _ = threshold_at(gallery, [*state.world.trainable, *state.world.crowd], false_alarms)
    seen = {post.digest: normalize(state.seen(pipeline, pipeline.extractor, post)) for post in posts}
    known, names, used = normalize(gallery.embeddings), gallery.people, 0
    counts = {post.cohort: [0, 0, 0] for post in posts}
    for post in posts:
        given = state.given.setdefault(post.digest, torch.zeros(len(post.who), dtype=torch.bool))
        counts[post.cohort][0] += int((~given).sum())
    for _ in range(rounds):
        # All of a round is searched in the gallery as it was before it: the order of posts decides nothing.
        found = []
        for post in posts:
            todo = ~state.given[post.digest]
            found.append((post, *_recognised(seen[post.digest], todo, known, names, threshold)))
        if not any(len(rows) for _, rows, _ in found):
            break
        used += 1
        for post, rows, guessed in found:
            if len(rows):
                state.enrolled.append(post.some(rows, guessed))
                state.given[post.digest][rows] = True
                known, names = torch.cat([known, seen[post.digest][rows]]), torch.cat([names, guessed])
                counts[post.cohort][1] += len(rows)
                counts[post.cohort][2] += int((post.people[rows] == guessed).sum())
    n, enrolled, right = (sum(column) for column in zip(*counts.values(), strict=True))
    state.pipelines.append(pipeline)
    state.world.recorder.emit(
        DefenceApplied(
            actor="trainer",
            defence=ENROL,
            against=[],
            extractor=pipeline.extractor,
            n_photos=enrolled,
            detail=f"recognises {enrolled} of {n} photos without a name, {right} of them rightly, and enrols them",
        )
    )
    return Enrolment(n, enrolled, right, used, threshold, {c: (a, b, r) for c, (a, b, r) in counts.items()})


def _recognised(seen: Tensor, asked: Tensor, known: Tensor, names: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """Which rows ``(n,)`` of those asked are as alike to somebody known, and whose names ``(n,)`` they get."""
    similarity, nearest = (seen @ known.T).max(1)
    rows = (asked & (similarity >= threshold)).nonzero()[:, 0]
    return rows, names[nearest[rows]]


@dataclass(frozen=True)
class Linkage:
    """How well the photos of one cohort match each other.

    Attributes:
        cohort: its name.
        attack: under which; ``None``: clean.
        auc: share of cases in which two photos of one person are more alike than two of two people; a half is chance.
        clean: the same of the originals.
        pairs: of one person.
    """

    cohort: str
    attack: str | None
    auc: float
    clean: float
    pairs: int


def link(state: TrainerState) -> list[Linkage]:
    """Match the photos of each scraped cohort with each other, with the current extractor.

    Raises:
        UsageError: no cohort with several photos of somebody was scraped.
    """
    found = [made for post in state.archive if post.cohort and (made := _linkage(state, post)) is not None]
    if not found:
        raise UsageError("there are no two photos of one protected person in the archive; let users post, and scrape")
    said = "; ".join(f"{one.cohort} {percent(one.auc)} (unperturbed {percent(one.clean)})" for one in found)
    state.world.recorder.emit(
        DefenceApplied(
            actor="trainer",
            defence=LINK,
            against=[],
            extractor=state.current.extractor,
            n_photos=sum(len(post.who) for post in state.archive if post.cohort),
            detail=f"matches photos with each other; two of one person are more alike than two of two people: {said}",
        )
    )
    return found


def _linkage(state: TrainerState, post: Post) -> Linkage | None:
    who, extractor = post.people, state.current.extractor
    same = who[:, None] == who[None]
    own = torch.triu(same, 1)
    if not bool(own.any()) or bool(same.all()):
        return None
    posted, before = (
        _auc(normalize(state.seen(state.current, extractor, p)), own, torch.triu(~same, 1))
        for p in (post, state.world.unprotected(post))
    )
    return Linkage(post.cohort, post.attack, posted, before, int(own.sum()))


def _auc(seen: Tensor, own: Tensor, others: Tensor) -> float:
    """Share of comparisons in which a pair of ``own`` is more alike than one of ``others``; equal ones count half."""
    similarity = seen @ seen.T
    a, b = similarity[own], similarity[others].sort().values
    below, upto = torch.searchsorted(b, a), torch.searchsorted(b, a, right=True)
    return float((below + upto).float().mean() / 2 / len(b))
