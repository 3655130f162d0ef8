"""The adaptive trainer: the tool is public, so perturb photos of other people with it, and learn to see through it.

Radiya-Dixit et al., ICLR 2022 (arXiv 2106.14851) fine-tune on clean and perturbed photos under a shared label
(``shared-label`` here). The default pulls the embedding of a perturbed copy directly to what the network saw in the
clean photo before (``consistency``), and holds other clean photos, the anchors, where they were: that needs no labels,
and accuracy for everybody else hardly moves. Anchors cost no run of a tool, so there are far more of them than pairs.

Only the layers nearest to the photo learn: a perturbation changes the input, and tuning the first layers alone serves
such a shift best when examples are few (Lee et al., ICLR 2023, arXiv 2210.11466). All layers learn the few people in
the pairs by heart instead of the perturbation.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from facetui.engine.core.cache import Checkpoint
from facetui.engine.core.device import autocast, backward
from facetui.engine.core.inference import centres, embed, folded_in_passes
from facetui.engine.core.interfaces import Bank, Extractor, Progress, Training, no_progress, unwatched
from facetui.engine.core.training_loop import State, learn
from facetui.engine.defences.pairs import Batches, check_pairs
from facetui.engine.records.errors import UsageError

OBJECTIVES = ("consistency", "shared-label")
SHARPNESS = 24.0
"""Of the softmax over cosines under a shared label."""

SIZES = (0.5, 1.5)
"""By how much the perturbations that a network is trained on are scaled, at random.

