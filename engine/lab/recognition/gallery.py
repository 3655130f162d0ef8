"""The gallery: everything the trainer may search, embedded by one pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from facetui.engine.lab.recognition.pipeline import END_TO_END, Pipeline
from facetui.engine.lab.recognition.trainer_state import TrainerState
from facetui.engine.lab.world.web import Post
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import WHOLE_ARCHIVE


@dataclass(frozen=True)
class Gallery:
    """What one pipeline knows: the archive, photo by photo.

    Attributes:
        embeddings: ``(N, D)``.
        second: ``(N, D2)`` by the second extractor, if there is one.
        people: ``(N,)``.
        cohorts: under which attack and when each was posted; empty for unprotected people.
        protected: ``(N,)`` bool, whether a protected person is in it.
        photos: ``(N, 3, 112, 112)`` uint8, purified; only for a pipeline that is trained on them.
    """

    embeddings: Tensor
    second: Tensor | None
    people: Tensor
    cohorts: list[str]
    protected: Tensor
    photos: Tensor | None = None

    def only(self, cohort: str) -> Tensor:
        """Which rows there are ``(N,)`` bool, when a cohort is all there is of the protected people."""
        if cohort == WHOLE_ARCHIVE:
            return torch.ones(len(self.people), dtype=torch.bool)
        return ~self.protected | torch.tensor([name == cohort for name in self.cohorts], dtype=torch.bool)

    def rows(self, which: Tensor) -> Gallery:
        """Some of it, ``which`` ``(N,)`` bool."""
        second = None if self.second is None else self.second[which]
        cohorts = [self.cohorts[i] for i in which.nonzero()[:, 0].tolist()]
        photos = None if self.photos is None else self.photos[which]
        return Gallery(self.embeddings[which], second, self.people[which], cohorts, self.protected[which], photos)

    def and_also(self, more: Gallery) -> Gallery:
        """Both, of the same pipeline."""
        second = torch.cat([self.second, more.second]) if self.second is not None and more.second is not None else None
        return Gallery(
            torch.cat([self.embeddings, more.embeddings]),
            second,
            torch.cat([self.people, more.people]),
            [*self.cohorts, *more.cohorts],
            torch.cat([self.protected, more.protected]),
        )


@dataclass(frozen=True)
class Galleries:
    """What is searched for each protected person.

    Attributes:
        posted: the archive as it is.
        clean: the same archive, had nobody protected anything; ``None``: protected people are asked for together.
    """

    posted: Gallery
    clean: Gallery | None

    def of(self, person: int, cohort: str) -> Gallery:
        """What is searched for one protected person, when a cohort is all there is of them.

        Alone, as in the paper, this person's photos are the only protected ones; together, everybody's are.
        """
        mine = self.posted.only(cohort)
        if self.clean is None:
            return self.posted.rows(mine)
        others = self.clean.rows(self.clean.people != person)
        return others.and_also(self.posted.rows(mine & (self.posted.people == person)))

    def of_protected(self, person: int, cohort: str) -> Gallery:
        """Of that, the photos of people who protect theirs."""
        mine = self.posted.only(cohort) & self.posted.protected
        if self.clean is None:
            return self.posted.rows(mine)
        others = self.clean.rows(self.clean.protected & (self.clean.people != person))
        return others.and_also(self.posted.rows(mine & (self.posted.people == person)))


def make_galleries(state: TrainerState, pipeline: Pipeline, archive: Sequence[Post]) -> Galleries:
    """What a pipeline makes of an archive, for everybody who protects their photos.

    An end-to-end classifier is trained on its gallery, which nobody has the time to do for every person: there they
    are asked for together. What the trainer enrolled itself stays as it is, also beside the others' clean photos.

    Raises:
        UsageError: nothing is left.
    """
    posted = make_gallery(state, pipeline, archive)
    alone = state.world.asked == "alone" and pipeline.classifier != END_TO_END
    clean = [state.world.unprotected(post) for post in archive] if alone else []
    return Galleries(posted, make_gallery(state, pipeline, clean) if alone else None)


def make_gallery(state: TrainerState, pipeline: Pipeline, archive: Sequence[Post]) -> Gallery:
    """What a pipeline makes of an archive, as far as the law lets it keep it.

    Raises:
        UsageError: nothing is left.
    """
    until = pipeline.until
    there = [*(p for p in archive if not p.unnamed), *(state.enrolled if pipeline.enrols else ())]
    posts = [p for p in there if (not until or p.t[: len(until)] <= until) and state.law.keeps(p.t)]
    kept = [~state.flags(pipeline.detector, p) if pipeline.detector else torch.ones(len(p.who)) > 0 for p in posts]
    if not any(bool(rows.any()) for rows in kept):
        limit = f"posted until {until}" if until else f"left under {state.law.words or 'the detector'}"
        raise UsageError(f"no photo is {limit}; choose a later date, a longer retention or another detector")
    people = torch.cat([post.people[rows] for post, rows in zip(posts, kept, strict=True)])

    def embeddings(extractor: str) -> Tensor:
        return torch.cat([state.seen(pipeline, extractor, p)[rows] for p, rows in zip(posts, kept, strict=True)])

    gallery = Gallery(
        embeddings(pipeline.extractor),
        embeddings(pipeline.second) if pipeline.second else None,
        people,
        [post.cohort for post, rows in zip(posts, kept, strict=True) for _ in range(int(rows.sum()))],
        torch.isin(people, torch.tensor(state.world.protected)),
        # Nobody else looks at them, and there may be thousands.
        torch.cat([state.photos(pipeline, p)[rows] for p, rows in zip(posts, kept, strict=True)])
        if pipeline.classifier == END_TO_END
        else None,
    )
    # Left out after embedding, so that galleries of all sizes share what is in the cache.
    return gallery if pipeline.crowd is None else gallery.rows(people < state.world.crowd.start + pipeline.crowd)
