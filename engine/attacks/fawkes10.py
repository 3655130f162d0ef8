"""Fawkes 1.0 (2021-04): photos that no longer look, to an extractor, like themselves.

The release is another algorithm than the paper and than 0.3: untargeted, on unit-length embeddings of several
extractors, each photo balancing its own loss against the structural dissimilarity, and no channel further than 15/255.

What differs from the release: aligned photos instead of crops padded with the face's mean colour; a photo whose kept
iterate lies above the mode's DSSIM (the release tolerates a tenth more) has its change scaled down until it does not;
and the change is pasted back with unit gain, where the release stretches every crop to the full range.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from facetui.engine.attacks.optimising.loop import Tick, batchwise, clean_rows, ready, uniform
from facetui.engine.attacks.optimising.tanh import (
    PENALTY,
    Adadelta,
    Mode,
    choose_mode,
    penalty_term,
    to_pixels,
    to_tanh,
    tolerance,
)
from facetui.engine.core.budget import Budget
from facetui.engine.core.device import autocast
from facetui.engine.core.inference import embed
from facetui.engine.core.interfaces import Album, Attack, Extractor
from facetui.engine.core.ssim import Dissimilarity
from facetui.engine.records.errors import UsageError

MODES = {"low": Mode(0.004, 40, 25), "mid": Mode(0.012, 75, 20), "high": Mode(0.017, 150, 15)}
CLIP = 15 / 255
START = 1e-4
EPSILON = 1e-7
"""Of Adadelta: the default of Keras, on which this release runs."""
NUDGE = 0.01
"""Length, in tanh space, of the one sign step: at the start the gradient nearly vanishes."""
LOW, HIGH = 0.9, 1.1
"""Parts of the DSSIM budget between which the balance rests."""
LARGEST = 129.0
"""The balance stops doubling above it, and halving below its inverse, and starts anew."""
RESCUE_MOVE, RESCUE_DSSIM = 0.3, 0.015


class Fawkes10(Attack):
    """Untargeted cloaks, as the release of April 2021 makes them.

    Args:
        mode: low (one extractor), mid or high (all surrogates): DSSIM, steps and learning rate of the release.
        steps: fewer or more than the mode's, for instance in a story that has no time.
        penalty: weight of the squared excess of DSSIM.
    """

    name = "fawkes-1.0"
    year = 2021
    default_budget = Budget("dssim", MODES["high"].dssim, CLIP)
    source = "Shan et al. 2020, arXiv 2002.08327; release 1.0"
    about = "untargeted as released; aligned photos; changes above the DSSIM are scaled down; pasted with unit gain"

    def __init__(self, mode: str = "high", steps: int | None = None, penalty: float = PENALTY) -> None:
        self._mode = choose_mode(MODES, mode, steps)
        if penalty < 0:
            raise UsageError(f"expected a penalty of at least 0, got {penalty}")
        self.mode = mode
        self.steps = self._mode.steps
        self.release_steps = MODES[mode].steps
        self.penalty = penalty
        self.ensemble = mode != "low"
        if steps is not None:
            self.about = f"{self.steps} steps instead of the mode's {MODES[mode].steps}; {self.about}"
        self.default_budget = Budget("dssim", self._mode.dssim, CLIP)

    def passes(self, n_surrogates: int) -> int:
        """Forward+backward passes an image costs."""
        return self.steps * n_surrogates

    def _optimise(self, album: Album, surrogates: Sequence[Extractor]) -> Tensor:
        networks = ready(surrogates, album.photos.device)
        own = [embed(network, album.photos) for network in networks]
        limit, steps = tolerance(album.budget, self._mode), self.steps
        clip = min(CLIP, album.budget.linf)

        def climb(rows: Tensor, tick: Tick) -> Tensor:
            clean = clean_rows(album, rows)
            dissimilarity, origin = Dissimilarity(clean), to_tanh(clean)
            variable = uniform(clean, START, album.generator)
            optimiser = Adadelta(variable, EPSILON)
            before = [e[rows] for e in own]
            balance = torch.ones(len(rows), device=rows.device)
            best = torch.full((len(rows),), -torch.inf, device=rows.device)
            kept = clean.clone()
            for step in range(steps):
                photos, slope = to_pixels(origin + variable)
                change = photos.sub_(clean)
                slope *= change.abs() <= clip  # where the clip holds, moving the variable changes nothing
                photos = change.clamp_(-clip, clip).add_(clean).requires_grad_(True)
                seen = album.view(photos, rows)
                with autocast(rows.device):
                    embedded = [network(seen).float() for network in networks]
                moved, seen_dssim = feature_term(embedded, before), dissimilarity(photos)
                loss = penalty_term(seen_dssim, limit, self.penalty) - balance * moved
                (gradient,) = torch.autograd.grad(loss.sum(), photos)
                gradient *= slope
                with torch.no_grad():
                    better = (seen_dssim <= HIGH * limit) & (moved > best)
                    best = torch.where(better, moved, best)
                    torch.where(better.view(-1, 1, 1, 1), photos.detach(), kept, out=kept)
                    balance = rebalance(balance, seen_dssim, limit)
                    if step == 0:
                        variable.sub_(gradient.sign(), alpha=NUDGE)
                    optimiser.step(variable, gradient, self._mode.learning_rate)
                tick(len(rows) * len(networks), photos)
            # The release's rescue of photos that hardly moved: their last iterate, where that moved further.
            rescued = (best < RESCUE_MOVE) & (seen_dssim < RESCUE_DSSIM) & (moved > best)
            return torch.where(rescued.view(-1, 1, 1, 1), photos, kept).detach()

        return batchwise(album, self.passes(len(networks)), climb)


def feature_term(embedded: Sequence[Tensor], before: Sequence[Tensor]) -> Tensor:
    """``||f(x') - f(x)||^2 / ||f(x)||``, summed over extractors: ``(N,)``, at most 4 for each.

    Args:
        embedded: unit length, ``(N, D)`` of each extractor.
        before: the same of the clean photos; their length is 1, so nothing is divided.
    """
    return torch.stack([(e - b).square().sum(1) for e, b in zip(embedded, before, strict=True)]).sum(0)


def rebalance(balance: Tensor, dssim: Tensor, limit: float) -> Tensor:
    """The weight of the embedding's move for the next step, photo by photo.

    Doubles while the photo has room below nine tenths of the limit, halves while it is a tenth above, and starts anew
    at 1 within the band, on crossing it, and once it has passed 129 or its inverse.

    Args:
        balance: ``(N,)``, so far.
        dssim: ``(N,)``, of the photos just seen.
        limit: the tolerated dissimilarity.
    """
    room, above = dssim <= LOW * limit, dssim >= HIGH * limit
    one = torch.ones_like(balance)
    grown = torch.where((balance >= 1) & (balance <= LARGEST), balance * 2, one)
    shrunk = torch.where((balance <= 1) & (balance >= 1 / LARGEST), balance / 2, one)
    return torch.where(room, grown, torch.where(above, shrunk, one))
