"""From a pipeline and an archive to names: galleries, classifiers, and counts of who is not named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from facetui.engine.core import cache as caching
from facetui.engine.core.cache import Checkpoint
from facetui.engine.core.interfaces import Classifier
from facetui.engine.defences.hybrid import Hybrid
from facetui.engine.defences.purifier import Purifier
from facetui.engine.lab.recognition.end_to_end import EndToEnd
from facetui.engine.lab.recognition.linear import Linear
from facetui.engine.lab.recognition.nearest import NearestNeighbour
from facetui.engine.lab.world.web import Post
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import RESCAN, WHOLE_ARCHIVE, generation_name

if TYPE_CHECKING:
    from facetui.engine.lab.lab import Lab

CLASSIFIERS = ("nearest", "linear", "end-to-end")


@dataclass(frozen=True)
class Pipeline:
    """One way from an archive to a name.

    Attributes:
        extractor: its name.
        defence: how the extractor came to be, when it was not simply released: ``adapt``.
        until: only photos posted by this date are searched; empty: all.
        classifier: ``nearest``, ``linear`` or ``end-to-end``.
        metric: of the nearest neighbour, ``cosine`` or ``euclidean``.
        purifier: what every photo goes through first, e.g. ``jpeg 75``; empty: nothing.
        detector: the name of a detector whose flagged photos are dropped; empty: none.
        second: a second extractor, with ``hybrid``.
        hybrid: how the answers of both become one or two.
        against: attacks that one of the extractors was trained against.
    """

    extractor: str
    defence: str | None = None
    until: str = ""
    classifier: str = "nearest"
    metric: str = "cosine"
    purifier: str = ""
    detector: str = ""
    second: str = ""
    hybrid: Hybrid | None = None
    against: tuple[str, ...] = ()

    @property
    def steps(self) -> list[str]:
        """What it does beyond its extractor and classifier, in a few words each."""
        both = ""
        if self.hybrid is not None:
            both = f"{self.second} {'as top-2' if self.hybrid.rule == 'top-2' else 'if unsure'}"
        filters = [f"{RESCAN} until {self.until}" if self.until else "", self.purifier]
        return list(filter(None, [*filters, "drop flagged" if self.detector else "", both]))

    @property
    def generation(self) -> str:
        """Its name as a column of the table of cohorts by generations."""
        return generation_name(self.extractor, self.classifier, self.steps)

    def purified(self, photos: Tensor) -> Tensor:
        """Photos ``(N, 3, 112, 112)`` uint8 as the extractor gets to see them."""
        return Purifier(self.purifier)(photos) if self.purifier else photos

    def classify(self) -> Classifier:
        """A classifier of embeddings that has seen nothing yet.

        Raises:
            UsageError: no such classifier or metric.
        """
        if self.classifier not in CLASSIFIERS:
            raise UsageError(f"expected a classifier {', '.join(CLASSIFIERS)}, got {self.classifier!r}")
        metric: Any = self.metric
        return Linear() if self.classifier == "linear" else NearestNeighbour(metric)


@dataclass(frozen=True)
class Gallery:
    """What one pipeline knows: the archive, photo by photo.

    Attributes:
        photos: ``(N, 3, 112, 112)`` uint8, purified.
        embeddings: ``(N, D)``.
        second: ``(N, D2)`` by the second extractor, if there is one.
        people: ``(N,)``.
        cohorts: under which attack and when each was posted; empty for unprotected people.
        protected: ``(N,)`` bool, whether a protected person is in it.
    """

    photos: Tensor
    embeddings: Tensor
    second: Tensor | None
    people: Tensor
    cohorts: list[str]
    protected: Tensor

    def only(self, cohort: str) -> Tensor:
        """Which rows there are ``(N,)`` bool, when a cohort is all there is of the protected people."""
        if cohort == WHOLE_ARCHIVE:
            return torch.ones(len(self.people), dtype=torch.bool)
        return ~self.protected | torch.tensor([name == cohort for name in self.cohorts], dtype=torch.bool)


def gallery(lab: Lab, pipeline: Pipeline, archive: Sequence[Post]) -> Gallery:
    """What a pipeline makes of an archive, as far as the law lets it keep it.

    Raises:
        UsageError: nothing is left.
    """
    until = pipeline.until
    posts = [p for p in archive if (not until or p.t[: len(until)] <= until) and lab.law.keeps(p.t)]
    parts = []
    for post in posts:
        kept = ~lab.trainer.flags(pipeline.detector, post) if pipeline.detector else torch.ones(len(post.who)) > 0
        if kept.any():
            parts.append((pipeline.purified(post.photos[kept]), post.people[kept], [post.cohort] * int(kept.sum())))
    if not parts:
        limit = f"posted until {until}" if until else f"left under {lab.law.words or 'the detector'}"
        raise UsageError(f"no photo is {limit}; choose a later date, a longer retention or another detector")
    people = torch.cat([part[1] for part in parts])

    def embeddings(extractor: str) -> Tensor:
        return torch.cat([lab.networks.embeddings(extractor, part[0]) for part in parts])

    return Gallery(
        torch.cat([part[0] for part in parts]),
        embeddings(pipeline.extractor),
        embeddings(pipeline.second) if pipeline.second else None,
        people,
        [cohort for part in parts for cohort in part[2]],
        torch.isin(people, torch.tensor(lab.protected)),
    )


Recogniser = Callable[[Tensor], Tensor]
"""From purified photos ``(N, 3, 112, 112)`` uint8 to the people named ``(N, answers)``; one answer, or two."""


def recogniser(lab: Lab, pipeline: Pipeline, held: Gallery, rows: Tensor) -> Recogniser:
    """A pipeline, ready to name people by some rows ``(N,)`` bool of a gallery."""
    people = held.people[rows]
    if pipeline.classifier == "end-to-end":
        return lambda photos: _end_to_end(lab, pipeline, held.photos[rows], people, photos)[:, None]
    first = pipeline.classify().fit(held.embeddings[rows], people)
    hybrid = pipeline.hybrid
    if hybrid is None or held.second is None:
        return lambda photos: first.predict(lab.networks.embeddings(pipeline.extractor, photos))[:, None]
    accurate = NearestNeighbour().fit(held.embeddings[rows], people)
    robust = NearestNeighbour().fit(held.second[rows], people)

    def both(photos: Tensor) -> Tensor:
        similarity, named = accurate.search(lab.networks.embeddings(pipeline.extractor, photos), 1)
        other = robust.predict(lab.networks.embeddings(pipeline.second, photos))
        return hybrid.answers(named[:, 0], similarity[:, 0], other)

    return both


def _end_to_end(lab: Lab, pipeline: Pipeline, photos: Tensor, people: Tensor, probes: Tensor) -> Tensor:
    """Whom an end-to-end classifier trained on photos names, from the cache where possible."""
    trained = caching.key("end-to-end", lab.networks.weights(pipeline.extractor), lab.seed, photos, people)
    key = caching.key(trained, probes)

    def compute() -> Tensor:
        classifier = EndToEnd(lab.networks.get(pipeline.extractor), lab.generator("end-to-end", trained))
        tick = lab.progress("trainer", f"train {pipeline.generation} on {len(photos)} photos", unit="photos")
        checkpoint = Checkpoint(lab.cache, trained)
        named = classifier.fit(photos, people, tick, checkpoint).predict(probes)
        checkpoint.clear()
        return named

    return lab.cache.get(key, compute)


Counts = tuple[int, int]
"""How many probes were not named right, and how many there were."""


def rates(
    lab: Lab, pipeline: Pipeline, archive: Sequence[Post], cohorts: Sequence[str]
) -> dict[str, tuple[Counts, Counts]]:
    """For the whole archive and each cohort the counts of the protected people, and of all others.

    A cohort of which the pipeline may use no photo is left out: that nobody is named then would be no measurement.
    """
    if lab.law.bans(lab.t):  # nobody is named, whatever was kept
        n, n_others = (sum(len(lab.split[p][0]) for p in people) for people in (lab.protected, lab.others))
        return {WHOLE_ARCHIVE: ((n, n), (n_others, n_others))}
    held = gallery(lab, pipeline, archive)
    sides = [lab.probes(people) for people in (lab.protected, lab.others)]
    probes = pipeline.purified(torch.cat([photos for photos, _ in sides]))
    truth = torch.cat([who for _, who in sides])
    n = len(sides[0][1])
    found: dict[str, tuple[Counts, Counts]] = {}
    for cohort in [WHOLE_ARCHIVE, *cohorts]:
        if cohort != WHOLE_ARCHIVE and cohort not in held.cohorts:
            continue
        missed = missed_by(recogniser(lab, pipeline, held, held.only(cohort))(probes), truth)
        found[cohort] = (int(missed[:n].sum()), n), (int(missed[n:].sum()), len(truth) - n)
    return found


def missed_by(named: Tensor, truth: Tensor) -> Tensor:
    """Which probes ``(N,)`` bool are not named right by any of the answers ``(N, answers)``."""
    return (named != truth[:, None]).all(1)
