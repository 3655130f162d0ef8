"""Networks that somebody else wrote: what they expect, and how they become extractors.

A file ``net.toml`` beside ``net.onnx`` (or beside TorchScript, or timm's weights) may say what the network expects and
whence it comes; every line may be left out::

    height = 112
    width = 112
    mean = [127.5, 127.5, 127.5]        # taken from pixels in [0, 255]
    deviation = [127.5, 127.5, 127.5]
    crop = [0, 0, 112]                  # left, top, side: which square of the aligned photo
    order = "rgb"                       # or "bgr"
    layout = "nchw"                     # or "nhwc"
    output = 0                          # which of the tensors that it returns
    node = "features"                   # of a graph:PATH, which node of the graph instead
    year = 2021
    licence = "MIT"
    source = "who published it"

Without it, ArcFace's convention is assumed: the whole photo, RGB, (255x - 127.5) / 127.5.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

import msgspec
import torch
from torch import Tensor, nn

from facetui.engine.core.interfaces import SIDE, Extractor
from facetui.engine.extractors.inputs import Input, Preparation
from facetui.engine.records import files
from facetui.engine.records.errors import DataError

T = TypeVar("T")

UNKNOWN = "not said"

MOST = 1 << 16
"""Bytes that a card may have."""


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file beside a network says; absent values are ``None``, or ``not said``."""

    height: int | None = None
    width: int | None = None
    mean: tuple[float, float, float] | None = None
    deviation: tuple[float, float, float] | None = None
    crop: tuple[float, float, float] | None = None
    order: str | None = None
    layout: str | None = None
    output: Annotated[int, msgspec.Meta(ge=0)] | None = None
    node: str | None = None
    year: int | str = UNKNOWN
    licence: str = UNKNOWN
    source: str = UNKNOWN

    def expected(self, found: Input) -> Input:
        """``found``, overruled by what the card says.

        Raises:
            DataError: a value that an input cannot have.
        """
        said = {field: getattr(self, field) for field in Input.__struct_fields__}
        said = {field: value for field, value in said.items() if value is not None}
        try:
            merged = msgspec.convert({**msgspec.to_builtins(found), **said}, Input)
        except msgspec.ValidationError as error:
            raise DataError(f"the card of this network cannot be used: {error}") from None
        sides = (merged.height, merged.width, merged.crop[2])
        if not all(1 <= side <= MAX_SIDE for side in sides) or 0 in merged.deviation:
            raise DataError(f"expected sides from 1 to {MAX_SIDE} pixels and deviations other than 0, got {said}")
        return merged


MAX_SIDE = 1024


def card_beside(path: Path) -> Card:
    """The card beside a file; an empty one where there is none.

    Raises:
        DataError: it is not TOML, or has unknown keys or values of a wrong type.
    """
    card = path.with_suffix(".toml")
    if not card.is_symlink() and not card.is_file():
        return Card()
    try:
        return msgspec.convert(tomllib.loads(files.read(card.parent, card.name, MOST).decode()), Card)
    except OSError as error:
        raise DataError(f"{card} cannot be used: {error.strerror}; see docs/real-networks.md") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{card} cannot be used: {error}; see docs/real-networks.md") from None


def outputs(out: Any) -> list[Tensor]:
    """Every tensor that a network returns, in its order."""
    if isinstance(out, Tensor):
        return [out]
    parts = out.values() if isinstance(out, dict) else out if isinstance(out, (tuple, list)) else ()
    return [tensor for part in parts for tensor in outputs(part)]


def where(shape: tuple[int, ...]) -> tuple[int, int] | None:
    """The two axes of a map of features ``(N, D, H, W)`` or ``(N, H, W, D)`` that say where; ``None`` for no map."""
    if len(shape) != 4:
        return None
    first, last = shape[2] == shape[3], shape[1] == shape[2]  # maps are square, as photos are
    if first == last:
        last = shape[3] > shape[1]
    axes = (1, 2) if last else (2, 3)
    return axes if shape[axes[0]] * shape[axes[1]] > 1 else None


def rows(out: Tensor) -> Tensor:
    """Embeddings ``(N, D)`` of what a network returns; of a map of features, which says where, the mean says what."""
    axes = where(tuple(out.shape))
    if axes is not None:
        return out.mean(axes)
    return out.flatten(1) if out.ndim > 1 else out[None]


