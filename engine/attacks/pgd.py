"""Projected gradient descent in feature space: the plain reference among the attacks.

Madry et al. 2018 (arXiv 1706.06083) for the optimiser; the goal is feature collision, as in Shafahi et al. 2018 (arXiv
1804.00792): a targeted photo moves towards the centre of another person, an untargeted one away from itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from facetui.engine.budget import Budget
from facetui.engine.device import autocast, batch_size, in_batches
from facetui.engine.errors import UsageError
from facetui.engine.inference import centres, embed, frozen
from facetui.engine.interfaces import Attack, Bank, Extractor, Progress


class PGD(Attack):
    """Sign-gradient steps on the mean cosine similarity over the surrogates, projected onto an L-inf ball.

    Args:
        targeted: towards the person of the bank least similar to the user; else away from the photo's own embedding.
        steps: forward+backward passes through each surrogate.
        step_size: pixels in [0, 1] a step; absent: two and a half times the budget over all steps, as Madry et al.
        ensemble: against all surrogates at once; else against the first.
    """

    name = "pgd"
    year = 2018
    default_budget = Budget("linf", 8 / 255)
    source = "Madry et al. 2018, arXiv 1706.06083"

    def __init__(
        self, targeted: bool = True, steps: int = 20, step_size: float | None = None, ensemble: bool = False
    ) -> None:
        if steps < 1:
            raise UsageError(f"expected at least 1 step, got {steps}")
        if step_size is not None and step_size <= 0:
            raise UsageError(f"expected a step size above 0, got {step_size}")
        self.targeted = targeted
        self.steps = steps
        self.step_size = step_size
        self.ensemble = ensemble

    def passes(self, n_surrogates: int) -> int:
        """Forward+backward passes an image costs."""
        return self.steps * n_surrogates

    def _optimise(
        self,
        photos: Tensor,
        surrogates: Sequence[Extractor],
        *,
        people: Tensor,
        bank: Bank | None,
        budget: Budget,
        generator: torch.Generator,
        progress: Progress,
    ) -> Tensor:
        if budget.norm != "linf":
            raise UsageError(f"pgd works in linf, got the budget {budget}; write it as 'linf 8/255'")
        if self.targeted and bank is None:
            raise UsageError("a targeted attack needs photos of other people to aim at, got none")
        device = photos.device
        networks = [frozen(surrogate, device) for surrogate in surrogates]
        goals, sign = [], 1.0 if self.targeted else -1.0
        for network in networks:
            own = embed(network, photos)
            goals.append(_least_similar(own, people, bank, network) if self.targeted and bank else own)
        # Away from oneself starts at a maximum of similarity, where the gradient vanishes: begin beside it.
        start = torch.rand(photos.shape, generator=generator).to(device) * 2 - 1
        step_size = self.step_size or 2.5 * budget.epsilon / self.steps
        total, done = len(photos) * self.steps, 0

        def descend(rows: Tensor) -> Tensor:
            nonlocal done
            clean = photos[rows].contiguous(memory_format=torch.channels_last)
            towards = [goal[rows] for goal in goals]
            x = (clean + start[rows] * (budget.epsilon / 2)).clamp(0, 1)
            low, high = (clean - budget.epsilon).clamp(min=0), (clean + budget.epsilon).clamp(max=1)
            for _ in range(self.steps):
                x.requires_grad_(True)
                with autocast(device):
                    similarity = sum((network(x) * goal).sum() for network, goal in zip(networks, towards, strict=True))
                (gradient,) = torch.autograd.grad(torch.as_tensor(similarity), x)
                with torch.no_grad():
                    x = torch.clamp(x + gradient.sign_().mul_(sign * step_size), low, high)
                done += len(rows)
                progress(done, total)
            return x.detach()

        return in_batches(descend, torch.arange(len(photos), device=device), batch_size(device))


def _least_similar(own: Tensor, people: Tensor, bank: Bank, network: Extractor) -> Tensor:
    """For each photo the centre ``(N, D)`` of the person of the bank whom its owner resembles least."""
    others, known = centres(embed(network, bank.photos), bank.people.to(own.device))
    users, present = centres(own, people)
    similarity = users @ others.T  # (users, people of the bank)
    similarity[present[:, None] == known[None]] = 2.0  # never oneself
    if bool((similarity.amin(dim=1) > 1.5).any()):
        raise UsageError("a targeted attack needs photos of other people to aim at, got only the user's own")
    return others[similarity.argmin(dim=1)][torch.searchsorted(present, people)]
