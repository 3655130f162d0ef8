"""What comes when in a training on pairs: photos beside their perturbed copies, and clean photos as anchors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from facetui.engine.core.inference import pixels
from facetui.engine.core.interfaces import Bank
from facetui.engine.records.errors import UsageError


def check_pairs(clean: Bank, poisoned: Tensor, anchors: Bank) -> None:
    """Raise ``UsageError`` unless there are anchors, and for each attack a copy of every clean photo."""
    if not len(anchors.photos):
        raise UsageError("expected clean photos as anchors, got none")
    if not len(clean.photos) or len(poisoned) % len(clean.photos) or not len(poisoned):
        raise UsageError(f"expected perturbed copies of {len(clean.photos)} photos, got {len(poisoned)}")


@dataclass(frozen=True)
class Batches:
    """Every random draw of a training, made at its beginning.

    Attributes:
        clean: the originals.
        poisoned: their copies.
        anchors: clean photos beside them.
        pairs: ``(steps, batch)`` which perturbed copies.
        anchor_rows: ``(steps, anchors)`` which anchors.
        sizes: ``(steps, batch)`` how much of its perturbation a copy shows.
        mirrored: ``(steps, batch + anchors)`` bool.
    """

    clean: Bank
    poisoned: Tensor
    anchors: Bank
    pairs: Tensor
    anchor_rows: Tensor
    sizes: Tensor
    mirrored: Tensor

    @classmethod
    def drawn(
        cls,
        clean: Bank,
        poisoned: Tensor,
        anchors: Bank,
        *,
        steps: int,
        batch: int,
        n_anchors: int,
        sizes: tuple[float, float],
        generator: torch.Generator,
    ) -> Batches:
        """Draw what a training of so many steps sees.

        Args:
            clean: ``(K, 3, 112, 112)`` uint8 or in [0, 1].
            poisoned: ``(M, 3, 112, 112)``, M a multiple of K: for each attack the perturbed copies, row for row.
            anchors: at least one photo.
            steps: batches.
            batch: pairs in each.
            n_anchors: clean photos beside them.
            sizes: between which a copy shows its perturbation, at random.
            generator: on the CPU.
        """
        # Every pair once, then again in another order.
        rounds = -(-steps * batch // len(poisoned))
        order = torch.cat([torch.randperm(len(poisoned), generator=generator) for _ in range(rounds)])
        anchor_rows = torch.randint(len(anchors.photos), (steps, n_anchors), generator=generator)
        # Perturbations somewhat weaker and stronger than the tool makes them, mirrored.
        low, high = sizes
        shown = low + (high - low) * torch.rand(steps, batch, generator=generator)
        mirrored = torch.rand(steps, batch + n_anchors, generator=generator) < 0.5
        return cls(clean, poisoned, anchors, order[: steps * batch].view(steps, batch), anchor_rows, shown, mirrored)

    def batch(self, number: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """Photos in [0, 1], the same photos clean, and which clean photo each shows, anchors after originals."""
        rows, anchor_rows = self.pairs[number], self.anchor_rows[number]
        originals = rows % len(self.clean.photos)
        before, after = pixels(self.clean.photos[originals], device), pixels(self.poisoned[rows], device)
        size = self.sizes[number].to(device).view(-1, 1, 1, 1)
        after = (before + size * (after - before)).clamp(0, 1)
        anchors = pixels(self.anchors.photos[anchor_rows], device)
        mirrored = self.mirrored[number].to(device).view(-1, 1, 1, 1)
        shown, clean = (torch.cat([photos, anchors]) for photos in (after, before))
        shown, clean = (torch.where(mirrored, photos.flip(-1), photos) for photos in (shown, clean))
        which = torch.cat([originals, len(self.clean.photos) + anchor_rows]).to(device)
        return shown, clean, which
