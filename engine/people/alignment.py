"""From pictures to aligned photos: MTCNN detection, and the ArcFace five-point alignment."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from facetui.engine.core.interfaces import SIDE
from facetui.engine.people.pictures import read_picture

DETECTION_SIDE = 1024
"""Pictures are searched for faces at no more than this side length, in pixels."""

TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    dtype=np.float64,
)
"""Eyes, nose and mouth corners in a 112x112 photo (x, y); the template of ArcFace, Deng et al. 2019."""


@dataclass(frozen=True)
class Face:
    """A face that MTCNN found.

    Attributes:
        box: left, top, right, bottom in pixels of the picture.
        landmarks: ``(5, 2)`` x, y in pixels: eyes, nose, mouth corners.
        confidence: in [0, 1].
        turns: quarters against the clock by which the picture has to be turned for it to stand upright.
    """

    box: tuple[float, float, float, float]
    landmarks: NDArray[np.float64]
    confidence: float
    turns: int = 0


def to_tensor(picture: Image.Image) -> Tensor:
    """``(3, H, W)`` uint8."""
    return torch.from_numpy(np.array(picture, dtype=np.uint8)).permute(2, 0, 1).contiguous()


def to_picture(photo: Tensor) -> Image.Image:
    """A picture of a photo ``(3, H, W)``, uint8 or floating point in [0, 1]."""
    if photo.is_floating_point():
        photo = quantise(photo)
    return Image.fromarray(photo.permute(1, 2, 0).cpu().numpy(), "RGB")


def quantise(photos: Tensor) -> Tensor:
    """Pixels in [0, 1] as the 8-bit numbers a picture file holds; same shape, uint8."""
    return (photos * 255).round().clamp(0, 255).to(torch.uint8)


ALIGNED = 15.0
"""How far landmarks may lie from ``TEMPLATE``, on average, in a picture of 112x112 pixels that counts as aligned. MTCNN
itself is off by up to 14 there."""

SMALLEST = 20.0
"""Faces with a shorter side, in the reduced picture, are not found."""

FOREGROUND, MOST = 0.3, 4
"""Of the largest face's side: who is smaller is in the background of a photo; and how many may be meant at most."""

NO_FACE = torch.empty(0, 3, SIDE, SIDE, dtype=torch.uint8)

_LEVEL = 0.709
"""From one level of MTCNN's pyramid to the next."""


@lru_cache
def _detector(levels: int = 0) -> Any:
    from facenet_pytorch import MTCNN  # brings its weights along; a second to import

    return MTCNN(keep_all=True, post_process=False, device="cpu", min_face_size=SMALLEST / _LEVEL**levels)


TURNS = (0, 1, 3, 2)
"""Quarters against the clock, in the order in which photos lie: a telephone is held upside down least often."""

SURE_TURNED = 0.97
"""Confidence from which a face in a turned picture is believed; upright pictures without a face reach less."""

SURE_UPRIGHT = 0.995
"""Confidence from which nothing else is tried: a face that lies on its side is now and then found as it lies, with up
to 0.99, its eyes where its cheeks are."""


def find_faces(
    picture: Image.Image, confidence: float = 0.9, expected: float = 0.0, turns: int | None = None
) -> list[Face]:
    """Faces in a picture, largest first; MTCNN, Zhang et al. 2016.

    Small pictures are enlarged and large ones reduced for the search only. Where no face surely stands upright, the
    picture is turned by quarters: a photo may lie on its side without saying so.

    Args:
        picture: RGB.
        confidence: faces below it are left out, in [0, 1].
        expected: side of the face that is looked for, in pixels, if it is known: much smaller ones need not be found,
            which makes the search several times faster, and what is found is the same.
        turns: how the picture has to be turned for its faces to stand upright; absent: it is found out.
    """
    if turns is not None:
        return _turned(picture, turns, confidence, expected)
    upright = _turned(picture, 0, confidence, expected)
    if upright and max(face.confidence for face in upright) >= SURE_UPRIGHT:
        return upright
    lying = [_turned(picture, turn, max(confidence, SURE_TURNED), expected) for turn in TURNS[1:]]
    return max(upright, *lying, key=lambda faces: max((face.confidence for face in faces), default=0.0))


def _turned(picture: Image.Image, turns: int, confidence: float, expected: float) -> list[Face]:
    """Faces that stand upright once a picture is turned, in its own coordinates, largest first."""
    if turns == 0:
        return _upright(picture, confidence, expected)
    width, height = picture.size
    turned = picture.transpose(
        {1: Image.Transpose.ROTATE_90, 2: Image.Transpose.ROTATE_180, 3: Image.Transpose.ROTATE_270}[turns]
    )
    found = []
    for face in _upright(turned, confidence, expected):
        points = np.vstack([face.landmarks, np.reshape(face.box, (2, 2))])
        x, y = points[:, 0], points[:, 1]
        back = {1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}[turns]
        moved = np.stack(back, 1)
        (left, top), (right, bottom) = moved[-2:].min(0), moved[-2:].max(0)
        found.append(Face((left, top, right, bottom), moved[:-2], face.confidence, turns))
    return found


