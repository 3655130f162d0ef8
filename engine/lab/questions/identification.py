"""What the trainer's pipelines are asked: whom do you name, whom do you find, and on which photos?"""

from __future__ import annotations

import torch

from facetui.engine.lab.recognition.gallery import make_gallery
from facetui.engine.lab.recognition.nearest import NearestNeighbour
from facetui.engine.lab.recognition.pipeline import Pipeline
from facetui.engine.lab.recognition.recogniser import rates
from facetui.engine.lab.recognition.trainer_state import TrainerState
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import ProtectionMeasured, SearchMeasured
from facetui.engine.records.rates import discovery_at_k, identity_uniformity_at_k, recall_at_k, wilson


def measure(state: TrainerState) -> list[ProtectionMeasured]:
    """Measure the whole archive and each cohort alone with the current pipeline; emits and returns the events.

    Raises:
        UsageError: nothing was scraped.
    """
    archive, pipelines = state.archive, state.pipelines
    if not archive:
        raise UsageError("the archive is empty; let the trainer scrape before you measure")
    cohorts = list(dict.fromkeys(post.cohort for post in archive if post.cohort))
    attacks = {post.cohort: post.attack for post in archive if post.cohort}
    found = {pipeline: rates(state, pipeline, archive, cohorts) for pipeline in pipelines}
    current = pipelines[-1]
    measured = []
    for cohort in found[current]:
        (missed, n), (others_missed, n_others) = found[current][cohort]
        able = [pipeline for pipeline in found if cohort in found[pipeline]]
        best = min(able, key=lambda pipeline: found[pipeline][cohort][0][0])
        event = ProtectionMeasured(
            actor="trainer",
            cohort=cohort,
            attack=attacks.get(cohort) or (attacks[cohorts[0]] if len(cohorts) == 1 else None),
            extractor=current.extractor,
            defence=current.defence,
            classifier=current.classifier,
            steps=current.steps,
            against=list(current.against),
            protection_rate=missed / n,
            n_probes=n,
            interval=wilson(missed, n),
            unprotected_error=others_missed / n_others if n_others else None,
            n_unprotected=n_others,
            best_protection_rate=found[best][cohort][0][0] / n,
            best_generation=best.generation,
            law=state.law.words,
        )
        state.world.recorder.emit(event)
        measured.append(event)
    return measured


def search(state: TrainerState, k: int, people: int | None = None) -> SearchMeasured:
    """Search the archive with the current pipeline for clean probes of protected people; emits and returns."""
    world, archive = state.world, state.archive
    if not archive:
        raise UsageError("the archive is empty; let the trainer scrape before you search")
    if k < 1:
        raise UsageError(f"expected k of at least 1, got {k}")
    if state.law.bans(world.t):
        raise UsageError(f"nobody may be searched for at {world.t}: a moratorium is in force")
    pipeline = state.current
    gallery = make_gallery(state, pipeline, archive)
    photos, who = world.probes(world.first(people))
    found = nearest(pipeline).fit(gallery.embeddings, gallery.people)
    _, named = found.search(world.networks.embeddings(pipeline.extractor, pipeline.purified(photos)), k)
    candidates, truth = named.tolist(), who.tolist()
    enrolled = torch.bincount(gallery.people, minlength=len(world.people))[who].tolist()
    discovery = discovery_at_k(candidates, truth, k)
    event = SearchMeasured(
        actor="trainer",
        extractor=pipeline.extractor,
        steps=pipeline.steps,
        k=k,
        recall=recall_at_k(candidates, truth, enrolled, k),
        discovery=discovery,
        discovery_interval=wilson(round(discovery * len(truth)), len(truth)),
        identity_uniformity=identity_uniformity_at_k(candidates, len(gallery.people.unique()), k),
        n_probes=len(truth),
        n_enrolled=int(gallery.protected.sum()),
        n_decoys=sum(len(post.who) for post in archive if post.decoys),
    )
    world.recorder.emit(event)
    return event


def nearest(pipeline: Pipeline) -> NearestNeighbour:
    """The search that a face search engine makes with a pipeline, whatever its classifier."""
    return NearestNeighbour(pipeline.metric)
