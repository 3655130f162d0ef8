"""Compact extractors: plain residual networks of dense 3x3 convolutions, about 0.9 MB each, embedded in the package.

Depthwise convolutions, which make networks for telephones fast, are bound by memory on a desktop CPU: at the same
accuracy dense ones do several times the image-steps a second. ``tools/train_compact.py`` trains them; a card beside
each file of weights says how, and what it measures.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from facetui.engine.core.interfaces import Extractor
from facetui.engine.records.errors import DataError


class Architecture(msgspec.Struct, frozen=True):
    """The shape of a compact extractor.

    Attributes:
        widths: channels after the stem and after each halving of resolution: 56, 28, 14 and 7 pixels.
        blocks: residual blocks at 28, 14 and 7 pixels.
        head: channels left of the last map before it becomes one vector.
        embedding: ``D``.
    """

    widths: tuple[int, int, int, int]
    blocks: tuple[int, int, int]
    head: int
    embedding: int = 128


class _Block(nn.Module):
    """Two 3x3 convolutions beside a straight wire."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*_conv(channels, channels), nn.ReLU(), *_conv(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.body(x))


def _conv(cin: int, cout: int, stride: int = 1, kernel: int = 3) -> list[nn.Module]:
    return [nn.Conv2d(cin, cout, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(cout)]


class Compact(Extractor):
    """A compact extractor.

    Args:
        name: as in the registry.
        architecture: its shape.
    """

    preprocessing = "RGB 112x112, 2x - 1"

    def __init__(self, name: str, architecture: Architecture) -> None:
        super().__init__()
        self.name = name
        self.architecture = architecture
        self.embedding_size = architecture.embedding
        stem, *widths = architecture.widths
        layers = [*_conv(3, stem, 2), nn.ReLU()]
        channels = stem
        for width, blocks in zip(widths, architecture.blocks, strict=True):
            layers += [*_conv(channels, width, 2), nn.ReLU(), *(_Block(width) for _ in range(blocks))]
            channels = width
        layers += [*_conv(channels, architecture.head, kernel=1), nn.Flatten()]
        layers.append(nn.Linear(architecture.head * 49, architecture.embedding))
        self.layers = nn.Sequential(*layers)

    def prepare(self, photos: Tensor) -> Tensor:
        """Pixels in [-1, 1]."""
        return photos * 2 - 1

    def features(self, photos: Tensor) -> Tensor:
        """Raw embeddings ``(N, D)`` of photos ``(N, 3, 112, 112)`` in [0, 1]."""
        out: Tensor = self.layers(self.prepare(photos))
        return out


def save(network: Compact, path: Path) -> None:
    """Write weights in half precision, the architecture beside them in the header."""
    tensors = {
        key: value.half().contiguous() if value.is_floating_point() else value
        for key, value in network.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    save_file(tensors, path, metadata={"architecture": msgspec.json.encode(network.architecture).decode()})


def load(path: Path, name: str) -> Compact:
    """A compact extractor, ready for use.

    Raises:
        DataError: the file is not safetensors, or not one that ``save`` wrote.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
        architecture = msgspec.json.decode(metadata["architecture"], type=Architecture)
        network = Compact(name, architecture)
        missing, unexpected = network.load_state_dict(tensors, strict=False)
    except (SafetensorError, OSError, KeyError, msgspec.DecodeError, RuntimeError) as error:
        raise DataError(f"{path} is not a compact extractor ({error}); install facetui again") from error
    if unexpected or any(not key.endswith("num_batches_tracked") for key in missing):
        raise DataError(f"{path} holds other tensors than a compact extractor; install facetui again")
    return network.eval()
