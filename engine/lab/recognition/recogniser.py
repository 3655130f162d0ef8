"""From a pipeline and an archive to names: galleries, classifiers, and counts of who is not named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from facetui.engine.core import cache as caching
from facetui.engine.core.cache import Checkpoint
from facetui.engine.core.cache_folder import Kind
from facetui.engine.lab.recognition.end_to_end import EndToEnd
from facetui.engine.lab.recognition.gallery import Galleries, Gallery, make_galleries
from facetui.engine.lab.recognition.nearest import NearestNeighbour
from facetui.engine.lab.recognition.nearest_of_parts import Parts, can_be_parted
from facetui.engine.lab.recognition.pipeline import Pipeline
from facetui.engine.lab.recognition.trainer_state import TrainerState
from facetui.engine.lab.world.web import Post
from facetui.engine.lab.world.world import World
from facetui.engine.records.events import WHOLE_ARCHIVE

Recogniser = Callable[[Tensor], Tensor]
"""From purified photos ``(N, 3, 112, 112)`` uint8 to the people named ``(N, answers)``; one answer, or two."""


def recogniser(world: World, pipeline: Pipeline, gallery: Gallery) -> Recogniser:
    """A pipeline, ready to name people by a gallery."""
    people = gallery.people
    if gallery.photos is not None:
        scraped = gallery.photos
        return lambda photos: _end_to_end(world, pipeline, scraped, people, photos)[:, None]
    hybrid = pipeline.hybrid
    if hybrid is None or gallery.second is None:
        return lambda photos: _embedded(world, pipeline, gallery, seen_by(world, pipeline, photos))
    accurate = NearestNeighbour().fit(gallery.embeddings, people)
    robust = NearestNeighbour().fit(gallery.second, people)

    def both(photos: Tensor) -> Tensor:
        similarity, named = accurate.search(world.networks.embeddings(pipeline.extractor, photos), 1)
        other = robust.predict(world.networks.embeddings(pipeline.second, photos))
        return hybrid.answers(named[:, 0], similarity[:, 0], other)

    return both


def seen_by(world: World, pipeline: Pipeline, photos: Tensor) -> Tensor:
    """Embeddings ``(N, D)`` of purified photos, as a pipeline compares them."""
    return world.networks.embeddings(pipeline.extractor, photos, raw=pipeline.raw)


def _embedded(world: World, pipeline: Pipeline, gallery: Gallery, seen: Tensor) -> Tensor:
    """Whom a classifier of embeddings names ``(N, 1)``; one that must be trained, from the cache where possible."""

    def compute() -> Tensor:
        return pipeline.classify().fit(gallery.embeddings, gallery.people).predict(seen)[:, None]

    if pipeline.classifier == "nearest":
        return compute()
    key = caching.key(pipeline.classifier, gallery.embeddings, gallery.people, seen)
    return world.cache.get(key, compute, Kind.NAMES)


def _end_to_end(world: World, pipeline: Pipeline, photos: Tensor, people: Tensor, probes: Tensor) -> Tensor:
    """Whom an end-to-end classifier trained on photos names, from the cache where possible."""
    trained = caching.key("end-to-end", world.networks.weights(pipeline.extractor), world.seed, photos, people)
    key = caching.key(trained, probes)

    def compute() -> Tensor:
        classifier = EndToEnd(world.networks.get(pipeline.extractor), world.generator("end-to-end", trained))
        tick = world.recorder.progress("trainer", f"train {pipeline.generation} on {len(photos)} photos", unit="photos")
        checkpoint = Checkpoint(world.cache, trained)
        named = classifier.fit(photos, people, tick, checkpoint).predict(probes)
        checkpoint.clear()
        return named

    return world.cache.get(key, compute, Kind.NAMES)


@dataclass(frozen=True)
class Misses:
    """Which clean probes a pipeline does not name right.

    Attributes:
        probes: of each protected person, how many were asked.
        missed: of each of them, how many were not named right.
        others: how many probes of everybody else were not named right, and how many there were; nobody in them was
            ever trained on.
        gallery: how many people were searched among; 0: nobody.
    """

    probes: tuple[int, ...]
    missed: tuple[int, ...]
    others: tuple[int, int]
    gallery: int = 0


def misses(
    state: TrainerState, pipeline: Pipeline, archive: Sequence[Post], cohorts: Sequence[str]
) -> dict[str, Misses]:
    """What a pipeline misses with the whole archive, and with each cohort.

    A cohort of which the pipeline may use no photo is left out: that nobody is named then would be no measurement.
    """
    world = state.world
    each = tuple(len(world.split[person][0]) for person in world.protected)
    if state.law.bans(world.t):  # nobody is named, whatever was kept
        n_others = sum(len(world.split[person][0]) for person in world.kept)
        return {WHOLE_ARCHIVE: Misses(each, each, (n_others, n_others))}
    galleries = make_galleries(state, pipeline, archive)
    probes, truth = world.probes([*world.protected, *world.kept])
    probes = pipeline.purified(probes)
    n = sum(each)
    named = _by_parts if can_be_parted(pipeline) else _by_whole_galleries
    there = [name for name in [WHOLE_ARCHIVE, *cohorts] if name in (WHOLE_ARCHIVE, *galleries.posted.cohorts)]
    found: dict[str, Misses] = {}
    for cohort, missed in named(world, pipeline, galleries, there, probes, truth):
        mine = tuple(int(some.sum()) for some in missed[:n].split(list(each)))
        size = len(galleries.posted.people.unique())
        found[cohort] = Misses(each, mine, (int(missed[n:].sum()), len(truth) - n), size)
    return found


def _by_whole_galleries(
    world: World, pipeline: Pipeline, galleries: Galleries, cohorts: Sequence[str], probes: Tensor, truth: Tensor
) -> Iterator[tuple[str, Tensor]]:
    """Which probes ``(N,)`` bool are missed with each cohort, by a classifier that learns every gallery as a whole."""
    for cohort in cohorts:
        everybody = galleries.posted.rows(galleries.posted.only(cohort))
        missed = missed_by(recogniser(world, pipeline, everybody)(probes), truth)
        for person in world.protected if galleries.clean is not None else ():
            own = truth == person  # only the person's own: everybody's are many to look up
            named = recogniser(world, pipeline, galleries.of(person, cohort))(probes[own])
            missed[own] = missed_by(named, truth[own])
        yield cohort, missed


def _by_parts(
    world: World, pipeline: Pipeline, galleries: Galleries, cohorts: Sequence[str], probes: Tensor, truth: Tensor
) -> Iterator[tuple[str, Tensor]]:
    """The same by nearest photos: the unprotected, who are by far the most, are searched once for all cohorts."""
    parts = Parts(world, pipeline, probes)
    posted, clean = galleries.posted, galleries.clean
    crowd = parts.nearest(posted.rows(~posted.protected))
    alone = [] if clean is None else parts.nearest(clean.rows(~clean.protected))
    for cohort in cohorts:
        protected = posted.rows(posted.only(cohort) & posted.protected)
        missed = missed_by(parts.named([crowd, parts.nearest(protected)]), truth)
        for person in world.protected if clean is not None else ():
            own = truth == person
            few = galleries.of_protected(person, cohort)
            named = parts.named([[one.rows(own) for one in alone], parts.nearest(few, own)])
            missed[own] = missed_by(named, truth[own])
        yield cohort, missed


def missed_by(named: Tensor, truth: Tensor) -> Tensor:
    """Which probes ``(N,)`` bool are not named right by any of the answers ``(N, answers)``."""
    return (named != truth[:, None]).all(1)
