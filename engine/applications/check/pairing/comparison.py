"""One photo and its protected copy, compared: the face in each, how visible the change is, and copies of copies."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image, ImageChops, ImageFilter, ImageOps, ImageStat
from torch import Tensor

from facetui.engine.applications.check.pairing.matching import OTHER_PICTURE, Match, thumbnail, thumbnail_distance
from facetui.engine.applications.check.pairing.pair import HIDDEN, RECODINGS, SHOWN_SIDE, LeftOut, Pair
from facetui.engine.applications.check.pairing.placement import Placement, undone, upright
from facetui.engine.applications.check.pairing.registration import register
from facetui.engine.applications.protect.paste import Placement as PastedPlacement
from facetui.engine.applications.protect.protector import visible_change
from facetui.engine.core.interfaces import SIDE
from facetui.engine.people.alignment import Face, align, faces_to_cut, to_tensor, who_is_meant
from facetui.engine.people.pictures import read_picture

Box = tuple[float, float, float, float]
Region = tuple[int, int, int, int]

ALIGNED_BOX: Box = (0.0, 0.0, float(SIDE), float(SIDE))
"""Of the face in a picture that is an aligned photo already."""

ALIKE_AT_LEAST = 0.5
"""Correlation below which two files are not one picture before and after; strangers reach about that."""


def recode(kind: str, picture: Image.Image) -> Image.Image:
    """A whole picture as it comes out of one of ``RECODINGS``."""
    if kind == "JPEG 75":
        return _jpeg(picture, 75)
    if kind == "half size":
        return picture.resize(_scaled(picture, 0.5), Image.Resampling.LANCZOS)
    soft = picture.resize(_scaled(picture, 0.77), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(0.5))
    return _jpeg(soft, 85)


def _scaled(picture: Image.Image, factor: float) -> tuple[int, int]:
    return max(1, round(picture.width * factor)), max(1, round(picture.height * factor))


def _jpeg(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    encoded = Image.open(buffer)
    encoded.load()
    return encoded


def no_face(path: Path) -> LeftOut:
    """A picture that shows nobody."""
    return LeftOut(path.name, "no face", f"no face was found in {path.name}")


def compare(clean_path: Path, protected_path: Path) -> list[Pair] | LeftOut:
    """Two files, before and after: a pair for each face that may be meant, the largest first.

    Of several faces those count that were changed; a tool that changes one leaves the others as they were.

    Raises:
        DataError: one of them cannot be read.
    """
    before, protected = read_picture(clean_path), read_picture(protected_path)
    place = register(before, protected)
    after = upright(protected, place.turns, place.mirrored)
    del protected
    changes = {
        "turned": place.turns != 0,
        "framed": place.framed(before.size, after.size),
        "cropped": place.cropped(before.size, after.size),
        "mirrored": place.mirrored,
    }
    # What a trainer finds is the copy as it was posted, but upright; how visible a change is, is seen without frames.
    shown = _like(after, before.size) if place.is_whole(before.size, after.size) else undone(before, after, place)
    thumbnails = torch.stack([thumbnail(before), thumbnail(shown)])
    if place.likeness < ALIKE_AT_LEAST or float(thumbnail_distance(*thumbnails)) > OTHER_PICTURE:
        return mixed_up((clean_path, protected_path))
    faces = faces_to_cut(before)
    if not faces:
        return no_face(clean_path)
    resized = after.size != before.size and not (changes["framed"] or changes["cropped"])
    undone_in = tuple(name for name, is_so in changes.items() if is_so)
    # Aligned before and of the same size after: aligned after, and no small face has to be found again.
    aligned = after.size == before.size and not undone_in
    meant = changed_ones(before, shown, who_is_meant(faces))
    where = [None if aligned and face.box == ALIGNED_BOX else _near(face, place, after.width) for face in meant]
    seen = [
        (
            to_tensor(align(before, face)),
            share_of(face, before),
            _seen(before, shown, _region(face, before)),
            _shown(before, shown, _inside(face.box, before, 0.25)),
        )
        for face in meant
    ]
    posted = ImageOps.mirror(after) if place.mirrored else after  # what a trainer finds is mirrored, too
    del before, shown, after  # fifty megapixels are 200 MB, and copies of the posted one are made now
    pairs = [
        Pair(
            clean_path.name,
            protected_path.name,
            clean,
            changed,
            tuple(recoded),
            len(faces),
            share,
            *visible,
            resized,
            *pictures,
            thumbnails,
            undone_in,
            place.likeness,
        )
        for (clean, share, visible, pictures), (changed, *recoded) in zip(seen, _cuts(posted, where), strict=True)
        if changed is not None
    ]
    if not pairs:
        text = f"no face was found in {protected_path.name}, though there is one in {clean_path.name}"
        return LeftOut(clean_path.name, HIDDEN, text)
    return pairs


def share_of(face: Face, picture: Image.Image) -> float:
    """Of a picture's area that is a face, in [0, 1]."""
    return (face.box[2] - face.box[0]) * (face.box[3] - face.box[1]) / (picture.width * picture.height)


