"""LowKey (ICLR 2021): photos that several extractors, plain and blurred, no longer know.

Cherepanova et al. 2021 (arXiv 2101.07922) and its supplement: every surrogate sees the photo and a Gaussian-blurred
copy, each as the sum of the photo and its mirror image; sign steps away from the clean embedding, less a perceptual
penalty.

What differs from the release: the cast's surrogates instead of four 152-layer networks; the photo is aligned already
(``facetui protect`` puts the warp back); LPIPS is a true mean over photos, where the release read the first photo of a
batch; and without the package ``lpips`` and AlexNet's weights the penalty is 1 - SSIM, which the run says.

The range is [0, 1] and the only bound that of the steps: 50 x 0.0025 + 0.005 = 0.13, or 33/255.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from facetui.engine.attacks.optimising.loop import Tick, batchwise, clean_rows, ready, uniform
from facetui.engine.attacks.optimising.resampling import blur
from facetui.engine.core.budget import Budget
from facetui.engine.core.device import autocast, batch_size, in_batches
from facetui.engine.core.interfaces import Album, Attack, Extractor
from facetui.engine.core.ssim import Dissimilarity
from facetui.engine.records.errors import DataError, UsageError, extra_command

STEPS = 50
START = 0.005
BLUR, SIGMA = 7, 3.0
EMBEDDING = 512
"""Numbers in the release's embeddings, over which it takes the mean: beside it stands the perceptual penalty, whose
weight would mean something else with embeddings of another size."""
VIEWS = 4
"""Plain and blurred, each with its mirror image: forward+backward passes through a surrogate a step."""
ALEXNET = "alexnet-owt-7be5be79.pth"
STAND_IN = "perceptual penalty 1 - SSIM in place of LPIPS (install facetui[lpips] and fetch AlexNet for it)"


class LowKey(Attack):
    """Untargeted perturbation against an ensemble.

    Args:
        steps: sign steps.
        step_size: pixels in [0, 1] a step.
        weight: of the perceptual penalty.
        perceptual: ``lpips``, ``ssim``, or ``auto``: LPIPS where package and weights are on this machine.

    Raises:
        DataError: LPIPS was asked for and is not here; nothing is ever fetched unasked.
    """

    name = "lowkey"
    year = 2021
    default_budget = Budget("linf", STEPS * 0.0025 + START)
    source = "Cherepanova et al., ICLR 2021, arXiv 2101.07922"
    ensemble = True
    release_steps = STEPS

    def __init__(
        self, steps: int = STEPS, step_size: float = 0.0025, weight: float = 0.05, perceptual: str = "auto"
    ) -> None:
        if steps < 1 or step_size <= 0 or weight < 0:
            raise UsageError("expected at least 1 step, a step size above 0 and a weight of at least 0")
        if perceptual not in ("auto", "lpips", "ssim"):
            raise UsageError(f"expected the perceptual penalty auto, lpips or ssim, got {perceptual!r}")
        if perceptual == "lpips" and not has_lpips():
            raise DataError(
                f"LPIPS is not on this machine; {extra_command('lpips')}, and put AlexNet's {ALEXNET} into "
                f"{_checkpoints()} (torchvision fetches it when asked: torchvision.models.alexnet(weights='DEFAULT'))"
            )
        self.steps = steps
        self.step_size = step_size
        self.weight = weight
        self.perceptual = ("lpips" if has_lpips() else "ssim") if perceptual == "auto" else perceptual
        bound = steps * step_size + START
        self.default_budget = Budget("linf", bound)
        penalty = "LPIPS (AlexNet)" if self.perceptual == "lpips" else STAND_IN
        fewer = f"{steps} steps instead of {STEPS}; " if steps != STEPS else ""
        self.about = f"{fewer}{penalty}; range [0, 1]; no other bound than the steps' own, {bound * 255:.0f}/255"

    def passes(self, n_surrogates: int) -> int:
        """Forward+backward passes an image costs."""
        return self.steps * VIEWS * n_surrogates

    def _optimise(self, album: Album, surrogates: Sequence[Extractor]) -> Tensor:
        if album.budget.norm != "linf":
            raise UsageError(f"lowkey works in linf, got the budget {album.budget}; write it as 'linf 33/255'")
        networks = ready(surrogates, album.photos.device)
        own = [_reference(network, album.photos) for network in networks]

        def climb(rows: Tensor, tick: Tick) -> Tensor:
            clean = clean_rows(album, rows)
            visible = self._perceptual(clean)
            before = [e[rows] for e in own]
            x = clean + uniform(clean, START, album.generator)
            for _ in range(self.steps):
                x.requires_grad_(True)
                gradient = torch.autograd.grad((-self.weight * visible(x)).sum(), x)[0]
                # View by view: one graph over all of them would not fit the processor's cache.
                for network, e in zip(networks, before, strict=True):
                    for soft in (False, True):
                        seen = album.view(x, rows)
                        with autocast(x.device):
                            away = (mirrored(network, blurred(seen) if soft else seen) - e).square().sum(1) / EMBEDDING
                        gradient += torch.autograd.grad(away.sum() / (2 * len(networks)), x)[0]
                x = x.detach() + gradient.sign_().mul_(self.step_size)
                tick(len(rows) * VIEWS * len(networks), x)
            return x

        return batchwise(album, self.passes(len(networks)), climb, parts=2)

    def _perceptual(self, clean: Tensor) -> Callable[[Tensor], Tensor]:
        """How visible photos are beside the clean ones, ``(n,)``."""
        if self.perceptual == "ssim":
            dissimilarity = Dissimilarity(clean)
            return lambda x: 2 * dissimilarity(x)
        network = _lpips(clean.device)
        return lambda x: network(x, clean, normalize=True).flatten()


def mirrored(network: Extractor, photos: Tensor) -> Tensor:
    """Unit-length embeddings ``(n, D)`` of photos and mirror images together."""
    return F.normalize((network.features(photos) + network.features(photos.flip(3))).float(), dim=1)


def blurred(photos: Tensor) -> Tensor:
    """Photos through the release's Gaussian: 7x7, sigma 3, reflected at the edges."""
    if photos.device.type != "cpu":  # the gradient of reflected edges depends on the order of threads there
        return blur(photos, BLUR, SIGMA)
    from kornia.filters import gaussian_blur2d  # kornia takes a second to import

    return gaussian_blur2d(photos, (BLUR, BLUR), (SIGMA, SIGMA), border_type="reflect")


def _reference(network: Extractor, photos: Tensor) -> Tensor:
    def some(rows: Tensor) -> Tensor:
        with torch.no_grad(), autocast(rows.device):
            return mirrored(network, rows.contiguous(memory_format=torch.channels_last))

    return in_batches(some, photos, batch_size(photos.device), photos.device)


def _checkpoints() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def has_lpips() -> bool:
    """Whether the package ``lpips`` and AlexNet's weights are on this machine."""
    from importlib.util import find_spec

    return find_spec("lpips") is not None and (_checkpoints() / ALEXNET).is_file()


def _lpips(device: torch.device) -> Any:
    import lpips

    return lpips.LPIPS(net="alex", verbose=False).eval().requires_grad_(False).to(device)
