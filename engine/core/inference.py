"""Networks made ready for attacks and for embedding: weights frozen, batch norm folded, channels last."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from facetui.engine.core import paged
from facetui.engine.core.device import autocast, batch_size, in_batches
from facetui.engine.core.interfaces import Extractor


def fold_batch_norm(network: Extractor) -> Extractor:
    """A copy in which every batch norm that follows a convolution in an ``nn.Sequential`` is part of it.

    In evaluation mode a batch norm is one multiplication and one addition a channel, so the outputs agree up to
    rounding; a pass forward and back does a fifth to a third less work.
    """
    folded = copy.deepcopy(network).eval()
    for sequence in [m for m in folded.modules() if isinstance(m, nn.Sequential)]:
        layers = list(sequence.named_children())
        for (name, layer), (next_name, following) in itertools.pairwise(layers):
            if isinstance(layer, nn.Conv2d) and isinstance(following, nn.BatchNorm2d):
                setattr(sequence, name, fuse_conv_bn_eval(layer, following))
                setattr(sequence, next_name, nn.Identity())
    return folded


def frozen(network: Extractor, device: torch.device) -> Extractor:
    """A folded copy on a device, without gradients for its weights; the caller's network is left as it is."""
    ready = fold_batch_norm(network).requires_grad_(False)
    return ready.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def pixels(photos: Tensor, device: torch.device) -> Tensor:
    """Photos on a device in [0, 1], whether they were bytes or already so."""
    photos = photos.to(device)
    return photos / 255 if photos.dtype == torch.uint8 else photos


def embed(
    network: Extractor, photos: Tensor, check: Callable[[], object] = lambda: None, *, raw: bool = False
) -> Tensor:
    """Embeddings ``(N, D)`` float32 of unit length, on the network's device.

    Args:
        network: on the device to compute on.
        photos: ``(N, 3, 112, 112)``, uint8 or floating point in [0, 1], on any device; N may be 0.
        check: called before every batch; may raise ``Cancelled``, so that a stop need not wait for an archive.
        raw: leave embeddings as long as the network makes them.

    Raises:
        OutOfMemory: not even one photo fits.
    """
    device = next(network.parameters()).device
    if not len(photos):
        return torch.empty(0, network.embedding_size, device=device)

    large = photos.numel() * photos.element_size() >= paged.LARGE

    def some(rows: Tensor) -> Tensor:
        check()
        if large:
            paged.let_go()  # of the rows before
        with torch.inference_mode(), autocast(device):
            seen = pixels(rows, device).contiguous(memory_format=torch.channels_last)
            return (network.features(seen) if raw else network(seen)).float()

    return in_batches(some, photos, 2 * batch_size(device)).clone()


def centres(embeddings: Tensor, people: Tensor) -> tuple[Tensor, Tensor]:
    """The mean embedding of each person.

    Args:
        embeddings: ``(N, D)``.
        people: ``(N,)``, any whole numbers.

    Returns:
        Centres ``(P, D)`` of unit length, and the people ``(P,)`` they stand for, rising.
    """
    known, row = people.unique(return_inverse=True)
    sums = embeddings.new_zeros(len(known), embeddings.shape[1]).index_add_(0, row, embeddings)
    return nn.functional.normalize(sums, dim=1), known
