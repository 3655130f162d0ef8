"""One search: would clean photos of somebody be identified among a crowd, by what is enrolled of them?"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from facetui.engine.records.rates import rank_k, wilson

LISTED = 10
"""Candidates that somebody reads who searches for a face."""

LEAKED = 0.1
"""Share of the user's photos that are out there clean, for the question what happens then."""


@dataclass(frozen=True)
class Share:
    """A share of trials.

    Attributes:
        hits: how many.
        n: of how many.
        rate: ``hits / n``; ``None`` without a trial.
        interval: Wilson, 95 %.
    """

    hits: int
    n: int
    rate: float | None
    interval: tuple[float, float]

    @classmethod
    def of(cls, hits: int, n: int) -> Share:
        """From counts."""
        return cls(hits, n, hits / n if n else None, wilson(hits, n))


@dataclass(frozen=True)
class Ranks:
    """How often somebody was found.

    Attributes:
        first: named first of all people.
        listed: among the first ``LISTED`` people.
    """

    first: Share
    listed: Share


class Search:
    """Clean probes of the user, and what an extractor sees of everybody's photos.

    Args:
        probes: embeddings ``(m, D)``.
        crowd: embeddings ``(G, D)`` of everybody else's photos.
        people: ``(G,)`` who is in each.
        own: ``(m, n)`` bool, which of the user's enrolled photos show what a probe shows: they are not enrolled when
            it is asked for; ``None`` where the probes are other photos than those enrolled.
    """

    def __init__(self, probes: Tensor, crowd: Tensor, people: Tensor, own: Tensor | None) -> None:
        self._probes = probes
        self._crowd = probes @ crowd.T  # (m, G)
        self._people = people.unique(return_inverse=True)[1]
        self._own = own

    def ranks(self, posted: Tensor, drop: Tensor | None = None, drop_crowd: Tensor | None = None) -> Ranks:
        """With photos of the user enrolled whose embeddings are ``(n, D)``.

        Args:
            posted: at least one.
            drop: ``(n,)`` bool, the user's photos that the trainer throws away.
            drop_crowd: ``(G,)`` bool, the others' that it throws away.
        """
        return self._count(self._similar(posted), drop, drop_crowd)

    def mixed(
        self, posted: Tensor, clean: Tensor, generator: torch.Generator, drop: Tensor, drop_crowd: Tensor
    ) -> Ranks:
        """The same where a tenth of the photos, at least one, drawn for each probe anew, is enrolled clean.

        Args:
            posted: ``(n, D)``.
            clean: ``(n, D)``, row for row the originals.
            generator: draws which.
            drop: ``(2, n)`` bool, which posted and which clean photos the trainer throws away.
            drop_crowd: as of ``ranks``.
        """
        similar = self._similar(posted).masked_fill(drop[0], -torch.inf)
        originals = self._similar(clean)
        draw = torch.rand(similar.shape, generator=generator).masked_fill(originals.isneginf(), -1)
        count = max(1, round(LEAKED * similar.shape[1]))
        leaked = torch.zeros_like(draw, dtype=torch.bool).scatter_(1, draw.topk(count, 1).indices, True)
        return self._count(torch.where(leaked, originals.masked_fill(drop[1], -torch.inf), similar), None, drop_crowd)

    def _similar(self, posted: Tensor) -> Tensor:
        similar = self._probes @ posted.T
        if self._own is not None:
            similar.masked_fill_(self._own, -torch.inf)
        return similar

    def _count(self, similar: Tensor, drop: Tensor | None, drop_crowd: Tensor | None) -> Ranks:
        if drop is not None:
            similar = similar.masked_fill(drop, -torch.inf)
        crowd = self._crowd if drop_crowd is None else self._crowd.masked_fill(drop_crowd, -torch.inf)
        user = int(self._people.max()) + 1
        best = crowd.new_full((len(crowd), user + 1), -torch.inf)
        best.scatter_reduce_(1, self._people.expand(len(crowd), -1), crowd, "amax")
        best[:, user] = similar.amax(1)
        order = best.argsort(1, descending=True)
        # Whoever has no photo left is no candidate.
        known = [[p for p in row if scores[p] > -torch.inf] for row, scores in zip(order.tolist(), best, strict=True)]
        truth, n = [user] * len(known), len(known)
        first, listed = (Share.of(round(rank_k(known, truth, k) * n), n) for k in (1, LISTED))
        return Ranks(first, listed)
