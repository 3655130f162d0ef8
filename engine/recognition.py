"""From a pipeline and an archive to names: galleries, classifiers, and counts of who is not named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from facetui.engine.errors import UsageError
from facetui.engine.events import WHOLE_ARCHIVE
from facetui.engine.gallery import NearestNeighbour
from facetui.engine.interfaces import Classifier
from facetui.engine.linear import Linear
from facetui.engine.metrics import error_rate
from facetui.engine.web import Post

if TYPE_CHECKING:
    from facetui.engine.lab import Lab

CLASSIFIERS = ("nearest", "linear")


@dataclass(frozen=True)
class Pipeline:
    """One way from an archive to a name.

    Attributes:
        extractor: its name.
        defence: what the trainer did beyond taking a released extractor.
        until: only photos posted by this date are searched; empty: all.
        classifier: ``nearest`` or ``linear``.
        metric: of the nearest neighbour, ``cosine`` or ``euclidean``.
    """

    extractor: str
    defence: str | None = None
    until: str = ""
    classifier: str = "nearest"
    metric: str = "cosine"

    def classify(self) -> Classifier:
        """A classifier that has seen nothing yet.

        Raises:
            UsageError: no such classifier or metric.
        """
        if self.classifier not in CLASSIFIERS:
            raise UsageError(f"expected a classifier {' or '.join(CLASSIFIERS)}, got {self.classifier!r}")
        metric: Any = self.metric
        return NearestNeighbour(metric) if self.classifier == "nearest" else Linear()


@dataclass(frozen=True)
class Gallery:
    """What one pipeline knows: the archive's embeddings, photo by photo.

    Attributes:
        embeddings: ``(N, D)``.
        people: ``(N,)``.
        cohorts: under which attack and when each was posted; empty for unprotected people.
        protected: ``(N,)`` bool, whether a protected person is in it.
    """

    embeddings: Tensor
    people: Tensor
    cohorts: list[str]
    protected: Tensor

    def only(self, cohort: str) -> tuple[Tensor, Tensor]:
        """Embeddings and people when a cohort is all there is of the protected people."""
        if cohort == WHOLE_ARCHIVE:
            return self.embeddings, self.people
        keep = ~self.protected | torch.tensor([name == cohort for name in self.cohorts], dtype=torch.bool)
        return self.embeddings[keep], self.people[keep]


def gallery(lab: Lab, pipeline: Pipeline, archive: Sequence[Post]) -> Gallery:
    """What a pipeline makes of an archive, as far as the law lets it keep it.

    Raises:
        UsageError: nothing is left.
    """
    until = pipeline.until
    posts = [p for p in archive if (not until or p.t[: len(until)] <= until) and lab.law.keeps(p.t)]
    if not posts:
        limit = f"posted until {until}" if until else f"left under {lab.law.words}"
        raise UsageError(f"no photo is {limit}; choose a later date or a longer retention")
    people = torch.cat([post.people for post in posts])
    return Gallery(
        torch.cat([lab.networks.embeddings(pipeline.extractor, post.photos) for post in posts]),
        people,
        [post.cohort for post in posts for _ in post.who],
        torch.isin(people, torch.tensor(lab.protected)),
    )


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
    photos_of = gallery(lab, pipeline, archive)
    sides = []
    for people in (lab.protected, lab.others):
        photos, truth = lab.probes(people)
        sides.append((lab.networks.embeddings(pipeline.extractor, photos), truth.tolist()))
    found: dict[str, tuple[Counts, Counts]] = {}
    for cohort in [WHOLE_ARCHIVE, *cohorts]:
        if cohort != WHOLE_ARCHIVE and cohort not in photos_of.cohorts:
            continue
        search = pipeline.classify().fit(*photos_of.only(cohort))
        counts = [error_rate(search.predict(probes).tolist(), truth)[1:] for probes, truth in sides]
        found[cohort] = (counts[0], counts[1])
    return found
