"""dlib's face recognition network, Davis King 2017: 29 convolutions, 128-dimensional; read from dlib's own file.

The architecture is ``anet_type`` of dlib's example ``dnn_face_recognition_ex.cpp``. Every convolution is followed by an
affine layer, a batch norm after training, which is folded into it here. Two habits of dlib matter: a convolution of
stride 2 does not pad, and where two wires of different shape meet, the smaller is extended by zeros, in channels as in
size. On the same 150x150 picture, cosine to dlib's own embedding is above 0.999999.

dlib compares 128 raw values by their Euclidean distance and calls 0.6 the same person; here embeddings have unit length
and are compared by cosine like all others. Raw ones are about 1.3 long.

dlib aligns faces to a template of its own, 150x150 with a padding of a quarter. In our photo that template is the
square of 100.6 pixels at (6.3, 20), by the eyes of both templates; its lowest 8.6 pixels lie below the photo and are
black, as dlib makes them where a chip leaves its picture. Leave-one-out rank-1, 480 photos of 40 fictional people and
340 of 17 real ones: 0.996 and 0.988; with the whole photo enlarged 0.908 and 0.868; with the largest square inside the
photo 0.985 and 0.979.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facetui.engine.core.interfaces import Extractor
from facetui.engine.extractors.from_files.reading import read_bytes
from facetui.engine.extractors.inputs import Input, Preparation
from facetui.engine.records.errors import DataError, MissingExtra

EXPECTED = Input(150, 150, mean=(122.782, 117.001, 104.298), deviation=(256.0, 256.0, 256.0), crop=(6.3, 20.0, 100.6))
FILE = "dlib_face_recognition_resnet_model_v1.dat"
PACKAGE = "face_recognition_models"

STAGES = ((32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True))
"""Channels, residual blocks, and whether the first of them halves the resolution."""

MAX_GAP = 4096
"""Bytes between two layers with weights, at most; in the published file fewer than 400."""


def published_file() -> Path:
    """Where pip put the weights.

    Raises:
        MissingExtra: the package is not installed.
    """
    spec = find_spec(PACKAGE)  # importing it would need pkg_resources, which newer setuptools no longer have
    for folder in spec.submodule_search_locations or () if spec else ():
        if (Path(folder) / "models" / FILE).is_file():
            return Path(folder) / "models" / FILE
    raise MissingExtra("the extractor dlib", "dlib")


class _Residual(nn.Module):
    """Two 3x3 convolutions beside a wire, which averages 2x2 pixels where the convolutions halve the resolution."""

    def __init__(self, cin: int, cout: int, down: bool) -> None:
        super().__init__()
        self.down = down
        self.first = nn.Conv2d(cin, cout, 3, 2 if down else 1, 0 if down else 1)
        self.second = nn.Conv2d(cout, cout, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        out = self.second(torch.relu(self.first(x)))
        if self.down:
            x = F.avg_pool2d(x, 2)
            channels, height, width = (max(a, b) for a, b in zip(x.shape[1:], out.shape[1:], strict=True))
            x, out = _extended(x, channels, height, width), _extended(out, channels, height, width)
        return torch.relu(x + out)


def _extended(x: Tensor, channels: int, height: int, width: int) -> Tensor:
    missing = (channels - x.shape[1], height - x.shape[2], width - x.shape[3])
    return F.pad(x, (0, missing[2], 0, missing[1], 0, missing[0])) if any(missing) else x


class DlibResNet(Extractor):
    """dlib's network; with random weights until ``load`` fills them in.

    Args:
        name: as in the registry.
    """

    embedding_size = 128

    def __init__(self, name: str = "dlib") -> None:
        super().__init__()
        self.name = name
        self.preprocessing = EXPECTED.words()
        self.preparation = Preparation(EXPECTED)
        self.stem = nn.Conv2d(3, 32, 7, 2)
        blocks, channels = [], 32
        for width, repeats, down in STAGES:
            for repeat in range(repeats):
                blocks.append(_Residual(channels, width, down and repeat == 0))
                channels = width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(channels, 128, bias=False)

    def prepare(self, photos: Tensor) -> Tensor:
        """Chips ``(N, 3, 150, 150)``, scaled as dlib does."""
        out: Tensor = self.preparation(photos)
        return out

    def features(self, photos: Tensor) -> Tensor:
        """Raw embeddings ``(N, 128)`` of photos ``(N, 3, 112, 112)`` in [0, 1]."""
        return self.from_chips(self.prepare(photos))

    def from_chips(self, chips: Tensor) -> Tensor:
        """Raw embeddings ``(N, 128)`` of scaled chips ``(N, 3, 150, 150)``."""
        x = F.max_pool2d(torch.relu(self.stem(chips)), 3, 2)  # (N, 32, 35, 35)
        out: Tensor = self.head(self.blocks(x).mean((2, 3)))
        return out


class _Reader:
    """dlib's serialization: whole numbers of any length, tensors, and the names of layers before them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def layer(self, tag: bytes) -> None:
        """Go behind the next mention of a layer's name; what stands between are layers without weights."""
        marked = bytes([1, len(tag)]) + tag
        found = self.data.find(marked, self.at, self.at + MAX_GAP)
        if found < 0:
            raise ValueError(f"no layer {tag.decode()} where one is expected, at byte {self.at}")
        self.at = found + len(marked)

    def number(self) -> int:
        """A whole number: a byte with its length and sign, then the bytes, lowest first."""
        if self.at >= len(self.data):
            raise ValueError("it ends in a number")
        control = self.data[self.at]
        length = control & 0x7F
        value = int.from_bytes(self.data[self.at + 1 : self.at + 1 + length], "little")
        self.at += 1 + length
        return -value if control & 0x80 else value

    def tensor(self, *shape: int) -> Tensor:
        """A tensor of that shape: a version, four sizes, and floats."""
        version, sizes = self.number(), tuple(self.number() for _ in range(4))
        expected = shape + (1,) * (4 - len(shape))
        if version != 2 or sizes != expected:
            raise ValueError(f"expected a tensor {expected}, got {sizes} (version {version})")
        count = int(np.prod(shape))
        if self.at + 4 * count > len(self.data):
            raise ValueError("it ends in a tensor")
        values = np.frombuffer(self.data, "<f4", count, self.at)
        self.at += 4 * count
        return torch.from_numpy(values.astype(np.float32)).view(shape)


def load(path: Path, name: str = "dlib") -> DlibResNet:
    """The network in dlib's ``.dat`` file, ready for use.

    Raises:
        DataError: the file cannot be read, is truncated, or holds another network.
    """
    network = DlibResNet(name)
    reader = _Reader(read_bytes(path))
    try:
        for convolution in [m for m in network.modules() if isinstance(m, nn.Conv2d)]:
            shape, cout = convolution.weight.shape, convolution.out_channels
            reader.layer(b"con_4")
            filters = reader.tensor(shape.numel() + cout)
            reader.layer(b"affine_")
            scale, shift = reader.tensor(2 * cout).split(cout)
            convolution.weight = nn.Parameter(filters[:-cout].view(shape) * scale.view(-1, 1, 1, 1))
            convolution.bias = nn.Parameter(filters[-cout:] * scale + shift)
        reader.layer(b"fc_2")
        reader.number(), reader.number()  # outputs and inputs, which the tensor's shape says again
        network.head.weight = nn.Parameter(reader.tensor(256, 128).T.contiguous())
    except ValueError as error:
        raise DataError(
            f"{path} is not dlib's face recognition network ({error}); pip install --force-reinstall "
            "face-recognition-models brings it"
        ) from None
    return network.eval()
