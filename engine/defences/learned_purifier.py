"""A learned purifier: a small network before the extractor that takes perturbations off photos.

Wen 2024 (PuFace, arXiv 2406.02253) trains one on amplified perturbations with a loss on pixels and one on features, so
that the photos it gives look natural to any extractor. What differs: it stands before the extractor and washes scraped
photos and probes alike, where PuFace washes what an extractor is trained on; its network is far smaller, and it learns
from the few photos of other people on which a trainer runs the tools.
"""

from __future__ import annotations

import copy
import hashlib
import itertools
import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from facetui.engine.core.cache import Checkpoint
from facetui.engine.core.device import autocast, backward
from facetui.engine.core.inference import embed, frozen
from facetui.engine.core.interfaces import Bank, Extractor, Progress, Training, no_progress, unwatched
from facetui.engine.core.training_loop import State, learn
from facetui.engine.defences.pairs import Batches, check_pairs
from facetui.engine.records.errors import UsageError

HALF = 2
"""Every second pixel of a row and column becomes a channel: half the resolution at a quarter of the cost."""

PIXELS = 0.1
"""Weight of the mean distance in pixels, in [0, 1], beside one minus the cosine of what the extractor sees.

On development people (eight users, four photos under each of four tools, compact-a) users were not named on 19, 6, 5
and 8 % of probes (OPOM, LowKey, Fawkes 1.0 and 0.3) with 0.1, on 17, 12, 8 and 8 % with 0.3 and on 16, 12, 12 and 8 %
with 0; under a tool left out in training, on 9 (LowKey) and 56 % (OPOM) with 0.1, on 19 and 64 % with 1, on 16 and 72 %
with 3. The less it weighs, the less photos stay what they were: clean ones move by 11 or 12 grey levels on average with
0.1, by 4 with 1 and by 2 with 3.
"""

ANCHOR_WEIGHT = 1.5
"""Of a clean photo in the loss, as in ``adapt``; a perturbed copy has 1."""


class Wash(nn.Module):
    """A residual convolutional network from photos to photos; as made, it changes nothing.

    Args:
        width: channels.
        depth: convolutions, at least 2.
    """

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        channels = [3 * HALF**2, *[width] * (depth - 1), 3 * HALF**2]
        layers: list[nn.Module] = [nn.PixelUnshuffle(HALF)]
        for cin, cout in itertools.pairwise(channels):
            # Not initialised here, which would draw from the process's own generator.
            layers += [nn.utils.skip_init(nn.Conv2d, cin, cout, 3, padding=1), nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1], nn.PixelShuffle(HALF))

    def begin(self, generator: torch.Generator) -> None:
        """Draw its first weights; the last layer's are zero, so that training starts from photos as they are."""
        convolutions = [layer for layer in self.layers if isinstance(layer, nn.Conv2d)]
        for layer in convolutions:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        nn.init.zeros_(convolutions[-1].weight)

    def forward(self, photos: Tensor) -> Tensor:
        """Photos ``(N, 3, 112, 112)`` in [0, 1] without what it takes for a perturbation, in [0, 1]."""
        return (photos - self.layers(photos * 2 - 1)).clamp(0, 1)


class Purified(Extractor):
    """An extractor that sees photos through a learned purifier.

    Args:
        inner: the extractor.
        wash: the purifier.
    """

    def __init__(self, inner: Extractor, wash: Wash) -> None:
        super().__init__()
        # The purifier first: layers are listed in the order in which a photo passes them.
        self.wash = wash
        self.inner = inner
        self.name = inner.name
        self.embedding_size = inner.embedding_size
        self.preprocessing = f"a learned purifier, then {inner.preprocessing or 'nothing'}"

    def prepare(self, photos: Tensor) -> Tensor:
        """What the extractor's first layer sees of photos, once they are purified."""
        return self.inner.prepare(self.wash(photos))

    def features(self, photos: Tensor) -> Tensor:
        """Raw embeddings ``(N, D)`` of photos ``(N, 3, 112, 112)`` in [0, 1], purified."""
        return self.inner.features(self.wash(photos))

    def weights_hash(self) -> str:
        """Twelve hexadecimal digits that change when the purifier does, or the extractor by its own account."""
        both = f"{super().weights_hash()} {self.inner.weights_hash()}"
        return hashlib.sha256(both.encode()).hexdigest()[:12]


