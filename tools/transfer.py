"""How far attacks on some extractors protect against others: a matrix of protection rates.

    python tools/transfer.py --models ../shared/models --people 8

Embedded people post photos perturbed by projected sign gradients (PGD, Madry et al. 2018); everybody else's posts are
clean; clean photos that were not posted are named by their nearest posted one. Protection is the share named wrong.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from measure_compact import DATA, embedded_people
from torch import Tensor, nn

from facetui.engine.extractors.families import compact, mobilefacenet

POSTED = 16
COMPACT = ("compact-a", "compact-b", "compact-c", "compact-d")
SURROGATES = (("compact-a",), ("compact-b",), ("compact-a", "compact-d"), ("compact-a", "compact-b", "compact-d"))


def perturb(
    photos: Tensor, surrogates: Sequence[nn.Module], aims: Sequence[Tensor], *, towards: bool, bound: float, steps: int
) -> Tensor:
    """Photos within an L-inf bound, whose embeddings lie near to (or far from) ``aims``, rows ``(N, D)`` of each."""
    delta = torch.zeros_like(photos, memory_format=torch.channels_last)
    if not towards:  # the clean photo is a maximum: start beside it
        delta.uniform_(-bound / 2, bound / 2, generator=torch.Generator().manual_seed(0))
    for _ in range(steps):
        delta.requires_grad_()
        similarity = torch.stack([(s(photos + delta) * a).sum() for s, a in zip(surrogates, aims, strict=True)]).sum()
        (gradient,) = torch.autograd.grad(similarity, delta)
        step = gradient.sign() * (2.5 * bound / steps)
        delta = (delta.detach() + (step if towards else -step)).clamp(-bound, bound)
        delta = (photos + delta).clamp(0, 1) - photos
    return photos + delta


def farthest(gallery: Tensor, people: Tensor) -> Tensor:
    """For each photo, the mean embedding ``(N, D)`` of the person least like the one in it."""
    means = torch.stack([nn.functional.normalize(gallery[people == p].mean(0), dim=0) for p in people.unique()])
    return means[(means @ means.T).argmin(1)][people]


def as_files(photos: Tensor, networks: list[nn.Module], aims: list[Tensor], **how: Any) -> Tensor:
    """Perturbed photos ``(N, 3, 112, 112)`` in [0, 1], as picture files would hold them."""
    chunks = [slice(i, i + 64) for i in range(0, len(photos), 64)]
    parts = [perturb(photos[rows], networks, [aim[rows] for aim in aims], **how) for rows in chunks]
    return (torch.cat(parts) * 255).round() / 255


def load_networks(data: Path, models: Path | None) -> dict[str, nn.Module]:
    """The embedded compact networks that there are, and both MobileFaceNets of a folder."""
    networks: dict[str, nn.Module] = {
        n: compact.load(data / f"{n}.safetensors", n) for n in COMPACT if (data / f"{n}.safetensors").exists()
    }
    for name in ("mobilefacenet-casia", "mobilefacenet-ms1m") if models else ():
        networks[name] = mobilefacenet.load(models / f"{name}.safetensors", name)
    for network in networks.values():
        network.requires_grad_(False).to(memory_format=torch.channels_last)
    return networks


def main() -> None:
    """Print the matrix."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, help="folder with both MobileFaceNets; without it they are left out")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--people", type=int, default=8, help="how many are protected")
    parser.add_argument("--bounds", type=int, nargs="+", default=[8, 16], help="of 255")
    parser.add_argument("--steps", type=int, default=20)
    args = parser.parse_args()
    networks = load_networks(args.data, args.models)
    photos, people = embedded_people()
    photos = photos.float() / 255
    nth = torch.cat([torch.arange(int((people == p).sum())) for p in people.unique()])
    posted = nth < POSTED
    with torch.no_grad():
        clean = {name: torch.cat([net(x) for x in photos.split(128)]) for name, net in networks.items()}

    def wrong(gallery: Tensor, name: str, who: Tensor) -> float:
        probes = ~posted & torch.isin(people, who)
        named = people[posted][(clean[name][probes] @ gallery.T).argmax(1)]
        return float((named != people[probes]).float().mean())

    print("attack".ljust(52), *[n.removeprefix("mobile").ljust(13) for n in networks])
    row = [f"{wrong(clean[n][posted], n, people.unique()):.3f}".ljust(13) for n in networks]
    print("nobody perturbs: share of all probes named wrong".ljust(52), *row, flush=True)
    users = torch.linspace(0, int(people.max()), args.people).round().long()
    mine = posted & torch.isin(people, users)
    for bound in args.bounds:
        for names in SURROGATES:
            if not all(n in networks for n in names):
                continue
            for towards in (True, False):
                aims = [farthest(clean[n][posted], people[posted]) if towards else clean[n][posted] for n in names]
                aims = [a[mine[posted]] for a in aims]
                how = {"towards": towards, "bound": bound / 255, "steps": args.steps}
                poisoned = as_files(photos[mine], [networks[n] for n in names], aims, **how)
                row = []
                for name, network in networks.items():
                    gallery = clean[name].clone()
                    with torch.no_grad():
                        gallery[mine] = network(poisoned)
                    row.append(f"{wrong(gallery[posted], name, users):.3f}".ljust(13))
                kind = "targeted" if towards else "untargeted"
                print(f"{'+'.join(names)}, {kind}, {bound}/255".ljust(52), *row, flush=True)


if __name__ == "__main__":
    main()
