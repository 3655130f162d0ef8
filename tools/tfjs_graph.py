"""Runs a published TensorFlow.js graph model of a MobileNet as far as one node: a teacher of another family.

Only what such a graph holds: convolutions (dense and depthwise, NHWC, padding SAME), Add, Mul, Relu, Minimum, Maximum
and Mean over the map. The format is that of TensorFlow.js's ``GraphModel``: a topology in JSON, and the weights in the
manifest's order, little-endian, in half precision where ``quantization`` says so.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

MEAN_BGR = (103.939, 116.779, 123.68)
"""Subtracted from pixels of 0..255 in the order blue, green, red: Caffe's habit, kept by Keras."""


def weights(folder: Path, name: str) -> tuple[list[dict[str, Any]], dict[str, Tensor]]:
    """The nodes of a model in order, and its constants by name."""
    described = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    data = (folder / f"{name}.bin").read_bytes()
    constants, at = {}, 0
    for entry in (e for group in described["weightsManifest"] for e in group["weights"]):
        kind = np.dtype(entry.get("quantization", {}).get("dtype", entry["dtype"])).newbyteorder("<")
        count = math.prod(entry["shape"])
        values = np.frombuffer(data, kind, count, at).reshape(entry["shape"])
        constants[entry["name"]] = torch.from_numpy(values.astype(np.float32 if kind.kind == "f" else np.int64))
        at += count * kind.itemsize
    if at != len(data):
        raise ValueError(f"{name}.bin holds {len(data)} bytes, its manifest {at}")
    return described["modelTopology"]["node"], constants


def same(x: Tensor, kernel: int, stride: int) -> Tensor:
    """TensorFlow's padding SAME: what cannot be split evenly goes to the end."""
    total = max((math.ceil(x.shape[2] / stride) - 1) * stride + kernel - x.shape[2], 0)
    first = total // 2
    return F.pad(x, (first, total - first, first, total - first))


class FaceRes(nn.Module):
    """HSE-asavchenko/HSE_FaceRec_tf: MobileNet on VGGFace2 identities, read at the mean over its last map.

    Args:
        folder: where ``faceres.json`` and ``faceres.bin`` are.
    """

    last = "global_pooling/Mean"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._nodes, self._constants = weights(folder, "faceres")
        for key, value in self._constants.items():
            if value.ndim == 4:  # (height, width, in, out), or (height, width, channels, 1) depthwise
                order = (2, 3, 0, 1) if "depthwise" in key else (3, 2, 0, 1)
                self._constants[key] = value.permute(order).contiguous()

    def forward(self, photos: Tensor) -> Tensor:
        """Raw embeddings ``(N, 1024)`` of photos ``(N, 3, 112, 112)`` in [0, 1]."""
        x = F.interpolate(photos, (224, 224), mode="bilinear", align_corners=False)
        x = x.flip(1) * 255 - torch.tensor(MEAN_BGR).view(1, 3, 1, 1)
        known: dict[str, Tensor] = {"input_1": x.contiguous(memory_format=torch.channels_last)}
        for node in self._nodes:
            if node["op"] in ("Const", "Placeholder"):
                continue
            values = [known[i] if i in known else self._constants[i] for i in node["input"]]
            known[node["name"]] = self._run(node, values)
            if node["name"] == self.last:
                return known[self.last]
        raise ValueError(f"the graph has no node {self.last}")

    @staticmethod
    def _run(node: dict[str, Any], values: list[Tensor]) -> Tensor:
        op, x = node["op"], values[0]
        if op in ("Conv2D", "DepthwiseConv2dNative"):
            stride = int(node["attr"]["strides"]["list"]["i"][1])
            groups = x.shape[1] if op == "DepthwiseConv2dNative" else 1
            kernel = values[1]
            return F.conv2d(same(x, kernel.shape[2], stride), kernel, stride=stride, groups=groups)
        if op == "Mean":
            return x.mean(dim=(2, 3))
        if op == "Relu":
            return x.relu()
        other = values[1].view(1, -1, 1, 1) if values[1].ndim == 1 else values[1]
        if op == "Minimum":
            return torch.minimum(x, other)
        if op == "Maximum":
            return torch.maximum(x, other)
        if op == "Mul":
            return x * other
        if op == "Add":
            return x + other
        raise ValueError(f"cannot run {op} ({node['name']})")
