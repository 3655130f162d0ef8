"""How fast attacks run, as ratios measured in one run on one machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from facetui.engine import extractors
from facetui.engine.applications.benchmarks.load import Load, Meter
from facetui.engine.applications.benchmarks.repeated import Repeated
from facetui.engine.attacks import ATTACKS
from facetui.engine.attacks.pgd import PGD
from facetui.engine.core import device as devices
from facetui.engine.core.inference import frozen
from facetui.engine.core.interfaces import Bank, Extractor
from facetui.engine.records.errors import DataError

NETWORKS = ("compact-a", "compact-b", "compact-c", "mobilefacenet-casia", "mobilefacenet-ms1m")


@dataclass(frozen=True)
class Row:
    """One network's line of the table.

    Attributes:
        network: its name.
        bare: image-steps a second of forward+backward to the photo, at the best batch size tried.
        batch: that batch size.
        loop: image-steps a second of the whole PGD attack, set-up and projection included.
        ratio: of the two, each time measured one after the other.
        load: what others took of the processors meanwhile.
    """

    network: str
    bare: Repeated
    batch: int
    loop: Repeated
    ratio: Repeated
    load: Load


def _rate(work: Callable[[], int], seconds: float, device: torch.device, *, warm: bool = False) -> float:
    """Units a second of ``work``, which returns how many it did; unless it is warm, once before to warm up."""
    if not warm:
        work()
    _wait(device)
    done, began = 0, time.perf_counter()
    while (took := time.perf_counter() - began) < seconds or not done:
        done += work()
        _wait(device)
    return done / max(took, time.perf_counter() - began)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def bare(network: Extractor, batch: int, device: torch.device) -> Callable[[], int]:
    """Forward and backward to the photos, as simply as PyTorch does it."""
    photos = torch.rand(batch, 3, 112, 112, device=device).contiguous(memory_format=torch.channels_last)

    def work() -> int:
        x = photos.requires_grad_(True)
        with devices.autocast(device):
            out = network(x).sum()
        torch.autograd.grad(out, x)
        return batch

    return work


@dataclass(frozen=True)
class AttackRow:
    """One attack's line of the table.

    Attributes:
        attack: its name.
        settings: what it ran with, in words.
        passes: forward+backward passes an image it says it needs.
        wall: seconds the attack took, set-up and projection included.
        floor: seconds the same count of bare forward+backward passes takes, at the best batch size, batch norm folded.
        ratio: of the two, each time measured one after the other; absent where the attack needs no pass.
        load: what others took of the processors meanwhile.
    """

    attack: str
    settings: str
    passes: int
    wall: Repeated
    floor: Repeated
    ratio: Repeated | None
    load: Load


def best_batch(network: Extractor, seconds: float, device: torch.device) -> int:
    """The batch size at which bare forward+backward runs fastest, each tried for some seconds."""
    batches = (8, 16, 32, 64) if device.type == "cpu" else (64, 256, 1024)
    return max(batches, key=lambda batch: _rate(bare(network, batch, device), seconds, device))


SHORT: dict[str, dict[str, Any]] = {
    "fawkes-0.3": {"mode": "min"},
    "fawkes-1.0": {"mode": "low"},
    "lowkey": {"steps": 10},
    "foggysight": {"steps": 20},
}
"""Settings under which an attack takes few steps: its time goes with its steps, so the ratio does not need them all."""


ROUNDS = 5
"""Times that each of two things is measured, one after the other, so that a machine that slows down slows both."""


def attacks(
    network_name: str, device_name: str = "auto", seconds: float = 3.0, rounds: int = ROUNDS
) -> Iterator[AttackRow]:
    """Wall time of every attack beside its own count of bare passes, in one run, the two alternately.

    Args:
        network_name: an extractor's.
        device_name: as for ``device.choose``.
        seconds: for the bare passes beside one attack, in all.
        rounds: how often each is measured.
    """
    device = devices.choose(device_name)
    network = extractors.load(network_name).to(device)
    folded = frozen(network, device)
    best = best_batch(folded, seconds / 4, device)
    passing = bare(folded, best, device)
    count = 2 * devices.batch_size(device)
    generator = torch.Generator().manual_seed(0)
    photos = torch.rand(count, 3, 112, 112, generator=generator).to(device)
    people = torch.arange(count, device=device) // 8
    bank = Bank(photos[:16], torch.arange(16, device=device) // 4 + 1000)
    for name in ATTACKS.names():
        settings = SHORT.get(name, {})
        attack = ATTACKS.get(name)(**settings)
        passes = count * attack.passes(1)
        attack.perturb(photos[:2], [network], people=people[:2], bank=bank, generator=generator)  # imports, warms up
        meter, floors, walls = Meter(), [], []
        for _ in range(rounds):
            floors.append(passes / _rate(passing, seconds / rounds, device))
            began = time.perf_counter()
            attack.perturb(photos, [network], people=people, bank=bank, generator=generator)
            _wait(device)
            walls.append(time.perf_counter() - began)
        words = ", ".join(f"{key} {value}" for key, value in settings.items())
        wall, floor = Repeated(tuple(walls)), Repeated(tuple(floors))
        yield AttackRow(
            name, words, attack.passes(1), wall, floor, _ratio(wall, floor) if passes else None, meter.load()
        )


def _ratio(over: Repeated, under: Repeated) -> Repeated:
    return Repeated(tuple(a / b for a, b in zip(over.values, under.values, strict=True)))


def attack_loop(device_name: str = "auto", seconds: float = 3.0, rounds: int = ROUNDS) -> Iterator[Row]:
    """Measure every network that is here, one after the other; those whose weights are missing are left out.

    Args:
        device_name: as for ``device.choose``.
        seconds: for each of a network's two measurements, in all.
        rounds: how often each is measured, the two alternately.
    """
    device = devices.choose(device_name)
    generator = torch.Generator().manual_seed(0)
    for name in NETWORKS:
        try:
            network = extractors.load(name).requires_grad_(False)
        except DataError:
            continue
        network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        count = 4 * devices.batch_size(device)
        photos = torch.rand(count, 3, 112, 112, generator=generator).to(device)
        people = torch.arange(count, device=device) // 16
        bank = Bank(photos[:16], torch.arange(16, device=device) + 1000)
        attack = PGD(steps=20)

        def loop(photos=photos, people=people, bank=bank, attack=attack, network=network) -> int:  # type: ignore[no-untyped-def]
            attack.perturb(photos, [network], people=people, bank=bank, generator=torch.Generator().manual_seed(1))
            return len(photos) * attack.steps

        best = best_batch(network, seconds / 4, device)
        passing, meter, halves = bare(network, best, device), Meter(), []
        loop()  # warms up
        for _ in range(rounds):
            halves.append((_rate(passing, seconds / rounds, device), _rate(loop, seconds / rounds, device, warm=True)))
        floors, loops = (Repeated(tuple(rates)) for rates in zip(*halves, strict=True))
        yield Row(name, floors, best, loops, _ratio(loops, floors), meter.load())
