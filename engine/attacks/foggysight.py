"""FoggySight (PETS 2021): others crowd a person out of a face search.

Evtimov et al. 2021 (arXiv 2012.08588): *other* people perturb their own photos until an extractor takes them for the
protected person, so that a search for her finds them first. The only scheme here that helps photos already scraped,
and it takes many helpers.

What differs from the release: the cast's surrogates; 160 steps instead of 2,000, longer by as much; the bound is given
in pixels (the release's 0.5 is in standard deviations of a photo, about 30/255).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from facetui.engine.attacks.optimising.loop import Tick, batchwise, clean_rows, device_generator, normal, ready
from facetui.engine.attacks.optimising.resampling import resize
from facetui.engine.core.budget import Budget
from facetui.engine.core.device import autocast
from facetui.engine.core.inference import embed
from facetui.engine.core.interfaces import Album, Attack, Bank, Extractor
from facetui.engine.records.errors import UsageError

STRATEGIES = ("same", "mean", "random", "gaussian")
BRIGHTNESS, NOISE = 0.5, 0.75
"""Of the views, in standard deviations of the photo."""
CROP = 10 / 160
"""Largest part of a side that a view cuts off."""
KEEP_SMALL = 1e-6
RELEASED = 2000
"""Steps of the release."""
PATH = 40.0
"""Length of Adam's way in bounds, were every step as long as its rate: the release's 2,000 steps of 0.01 of 0.5."""
LONGEST = 0.25
"""No step is longer than this part of the bound."""
WIDE = 3.0
"""Standard deviation of the first noise, in standard deviations of the photo: most of it starts at the bound."""


class FoggySight(Attack):
    """Decoys: photos of other people that embed near the people of the bank.

    Args:
        strategy: where decoys go: ``same`` random photo of the protected person for all, their ``mean``, a ``random``
            photo for each, or ``gaussian``, drawn around the mean with the spread of the photos.
        steps: of Adam, each over another brightness, crop and noise.
    """

    name = "foggysight"
    year = 2021
    default_budget = Budget("linf", 30 / 255)
    source = "Evtimov et al., PETS 2021, arXiv 2012.08588"
    ensemble = True
    decoy = True
    revision = 2
    release_steps = RELEASED

    def __init__(self, strategy: str = "mean", steps: int = 160) -> None:
        if strategy not in STRATEGIES:
            raise UsageError(f"expected a strategy {', '.join(STRATEGIES)}, got {strategy!r}")
        if steps < 1:
            raise UsageError(f"expected at least 1 step, got {steps}")
        self.strategy = strategy
        self.steps = steps
        way = min(LONGEST * steps, PATH)
        self.about = (
            f"{steps} steps, longer ones: {way:g} of the {PATH:g} bounds that the release's go; bound in pixels"
        )

    def passes(self, n_surrogates: int) -> int:
        """Forward+backward passes a decoy costs."""
        return self.steps * n_surrogates

    def _optimise(self, album: Album, surrogates: Sequence[Extractor]) -> Tensor:
        if album.budget.norm != "linf":
            raise UsageError(f"foggysight works in linf, got the budget {album.budget}; write it as 'linf 30/255'")
        if album.bank is None or not len(album.bank.photos):
            raise UsageError("decoys need photos of the person they protect, got none")
        networks = ready(surrogates, album.photos.device)
        goals = self._goals(album, album.bank, networks)
        radius = album.budget.epsilon
        # Views are the same for every photo of an album, whatever batch it is in.
        seed = int(torch.randint(1 << 62, (1,), generator=album.generator))

        def descend(rows: Tensor, tick: Tick) -> Tensor:
            clean = clean_rows(album, rows)
            spread = clean.flatten(1).std(dim=1).view(-1, 1, 1, 1)
            towards = [goal[rows] for goal in goals]
            noise = (normal(clean, album.generator) * WIDE * spread).clamp_(-radius, radius).requires_grad_(True)
            chances = torch.Generator().manual_seed(seed)
            views = device_generator(clean.device, chances)
            optimiser = torch.optim.Adam([noise], min(LONGEST, PATH / self.steps) * radius)
            for _ in range(self.steps):
                seen = _another_view((clean + noise).clamp(0, 1), spread, views, chances)
                seen = album.view(seen.clamp(clean - radius, clean + radius), rows)
                with autocast(clean.device):
                    embedded = [network(seen).float() for network in networks]
                loss = decoy_loss(embedded, towards, noise / spread)
                (noise.grad,) = torch.autograd.grad(loss.sum(), noise)
                optimiser.step()
                with torch.no_grad():
                    noise.clamp_(-radius, radius)
                tick(len(rows) * len(networks), clean + noise)
            return clean + noise.detach()

        return batchwise(album, self.passes(len(networks)), descend)

    def _goals(self, album: Album, bank: Bank, networks: Sequence[Extractor]) -> list[Tensor]:
        """For each surrogate unit-length embeddings ``(N, D)``; people of the bank take turns."""
        n, generator = len(album.photos), album.generator
        who = bank.people.cpu()
        members = [(who == k).nonzero()[:, 0] for k in who.unique()]
        theirs = [members[i % len(members)] for i in range(n)]
        fixed = [int(torch.randint(len(m), (1,), generator=generator)) for m in members]
        drawn = [int(torch.randint(len(m), (1,), generator=generator)) for m in theirs]
        goals = []
        for network in networks:
            known = embed(network, bank.photos).cpu()
            if self.strategy == "same":
                goal = torch.stack([known[m[fixed[i % len(members)]]] for i, m in enumerate(theirs)])
            elif self.strategy == "random":
                goal = torch.stack([known[m[j]] for m, j in zip(theirs, drawn, strict=True)])
            else:
                goal = torch.stack([known[m].mean(0) for m in theirs])
                if self.strategy == "gaussian":
                    spread = torch.stack([known[m].std(0, correction=0) for m in theirs])
                    goal = goal + torch.randn(goal.shape, generator=generator) * spread
            goals.append(F.normalize(goal, dim=1).to(album.photos.device))
        return goals


def decoy_loss(embedded: Sequence[Tensor], goals: Sequence[Tensor], noise: Tensor) -> Tensor:
    """Cosine distances to the goals, summed over extractors, and a little of the noise's energy: ``(N,)``.

    Args:
        embedded: unit length, ``(N, D)`` of each extractor.
        goals: the same shapes.
        noise: ``(N, 3, 112, 112)`` in standard deviations of each photo.
    """
    distance = torch.stack([1 - (e * goal).sum(1) for e, goal in zip(embedded, goals, strict=True)]).sum(0)
    return distance + KEEP_SMALL * 0.5 * noise.flatten(1).square().sum(dim=1)


def _another_view(photos: Tensor, spread: Tensor, views: torch.Generator, generator: torch.Generator) -> Tensor:
    """Another brightness, another crop and fresh noise, the same for all photos; differentiable.

    Args:
        photos: ``(n, 3, 112, 112)`` in [0, 1].
        spread: ``(n, 1, 1, 1)``, standard deviation of each photo.
        views: on the photos' device.
        generator: on the CPU, for what the host must know.
    """
    side = photos.shape[-1]
    cut = max(1, round(side * CROP))
    top, left = torch.randint(cut + 1, (2,), generator=generator).tolist()
    kept = photos[:, :, top : top + side - cut, left : left + side - cut]
    kept = resize(kept, side)
    light = (float(torch.rand((), generator=generator)) * 2 - 1) * BRIGHTNESS * spread
    noise = torch.randn(photos.shape[1:], generator=views, device=photos.device)
    return kept + light + noise * (NOISE * spread)
