"""The end-to-end recogniser: a new head on an extractor, and all layers trained on the scraped photos themselves.

The third recogniser of Radiya-Dixit et al., ICLR 2022 (arXiv 2106.14851): a dense softmax head, all layers trainable,
identity-balanced batches, flips with probability 0.25. They use Adadelta for 5000 batches; here it is Adam for fewer,
the head begins at each person's mean embedding, and batch norm keeps its statistics: thousands of photos are not there.
"""

from __future__ import annotations

import copy
from functools import partial

import torch
from torch import Tensor, nn

from facetui.engine.core.cache import Checkpoint
from facetui.engine.core.device import autocast, backward, batch_size, in_batches
from facetui.engine.core.inference import centres, embed, pixels
from facetui.engine.core.interfaces import Extractor, Progress, no_progress
from facetui.engine.core.training_loop import State, learn
from facetui.engine.records.errors import UsageError

FLIPS = 0.25
LEAST, SHOWN = 80, 16
"""Batches at least, and how often everybody is shown on average."""
SHARPNESS = 24.0
"""Of the softmax over cosines."""


class EndToEnd:
    """A classifier of photos, not of embeddings.

    Args:
        extractor: where training starts, on the device to compute on; left unchanged.
        generator: on the CPU; every random draw comes from it.
        steps: batches; absent: 80, and more where there are many people to tell apart.
        batch: photos in one.
        learning_rate: Adam.
    """

    name = "end-to-end"

    def __init__(
        self,
        extractor: Extractor,
        generator: torch.Generator,
        *,
        steps: int | None = None,
        batch: int = 32,
        learning_rate: float = 3e-4,
    ) -> None:
        self._network = copy.deepcopy(extractor).eval().requires_grad_(True)
        self._generator = generator
        self.steps = steps
        self.batch = batch
        self.learning_rate = learning_rate
        self._head: Tensor | None = None
        self._people = torch.empty(0, dtype=torch.int64)

    def fit(
        self,
        photos: Tensor,
        people: Tensor,
        progress: Progress = no_progress,
        checkpoint: Checkpoint | None = None,
    ) -> EndToEnd:
        """Train on photos ``(N, 3, 112, 112)`` of people ``(N,)``; returns itself.

        Args:
            photos: uint8 or in [0, 1].
            people: any whole numbers.
            progress: called with photos done and to do.
            checkpoint: training that was stopped goes on from it, to the same bytes.

        Raises:
            UsageError: photos of fewer than two people, or lengths differ.
        """
        if people.shape != (len(photos),):
            raise UsageError(f"expected one person a photo, got {tuple(people.shape)} for {len(photos)} photos")
        self._people, label = people.unique(return_inverse=True)
        if len(self._people) < 2:
            raise UsageError("an end-to-end classifier needs photos of at least two people")
        # Sixteen photos of everybody: with 530 people 80 batches show most of them a few times only.
        n = self.steps or max(LEAST, SHOWN * len(self._people) // self.batch)
        device = next(self._network.parameters()).device
        total = n * self.batch
        middle, _ = centres(embed(self._network, photos, lambda: progress(0, total)), people.to(device))
        head = nn.Parameter(middle.clone())
        optimiser = torch.optim.Adam([*self._network.parameters(), head], self.learning_rate)
        chance = 1 / torch.bincount(label).float()[label]  # every person as often as any other
        drawn = torch.multinomial(chance, total, replacement=True, generator=self._generator)
        flipped = torch.rand(total, generator=self._generator) < FLIPS

        def step(number: int) -> None:
            now = slice(number * self.batch, (number + 1) * self.batch)
            rows = drawn[now]
            seen = pixels(photos[rows], device)
            seen = torch.where(flipped[now].to(device)[:, None, None, None], seen.flip(-1), seen)
            backward(partial(self._loss, head, seen, label[rows].to(device)), self.batch, optimiser.zero_grad, device)
            optimiser.step()

        learn(
            step,
            n,
            State(self._network, [head], optimiser),
            checkpoint=checkpoint,
            progress=lambda done: progress(done * self.batch, total),
        )
        self._head = nn.functional.normalize(head.detach(), dim=1)
        return self

    def _loss(self, head: Tensor, photos: Tensor, label: Tensor, rows: slice) -> Tensor:
        """The loss of some rows of a batch."""
        with autocast(photos.device):
            embeddings = self._network(photos[rows].contiguous(memory_format=torch.channels_last))
        scores = SHARPNESS * embeddings.float() @ nn.functional.normalize(head, dim=1).T
        return nn.functional.cross_entropy(scores, label[rows])

    def predict(self, photos: Tensor) -> Tensor:
        """Whom the trainer names ``(N,)``, on the CPU, for photos ``(N, 3, 112, 112)``.

        Raises:
            UsageError: nothing was trained.
        """
        if self._head is None:
            raise UsageError("the classifier is not trained; let the trainer scrape before it names anybody")
        head = self._head

        def some(rows: Tensor) -> Tensor:
            device = next(self._network.parameters()).device
            with torch.inference_mode(), autocast(device):
                seen = self._network(pixels(rows, device).contiguous(memory_format=torch.channels_last)).float()
            return (seen @ head.T).argmax(1)

        if not len(photos):
            return torch.empty(0, dtype=torch.int64)
        return self._people[in_batches(some, photos, 2 * batch_size(head.device), head.device).cpu()]