def _upright(picture: Image.Image, confidence: float, expected: float) -> list[Face]:
    longest = max(picture.size)
    scale = min(1.0, DETECTION_SIDE / longest) if longest >= 300 else 300 / longest
    size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    small = picture if scale == 1.0 else picture.resize(size, Image.Resampling.BILINEAR)
    if min(size) < 20:
        return []
    # The finest levels of the pyramid, on which only faces under a third of the side are found, cost most.
    levels = int(max(0.0, np.log(max(expected * scale, 1.0) / 3 / SMALLEST) / -np.log(_LEVEL)))
    boxes, confidences, landmarks = _detector(levels).detect(small, landmarks=True)
    if boxes is None:
        return []
    faces = [
        Face(tuple(box / scale), np.asarray(points, dtype=np.float64) / scale, float(sure))
        for box, sure, points in zip(boxes, confidences, landmarks, strict=True)
        if sure >= confidence
    ]
    return sorted(faces, key=lambda face: -(face.box[2] - face.box[0]) * (face.box[3] - face.box[1]))


def faces_to_cut(picture: Image.Image, expected: float = 0.0, turns: int | None = None) -> list[Face]:
    """Faces as a user's own photos are cut out for a tool and for a trainer alike, largest first.

    The face of a picture of exactly 112x112 pixels that lies about where an aligned photo has it is aligned already,
    and stays as it is: aligned anew it would move by a pixel or two, and many changes do not survive that.

    Args:
        picture: RGB.
        expected: as of ``find_faces``; so is ``turns``.
        turns: see there.
    """
    faces = find_faces(picture, expected=expected, turns=turns)
    if picture.size == (SIDE, SIDE) and faces and np.abs(faces[0].landmarks - TEMPLATE).mean() <= ALIGNED:
        return [Face((0.0, 0.0, float(SIDE), float(SIDE)), TEMPLATE, faces[0].confidence)]
    return faces


def similarity_transform(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rotation, scale and shift ``(2, 3)`` that takes points to points with least squared error; Umeyama 1991.

    Args:
        source: ``(K, 2)`` x, y.
        target: ``(K, 2)`` x, y.
    """
    source_mean, target_mean = source.mean(0), target.mean(0)
    centred, aimed = source - source_mean, target - target_mean
    # A planar similarity is a complex factor: least squares has the closed form sum(conj(p) q) / sum(|p|^2).
    p, q = centred @ [1, 1j], aimed @ [1, 1j]
    factor = (p.conj() * q).sum() / max((p.conj() * p).sum().real, 1e-12)
    linear = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return np.column_stack([linear, target_mean - linear @ source_mean])


def align(picture: Image.Image, face: Face) -> Image.Image:
    """The 112x112 photo of one face, aligned to ``TEMPLATE``."""
    if face.landmarks is TEMPLATE:  # aligned already: no interpolation, so not one pixel changes
        return picture.crop((0, 0, SIDE, SIDE))
    inverse = similarity_transform(TEMPLATE, face.landmarks)
    # A strongly reduced face would alias: reduce the picture first, by a whole factor.
    reduce = int(max(1, np.hypot(inverse[0, 0], inverse[1, 0])))
    if reduce > 1:
        picture, inverse = picture.reduce(reduce), inverse / reduce
    return picture.transform(
        (SIDE, SIDE), Image.Transform.AFFINE, tuple(inverse.flatten()), resample=Image.Resampling.BICUBIC
    )


def who_is_meant(faces: list[Face]) -> list[Face]:
    """Of the faces in a photo of somebody, largest first, those that may be theirs: nobody in the background."""
    sides = [min(face.box[2] - face.box[0], face.box[3] - face.box[1]) for face in faces]
    return [face for face, side in zip(faces, sides, strict=True) if side >= sides[0] * FOREGROUND][:MOST]


def aligned_faces(path: Path) -> Tensor:
    """The faces in a file that may be meant, ``(k, 3, 112, 112)`` uint8, largest first; none when MTCNN finds none.

    A picture of exactly 112x112 pixels is taken as aligned already.

    Raises:
        DataError: as ``read_picture``.
    """
    picture = read_picture(path)
    if picture.size == (SIDE, SIDE):
        return to_tensor(picture)[None]
    faces = who_is_meant(find_faces(picture))
    return torch.stack([to_tensor(align(picture, face)) for face in faces]) if faces else NO_FACE
