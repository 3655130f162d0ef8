"""Trains one compact extractor to see what a real network sees: distillation.

    python tools/make_pool.py --shared ../shared --cache /tmp/faces
    python tools/train_compact.py --cache /tmp/faces --name compact-a --minutes 17 --threads 1

``--start FILE`` goes on from weights instead of from scratch, at a lower learning rate. The schedule follows the clock,
so two runs do not give the same bytes.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from facetui.engine.extractors.families import compact
from facetui.engine.extractors.families.compact import Architecture, Compact

BATCH = 32
PEAK, PEAK_WHEN_CONTINUED = 1.0, 0.5
ADAM_RATE, MUON_RATE = 2e-3, 0.02
"""Learning rates at the peak: of biases, batch norms and the last layer; of convolutions."""
DECAY = 0.02


@dataclass(frozen=True)
class Recipe:
    """What tells one compact extractor from another.

    Attributes:
        architecture: its shape.
        teacher: whose embeddings it learns.
        seed: of weights and of the order of pictures.
    """

    architecture: Architecture
    teacher: str
    seed: int


# One teacher each. Users attack a and d, whose teachers are of one family; those of b and c are of others.
RECIPES = {
    "compact-a": Recipe(Architecture((16, 24, 48, 96), (0, 1, 1), 32), "mobilefacenet-casia", 1),
    "compact-b": Recipe(Architecture((16, 24, 48, 104), (0, 1, 1), 24), "dlib", 2),
    "compact-c": Recipe(Architecture((16, 24, 56, 96), (0, 1, 1), 32), "faceres", 3),
    "compact-d": Recipe(Architecture((16, 32, 48, 88), (0, 1, 1), 32), "mobilefacenet-ms1m", 4),
}


def target(cache: Path, teacher: str, size: int) -> Tensor:
    """``(N, size)`` unit-length embeddings of the pool: a teacher's, from their mean, in their principal components.

    From the mean, because some networks' embeddings share a direction that says nothing about anybody; a student who
    learns it looks good and knows nobody. Of the thousand numbers of ``faceres`` the first components tell people
    apart better than all of them do.
    """
    seen = torch.from_numpy(np.load(cache / f"pool-{teacher}.npy"))
    seen = F.normalize(seen, dim=1)
    centred = seen - seen.mean(0)
    _, directions = torch.linalg.eigh(centred.T @ centred)
    return F.normalize(centred @ directions[:, -size:].flip(1), dim=1)


def augment(photos: Tensor, generator: torch.Generator) -> Tensor:
    """What leaves the teacher's embedding almost alone: mirror image, up to two pixels aside, exposure; to [0, 1]."""
    n = len(photos)
    x = photos.float() / 255
    x = torch.where(torch.rand(n, 1, 1, 1, generator=generator) < 0.5, x.flip(3), x)
    padded = F.pad(x, (2, 2, 2, 2), mode="replicate")
    # One shift a batch: batches are small and many.
    top, left = torch.randint(5, (2,), generator=generator).tolist()
    x = padded[:, :, top : top + 112, left : left + 112]
    gain = 0.9 + 0.2 * torch.rand(n, 1, 1, 1, generator=generator)
    return (x * gain).clamp(0, 1).contiguous(memory_format=torch.channels_last)


class Muon(torch.optim.Optimizer):
    """Momentum whose update of each kernel, seen as a matrix, is made orthogonal; Jordan et al. 2024.

    On a small budget of steps it learns clearly faster than AdamW. Coefficients of the Newton-Schulz iteration and the
    scale are the publication's.
    """

    def __init__(self, parameters: list[torch.nn.Parameter], lr: float, momentum: float = 0.9) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """One update."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                mean = state.setdefault("mean", torch.zeros_like(parameter.grad))
                mean.mul_(group["momentum"]).add_(parameter.grad)
                update = parameter.grad + group["momentum"] * mean
                x = update.reshape(len(update), -1)
                turned = x.shape[0] > x.shape[1]
                x = (x.T if turned else x) / (x.norm() + 1e-7)
                for _ in range(5):
                    gram = x @ x.T
                    x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
                x = x.T if turned else x
                scale = max(1, x.shape[0] / x.shape[1]) ** 0.5
                parameter.mul_(1 - group["lr"] * DECAY).add_(x.view_as(parameter), alpha=-group["lr"] * scale)


def train(recipe: Recipe, network: Compact, cache: Path, minutes: float, peak: float) -> float:
    """Train in place; returns the mean cosine to the teacher over the last tenth."""
    generator = torch.Generator().manual_seed(recipe.seed)
    photos = np.load(cache / "pool-photos.npy", mmap_mode="r")
    aims = target(cache, recipe.teacher, recipe.architecture.embedding)
    network.train().to(memory_format=torch.channels_last)
    kernels = [p for p in network.parameters() if p.ndim == 4]
    others = [p for p in network.parameters() if p.ndim != 4]
    optimisers = [
        torch.optim.AdamW(others, lr=ADAM_RATE, weight_decay=DECAY),
        Muon(kernels, lr=MUON_RATE),
    ]
    began, step, said = time.monotonic(), 0, 0.0
    recent: list[float] = []
    order = torch.empty(0, dtype=torch.int64)
    while (share := (time.monotonic() - began) / (60 * minutes)) < 1:
        if len(order) < BATCH:
            order = torch.randperm(len(photos), generator=generator)
        rows, order = order[:BATCH], order[BATCH:]
        rate = peak * min(1, (step + 1) / 40) * 0.5 * (1 + math.cos(math.pi * share))
        for optimiser, full in zip(optimisers, (ADAM_RATE, MUON_RATE), strict=True):
            for group in optimiser.param_groups:
                group["lr"] = rate * full
        out = network(augment(torch.from_numpy(photos[rows.numpy()]), generator))
        loss = (1 - (out * aims[rows]).sum(1)).mean()
        network.zero_grad(set_to_none=True)
        loss.backward()
        for optimiser in optimisers:
            optimiser.step()
        step += 1
        recent = [*recent[-199:], 1 - loss.item()]
        if share > said + 0.05:
            said = share
            print(f"{share:.0%} {step} steps, cosine {np.mean(recent):.4f}", flush=True)
    network.eval()
    return float(np.mean(recent))


def main() -> None:
    """Train and write one extractor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, required=True, help="folder with the pool")
    parser.add_argument("--name", choices=sorted(RECIPES), required=True)
    parser.add_argument("--minutes", type=float, default=9)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--out", type=Path, help="default: engine/data/NAME.safetensors")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    recipe = RECIPES[args.name]
    if args.start:
        network, peak = compact.load(args.start, args.name), PEAK_WHEN_CONTINUED
    else:
        with torch.random.fork_rng():
            torch.manual_seed(recipe.seed)
            network, peak = Compact(args.name, recipe.architecture), PEAK
    cosine = train(recipe, network, args.cache, args.minutes, peak)
    out = args.out or Path("engine/data") / f"{args.name}.safetensors"
    compact.save(network.to(memory_format=torch.contiguous_format), out)
    count = sum(p.numel() for p in network.parameters())
    print(f"{args.name}: {count} parameters, {out.stat().st_size} bytes, cosine to the teacher {cosine:.4f}")


if __name__ == "__main__":
    main()
