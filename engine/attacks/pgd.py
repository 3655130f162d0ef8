"""Projected gradient descent in feature space: the plain reference among the attacks.

Madry et al. 2018 (arXiv 1706.06083) for the optimiser; the goal is feature collision, as in Shafahi et al. 2018 (arXiv
1804.00792): a targeted photo moves towards the centre of another person, an untargeted one away from itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from facetui.engine.attacks.optimising.loop import clean_rows, ready, uniform
from facetui.engine.core.budget import Budget
from facetui.engine.core.device import Portion, autocast, batch_size
from facetui.engine.core.inference import centres, embed
from facetui.engine.core.interfaces import Album, Attack, Bank, Extractor, View
from facetui.engine.records.errors import UsageError

CHECK_EVERY = 4
"""Steps of a photo between two looks at whether it is finished: each look waits for the device."""


SeenAfter = Callable[[Tensor, Tensor], Tensor]
"""What of photos ``(n, 3, 112, 112)``, which have taken so many steps ``(n,)``, on the CPU, a network is shown."""


@dataclass(frozen=True)
class _Work:
    """Photos in work: ``(n, 3, 112, 112)``, their rows, the steps they have taken, on the CPU, and where they go."""

    photos: Tensor
    rows: Tensor
    taken: Tensor
    towards: Sequence[Tensor]


class PGD(Attack):
    """Steps along the gradient of the mean cosine similarity over the surrogates, projected onto a ball.

    In L-inf a step is the sign of the gradient, in L2 the gradient scaled to a length.

    Args:
        targeted: towards the person of the bank least similar to the user; else away from the photo's own embedding.
        steps: forward+backward passes through each surrogate.
        step_size: length of a step in the budget's norm, pixels in [0, 1]; absent: two and a half times the budget
            over all steps, as Madry et al.
        ensemble: against all surrogates at once; else against the first.
        stop_at: cosine similarity, mean over the surrogates, at which a photo is finished and leaves the batch for
            another: reached from below when targeted, from above otherwise. Absent: every photo takes every step.
    """

    name = "pgd"
    year = 2018
    default_budget = Budget("linf", 8 / 255)
    source = "Madry et al. 2018, arXiv 1706.06083"

    def __init__(
        self,
        targeted: bool = True,
        steps: int = 20,
        step_size: float | None = None,
        ensemble: bool = False,
        stop_at: float | None = None,
    ) -> None:
        if steps < 1:
            raise UsageError(f"expected at least 1 step, got {steps}")
        if step_size is not None and step_size <= 0:
            raise UsageError(f"expected a step size above 0, got {step_size}")
        if stop_at is not None and not -1 < stop_at < 1:
            raise UsageError(f"expected a cosine similarity to stop at between -1 and 1, got {stop_at}")
        self.targeted = targeted
        self.steps = steps
        self.step_size = step_size
        self.ensemble = ensemble
        self.stop_at = stop_at

    def passes(self, n_surrogates: int) -> int:
        """Forward+backward passes an image costs at most."""
        return self.steps * n_surrogates

    def _views(self, generator: torch.Generator) -> SeenAfter:
        """Through what the gradient is taken; a subclass may change photos at random, drawn here for every step."""
        return lambda photos, taken: photos

    def _optimise(self, album: Album, surrogates: Sequence[Extractor]) -> Tensor:
        budget, bank = album.budget, album.bank
        if budget.norm == "dssim":
            raise UsageError(f"{self.name} works in linf or l2, got the budget {budget}; write it as 'linf 8/255'")
        if self.targeted and bank is None:
            raise UsageError("a targeted attack needs photos of other people to aim at, got none")
        device, count = album.photos.device, len(album.photos)
        networks = ready(surrogates, device)
        goals = []
        for network in networks:
            own = embed(network, album.photos)
            goals.append(least_similar(own, album.people, bank, network) if self.targeted and bank else own)
        step_size = self.step_size or 2.5 * budget.epsilon / self.steps
        uphill = 1.0 if self.targeted else -1.0
        view = self._views(album.generator)
        out = torch.empty_like(album.photos)
        # Photos in work; a finished one makes room for the next, so that the batch stays full.
        waiting = torch.arange(count, device=device)
        rows, x, taken = waiting[:0], album.photos[:0], torch.zeros(0, dtype=torch.int64)
        portion = Portion(device, batch_size(device))
        done = 0
        while len(rows) or len(waiting):
            room = batch_size(device) - len(rows)
            if room and len(waiting):
                new, waiting = waiting[:room], waiting[room:]
                rows = torch.cat([rows, new])
                x = torch.cat([x, self._start(clean_rows(album, new), budget, album.generator)])
                x = x.contiguous(memory_format=torch.channels_last)
                taken = torch.cat([taken, torch.zeros(len(new), dtype=torch.int64)])
                clean, towards = clean_rows(album, rows), [goal[rows] for goal in goals]
            work = _Work(x, rows, taken, towards)
            similarity, gradient = portion.of(len(rows), partial(self._gradient, work, networks, album.view, view))
            x = _step(x, gradient, clean, uphill * step_size, budget)
            taken = taken + 1
            done += len(rows) * len(networks)
            album.watch(rows, x)
            finished = self._finished(taken, similarity)
            done += int((self.steps - taken[finished]).sum()) * len(networks)  # passes that are not needed any more
            album.progress(done, count * self.passes(len(networks)))
            if finished.any():
                stays = ~finished
                out[rows[finished.to(device)]] = x[finished.to(device)]
                rows, x, taken = rows[stays.to(device)], x[stays.to(device)], taken[stays]
                x = x.contiguous(memory_format=torch.channels_last)
                clean, towards = clean_rows(album, rows), [goal[rows] for goal in goals]
        return out

    def _finished(self, taken: Tensor, similarity: Tensor) -> Tensor:
        """Which photos in work take no more steps, ``(n,)`` bool on the CPU.

        Args:
            taken: ``(n,)`` steps that each has taken, on the CPU.
            similarity: ``(n,)`` of each before its last step: asking again would cost another pass.
        """
        finished = taken >= self.steps
        due = taken % CHECK_EVERY == 0
        if self.stop_at is not None and bool(due.any()):
            there = (similarity >= self.stop_at) if self.targeted else (similarity <= self.stop_at)
            finished |= due & there.cpu()
        return finished

    def _start(self, clean: Tensor, budget: Budget, generator: torch.Generator) -> Tensor:
        # Away from oneself starts at a maximum of similarity, where the gradient vanishes: begin beside it.
        if budget.norm == "linf":
            return (clean + uniform(clean, budget.epsilon / 2, generator)).clamp_(0, 1)
        noise = uniform(clean, 1.0, generator)
        return (clean + noise * (budget.epsilon / 2 / noise.flatten(1).norm(dim=1)).view(-1, 1, 1, 1)).clamp_(0, 1)

    def _gradient(
        self, work: _Work, networks: Sequence[Extractor], posted: View, view: SeenAfter, part: slice
    ) -> tuple[Tensor, Tensor]:
        """Of a part of the batch: mean cosine similarity ``(n,)`` to its goals, and gradient ``(n, 3, 112, 112)``."""
        x = work.photos[part].detach().requires_grad_(True)
        seen = view(posted(x, work.rows[part]), work.taken[part])
        with autocast(x.device):
            each = [(network(seen) * goal[part]).sum(1) for network, goal in zip(networks, work.towards, strict=True)]
            similarity = torch.stack(each).mean(0)
        (gradient,) = torch.autograd.grad(similarity.sum(), x)
        return similarity.detach(), gradient


def _step(x: Tensor, gradient: Tensor, clean: Tensor, size: float, budget: Budget) -> Tensor:
    """One step of a length along a gradient, projected onto budget and range."""
    if budget.norm == "linf":
        moved = gradient.sign_().mul_(size).add_(x).sub_(clean).clamp_(-budget.epsilon, budget.epsilon)
        return moved.add_(clean).clamp_(0, 1)
    length = gradient.flatten(1).norm(dim=1).clamp_min(1e-12).view(-1, 1, 1, 1)
    return budget.project(clean, x + gradient * (size / length))


def least_similar(own: Tensor, people: Tensor, bank: Bank, network: Extractor) -> Tensor:
    """For each photo the centre ``(N, D)`` of the person of the bank whom its owner resembles least."""
    others, known = centres(embed(network, bank.photos), bank.people.to(own.device))
    users, present = centres(own, people)
    similarity = users @ others.T  # (users, people of the bank)
    similarity[present[:, None] == known[None]] = 2.0  # never oneself
    if bool((similarity.amin(dim=1) > 1.5).any()):
        raise UsageError("a targeted attack needs photos of other people to aim at, got only the user's own")
    return others[similarity.argmin(dim=1)][torch.searchsorted(present, people)]
