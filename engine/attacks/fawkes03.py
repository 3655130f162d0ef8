"""Fawkes 0.3 (tag of 2020-07-29): photos that look, to an extractor, like somebody else.

Shan et al. 2020 (arXiv 2002.08327) and the release: a target far from the user, a goal as far beyond the target as the
target is from the photo, Adadelta in tanh space, and a penalty where the structural dissimilarity exceeds the mode's.

What differs from the release: 112x112 aligned photos instead of 224x224 crops with a margin; targets come from the
tool's own people instead of a downloaded table of some 20,900 identities (with fewer than twenty people each of them
may be chosen); and a photo that ends above the mode's DSSIM has its change scaled down until it does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from facetui.engine.attacks.optimising.loop import Tick, batchwise, clean_rows, raw, ready
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
from facetui.engine.core.interfaces import Album, Attack, Extractor
from facetui.engine.core.ssim import Dissimilarity
from facetui.engine.records.errors import UsageError

MODES = {
    "min": Mode(0.002, 20, 40),
    "low": Mode(0.003, 50, 35),
    "mid": Mode(0.005, 200, 20),
    "high": Mode(0.008, 500, 10),
    "ultra": Mode(0.010, 1000, 8),
}
FARTHEST = 20
"""The target is drawn from this many identities farthest from the user."""
START = 1e-6
EPSILON = 1e-8
"""Of Adadelta: the default of TensorFlow 1, on which this release ran."""
DECAY = 0.8
"""Of the learning rate, after each third of the run."""


class Fawkes03(Attack):
    """Targeted cloaks, as the release of July 2020 made them.

    Args:
        mode: min, low, mid, high or ultra: DSSIM, steps and learning rate of the release.
        steps: fewer or more than the mode's, for instance in a story that has no time.
        separate_target: a target for each photo; else one for each person, the default of the release's command line.
        penalty: weight of the squared excess of DSSIM.
    """

    name = "fawkes-0.3"
    year = 2020
    default_budget = Budget("dssim", MODES["high"].dssim)
    source = "Shan et al. 2020, arXiv 2002.08327; release 0.3"
    about = "112x112 aligned photos; targets are the tool's own people; changes above the DSSIM are scaled down"

    def __init__(
        self, mode: str = "high", steps: int | None = None, separate_target: bool = False, penalty: float = PENALTY
    ) -> None:
        self._mode = choose_mode(MODES, mode, steps)
        if penalty < 0:
            raise UsageError(f"expected a penalty of at least 0, got {penalty}")
        self.mode = mode
        self.steps = self._mode.steps
        self.release_steps = MODES[mode].steps
        self.separate_target = separate_target
        self.penalty = penalty
        if steps is not None:
            self.about = f"{self.steps} steps instead of the mode's {MODES[mode].steps}; {self.about}"
        self.default_budget = Budget("dssim", self._mode.dssim)

    def passes(self, n_surrogates: int) -> int:
        """Forward+backward passes an image costs."""
        return self.steps * n_surrogates

    def _optimise(self, album: Album, surrogates: Sequence[Extractor]) -> Tensor:
        networks = ready(surrogates, album.photos.device)
        goals = self._goals(album, networks)
        limit, steps = tolerance(album.budget, self._mode), self.steps

        def descend(rows: Tensor, tick: Tick) -> Tensor:
            clean = clean_rows(album, rows)
            dissimilarity, origin = Dissimilarity(clean), to_tanh(clean)
            variable = torch.full_like(origin, START)
            optimiser = Adadelta(variable, EPSILON)
            wanted = [goal[rows] for goal in goals]
            best = torch.full((len(rows),), torch.inf, device=rows.device)
            kept = clean.clone()
            for step in range(steps):
                photos, slope = to_pixels(origin + variable)
                photos.requires_grad_(True)
                seen = album.view(photos, rows)
                with autocast(rows.device):
                    embedded = [network.features(seen).float() for network in networks]
                feature = feature_term(embedded, wanted)
                loss = feature + penalty_term(dissimilarity(photos), limit, self.penalty)
                (gradient,) = torch.autograd.grad(loss.sum(), photos)
                with torch.no_grad():
                    better = (feature < best).view(-1, 1, 1, 1)
                    best = torch.minimum(best, feature.detach())
                    torch.where(better, photos.detach(), kept, out=kept)
                    rate = self._mode.learning_rate * DECAY ** (3 * step // steps)
                    optimiser.step(variable, gradient.mul_(slope), rate)
                tick(len(rows) * len(networks), photos)
            return kept

        return batchwise(album, self.passes(len(networks)), descend)

    def _goals(self, album: Album, networks: Sequence[Extractor]) -> list[Tensor]:
        """For each surrogate what every photo should be embedded as, raw: ``2 f(target) - f(photo)``."""
        bank, device = album.bank, album.photos.device
        if bank is None or not len(bank.photos):
            raise UsageError("a targeted attack needs photos of other people to aim at, got none")
        aims = [raw(network, bank.photos) for network in networks]
        own = [raw(network, album.photos) for network in networks]
        # The first surrogate chooses the target, as in the release, which has one.
        chosen = self._choose(album, aims[0], own[0]).to(device)
        return [2 * aim[chosen] - mine for aim, mine in zip(aims, own, strict=True)]

    def _choose(self, album: Album, aims: Tensor, own: Tensor) -> Tensor:
        """For each photo the row of the bank it is to resemble: ``(N,)`` on the CPU.

        Args:
            album: whose photos, and whose bank.
            aims: raw embeddings ``(M, D)`` of the bank.
            own: raw embeddings ``(N, D)`` of the photos.
        """
        assert album.bank is not None

        def draw(n: int, count: int) -> list[int]:
            return torch.randint(n, (count,), generator=album.generator).tolist()

        bank_people, people = album.bank.people.cpu(), album.people.cpu()
        known = bank_people.unique()
        # The release's table holds one embedding an identity; an identity is as far as the nearest of the photos.
        table = torch.stack([aims.cpu()[bank_people == k].mean(0) for k in known])
        distance = torch.cdist(table, own.cpu())
        rows = torch.empty(len(people), dtype=torch.int64)
        albums = [(people == p).nonzero()[:, 0] for p in people.unique()]
        for group in [photo[None] for photo in torch.arange(len(people))] if self.separate_target else albums:
            nearest = distance[:, group].amin(1)
            farthest = [i for i in nearest.argsort(descending=True).tolist() if known[i] != people[group[0]]][:FARTHEST]
            if not farthest:
                raise UsageError("a targeted attack needs photos of other people to aim at, got only the user's own")
            photos = (bank_people == known[farthest[draw(len(farthest), 1)[0]]]).nonzero()[:, 0]
            rows[group] = photos[draw(len(photos), len(group))]
        return rows


def feature_term(embedded: Sequence[Tensor], goals: Sequence[Tensor]) -> Tensor:
    """``||goal - f(x')|| / ||goal||``, summed over extractors: ``(N,)``.

    Args:
        embedded: raw, ``(N, D)`` of each extractor.
        goals: raw, the same shapes.
    """
    parts = [(goal - e).norm(dim=1) / goal.norm(dim=1) for e, goal in zip(embedded, goals, strict=True)]
    return torch.stack(parts).sum(0)
