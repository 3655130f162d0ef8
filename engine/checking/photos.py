"""A user's photos before and after a tool: the face in each, how visible the change is, and copies of copies."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from PIL import Image, ImageFilter
from torch import Tensor

from facetui.engine import cache as caching
from facetui.engine.cache import Cache
from facetui.engine.checking.pairing import OTHER_PICTURE, SAME_PICTURE, Match, thumbnail, thumbnail_distance
from facetui.engine.errors import DataError
from facetui.engine.interfaces import SIDE, Progress
from facetui.engine.photos import align, faces_to_cut, to_tensor
from facetui.engine.pictures import read_picture
from facetui.engine.protect import visible_change

T = TypeVar("T")
R = TypeVar("R")

Box = tuple[float, float, float, float]

ALIGNED_BOX: Box = (0.0, 0.0, float(SIDE), float(SIDE))
"""Of the face in a picture that is an aligned photo already."""

RECODINGS = ("JPEG 75", "half size", "screenshot")
"""What happens to pictures on their way; a screenshot is 0.77 of the size, a little soft, and JPEG 85."""

SHOWN_SIDE = 240
"""Longest side of the pictures that a report shows, in pixels."""


@dataclass(frozen=True)
class Pair:
    """One photo before and after.

    Attributes:
        name: of the original's file.
        protected_name: of the protected file.
        clean: ``(3, 112, 112)`` uint8, aligned.
        protected: the same of the protected file, aligned by the face that is found there.
        recoded: one for each of ``RECODINGS``, ``None`` where no face is found any more.
        faces: found in the original; the largest is taken.
        linf: largest change of a channel in the region of the face, of 255.
        dssim: structural dissimilarity there, in [0, 0.5]; ``None`` for faces under eleven pixels.
        psnr: there, in dB; ``None`` if nothing was changed.
        resized: whether the protected file has another size.
        before: the region, ``(3, H, W)`` uint8 of at most ``SHOWN_SIDE``.
        after: the same of the protected file.
        thumbnails: both files as thumbnails, ``(2, 3, 16, 16)``.
    """

    name: str
    protected_name: str
    clean: Tensor
    protected: Tensor
    recoded: tuple[Tensor | None, ...]
    faces: int
    linf: float
    dssim: float | None
    psnr: float | None
    resized: bool
    before: Tensor
    after: Tensor
    thumbnails: Tensor


@dataclass(frozen=True)
class LeftOut:
    """A photo that takes no part.

    Attributes:
        name: of its file.
        why: ``unreadable``, ``no face``, ``no face after``, ``mixed up``, ``unpaired`` or ``not held out``.
        text: one sentence.
    """

    name: str
    why: str
    text: str


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
    return Image.open(buffer).convert("RGB")


@dataclass(frozen=True)
class Probe:
    """A clean photo that is searched for.

    Attributes:
        photo: ``(3, 112, 112)`` uint8, aligned.
        thumbnail: of the whole file, ``(3, 16, 16)``.
    """

    photo: Tensor
    thumbnail: Tensor


def read_probe(path: Path) -> Probe | LeftOut:
    """The largest face in a clean file; never raises for what is wrong with the file."""
    try:
        picture = read_picture(path)
    except DataError as error:
        return LeftOut(path.name, "unreadable", str(error))
    found = _portrait(picture)
    return Probe(found[0], thumbnail(picture)) if found else _no_face(path)


def _no_face(path: Path) -> LeftOut:
    return LeftOut(path.name, "no face", f"no face was found in {path.name}")


def read_pair(match: Match, cache: Cache) -> Pair | LeftOut:
    """One photo before and after, from the cache where possible; never raises for what is wrong with the files."""
    try:
        key = caching.key("pair before and after", *(path.read_bytes().hex() for path in match))
        kept = cache.load(key)
        if kept is None:
            pair = _examine(*match)
            if isinstance(pair, Pair):
                cache.save(key, _as_tensors(pair))
            return pair
        return _from_tensors(match, kept)
    except OSError as error:
        return LeftOut(match[0].name, "unreadable", f"{error.filename} cannot be read ({error.strerror})")
    except DataError as error:
        return LeftOut(match[0].name, "unreadable", str(error))


def _examine(clean_path: Path, protected_path: Path) -> Pair | LeftOut:
    before, after = read_picture(clean_path), read_picture(protected_path)
    thumbnails = torch.stack([thumbnail(before), thumbnail(after)])
    if float(thumbnail_distance(*thumbnails)) > OTHER_PICTURE:
        return _mixed_up((clean_path, protected_path))
    found = _portrait(before)
    if found is None:
        return _no_face(clean_path)
    clean, box, faces = found
    near = _grown(box, after.width / before.width)
    # Aligned before and of the same size after: aligned after, and no small face has to be found again.
    aligned = box == ALIGNED_BOX and after.size == before.size
    changed = to_tensor(after) if aligned else _cut(after, near)
    if changed is None:
        text = f"no face was found in {protected_path.name}, though there is one in {clean_path.name}"
        return LeftOut(clean_path.name, "no face after", text)
    copies: list[Tensor | None] = []
    for kind in RECODINGS:
        copy = recode(kind, after)
        if aligned:
            copies.append(to_tensor(copy.resize(after.size, Image.Resampling.BICUBIC)))
        else:
            copies.append(_cut(copy, _grown(near, copy.width / after.width)))
    same_size = after if after.size == before.size else after.resize(before.size, Image.Resampling.BICUBIC)
    region = _inside(box, before, 0.25)
    crops = [picture.crop(region) for picture in (before, same_size)]
    whole = (0, 0, *crops[0].size)
    linf, dssim, psnr = visible_change(to_tensor(crops[0]), to_tensor(crops[1]), whole)
    for crop in crops:
        crop.thumbnail((SHOWN_SIDE, SHOWN_SIDE), Image.Resampling.LANCZOS)
    return Pair(
        clean_path.name,
        protected_path.name,
        clean,
        changed,
        tuple(copies),
        faces,
        linf,
        dssim,
        psnr if psnr != float("inf") else None,
        after.size != before.size,
        to_tensor(crops[0]),
        to_tensor(crops[1]),
        thumbnails,
    )


def _mixed_up(match: Match) -> LeftOut:
    clean, protected = (path.name for path in match)
    return LeftOut(clean, "mixed up", f"{protected} does not show what {clean} shows; give both the same name")


def _portrait(picture: Image.Image) -> tuple[Tensor, Box, int] | None:
    """The largest face, aligned ``(3, 112, 112)``; its box; and how many faces there are."""
    faces = faces_to_cut(picture)
    return (to_tensor(align(picture, faces[0])), faces[0].box, len(faces)) if faces else None


def _cut(picture: Image.Image, near: Box) -> Tensor | None:
    """The face that is found anew about where it was before, aligned ``(3, 112, 112)``."""
    faces = faces_to_cut(picture, expected=min(near[2] - near[0], near[3] - near[1]))
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


def _as_tensors(pair: Pair) -> dict[str, Tensor]:
    figures = [pair.faces, pair.linf, pair.dssim, pair.psnr, pair.resized]
    tensors = {"figures": torch.tensor([float("nan") if f is None else float(f) for f in figures], dtype=torch.float64)}
    tensors |= {f"recoded{i}": copy for i, copy in enumerate(pair.recoded) if copy is not None}
    pictures = ("clean", "protected", "before", "after", "thumbnails")
    return tensors | {name: getattr(pair, name) for name in pictures}


def _from_tensors(match: Match, tensors: dict[str, Tensor]) -> Pair:
    faces, linf, dssim, psnr, resized = (None if f != f else f for f in tensors["figures"].tolist())
    return Pair(
        match[0].name,
        match[1].name,
        tensors["clean"],
        tensors["protected"],
        tuple(tensors.get(f"recoded{i}") for i in range(len(RECODINGS))),
        int(faces or 0),
        round(linf or 0.0, 3),
        dssim,
        psnr,
        bool(resized),
        tensors["before"],
        tensors["after"],
        tensors["thumbnails"],
    )


def read_all(
    matches: Sequence[Match], cache: Cache, progress: Progress
) -> tuple[list[Pair], list[LeftOut], list[Match]]:
    """Read every pair, on all cores.

    Returns:
        The pairs, what was left out, and the matches whose files show different pictures (which are left out too).
    """
    pairs, left_out, mixed = [], list[LeftOut](), list[Match]()
    outcomes = in_threads(lambda match: read_pair(match, cache), matches)
    for done, (match, outcome) in enumerate(zip(matches, outcomes, strict=True), 1):
        progress(done, len(matches))
        if isinstance(outcome, Pair):
            pairs.append((match, outcome))
            continue
        left_out.append(outcome)
        if outcome.why == "mixed up":
            mixed.append(match)
    originals = [pair.thumbnails[0] for _, pair in pairs]
    kept = []
    for row, (match, pair) in enumerate(pairs):
        distances = torch.stack([thumbnail_distance(pair.thumbnails[1], other) for other in originals])
        if float(distances[row]) > SAME_PICTURE and float(distances.min()) < float(distances[row]):
            mixed.append(match)
            left_out.append(_mixed_up(match))
        else:
            kept.append(pair)
    return kept, left_out, mixed


def in_threads(read: Callable[[T], R], files: Sequence[T]) -> Iterator[R]:
    """What ``read`` makes of each, in their order; on all cores, as long as somebody asks for more."""
    pool = ThreadPoolExecutor(min(4, os.cpu_count() or 1))
    try:
        yield from pool.map(read, files)
    finally:
        pool.shutdown(cancel_futures=True)
