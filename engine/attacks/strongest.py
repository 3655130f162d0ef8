"""The strongest user that is built here: everything that makes a perturbation transfer, at once.

An ensemble of all surrogates; sign steps with momentum (Dong et al., CVPR 2018, arXiv 1710.06081); each step through
views drawn anew, what a trainer's purifier does among them (``views``); channels of the networks dropped at random, as
DFANet does it (Zhong and Deng, TIFS 2021, arXiv 2004.05790); and away from every clean photo of oneself in the album
instead of from the one that is perturbed. With ``anticipate``, a lab adds to the surrogates robust copies of them,
trained as a trainer would against the tools that were there before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from facetui.engine.attacks.optimising.loop import clean_rows, ready, uniform
from facetui.engine.attacks.optimising.views import View, random_view
from facetui.engine.core.budget import Budget
from facetui.engine.core.device import Portion, autocast, batch_size
from facetui.engine.core.inference import embed
from facetui.engine.core.interfaces import Album, Attack, Extractor
from facetui.engine.core.ssim import Dissimilarity
from facetui.engine.records.errors import UsageError

STEPS = 50
BOUND = 33.15 / 255
"""That of LowKey, so that both can be compared."""

VISIBLE = 0.014
"""DSSIM to which a photo is held: the mean of LowKey's photos, of 8 development people with 4 photos each."""

FIRM = 1.3
"""By how much more the gradient of the DSSIM counts after a step that leaves it too large, or less after another."""


class Strongest(Attack):
    """Untargeted perturbation of a whole album, made to transfer.

    Args:
        steps: sign steps.
        views: drawn for each step; each costs a forward+backward pass through every surrogate.
        momentum: of the gradient, in [0, 1].
        dropped: share of channels that every convolution but the first drops, drawn anew for each view, in [0, 1).
        step_size: pixels in [0, 1] a step; that of LowKey.
        anticipate: also against robust copies of the surrogates, trained against the tools that were used before.
    """

    name = "strongest"
    year = 2026
    default_budget = Budget("dssim", VISIBLE, BOUND)
    source = "MI-, DI-, TI- and SI-FGSM (2018-2020) and DFANet (arXiv 2004.05790) at once"
    ensemble = True
    release_steps = STEPS

    def __init__(
        self,
        steps: int = STEPS,
        views: int = 4,
        momentum: float = 1.0,
        dropped: float = 0.05,
        step_size: float = 0.0025,
        anticipate: bool = False,
    ) -> None:
        if steps < 1 or views < 1 or step_size <= 0:
            raise UsageError("expected at least 1 step and 1 view, and a step size above 0")
        if not 0 <= momentum <= 1 or not 0 <= dropped < 1:
            raise UsageError(f"expected a momentum in [0, 1] and a share dropped in [0, 1), got {momentum}, {dropped}")
        self.steps = steps
        self.views = views
        self.momentum = momentum
        self.dropped = dropped
        self.step_size = step_size
        self.anticipate = anticipate
        known = "; against robust copies of its surrogates, too" if anticipate else ""
        self.about = f"{views} random views a step, momentum, dropped channels, away from the whole album{known}"

    def passes(self, n_surrogates: int) -> int:
        """Forward+backward passes an image costs."""
        return self.steps * self.views * n_surrogates

    def _optimise(self, album: Album, surrogates: Sequence[Extractor]) -> Tensor:
        if album.budget.norm == "l2":
            raise UsageError(f"{self.name} works in linf or dssim, got the budget {album.budget}; write 'linf 33/255'")
        radius = min(album.budget.linf, BOUND)
        networks = ready(surrogates, album.photos.device)
        clean, n = clean_rows(album, torch.arange(len(album.photos))), len(album.photos)
        own = [embed(network, clean) for network in networks]
        last = own
        # Clean photos are a maximum of the similarity, where the gradient vanishes: begin beside it.
        x = (clean + uniform(clean, radius / 4, album.generator)).clamp_(0, 1)
        memory, firmness = torch.zeros_like(x), torch.ones(n, 1, 1, 1, device=x.device)
        portion, done = Portion(x.device, batch_size(x.device)), 0
        for _ in range(self.steps):
            away = [self._away_from(album.people, *pair) for pair in zip(own, last, strict=True)]
            views = [(random_view(album.generator), int(torch.randint(1 << 31, (1,), generator=album.generator)))
                     for _ in range(self.views)]  # fmt: skip
            found = portion.of(n, partial(self._gradient, album, x, networks, away, views))
            gradient, last = found[0], list(found[1:])
            memory = self.momentum * memory + _normal(gradient)
            way = memory
            if album.budget.norm == "dssim":
                seen, visible = portion.of(n, partial(_visible, x, clean))
                way = _normal(memory) + firmness * _normal(visible)
                over = (seen > album.budget.epsilon).view(-1, 1, 1, 1)
                firmness = torch.where(over, firmness * FIRM, firmness / FIRM)
            change = (x - self.step_size * way.sign() - clean).clamp_(-radius, radius)
            x = (clean + change).clamp_(0, 1)
            done += n * self.views * len(networks)
            album.watch(torch.arange(n, device=x.device), x)
            album.progress(done, n * self.passes(len(networks)))
        return x

    def _away_from(self, people: Tensor, own: Tensor, last: Tensor) -> Tensor:
        """For each photo what its embedding is to be unlike, ``(N, D)``: the mean of its owner's clean ones.

        Args:
            people: ``(N,)``.
            own: embeddings ``(N, D)`` of the clean photos.
            last: of the photos as they were at the last step.
        """
        same = same_person(people).float()
        return same @ own / same.sum(1, keepdim=True)

    def _gradient(
        self,
        album: Album,
        x: Tensor,
        networks: Sequence[Extractor],
        away: Sequence[Tensor],
        views: Sequence[tuple[View, int]],
        part: slice,
    ) -> tuple[Tensor, ...]:
        """Of a part of the album: the gradient of the mean similarity, and mean embeddings by each network."""
        photos = x[part].detach().requires_grad_(True)
        rows = torch.arange(len(x), device=x.device)[part]
        gradient, embedded = torch.zeros_like(photos), []
        for network, goal in zip(networks, away, strict=True):
            mean = torch.zeros_like(goal[part])
            for view, seed in views:
                with dropping(network, self.dropped, seed), autocast(x.device):
                    seen = network(view(album.view(photos, rows))).float()
                # View by view: one graph over all of them would not fit the processor's cache.
                gradient += torch.autograd.grad((seen * goal[part]).sum(), photos)[0]
                mean += seen.detach() / len(views)
            embedded.append(mean)
        return gradient, *embedded