class OneByOne(nn.Module):
    """Runs a network that was exported for a batch of exactly one photo."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> list[Tensor]:
        each = [outputs(self.network(row)) for row in x.split(1)]
        return [torch.cat([rows(out) for out in of_all]) for of_all in zip(*each, strict=True)]


class ForeignExtractor(Extractor):
    """An extractor made of somebody else's network.

    Args:
        name: as it was asked for, e.g. ``onnx:net.onnx``.
        network: in evaluation mode, differentiable.
        expected: what it expects.
        card: whence it comes.
        fingerprint: of the file, so that two networks with the same weights do not pass for one.
        output: which of the tensors that it returns is the embedding, counted from 0.

    Attributes:
        outputs: how many tensors the network returns.
        returned: shape of the one that is the embedding, for one photo, without the batch.

    Raises:
        DataError: it cannot be run on a photo, or what comes out is no embedding.
    """

    def __init__(
        self, name: str, network: nn.Module, expected: Input, card: Card, fingerprint: str, output: int = 0
    ) -> None:
        super().__init__()
        self.name = name
        self.card = card
        self.expected = expected
        self.preprocessing = expected.words()
        self.preparation = Preparation(expected)
        self.network = network
        self.output, self.outputs = output, 1
        self.returned: tuple[int, ...] = ()
        which = f" output {output}" if output else ""
        self._fingerprint = hashlib.sha256(f"{fingerprint} {self.preprocessing}{which}".encode()).hexdigest()
        if next(self.network.parameters(), None) is None:
            # Embedding asks the first parameter for the device; a network frozen into constants has none.
            self.register_parameter("device_anchor", nn.Parameter(torch.zeros(()), requires_grad=False))
        self.eval()
        self.embedding_size = self._try_out()

    def _try_out(self) -> int:
        photos = torch.linspace(0, 1, 2 * 3 * SIDE * SIDE).view(2, 3, SIDE, SIDE)
        with torch.no_grad():
            self.outputs, self.returned = self._returned(photos[:1])
            alone = self._run(photos[:1])
            try:
                # An exported network may have a batch of one written into it, and then fails or mixes photos up.
                together = self._run(photos)
                fixed = len(together) != 2 or not torch.allclose(together[:1], alone, rtol=1e-2, atol=1e-3)
            except DataError:
                fixed = True
            if fixed:
                self.network = OneByOne(self.network)
                together = self._run(photos)
        if together.shape[0] != 2 or together.shape[1] < 2 or not together.isfinite().all():
            raise DataError(f"{self.name} gives {tuple(together.shape)} for two photos, expected (2, D), finite")
        return together.shape[1]

    def _returned(self, photos: Tensor) -> tuple[int, tuple[int, ...]]:
        every = self._guarded(lambda: outputs(self.network(self.prepare(photos))))
        return len(every), tuple(self._chosen(every).shape[1:])

    def _run(self, photos: Tensor) -> Tensor:
        return self._guarded(lambda: self.features(photos))

    def _guarded(self, run: Callable[[], T]) -> T:
        try:
            return run()
        except (RuntimeError, TypeError, IndexError, ValueError, NotImplementedError) as error:
            raise DataError(
                f"{self.name} cannot be run on photos prepared as {self.preprocessing!r} "
                f"({str(error).strip().splitlines()[-1]}); say in a TOML file beside it what it expects"
            ) from error

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """As ``nn.Module.to``, without ``memory_format``: who wrote the network may count on its order in memory."""
        kwargs.pop("memory_format", None)
        return super().to(*args, **kwargs)

    def prepare(self, photos: Tensor) -> Tensor:
        """As its card says."""
        out: Tensor = self.preparation(photos.contiguous())
        return out

    def features(self, photos: Tensor) -> Tensor:
        """Raw embeddings ``(N, D)`` of photos ``(N, 3, 112, 112)`` in [0, 1]."""
        return self.embedding_of(self.network(self.prepare(photos)))

    def embedding_of(self, out: Any) -> Tensor:
        """Raw embeddings ``(N, D)`` among all that the network returned.

        Raises:
            DataError: it returns no such tensor.
        """
        return rows(self._chosen(outputs(out))).float()

    def _chosen(self, every: list[Tensor]) -> Tensor:
        if self.output >= len(every):
            raise DataError(
                f"{self.name} returns {len(every)} tensors, counted from 0; there is no output {self.output}"
            )
        return every[self.output]

    def weights_hash(self) -> str:
        """Twelve hexadecimal digits that change when any weight, the file or the preprocessing changes."""
        return hashlib.sha256(f"{self._fingerprint} {super().weights_hash()}".encode()).hexdigest()[:12]
