"""MobileFaceNet, Chen et al. 2018, arXiv 1804.07573: two published networks, 128-dimensional.

============ =============== ======================== =========================================================
name         trained on      weights published in     input
============ =============== ======================== =========================================================
``...casia`` CASIA-WebFace   Xiaoccer/                columns 8 to 103 of the photo, ``(255 x - 127.5) / 128``
                             MobileFaceNet_Pytorch
``...ms1m``  refined         foamliu/MobileFaceNet    the whole photo, ImageNet mean and deviation
             MS-Celeb-1M
============ =============== ======================== =========================================================
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from facetui.engine.core.interfaces import Extractor
from facetui.engine.extractors.prelu import PReLU
from facetui.engine.records.errors import DataError

BOTTLENECKS = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))
"""Expansion, channels, repeats, first stride: table 1 of the paper."""


class _Residual(nn.Module):
    """Inverted residual: expand, depthwise, project; added to its input where shapes allow."""

    def __init__(self, body: nn.Sequential, skip: bool) -> None:
        super().__init__()
        self.body = body
        self.skip = skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.skip else self.body(x)


class MobileFaceNet(Extractor):
    """One of the two published networks.

    Args:
        name: ``mobilefacenet-casia`` or ``mobilefacenet-ms1m``.
    """

    embedding_size = 128
    mean: Tensor
    deviation: Tensor

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.casia = casia = name.endswith("casia")

        def conv(
            cin: int, cout: int, kernel: int | tuple[int, int], stride: int = 1, groups: int = 1
        ) -> list[nn.Module]:
            padding = 1 if kernel == 3 else 0
            return [
                nn.Conv2d(cin, cout, kernel, stride, padding, groups=groups, bias=False),
                nn.BatchNorm2d(cout),
            ]

        def act(channels: int, relu: type[nn.Module] = nn.ReLU6) -> list[nn.Module]:
            return [PReLU(channels) if casia else relu()]

        layers = [*conv(3, 64, 3, 2), *act(64), *conv(64, 64, 3, groups=64), *act(64, nn.ReLU)]
        if not casia:
            layers += [*conv(64, 64, 1), *act(64, nn.ReLU)]
        channels = 64
        for expansion, out, repeats, first_stride in BOTTLENECKS:
            for repeat in range(repeats):
                stride, wide = (first_stride if repeat == 0 else 1), channels * expansion
                body = [*conv(channels, wide, 1), *act(wide), *conv(wide, wide, 3, stride, wide), *act(wide)]
                body += conv(wide, out, 1)
                layers.append(_Residual(nn.Sequential(*body), skip=stride == 1 and channels == out))
                channels = out
        layers += [*conv(channels, 512, 1), *act(512), *conv(512, 512, (7, 6) if casia else (7, 7), groups=512)]
        layers += conv(512, 128, 1)
        if not casia:
            layers[-2] = nn.Conv2d(512, 128, 1)
        self.layers = nn.Sequential(*layers)
        scaled = "the middle 112x96, (255x - 127.5) / 128" if self.casia else "112x112, ImageNet mean and deviation"
        self.preprocessing = f"RGB {scaled}"
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1), persistent=False)

    def prepare(self, photos: Tensor) -> Tensor:
        """``(N, 3, 112, 96)`` for casia, else ``(N, 3, 112, 112)``."""
        return (photos[..., 8:104] * 255 - 127.5) / 128 if self.casia else (photos - self.mean) / self.deviation

    def features(self, photos: Tensor) -> Tensor:
        """Raw embeddings ``(N, 128)`` of photos ``(N, 3, 112, 112)`` in [0, 1]."""
        out: Tensor = self.layers(self.prepare(photos))
        return out.flatten(1)


def _published_names(casia: bool) -> Iterator[str]:
    """The publishers' name of every layer with weights, in the order in which data passes them."""
    if casia:
        for block in ("conv1", "dw_conv1"):
            yield from (f"{block}.conv", f"{block}.bn", f"{block}.prelu")
        yield from (f"blocks.{i}.conv.{j}" for i in range(15) for j in range(8))
        yield from ("conv2.conv", "conv2.bn", "conv2.prelu", "linear7.conv", "linear7.bn", "linear1.conv", "linear1.bn")
    else:
        yield from ("conv1.0", "conv1.1", "dw_conv.depthwise", "dw_conv.bn1", "dw_conv.pointwise", "dw_conv.bn2")
        yield from (f"features.{i}.conv.{j}" for i in range(15) for j in ("0.0", "0.1", "1.0", "1.1", "2", "3"))
        yield from ("conv2.0", "conv2.1", "gdconv.depthwise", "gdconv.bn", "conv3", "bn")


def load(path: Path, name: str) -> MobileFaceNet:
    """The published network in a safetensors file, ready for use.

    Raises:
        DataError: the file is not safetensors, or holds other tensors.
    """
    network = MobileFaceNet(name)
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path} cannot be read as safetensors ({error}); fetch it again") from error
    layers = [(key, m) for key, m in network.named_modules() if isinstance(m, nn.Conv2d | nn.BatchNorm2d | nn.PReLU)]
    renamed = {
        f"{ours}.{tensor}": tensors.get(f"{theirs}.{tensor}")
        for (ours, module), theirs in zip(layers, _published_names(network.casia), strict=True)
        for tensor in module.state_dict()
        if tensor != "num_batches_tracked"
    }
    for ours, current in network.state_dict().items():
        tensor = renamed.get(ours, current)
        if tensor is None or tensor.shape != current.shape:
            raise DataError(f"{path} does not hold the tensors of {name}; fetch the file its README names")
    network.load_state_dict({key: value for key, value in renamed.items() if value is not None}, strict=False)
    return network.eval()