def _near(face: Face, place: Placement, width: int) -> tuple[Box, int]:
    """Where a face of the original is in the copy as it was posted, upright, of that width; and how it lies there."""
    box = place.box(face.box)
    if not place.mirrored:
        return box, face.turns
    return (width - box[2], box[1], width - box[0], box[3]), -face.turns % 4


def _cuts(posted: Image.Image, where: Sequence[tuple[Box, int] | None]) -> list[list[Tensor | None]]:
    """For each face what is found of it in a picture, and in copies of that; one copy at a time is in memory.

    Args:
        posted: upright.
        where: each face is, and how it lies; ``None`` if the picture is an aligned photo.
    """
    cuts: list[list[Tensor | None]] = [[] for _ in where]
    for kind in ("", *RECODINGS):
        copy = recode(kind, posted) if kind else posted
        for at, found in zip(where, cuts, strict=True):
            if at is None:
                found.append(to_tensor(copy.resize(posted.size, Image.Resampling.BICUBIC)))
            else:
                found.append(_cut(copy, _grown(at[0], copy.width / posted.width), at[1]))
    return cuts


def changed_ones(before: Image.Image, shown: Image.Image, faces: list[Face]) -> list[Face]:
    """Of several faces those that were changed: half as much at least as the one that was changed most."""
    if len(faces) < 2:
        return faces
    moved = ImageChops.difference(before, shown)
    amounts = [ImageStat.Stat(moved.crop(_inside(face.box, before, 0.0))).mean for face in faces]
    most = max(map(sum, amounts))
    return [face for face, amount in zip(faces, amounts, strict=True) if sum(amount) >= most / 2]


def _region(face: Face, picture: Image.Image) -> Region:
    """What ``protect`` may change for a face."""
    region = PastedPlacement.of(face, picture.size).box
    return region if region[2] > region[0] and region[3] > region[1] else _inside(face.box, picture, 0.25)


def _seen(before: Image.Image, shown: Image.Image, region: Region) -> tuple[float, float | None, float | None]:
    """How far the face's region moved: L-inf in grey levels, DSSIM, PSNR in dB, none where nothing changed.

    The region is that of ``protect``, and so are the figures.
    """
    crops = [picture.crop(region) for picture in (before, shown)]
    linf, dssim, psnr = visible_change(to_tensor(crops[0]), to_tensor(crops[1]), (0, 0, *crops[0].size))
    return linf, dssim, psnr if psnr != float("inf") else None


def _shown(before: Image.Image, shown: Image.Image, region: Region) -> tuple[Tensor, Tensor]:
    """The face and what is around it before and after, small enough for a report."""
    crops = [picture.crop(region) for picture in (before, shown)]
    for crop in crops:
        crop.thumbnail((SHOWN_SIDE, SHOWN_SIDE), Image.Resampling.LANCZOS)
    return to_tensor(crops[0]), to_tensor(crops[1])


def _like(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    return picture if picture.size == size else picture.resize(size, Image.Resampling.BICUBIC)


def mixed_up(match: Match) -> LeftOut:
    """Two files that show different pictures."""
    clean, protected = (path.name for path in match)
    return LeftOut(clean, "mixed up", f"{protected} does not show what {clean} shows; give both the same name")


def _cut(picture: Image.Image, near: Box, turns: int) -> Tensor | None:
    """The face that is found anew about where it was before, aligned ``(3, 112, 112)``."""
    faces = faces_to_cut(picture, expected=min(near[2] - near[0], near[3] - near[1]), turns=turns)
    faces = sorted((face for face in faces if _overlap(face.box, near) > 0), key=lambda face: -_overlap(face.box, near))
    return to_tensor(align(picture, faces[0])) if faces else None


def _grown(box: Box, factor: float) -> Box:
    return box[0] * factor, box[1] * factor, box[2] * factor, box[3] * factor


def _overlap(one: Box, other: Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)


def _inside(box: Box, picture: Image.Image, margin: float) -> tuple[int, int, int, int]:
    """A box, wider by a share of its size on every side, in whole pixels of the picture."""
    wide, high = (box[2] - box[0]) * margin, (box[3] - box[1]) * margin
    left, top = max(0, int(box[0] - wide)), max(0, int(box[1] - high))
    right, bottom = min(picture.width, int(box[2] + wide) + 1), min(picture.height, int(box[3] + high) + 1)
    return min(left, right - 1), min(top, bottom - 1), max(1, right), max(1, bottom)
