"""Small networks with real gradients, and photos of the embedded people."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch

from facetui.engine.core.interfaces import Bank
from facetui.engine.extractors.families.compact import Architecture, Compact
from facetui.engine.people import identities as peoples
from facetui.engine.people.persons import EMBEDDED

SHARED = Path(__file__).resolve().parents[3] / "shared"
TINY = Architecture((8, 12, 16, 24), (1, 0, 0), 4, 32)


@cache
def some_faces() -> torch.Tensor:
    persons = peoples.load(EMBEDDED).persons
    return torch.cat([person.photos[:2] for person in persons]).float() / 255


def tiny_extractor(name: str) -> Compact:
    """A small network with random weights, centred on faces: real gradients in no time."""
    with torch.random.fork_rng():
        torch.manual_seed(sum(name.encode()))
        network = Compact(name, TINY).train()
    with torch.no_grad():
        network(some_faces())  # gives its batch norms statistics
        network.eval().layers[-1].bias -= network.features(some_faces()).mean(0)
    return network


def noisy(photos: torch.Tensor, seed: int = 1, size: float = 8) -> torch.Tensor:
    """Photos (N, 3, 112, 112) uint8 with every pixel moved by so many grey levels, up or down."""
    coin = torch.rand(photos.shape, generator=torch.Generator().manual_seed(seed)) < 0.5
    return (photos.float() + torch.where(coin, size, -size)).clamp(0, 255).round().to(torch.uint8)


def photos_of(people, each: int) -> Bank:
    photos = torch.cat([person.photos[:each] for person in people])
    return Bank(photos, torch.arange(len(people)).repeat_interleave(each))