def _normal(gradient: Tensor) -> Tensor:
    """Gradients ``(n, 3, h, h)``, each scaled so that its mean size is one."""
    return gradient / gradient.abs().flatten(1).mean(1).clamp_min(1e-12).view(-1, 1, 1, 1)


def _visible(x: Tensor, clean: Tensor, part: slice) -> tuple[Tensor, Tensor]:
    """DSSIM ``(n,)`` of some photos, and its gradient."""
    photos = x[part].detach().requires_grad_(True)
    dssim = Dissimilarity(clean[part])(photos)
    return dssim.detach(), torch.autograd.grad(dssim.sum(), photos)[0]


def same_person(people: Tensor) -> Tensor:
    """Which photos ``(N, N)`` bool show the same one of people ``(N,)``."""
    return people[:, None] == people[None]


@contextmanager
def dropping(network: nn.Module, share: float, seed: int) -> Iterator[None]:
    """Let a network drop a share of the channels of each of its convolutions but the first, the same for every photo.

    Args:
        network: any; without convolutions nothing is dropped.
        share: in [0, 1).
        seed: of what is dropped.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)][1:] if share else []

    def drop(number: int, layer: nn.Module, given: object, out: Tensor) -> Tensor:
        # By the layer's number: a network that is asked photo by photo drops the same of each.
        generator = torch.Generator().manual_seed(seed + number)
        kept = (torch.rand(out.shape[1], generator=generator) >= share).to(out) / (1 - share)
        return out * kept.view(1, -1, *[1] * (out.ndim - 2))

    hooks = [layer.register_forward_hook(partial(drop, number)) for number, layer in enumerate(layers)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
