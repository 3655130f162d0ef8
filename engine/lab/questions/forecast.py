"""What would be left among millions and billions of photos: a forecast from the strangers that there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from facetui.engine.core.search import tail
from facetui.engine.lab.recognition.gallery import Galleries, Gallery, make_galleries
from facetui.engine.lab.recognition.recogniser import seen_by
from facetui.engine.lab.recognition.trainer_state import TrainerState
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import WHOLE_ARCHIVE, SearchForecast

SHARE = 0.1
"""Of the strangers, the most similar ones, to which the tail is fitted."""

CHECKED = 4
"""For the check the tail is fitted to one stranger in so many, and asked for all of them."""

PARTS = (16, 8, 4, 2, 1)
"""What was counted is told of these parts of the strangers that there are."""

RESAMPLED = 200
"""Draws of people and of strangers behind an interval."""


@dataclass(frozen=True)
class Searched:
    """What searches for some people found.

    Attributes:
        own: ``(P,)`` the greatest similarity to a photo of the person who is asked for.
        strangers: ``(P, M)`` the similarities to photos of everybody else.
        whose: ``(M,)`` who is on them; others of the protected people differ from search to search.
        people: ``(P,)`` who is asked for.
    """

    own: Tensor
    strangers: Tensor
    whose: Tensor
    people: Tensor

    def counted(self, photos: int) -> float:
        """Share of searches in which one of so many of the strangers' photos is nearer, averaged over all choices."""
        n = torch.tensor(float(self.strangers.shape[1]), dtype=torch.float64)
        farther = n - (self.strangers >= self.own[:, None]).sum(1).double()
        # All of them lie among the farther ones: hypergeometric, in logarithms.
        none = torch.lgamma(farther + 1) + torch.lgamma(n - photos + 1)
        none -= torch.lgamma((farther - photos).clamp(min=0) + 1) + torch.lgamma(n + 1)
        return float(torch.where(farther >= photos, 1 - none.exp(), 1.0).mean())

    def among(self, photos: Sequence[float], strangers: Tensor | None = None) -> Tensor:
        """Share ``(P, sizes)`` of searches in which one of so many strangers' photos is nearer, as the tail has it.

        Args:
            photos: how many there are, each.
            strangers: which of them ``(N,)`` the tail is fitted to; absent: all.

        Raises:
            UsageError: too few for a tail.
        """
        known = self.strangers if strangers is None else self.strangers[:, strangers]
        count = known.shape[1]
        above = max(tail.LEAST, int(SHARE * count))
        fitted = tail.fit(known.topk(min(count, above + 1), dim=1).values, count)
        return torch.stack([fitted.misnamed(self.own, size) for size in photos], 1)


def forecast(state: TrainerState, photos: Sequence[int]) -> SearchForecast:
    """Foretell how many searches would fail among more photos than there are; emits and returns.

    Every search has its own best photo of the person who is asked for; the tail of the similarities of strangers says
    how likely one of so many is nearer. It is checked on the strangers there are before anybody looks further: fitted
    to a quarter of them it says what all of them do, beside what was counted. Everybody in the gallery is drawn from
    the same crowd: among other people than these it may be otherwise.

    Args:
        state: the trainer's.
        photos: how many photos of strangers there are, each.

    Raises:
        UsageError: nothing was scraped, no sizes, a classifier without similarities, or too few strangers.
    """
    world, archive, pipeline = state.world, state.archive, state.current if state.pipelines else None
    if not archive or pipeline is None:
        raise UsageError("the archive is empty; let the trainer scrape before you ask for a forecast")
    if not photos or min(photos) < 1:
        raise UsageError("expected numbers of photos such as 1_000_000")
    if state.law.bans(world.t):
        raise UsageError(f"nobody may be searched for at {world.t}: a moratorium is in force")
    if pipeline.classifier != "nearest" or pipeline.second:
        raise UsageError("a forecast needs one extractor's similarities; classify_by('nearest') first")
    galleries = make_galleries(state, pipeline, archive)
    protected = _searched(state, galleries, world.protected)
    others = _searched(state, galleries, world.kept) if world.kept else None
    rates = protected.among(photos)
    some, count = _few(protected, world.seed), protected.strangers.shape[1]
    there = sorted({count // part for part in PARTS if count >= part})
    event = SearchForecast(
        actor="trainer",
        extractor=pipeline.extractor,
        steps=pipeline.steps,
        photos=list(photos),
        rates=rates.mean(0).tolist(),
        intervals=_intervals(protected, photos, world.seed),
        unprotected=others.among(photos).mean(0).tolist() if others else [],
        n_probes=len(protected.own),
        n_people=len(world.protected),
        counted_among=there,
        counted=[protected.counted(n) for n in there],
        checked_from=len(some),
        checked=float(protected.among([count], some).mean()),
    )
    world.recorder.emit(event)
    return event


def _searched(state: TrainerState, galleries: Galleries, people: Sequence[int]) -> Searched:
    world, pipeline = state.world, state.current
    own, strangers, asked, whose = [], [], [], torch.empty(0, dtype=torch.int64)
    for person in people:
        gallery = galleries.of(person, WHOLE_ARCHIVE) if person in world.protected else galleries.posted
        photos, _ = world.probes([person])
        similarity = _similarities(seen_by(world, pipeline, pipeline.purified(photos)), gallery)
        mine = gallery.people == person
        if not mine.any():
            continue  # of whom nothing is kept nobody can be confused with a stranger
        whose = gallery.people[~mine]
        own.append(similarity[:, mine].max(1).values)
        strangers.append(similarity[:, ~mine])
        asked.append(torch.full((len(similarity),), person))
    if not own:
        raise UsageError("no photo of anybody who is asked for is kept")
    least = min(some.shape[1] for some in strangers)  # people have unlike numbers of photos
    return Searched(torch.cat(own), torch.cat([s[:, -least:] for s in strangers]), whose[-least:], torch.cat(asked))


def _similarities(seen: Tensor, gallery: Gallery) -> Tensor:
    return normalize(seen) @ normalize(gallery.embeddings).T


def _few(searched: Searched, seed: int) -> Tensor:
    """Some of the strangers' photos, of every ``CHECKED``-th person."""
    known = searched.whose.unique()
    order = torch.randperm(len(known), generator=torch.Generator().manual_seed(seed))
    chosen = known[order[: max(1, len(known) // CHECKED)]]
    return torch.isin(searched.whose, chosen).nonzero()[:, 0]


def _intervals(searched: Searched, photos: Sequence[int], seed: int) -> list[tuple[float, float]]:
    """95 %, of every size: people who are asked for and people among whom they are, both drawn again."""
    generator = torch.Generator().manual_seed(seed)
    known, people = searched.whose.unique(), searched.people.unique()
    columns = [(searched.whose == person).nonzero()[:, 0] for person in known.tolist()]
    rows = [(searched.people == person).nonzero()[:, 0] for person in people.tolist()]
    drawn = []
    for _ in range(RESAMPLED):
        strangers = torch.cat([columns[i] for i in torch.randint(len(columns), (len(columns),), generator=generator)])
        asked = torch.cat([rows[i] for i in torch.randint(len(rows), (len(rows),), generator=generator)])
        some = Searched(searched.own[asked], searched.strangers[asked], searched.whose, searched.people[asked])
        drawn.append(some.among(photos, strangers).mean(0))
    ends = torch.stack(drawn).quantile(torch.tensor([0.025, 0.975], dtype=torch.float64), dim=0)
    return [(float(low), float(high)) for low, high in ends.T.tolist()]
