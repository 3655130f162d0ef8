"""Nearest neighbours of parts of a gallery: the crowd, which is the same for every cohort, is searched once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from facetui.engine.lab.recognition.gallery import Gallery
from facetui.engine.lab.recognition.nearest import NearestNeighbour
from facetui.engine.lab.recognition.pipeline import Pipeline
from facetui.engine.lab.world.world import World


@dataclass(frozen=True)
class Nearest:
    """The nearest photo that one extractor finds for each probe.

    Attributes:
        similarity: ``(N,)``, minus infinity where nothing was searched.
        people: ``(N,)`` on these photos.
    """

    similarity: Tensor
    people: Tensor

    def or_nearer(self, other: Nearest) -> Nearest:
        """Of both what is nearer; of equally near ones this."""
        nearer = other.similarity > self.similarity
        return Nearest(
            torch.where(nearer, other.similarity, self.similarity), torch.where(nearer, other.people, self.people)
        )

    def rows(self, which: Tensor) -> Nearest:
        """For some of the probes, ``which`` ``(N,)`` bool."""
        return Nearest(self.similarity[which], self.people[which])


def can_be_parted(pipeline: Pipeline) -> bool:
    """Whether a pipeline names by nearest photos alone, so that parts of a gallery can be searched one by one."""
    return pipeline.classifier == "nearest"


class Parts:
    """Some probes, as a pipeline sees them.

    Args:
        world: whose networks are used.
        pipeline: one that ``can_be_parted``.
        photos: probes ``(N, 3, 112, 112)`` uint8, purified.
    """

    def __init__(self, world: World, pipeline: Pipeline, photos: Tensor) -> None:
        self._pipeline = pipeline
        self._seen = [world.networks.embeddings(pipeline.extractor, photos, raw=pipeline.raw)]
        if pipeline.hybrid is not None:
            self._seen.append(world.networks.embeddings(pipeline.second, photos))

    def nearest(self, gallery: Gallery, probes: Tensor | None = None) -> list[Nearest]:
        """The nearest photos of a gallery, for each of the pipeline's extractors; it may be empty.

        Args:
            gallery: what is searched.
            probes: which of them ``(N,)`` bool; absent: all.
        """
        known = [gallery.embeddings, gallery.second]
        return [
            self._of_one(vectors, gallery.people, seen if probes is None else seen[probes])
            for vectors, seen in zip(known, self._seen, strict=False)
            if vectors is not None
        ]

    def _of_one(self, known: Tensor, people: Tensor, seen: Tensor) -> Nearest:
        if not len(known):
            nobody = torch.full((len(seen),), -1, dtype=people.dtype)
            return Nearest(torch.full((len(seen),), -torch.inf), nobody)
        metric = self._pipeline.metric if self._pipeline.hybrid is None else "cosine"
        similarity, named = NearestNeighbour(metric).fit(known, people).search(seen, 1)
        return Nearest(similarity[:, 0], named[:, 0])

    def named(self, parts: Sequence[list[Nearest]]) -> Tensor:
        """Whom the pipeline names ``(N, answers)`` by what was found in the parts of its gallery."""
        best = parts[0]
        for part in parts[1:]:
            best = [one.or_nearer(other) for one, other in zip(best, part, strict=True)]
        if self._pipeline.hybrid is None or len(best) < 2:
            return best[0].people[:, None]
        return self._pipeline.hybrid.answers(best[0].people, best[0].similarity, best[1].people)
