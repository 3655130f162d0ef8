"""A network of FRBench as an extractor: its construction and its weights, our photos.

FRBench detects and aligns faces itself and averages over a mirrored copy; photos here are aligned already, to the same
template, and an extractor sees them once, as they are. What is left of its pipeline is the scale, the order of colours
and the backbone, as the configuration beside the weights says.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec
import torch
from torch import Tensor, nn

from facetui.engine.core.interfaces import SIDE
from facetui.engine.extractors.frbench import assets, catalogue
from facetui.engine.extractors.frbench.model import Model
from facetui.engine.extractors.from_files.foreign import Card, ForeignExtractor
from facetui.engine.extractors.from_files.reading import read_tensors
from facetui.engine.extractors.inputs import Input
from facetui.engine.people.alignment import TEMPLATE
from facetui.engine.records import files
from facetui.engine.records.errors import DataError, MissingExtra

LICENCE = "MIT, as FRBench; its training photos have terms of their own"

CLOSE = 0.5
"""Pixels that a configuration's template may lie from ours, brought to its size."""


class _Backbone(msgspec.Struct, frozen=True):
    name: str
    kwargs: dict[str, Any] = {}


class _Input(msgspec.Struct, frozen=True):
    size: tuple[int, int] = (SIDE, SIDE)
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    var: tuple[float, float, float] | None = None
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    channel: Literal["rgb", "bgr"] = "rgb"
    template: list[tuple[float, float]] | None = None


class Config(msgspec.Struct, frozen=True):
    """A configuration as FRBench reads it; what it leaves out is as there."""

    backbone: _Backbone
    input: _Input = _Input()

    def expected(self) -> Input:
        """What the network expects of our photos; FRBench's mean and divisor stand in the order of its channels.

        Raises:
            DataError: a face elsewhere in the photo than ours is, or values that no input has.
        """
        height, width = self.input.size
        mean, deviation = self.input.mean, self.input.var or self.input.std
        if self.input.channel == "bgr":
            mean, deviation = mean[::-1], deviation[::-1]
        ours = torch.tensor(TEMPLATE, dtype=torch.float32) * torch.tensor([width / SIDE, height / SIDE])
        theirs = ours if self.input.template is None else torch.tensor(self.input.template)
        if theirs.shape != ours.shape or (theirs - ours).abs().max() > CLOSE:
            raise DataError(f"it wants faces at {self.input.template}, which is not ArcFace's template; not supported")
        found = Input(
            height,
            width,
            mean=(255 * mean[0], 255 * mean[1], 255 * mean[2]),
            deviation=(255 * deviation[0], 255 * deviation[1], 255 * deviation[2]),
            order=self.input.channel,
        )
        return Card().expected(found)


class FRBenchExtractor(ForeignExtractor):
    """An extractor made of a network of FRBench; arguments as for any network that somebody else wrote."""

    def _try_out(self) -> int:
        # It was built here and is in evaluation mode, so no photo of a batch sees another. Rounding, which a deep
        # network makes much of where it was never trained, is not taken for that: its batches are not taken apart.
        photos = torch.linspace(0, 1, 2 * 3 * SIDE * SIDE).view(2, 3, SIDE, SIDE)
        with torch.no_grad():
            self.outputs, self.returned = self._returned(photos[:1])
            together = self._run(photos)
        if together.ndim != 2 or len(together) != 2 or together.shape[1] < 2 or not together.isfinite().all():
            raise DataError(f"{self.name} gives {tuple(together.shape)} for two photos, expected (2, D), finite")
        return together.shape[1]


def load(name: str) -> FRBenchExtractor:
    """A network of FRBench with its published weights.

    Args:
        name: ``frbench:BACKBONE/LOSS/DATA``.

    Raises:
        MissingExtra: FRBench is not installed.
        UnknownName, UsageError: FRBench publishes no such network.
        DataError: the weights are missing, damaged, changed, or another network's.
    """
    model = catalogue.parse(name)
    found = assets.find(model)
    digest = assets.seen(model, found)
    config = read_config(found.config)
    network = _built(model, config, found.config)
    tensors = read_tensors(found.weight)
    if {key: value.shape for key, value in tensors.items()} != {k: v.shape for k, v in network.state_dict().items()}:
        raise DataError(f"{found.weight} does not hold the tensors of {name}; facetui models rm {name}, and pull again")
    network.load_state_dict(tensors)
    card = Card(licence=LICENCE, source=f"HKU-TASR/FRBench, {model.key}; SHA-256 of the weights {digest}")
    return FRBenchExtractor(name, network.eval(), config.expected(), card, digest)


def read_config(path: Path) -> Config:
    """The configuration beside the weights; values only, nothing in it can run.

    Raises:
        DataError: missing, too large, no YAML, or without what a network needs.
    """
    import yaml

    try:
        return msgspec.convert(yaml.safe_load(files.read(path.parent, path.name, assets.MOST_CONFIG)), Config)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        reason = str(error).strip().splitlines()[0]
        raise DataError(f"{path} is no configuration of FRBench ({reason}); pull the network again") from None


def _built(model: Model, config: Config, path: Path) -> nn.Module:
    """The network with random weights, as FRBench builds it; the generator of the process stays where it was."""
    build = _package().backbones.build_backbone
    try:
        with torch.random.fork_rng(devices=[]):
            network: nn.Module = build(config.backbone.name, dict(config.backbone.kwargs), torch.device("cpu"))
    except (TypeError, ValueError, AssertionError, KeyError, IndexError, RuntimeError) as error:
        raise DataError(f"{path} makes no {model.backbone} ({error}); pull {model.name} again") from error
    return network


def _package() -> Any:
    """FRBench, with its reminders to update switched off for this process.

    Raises:
        MissingExtra: it is not installed, or a package that it needs is not.
    """
    try:
        import frbench
        import frbench.backbones
    except ImportError:
        raise MissingExtra(catalogue.PATTERN, "frbench") from None
    frbench.set_update_check(False)
    return frbench


def own_pipeline(name: str, photos: Tensor) -> Tensor:
    """The same photos through FRBench's own pipeline from the same files, without its detector and its mirrored copy.

    Args:
        name: ``frbench:BACKBONE/LOSS/DATA``, whose weights are at hand, so that FRBench fetches nothing.
        photos: ``(N, 3, 112, 112)`` in [0, 1].

    Returns:
        Embeddings ``(N, D)`` of unit length.

    Raises:
        DataError: FRBench's manifest lacks what its pipeline asks for.
    """
    model = catalogue.parse(name)
    found = assets.find(model)
    package = _package()
    with package.configure_scoped(cache=str(found.root), verbose=False, update_check=False), torch.no_grad():
        try:
            pipeline = package.FR(*model, eager_load=True)
        except package.FRBenchError as error:
            raise DataError(f"FRBench's own pipeline cannot be made ({error})") from error
        embeddings: Tensor = pipeline(255 * photos, need_crop=False, tta=(), l2_normalize=True).embeddings
    return embeddings
