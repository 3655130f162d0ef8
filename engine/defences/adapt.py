"""The adaptive trainer: the tool is public, so perturb photos of other people with it, and learn to see through it.

Radiya-Dixit et al., ICLR 2022 (arXiv 2106.14851) fine-tune on clean and perturbed photos under a shared label; here the
embeddings of both are pulled directly to what the network saw in the clean photo before. That needs no labels and
leaves clean photos where they were, so accuracy for everybody else hardly moves.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from facetui.engine.device import autocast
from facetui.engine.errors import UsageError
from facetui.engine.inference import embed
from facetui.engine.interfaces import Bank, Defence, Extractor, Progress, no_progress


class Adapt(Defence):
    """Fine-tuning for embedding consistency.

    Args:
        steps: batches of pairs, however many pairs there are: training takes the same time against every set of tools.
        learning_rate: Adam; falls to zero along a cosine.
        batch: pairs a step.
    """

    name = "adapt"
    source = "Radiya-Dixit et al., ICLR 2022, arXiv 2106.14851"

    def __init__(self, steps: int = 64, learning_rate: float = 5e-4, batch: int = 8) -> None:
        if steps < 1 or batch < 1 or learning_rate <= 0:
            raise UsageError("expected steps and batch of at least 1 and a learning rate above 0")
        self.steps = steps
        self.learning_rate = learning_rate
        self.batch = batch

    def train(
        self,
        extractor: Extractor,
        clean: Bank,
        poisoned: Tensor,
        *,
        generator: torch.Generator,
        progress: Progress = no_progress,
    ) -> Extractor:
        """A robust copy of an extractor.

        Args:
            extractor: on the device to compute on; left unchanged.
            clean: ``(K, 3, 112, 112)`` uint8 or in [0, 1], photos of people who are not evaluated.
            poisoned: ``(M, 3, 112, 112)``, M a multiple of K: for each attack the perturbed copies, row for row.
            generator: on the CPU; the order of the pairs comes from it.
            progress: called with pairs done and to do.

        Raises:
            UsageError: no pairs, or a number of perturbed photos that is no multiple of the clean ones.
        """
        if not len(clean.photos) or len(poisoned) % len(clean.photos) or not len(poisoned):
            raise UsageError(f"expected perturbed copies of {len(clean.photos)} photos, got {len(poisoned)}")
        device = next(extractor.parameters()).device
        goal = embed(extractor, clean.photos)
        # In evaluation mode batch norm keeps its statistics: a few hundred photos would spoil them.
        network = copy.deepcopy(extractor).eval().requires_grad_(True)
        optimiser = torch.optim.Adam(network.parameters(), self.learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, self.steps)
        order = torch.empty(0, dtype=torch.int64)
        for step in range(self.steps):
            while len(order) < self.batch:
                order = torch.cat([order, torch.randperm(len(poisoned), generator=generator)])
            rows, order = order[: self.batch], order[self.batch :]
            originals = rows % len(clean.photos)
            pair = torch.cat([_pixels(clean.photos[originals], device), _pixels(poisoned[rows], device)])
            with autocast(device):
                seen = network(pair.contiguous(memory_format=torch.channels_last))
            loss = 1 - (seen * goal[originals.to(device)].repeat(2, 1)).sum(1).mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            progress((step + 1) * self.batch, self.steps * self.batch)
        return network.requires_grad_(False)


def _pixels(photos: Tensor, device: torch.device) -> Tensor:
    photos = photos.to(device)
    return photos / 255 if photos.dtype == torch.uint8 else photos
