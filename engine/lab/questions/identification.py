"""What the trainer's pipelines are asked: whom do you name, whom do you find, and on which photos?"""

from __future__ import annotations

from facetui.engine.lab.recognition.gallery import make_galleries
from facetui.engine.lab.recognition.nearest import NearestNeighbour
from facetui.engine.lab.recognition.pipeline import END_TO_END, Pipeline
from facetui.engine.lab.recognition.recogniser import misses, seen_by
from facetui.engine.lab.recognition.trainer_state import TrainerState
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import WHOLE_ARCHIVE, ProtectionMeasured, SearchMeasured
from facetui.engine.records.rates import (
    METHOD,
    discovery_at_k,
    identity_uniformity_at_k,
    people_interval,
    recall_at_k,
)


def measure(state: TrainerState, picked: Pipeline | None = None) -> list[ProtectionMeasured]:
    """Measure the whole archive and each cohort alone with the current pipeline; emits and returns the events.

    Args:
        state: the trainer's.
        picked: of all pipelines the one that the trainer's own test picks; absent: it has nobody to test with.

    Raises:
        UsageError: nothing was scraped.
    """
    archive = state.archive
    if not archive:
        raise UsageError("the archive is empty; let the trainer scrape before you measure")
    cohorts = list(dict.fromkeys(post.cohort for post in archive if post.cohort))
    attacks = {post.cohort: post.attack for post in archive if post.cohort}
    weakened = {post.cohort: post.weakened for post in archive if post.cohort}
    weakened[WHOLE_ARCHIVE] = "; ".join(dict.fromkeys(filter(None, weakened.values())))
    current = state.current
    found = {pipeline: misses(state, pipeline, archive, cohorts) for pipeline in {current, picked or current}}
    by_law = bool(state.law.words)
    measured = []
    for cohort, seen in found[current].items():
        best = found[picked].get(cohort) if picked else None
        others_missed, n_others = seen.others
        event = ProtectionMeasured(
            actor="trainer",
            cohort=cohort,
            attack=attacks.get(cohort) or (attacks[cohorts[0]] if len(cohorts) == 1 else None),
            extractor=current.extractor,
            defence=current.defence,
            classifier=current.classifier,
            steps=current.steps,
            against=list(current.against),
            protection_rate=sum(seen.missed) / sum(seen.probes),
            n_probes=sum(seen.probes),
            interval=None if by_law else people_interval(seen.missed, seen.probes),
            method="by law" if by_law else METHOD,
            people=list(seen.probes),
            missed=list(seen.missed),
            weakened=weakened[cohort],
            unprotected_error=others_missed / n_others if n_others else None,
            n_unprotected=n_others,
            best_protection_rate=sum(best.missed) / sum(best.probes) if best else None,
            best_interval=people_interval(best.missed, best.probes) if best and not by_law else None,
            best_generation=picked.generation if picked and best else None,
            law=state.law.words,
            asked="together" if current.classifier == END_TO_END else state.world.asked,
            n_gallery=seen.gallery,
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
    galleries = make_galleries(state, pipeline, archive)
    photos, who = world.probes(world.first(people))
    seen = seen_by(world, pipeline, pipeline.purified(photos))
    candidates, enrolled = [], []
    named = who.unique().tolist()
    for person in named:
        gallery = galleries.of(person, WHOLE_ARCHIVE)
        found = nearest(pipeline).fit(gallery.embeddings, gallery.people)
        candidates += found.search(seen[who == person], k)[1].tolist()
        enrolled += [int((gallery.people == person).sum())] * int((who == person).sum())
    truth, gallery = who.tolist(), galleries.posted
    discovery = discovery_at_k(candidates, truth, k)
    hits = dict.fromkeys(named, 0)
    for person, answers in zip(truth, candidates, strict=True):
        hits[person] += person in answers[:k]
    asked = [truth.count(person) for person in named]
    event = SearchMeasured(
        actor="trainer",
        extractor=pipeline.extractor,
        steps=pipeline.steps,
        k=k,
        recall=recall_at_k(candidates, truth, enrolled, k),
        discovery=discovery,
        discovery_interval=people_interval(list(hits.values()), asked),
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
