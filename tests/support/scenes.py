"""Photos as telephones take them, of fictional people: a face somewhere before a background, and what becomes of it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from torch import Tensor

from facetui.engine.people.alignment import to_picture

Way = Callable[[Image.Image], Image.Image]

FACE = 240
"""Side of a face in a scene of 640x480 pixels."""


def place(number: int) -> tuple[int, int]:
    """Where the face of a scene is: left and top."""
    return 80 + 40 * (number % 7), 90 + 10 * (number % 9)


def scene(*faces: Tensor, number: int = 0, sides: tuple[int, ...] = (FACE,), where: tuple[int, int] | None = None):
    """A photo of one person, or of two: the second stands on the other side.

    Args:
        faces: ``(3, 112, 112)`` uint8 each.
        number: of the background, and of where the first face is.
        sides: of the faces, in pixels.
        where: the first face is; absent: by the number.
    """
    colours = np.random.default_rng(number).integers(0, 255, (9, 12, 3), dtype=np.uint8)
    made = Image.fromarray(colours).resize((640, 480), Image.Resampling.BICUBIC)
    left, top = where or place(number)
    for face, side in zip(faces, sides, strict=True):
        made.paste(to_picture(face).resize((side, side), Image.Resampling.BICUBIC), (left, top))
        left, top = (10 if left > 300 else 630 - sides[-1]), (470 - sides[-1])
    return made


def jpeg(picture: Image.Image, quality: int = 85) -> Image.Image:
    """Encoded anew."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def face_only(picture: Image.Image, number: int = 0, margin: int = 20, side: int = 160) -> Image.Image:
    """A crop about the face of ``scene(..., number)``, as profile pictures are."""
    left, top = place(number)
    box = left - margin, top - margin, left + FACE + margin, top + FACE + margin
    return picture.crop(box).resize((side, side), Image.Resampling.LANCZOS)


COPIES: dict[str, Way] = {
    "the same file": lambda p: p,
    "encoded anew": lambda p: jpeg(p, 50),
    "half the size": lambda p: p.resize((320, 240), Image.Resampling.LANCZOS),
    "mirrored": lambda p: jpeg(ImageOps.mirror(p)),
    "grey": lambda p: p.convert("L").convert("RGB"),
    "cropped to the face": lambda p: jpeg(face_only(p)),
    "brighter": lambda p: p.point(lambda value: min(255, round(value * 1.15))),
    "mirrored, grey, cropped": lambda p: jpeg(ImageOps.mirror(face_only(p)).convert("L").convert("RGB"), 60),
    "on its side": lambda p: p.transpose(Image.Transpose.ROTATE_90),
    "a screenshot": lambda p: ImageOps.expand(jpeg(p), (60, 300), (250, 250, 250)),
}
"""What people have of one photo; of ``scene(face, number=0)`` where a crop has to know where the face is."""


def changed(picture: Image.Image) -> Image.Image:
    """What a tool does: up to six grey levels, here and there."""
    pixels = np.asarray(picture).astype(int)
    coins = np.random.default_rng(1).integers(-6, 7, pixels.shape)
    return Image.fromarray((pixels + coins).clip(0, 255).astype(np.uint8))


def written(folder: Path, pictures: dict[str, Image.Image]) -> Path:
    """A folder of pictures by their file names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        picture.save(folder / name)
    return folder
