"""A rehearsal: the trainer's own test, on people it may use, before anybody is asked about the protected ones.

The tools are public and the archive shows when each was used, so the trainer lets people who are not evaluated "post"
as the protected ones did, enrols that in place of their clean photos, and asks its pipelines for other clean photos of
them. Probes play no part in it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from facetui.engine.core.inference import embed
from facetui.engine.core.interfaces import Bank, Extractor
from facetui.engine.lab.recognition.gallery import Gallery, make_gallery
from facetui.engine.lab.recognition.pipeline import Pipeline
from facetui.engine.lab.recognition.recogniser import missed_by, recogniser
from facetui.engine.lab.recognition.trainer_state import TrainerState
from facetui.engine.lab.trainer.training_photos import perturbed
from facetui.engine.lab.world.web import Post, Web
from facetui.engine.lab.world.world import World
from facetui.engine.records.errors import UsageError

COHORT = "rehearsal"
PEOPLE = 8
PER_POST = 2
"""Photos of each of them for every time the protected people posted, at most."""

QUERIES = 4
STRANGERS = 60


@dataclass(frozen=True)
class Rehearsal:
    """People who protect themselves on trial.

    Attributes:
        people: who.
        posts: what they post.
        queries: ``(N, 3, 112, 112)`` uint8, other clean photos of them; no probes.
        truth: ``(N,)`` who is in each.
    """

    people: list[int]
    posts: list[Post]
    queries: Tensor
    truth: Tensor


def rehearse(state: TrainerState, people: Sequence[int]) -> Rehearsal:
    """Let people post as the protected ones did.

    Raises:
        UsageError: nobody is there to rehearse with, or the protected people have posted nothing.
    """
    # Of a single photo nothing could be asked that was not posted.
    chosen = [person for person in people if len(state.world.split[person][1]) > 1][:PEOPLE]
    posts = [post for post in state.archive if post.cohort]
    if not chosen:
        raise UsageError("a rehearsal needs people who neither protect their photos nor were trained on; add people")
    if not posts:
        raise UsageError("the protected people have posted nothing; let them post and the trainer scrape first")
    pools = {person: state.world.split[person][1] for person in chosen}
    kept = {person: pool[-min(QUERIES, max(1, len(pool) // 3)) :] for person, pool in pools.items()}
    web = Web()
    for number, post in enumerate(posts):
        photos, who, source = state.world.gather(chosen, lambda p, i=number: _turn(pools[p], kept[p], i))  # type: ignore[misc]
        if post.attack:
            photos = perturbed(state.world, post.attack, Bank(photos, who))[-1]
        web.post(post.t, post.by, COHORT, post.attack, photos=photos, people=who, source=source)
    queries, truth, _ = state.world.gather(chosen, kept.__getitem__)
    return Rehearsal(chosen, list(web), queries, truth)


def _turn(pool: list[int], kept: list[int], number: int) -> list[int]:
    """A person's photos for the post of that number; they come round again when there are too few."""
    free = pool[: len(pool) - len(kept)] or pool
    return [free[(number * PER_POST + i) % len(free)] for i in range(min(PER_POST, len(free)))]


def errors(state: TrainerState, rehearsal: Rehearsal, pipeline: Pipeline) -> tuple[int, int]:
    """How many queries a pipeline does not answer right, and how many there are.

    A pipeline that may use no photo at all misses all of them.
    """
    n = len(rehearsal.truth)
    try:
        gallery = make_gallery(state, pipeline, [*state.archive, *rehearsal.posts])
    except UsageError:
        return n, n
    return _missed(state, rehearsal, pipeline, gallery, {post.cohort for post in rehearsal.posts}), n


def failing(world: World, trial: Rehearsal, network: Extractor) -> float:
    """The share of a rehearsal's queries that a network fails on among a few strangers, in [0, 1].

    Quick enough to be asked while the network learns: ``STRANGERS`` other people, one clean photo each, instead of
    everybody. Fewer people to search among make it easier, so it lies below what is measured.
    """
    strangers = [*world.crowd, *world.trainable][:STRANGERS]
    clean, who, _ = world.gather(strangers, lambda person: world.split[person][1][:1])
    photos, people = torch.cat([clean, *(p.photos for p in trial.posts)]), [who, *(p.people for p in trial.posts)]
    seen = embed(network, torch.cat([photos, trial.queries])).cpu()
    known, asked = seen[: len(photos)], seen[len(photos) :]
    named = torch.cat(people)[(asked @ known.T).argmax(1)]
    return float((named != trial.truth).float().mean())


def errors_alone(state: TrainerState, rehearsal: Rehearsal, pipeline: Pipeline) -> list[int]:
    """For each of the rehearsal's posts how many queries fail when it is all that these people posted.

    The posts must be of different cohorts.
    """
    gallery = make_gallery(state, pipeline, [*state.archive, *rehearsal.posts])
    return [_missed(state, rehearsal, pipeline, gallery, {post.cohort}) for post in rehearsal.posts]


def _missed(
    state: TrainerState, rehearsal: Rehearsal, pipeline: Pipeline, gallery: Gallery, cohorts: Collection[str]
) -> int:
    """How many queries fail among everybody else's photos and those of some of the rehearsal's cohorts."""
    on_trial = torch.tensor([cohort in cohorts for cohort in gallery.cohorts], dtype=torch.bool)
    rows = on_trial | ~torch.isin(gallery.people, torch.tensor(rehearsal.people))
    named = recogniser(state.world, pipeline, gallery.rows(rows))(pipeline.purified(rehearsal.queries))
    return int(missed_by(named, rehearsal.truth).sum())
