"""Measures compact extractors: recognition of the embedded and of five held-out real people, and speed.

python tools/measure_compact.py --shared ../shared --cache /tmp/faces compact-a compact-b
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import faces
import make_people
import torch
from torch import Tensor, nn

from facetui.engine.extractors.families import compact
from facetui.engine.people.persons import EMBEDDED

DATA = Path(__file__).parent.parent / "engine" / "data"


def passes_a_second(networks: dict[str, nn.Module], batch: int = 64, rounds: int = 5) -> dict[str, float]:
    """Images a second through forward and backward to the input; the best of rounds in which all take turns."""
    best = dict.fromkeys(networks, 0.0)
    for network in networks.values():
        network.requires_grad_(False).to(memory_format=torch.channels_last)
    for _ in range(rounds):
        for name, network in networks.items():
            photos = torch.rand(batch, 3, 112, 112).contiguous(memory_format=torch.channels_last).requires_grad_()
            began = time.perf_counter()
            network(photos).sum().backward()
            best[name] = max(best[name], batch / (time.perf_counter() - began))
    return best


def multiply_adds(network: nn.Module) -> int:
    """Multiplications with an addition that one photo costs, in convolutions and dense layers."""
    total = 0

    def count(layer: nn.Module, _: object, out: Tensor) -> None:
        nonlocal total
        weight = layer.weight
        assert isinstance(weight, Tensor)
        total += weight.numel() * (out.shape[2] * out.shape[3] if isinstance(layer, nn.Conv2d) else 1)

    layers = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    with torch.inference_mode():
        network(torch.zeros(1, 3, 112, 112))
    for hook in hooks:
        hook.remove()
    return total


def embedded_people() -> tuple[Tensor, Tensor]:
    """Photos ``(N, 3, 112, 112)`` uint8 of the embedded people, and who is in each."""
    from facetui.engine.people import identities

    persons = identities.load(EMBEDDED).persons
    who = torch.arange(len(persons)).repeat_interleave(torch.tensor([len(p.photos) for p in persons]))
    return torch.cat([p.photos for p in persons]), who


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True, help="folder with faces/ and models/")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the weights")
    parser.add_argument("names", nargs="+")
    args = parser.parse_args()
    networks: dict[str, nn.Module] = {n: compact.load(args.data / f"{n}.safetensors", n) for n in args.names}
    _, held_out = faces.split_glint(faces.read(args.shared / "faces" / "glint", args.cache))
    photos, who = embedded_people()
    figures: dict[str, dict[str, float]] = {}
    for name, network in networks.items():
        ours, real = faces.embed(network, photos), faces.embed(network, held_out.photos)
        figures[name] = {
            "parameters": sum(p.numel() for p in network.parameters()),
            "multiply-adds": multiply_adds(network),
            "bytes": (args.data / f"{name}.safetensors").stat().st_size,
            "rank-1 embedded": faces.leave_one_out_rank1(ours, who),
            "rank-1 held-out": faces.leave_one_out_rank1(real, held_out.people),
            "rank-1 held-out, ten photos enrolled": faces.rank1_from(real, held_out.people, 10),
            "true matches at 1 % false ones, held-out": faces.true_match_rate(real, held_out.people, 0.01),
        }
    speeds = passes_a_second({**networks, **make_people.teachers(args.shared)})
    for name, speed in speeds.items():
        row = figures.setdefault(name, {})
        row["passes a second"] = speed
        row["times mobilefacenet-casia"] = speed / speeds["mobilefacenet-casia"]
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
