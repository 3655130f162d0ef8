"""FaceNet, Schroff et al. 2015, arXiv 1503.03832, as Inception-ResNet-v1: two published networks, 512-dimensional.

The network and the weights are those of facenet-pytorch, which converted David Sandberg's:

==================== ================ ========================================== =====================
name                 trained on       published file                             published LFW accuracy
==================== ================ ========================================== =====================
``facenet-vggface2`` VGGFace2         ``20180402-114759-vggface2.pt``            99.65 %
``facenet-casia``    CASIA-WebFace    ``20180408-102900-casia-webface.pt``       99.05 %
==================== ================ ========================================== =====================

Input: 160x160, scaled as that library's ``fixed_image_standardization`` does. Its photos are MTCNN boxes with a margin,
not aligned; ours, aligned to the ArcFace template and enlarged whole, show about the same part of the head.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from facetui.engine.core.interfaces import Extractor
from facetui.engine.extractors.from_files.reading import read_tensors
from facetui.engine.extractors.inputs import Input, Preparation
from facetui.engine.records.errors import DataError

EXPECTED = Input(160, 160, deviation=(128.0, 128.0, 128.0))


class FaceNet(Extractor):
    """One of the two published networks; with random weights until ``load`` fills them in.

    Args:
        name: ``facenet-vggface2`` or ``facenet-casia``.
    """

    embedding_size = 512

    def __init__(self, name: str) -> None:
        super().__init__()
        # A constructor with ``pretrained`` would download; without, the library never does.
        from facenet_pytorch import InceptionResnetV1

        self.name = name
        self.preprocessing = EXPECTED.words()
        self.preparation = Preparation(EXPECTED)
        self.network = InceptionResnetV1(pretrained=None).eval()

    def prepare(self, photos: Tensor) -> Tensor:
        """``(N, 3, 160, 160)`` in [-1, 1]."""
        out: Tensor = self.preparation(photos)
        return out

    def features(self, photos: Tensor) -> Tensor:
        """Embeddings ``(N, 512)`` of photos ``(N, 3, 112, 112)`` in [0, 1]; the library's are of unit length."""
        out: Tensor = self.network(self.prepare(photos))
        return out


def load(path: Path, name: str) -> FaceNet:
    """The published network in a file of weights, ready for use.

    Args:
        path: safetensors, or the published ``.pt``, of which nothing but tensors is read.
        name: ``facenet-vggface2`` or ``facenet-casia``.

    Raises:
        DataError: the file cannot be read, or holds other tensors.
    """
    extractor = FaceNet(name)
    # The published files also hold the layer that tells the people of the training set apart.
    tensors = {key: value for key, value in read_tensors(path).items() if not key.startswith("logits.")}
    expected = {key: value.shape for key, value in extractor.network.state_dict().items()}
    counters = {key for key in expected if key.endswith("num_batches_tracked")}
    if {k: v.shape for k, v in tensors.items() if k not in counters} != {
        k: v for k, v in expected.items() if k not in counters
    }:
        raise DataError(
            f"{path} does not hold the tensors of {name}; facetui models pull {name} fetches the right file"
        )
    extractor.network.load_state_dict(tensors, strict=False)
    return extractor.eval()
