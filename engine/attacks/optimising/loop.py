"""What the loops of all attacks share: networks made ready, batches, and the count of passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from facetui.engine.core.device import autocast, batch_size, in_batches
from facetui.engine.core.inference import frozen
from facetui.engine.core.interfaces import Album, Extractor

Tick = Callable[[int, Tensor], None]
"""Called with the passes just done, and the photos of the batch as they are; tells the audience, and may raise
``Cancelled``."""


def ready(surrogates: Sequence[Extractor], device: torch.device) -> list[Extractor]:
    """Frozen, folded copies on a device."""
    return [frozen(surrogate, device) for surrogate in surrogates]


def batchwise(album: Album, passes: int, optimise: Callable[[Tensor, Tick], Tensor], parts: int = 1) -> Tensor:
    """``optimise(rows, tick)`` for every batch of an album, put together.

    Everything an attack allocates lives for one batch, so memory does not grow with the album.

    Args:
        album: the photos.
        passes: what an image costs, for progress.
        optimise: perturbed photos ``(n, 3, 112, 112)`` of rows ``(n,)``; calls ``tick`` between steps. What it draws
            from the album's generator must be the same numbers however the rows are divided: photo after photo, as
            ``uniform`` and ``normal`` do. What photos share is drawn before, for the whole album.
        parts: how many passes an image keeps in memory at a time: batches are smaller by as much.
    """
    device, total, done = album.photos.device, len(album.photos) * passes, 0

    def work_on(some: Tensor) -> Tensor:
        nonlocal done
        before, drawn = done, album.generator.get_state()

        def tick(n: int, photos: Tensor) -> None:
            nonlocal done
            done += n
            album.watch(some, photos)
            album.progress(done, total)

        try:
            return optimise(some, tick)
        except (RuntimeError, MemoryError):
            # Memory may have run out: fewer of these rows are tried again, from the same draws and the same count.
            done = before
            album.generator.set_state(drawn)
            raise

    rows = torch.arange(len(album.photos), device=device)
    return in_batches(work_on, rows, max(1, batch_size(device) // parts), device)


def clean_rows(album: Album, rows: Tensor) -> Tensor:
    """Clean photos of a batch, channels last."""
    return album.photos[rows].contiguous(memory_format=torch.channels_last)


def uniform(like: Tensor, radius: float, generator: torch.Generator) -> Tensor:
    """Random numbers in [-radius, radius] of the same shape, device and memory format."""
    noise = torch.rand(like.shape, generator=generator).mul_(2 * radius).sub_(radius)
    return noise.to(like.device, memory_format=torch.channels_last)


def normal(like: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal random numbers of the same shape, device and memory format."""
    # Photo by photo: how many are drawn at once decides which numbers come out.
    noise = torch.stack([torch.randn(like.shape[1:], generator=generator) for _ in like])
    return noise.to(like.device, memory_format=torch.channels_last)


def device_generator(device: torch.device, generator: torch.Generator) -> torch.Generator:
    """A generator on a device, seeded from one on the CPU: noise that is drawn in every step must not cross the bus."""
    if device.type == "cpu":
        return generator
    seed = int(torch.randint(1 << 62, (1,), generator=generator))
    return torch.Generator(device).manual_seed(seed)


def raw(network: Extractor, photos: Tensor) -> Tensor:
    """Raw embeddings ``(N, D)`` float32 on the photos' device: before they are scaled to unit length."""
    device = photos.device

    def some(rows: Tensor) -> Tensor:
        with torch.no_grad(), autocast(device):
            return network.features(rows.contiguous(memory_format=torch.channels_last)).float()

    return in_batches(some, photos, 2 * batch_size(device), device)