The compact networks bear more, and forget LowKey better (PuFace, 2024, amplifies perturbations, too). On development
people (LowKey's photos that were not named, 8 and 20 users, two seeds) 400 steps with 0.5 to 1.5 left 17, 25, 28 and
23 %, with 1 to 1.6 16, 16, 19 and 18 %, with 1 to 2 12, 16, 12 and 18 %; 800 steps with 1 to 1.6 left 11, 13, 12 and
14 %, with 1 to 2 14, 13, 19 and 14 %, with 0.5 to 1.5 13 and 18 % (20 users). What was left of Fawkes was the same. On
dlib's network (five people) 0.5 to 1.5 left 22 % of LowKey and named all but 12 % of clean photos, 1 to 1.6 left 31 and
19 %, and with twice the steps 24 and 22 %.
"""

EARLY = 0.3
"""Of a network's weight tensors, from the photo on: those that learn.

On MobileFaceNet these are what sees 28 pixels and more. Against three tools, on the hardest of five draws of people,
users were then unnamed on 6, 17 and 8 % of probes (Fawkes 0.3, LowKey, Fawkes 1.0), with 0.2 on 8, 16 and 6 %, with 0.4
on 9, 25 and 8 %; before, with fewer steps and pairs, on 6, 33 and 9 %, and with all layers on 28, 52 and 13 %.
"""

FAST, SLOW = 4e-3, 1e-3
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)

ANCHOR_WEIGHT = 1.5
"""Of an anchor in the loss; a perturbed copy has 1."""

Loss = Callable[[Tensor, Tensor], Tensor]
"""From embeddings ``(n, D)``, and which of the clean photos, anchors after originals, each shows ``(n,)``: ``(n,)``."""


class Adapt(Training):
    """Fine-tuning on clean and perturbed copies of the same photos.

    Args:
        steps: batches of pairs, however many pairs there are: training takes the same time against every set of tools.
        learning_rate: Adam; falls to zero along a cosine. Absent: 0.004 where less than half of a network with batch
            norm learns, else 0.001. At 0.004 dlib's network, which has none, fell from 94 to 50 % of others named in 60
            steps, and at 0.001 named 94 % after 200; all layers of a compact one fell to 31 %.
        batch: pairs a step.
        anchors: clean photos beside them in every step, of a great many: what few layers learn from pairs hardly moves
            anybody else, and on MobileFaceNet more pairs and fewer anchors leave less of every tool.
        objective: ``consistency``, or ``shared-label`` as FaceCure does it: a new head, cross-entropy over the people
            trained on, one label for both copies; the head is thrown away. FaceCure has thousands of photos and trains
            all layers (``share=1``); with a hundred, that leaves nearly twice as much of every tool on MobileFaceNet.
        share: of the network's weight tensors that learn, from the photo on, in (0, 1].
        sizes: between which a perturbed copy shows its perturbation, at random, at least 0.
    """

    name = "adapt"
    source = "Radiya-Dixit et al., ICLR 2022, arXiv 2106.14851"

    def __init__(
        self,
        steps: int = 320,
        learning_rate: float | None = None,
        batch: int = 14,
        anchors: int = 6,
        objective: str = "consistency",
        share: float = EARLY,
        sizes: tuple[float, float] = SIZES,
    ) -> None:
        if objective not in OBJECTIVES:
            raise UsageError(f"expected an objective {' or '.join(OBJECTIVES)}, got {objective!r}")
        if not 0 < share <= 1:
            raise UsageError(f"expected a share of layers above 0 and at most 1, got {share}")
        if steps < 1 or batch < 1 or anchors < 1 or (learning_rate is not None and learning_rate <= 0):
            raise UsageError("expected steps, batch and anchors of at least 1 and a learning rate above 0")
        if len(sizes) != 2 or not 0 <= sizes[0] <= sizes[1]:
            raise UsageError(f"expected sizes (least, most) with 0 <= least <= most, got {sizes}")
        self.steps = steps
        self.learning_rate = learning_rate
        self.batch = batch
        self.anchors = anchors
        self.objective = objective
        self.share = share
        self.sizes = (float(sizes[0]), float(sizes[1]))

    def suited(self, extractor: Extractor) -> Adapt:
        """The same training at the rate that the network bears, if none was asked for."""
        chosen = copy.copy(self)
        chosen.learning_rate = self._rate(extractor)
        return chosen

    def _rate(self, extractor: Extractor) -> float:
        if self.learning_rate is not None:
            return self.learning_rate
        normalised = any(isinstance(layer, BATCH_NORMS) for layer in extractor.modules())
        return FAST if normalised and self.share < 0.5 else SLOW

    def train(
        self,
        extractor: Extractor,
        clean: Bank,
        poisoned: Tensor,
        *,
        anchors: Bank,
        generator: torch.Generator,
        progress: Progress = no_progress,
        watch: Callable[[Extractor], None] = unwatched,
        checkpoint: Checkpoint | None = None,
    ) -> Extractor:
        """A robust copy of an extractor.

        Args:
            extractor: on the device to compute on; left unchanged.
            clean: ``(K, 3, 112, 112)`` uint8 or in [0, 1], photos of people who are not evaluated.
            poisoned: ``(M, 3, 112, 112)``, M a multiple of K: for each attack the perturbed copies, row for row.
            anchors: ``(A, 3, 112, 112)``, clean photos of people who are not evaluated; at least one.
            generator: on the CPU; every random draw comes from it.
            progress: called with pairs done and to do.
            watch: called between steps with the network as it is by then.
            checkpoint: training that was stopped goes on from it, to the same bytes.

        Raises:
            UsageError: no pairs, no anchors, or a number of perturbed photos that is no multiple of the clean ones.
            OutOfMemory: not even one photo fits.
        """
        check_pairs(clean, poisoned, anchors)
        device = next(extractor.parameters()).device
        # In evaluation mode batch norm keeps its statistics: a few hundred photos would spoil them.
        network = copy.deepcopy(extractor).eval().requires_grad_(False)
        # Modules list their weights in the order in which they were made: as a rule that in which a photo passes them.
        layers = list(network.parameters())
        learning = [layer.requires_grad_(True) for layer in layers[: math.ceil(self.share * len(layers))]]
        passing = folded_in_passes(network)
        loss_of, weights = self._loss(extractor, clean, anchors, lambda: progress(0, self.steps * self.batch))
        rate = self._rate(extractor)
        optimiser = torch.optim.Adam([*learning, *weights], rate)
        batches = Batches.drawn(
            clean,
            poisoned,
            anchors,
            steps=self.steps,
            batch=self.batch,
            n_anchors=self.anchors,
            sizes=self.sizes,
            generator=generator,
        )
        weight = torch.cat([torch.ones(self.batch), torch.full((self.anchors,), ANCHOR_WEIGHT)]).to(device)

        def step(number: int) -> None:
            photos, _, which = batches.batch(number, device)
            backward(partial(_loss, passing, photos, which, weight, loss_of), len(photos), optimiser.zero_grad, device)
            for group in optimiser.param_groups:
                group["lr"] = rate * (1 + math.cos(math.pi * number / self.steps)) / 2
            optimiser.step()

        def tell(done: int) -> None:
            watch(network)
            progress(done * self.batch, self.steps * self.batch)

        learn(step, self.steps, State(network, weights, optimiser), checkpoint=checkpoint, progress=tell)
        return network.requires_grad_(False)

    def _loss(
        self, extractor: Extractor, clean: Bank, anchors: Bank, check: Callable[[], None]
    ) -> tuple[Loss, list[nn.Parameter]]:
        """What is minimised, and the weights of the head if there is one."""
        goal = torch.cat([embed(extractor, bank.photos, check) for bank in (clean, anchors)])
        if self.objective == "consistency":
            return lambda seen, which: 1 - (seen * goal[which]).sum(1), []
        people = torch.cat([clean.people, anchors.people]).to(goal.device)
        middle, _ = centres(goal, people)
        label = people.unique(return_inverse=True)[1]
        head = nn.Parameter(middle.clone())

        def loss(seen: Tensor, which: Tensor) -> Tensor:
            scores = SHARPNESS * seen @ nn.functional.normalize(head, dim=1).T
            return nn.functional.cross_entropy(scores, label[which], reduction="none")

        return loss, [head]


def _loss(network: Extractor, photos: Tensor, which: Tensor, weight: Tensor, loss: Loss, rows: slice) -> Tensor:
    """The mean loss of some rows of a batch."""
    with autocast(photos.device):
        seen = network(photos[rows].contiguous(memory_format=torch.channels_last))
    return (weight[rows] * loss(seen.float(), which[rows])).mean()
