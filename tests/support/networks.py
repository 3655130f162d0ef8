"""Networks as somebody else may export them: an embedded one behind another way to take photos and to answer."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import nn

from facetui.engine import extractors
from facetui.engine.core.interfaces import Extractor

CORNERS = torch.tensor([[3.0, -1.0], [1.0, 1.0]])
"""Factors of four places whose mean is 1."""


def usual(x):
    """Pixels in [0, 1] of those that ArcFace's convention brings into [-1, 1]."""
    return x * 0.5 + 0.5


class Inside(nn.Module):
    """compact-a behind another way to take photos; what it is to get is pixels in [0, 1]."""

    def __init__(self, to_unit, head=lambda features: features) -> None:
        super().__init__()
        self.network = extractors.load("compact-a")
        self.to_unit, self.head = to_unit, head

    def forward(self, x):
        return self.head(self.network.features(self.to_unit(x)))


def export(path: Path, network: nn.Module, example: torch.Tensor | None = None, opset: int = 17) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            (torch.zeros(1, 3, 112, 112) if example is None else example,),
            str(path),
            dynamo=False,
            opset_version=opset,
            input_names=["photos"],
            dynamic_axes={"photos": {0: "n"}},
        )
    return f"onnx:{path}"


class Linear(Extractor):
    """Six weighted sums of all pixels: what an attack does to it can be written again in NumPy."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.name, self.embedding_size = f"linear-{seed}", 6
        weights = torch.randn(6, 3, 112, 112, generator=torch.Generator().manual_seed(seed)) / 200
        self.weights = torch.nn.Parameter(weights)

    def features(self, photos):
        return torch.einsum("nchw,dchw->nd", photos, self.weights)