class LearnedPurifier(Training):
    """A purifier trained on clean and perturbed copies of the same photos, before the extractor as it is.

    Args:
        steps: batches of pairs.
        learning_rate: Adam; falls to zero along a cosine.
        batch: pairs a step.
        anchors: clean photos beside them in every step, which the purifier must leave as they are.
        width: channels of the purifier.
        depth: its convolutions.
        pixels: weight of the distance in pixels.
        sizes: between which a perturbed copy shows its perturbation, at random, at least 0.
    """

    name = "learned-purifier"
    source = "Wen 2024 (PuFace), arXiv 2406.02253"
    makes = "purified"

    def __init__(
        self,
        steps: int = 400,
        learning_rate: float = 2e-3,
        batch: int = 14,
        anchors: int = 6,
        width: int = 24,
        depth: int = 5,
        pixels: float = PIXELS,
        sizes: tuple[float, float] = (1.0, 1.6),
    ) -> None:
        if steps < 1 or batch < 1 or anchors < 1 or learning_rate <= 0:
            raise UsageError("expected steps, batch and anchors of at least 1 and a learning rate above 0")
        if width < 1 or depth < 2 or pixels < 0:
            raise UsageError(
                "expected a width of at least 1, a depth of at least 2 and a weight of pixels of at least 0"
            )
        if len(sizes) != 2 or not 0 <= sizes[0] <= sizes[1]:
            raise UsageError(f"expected sizes (least, most) with 0 <= least <= most, got {sizes}")
        self.steps = steps
        self.learning_rate = learning_rate
        self.batch = batch
        self.anchors = anchors
        self.width = width
        self.depth = depth
        self.pixels = pixels
        self.sizes = (float(sizes[0]), float(sizes[1]))

    def shell(self, extractor: Extractor) -> Extractor:
        """A copy of an extractor behind a purifier that was not trained."""
        device = next(extractor.parameters()).device
        return Purified(copy.deepcopy(extractor), Wash(self.width, self.depth).to(device)).eval()

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
        """An extractor behind a purifier: ``Purified``; the extractor's own weights are as they were.

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
        network = self.shell(extractor).requires_grad_(False)
        assert isinstance(network, Purified)
        wash = Wash(self.width, self.depth)
        wash.begin(generator)  # on the CPU, where the generator is
        network.wash.load_state_dict(wash.state_dict())
        network.wash.requires_grad_(True)
        # The purifier itself, before a copy of the extractor that is quicker and does not learn.
        passing = Purified(frozen(extractor, device), network.wash)
        goal = torch.cat(
            [embed(extractor, bank.photos, lambda: progress(0, self.steps * self.batch)) for bank in (clean, anchors)]
        )
        optimiser = torch.optim.Adam(network.wash.parameters(), self.learning_rate)
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

        def loss(shown: Tensor, clean: Tensor, goals: Tensor, rows: slice) -> Tensor:
            with autocast(device):
                washed = passing.wash(shown[rows].contiguous(memory_format=torch.channels_last))
                seen = nn.functional.normalize(passing.inner.features(washed).float(), dim=1)
            distance = (washed.float() - clean[rows]).abs().mean((1, 2, 3))
            return (weight[rows] * (1 - (seen * goals[rows]).sum(1) + self.pixels * distance)).mean()

        def step(number: int) -> None:
            shown, unperturbed, which = batches.batch(number, device)
            backward(partial(loss, shown, unperturbed, goal[which]), len(shown), optimiser.zero_grad, device)
            for group in optimiser.param_groups:
                group["lr"] = self.learning_rate * (1 + math.cos(math.pi * number / self.steps)) / 2
            optimiser.step()

        def tell(done: int) -> None:
            watch(network)
            progress(done * self.batch, self.steps * self.batch)

        learn(step, self.steps, State(network.wash, [], optimiser), checkpoint=checkpoint, progress=tell)
        return network.requires_grad_(False)
