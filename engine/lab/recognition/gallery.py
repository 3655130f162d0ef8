"""The gallery: everything the trainer may search, embedded by one pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from facetui.engine.lab.recognition.pipeline import Pipeline
from facetui.engine.lab.recognition.trainer_state import TrainerState
from facetui.engine.lab.world.web import Post
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import WHOLE_ARCHIVE


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


def make_gallery(state: TrainerState, pipeline: Pipeline, archive: Sequence[Post]) -> Gallery:
    """What a pipeline makes of an archive, as far as the law lets it keep it.

    Raises:
        UsageError: nothing is left.
    """
    until = pipeline.until
    posts = [p for p in archive if (not until or p.t[: len(until)] <= until) and state.law.keeps(p.t)]
    parts = []
    for post in posts:
        kept = ~state.flags(pipeline.detector, post) if pipeline.detector else torch.ones(len(post.who)) > 0
        if kept.any():
            parts.append((pipeline.purified(post.photos[kept]), post.people[kept], [post.cohort] * int(kept.sum())))
    if not parts:
        limit = f"posted until {until}" if until else f"left under {state.law.words or 'the detector'}"
        raise UsageError(f"no photo is {limit}; choose a later date, a longer retention or another detector")
    people = torch.cat([part[1] for part in parts])

    def embeddings(extractor: str) -> Tensor:
        return torch.cat([state.world.networks.embeddings(extractor, part[0]) for part in parts])

    return Gallery(
        torch.cat([part[0] for part in parts]),
        embeddings(pipeline.extractor),
        embeddings(pipeline.second) if pipeline.second else None,
        people,
        [cohort for part in parts for cohort in part[2]],
        torch.isin(people, torch.tensor(state.world.protected)),
    )
