"""Where an original lies in a copy: turned by quarters, in a frame, cropped or resized; found by correlation.

Copies come back from tools, telephones and messengers on their side, inside a screenshot's frame, smaller, or with an
edge cut off. Both pictures are reduced to grey sketches; the original is looked for in the copy, and the copy in the
original, at every size that makes sense, by normalised cross-correlation (Lewis 1995), which does not mind a change of
brightness or contrast. The best place is then refined on the pictures themselves.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from facetui.engine.applications.check.pairing.placement import Placement, upright
from facetui.engine.applications.check.pairing.sketch import (
    FLAT,
    LEAST_PART,
    SKETCH,
    Sketch,
    part_likeness,
    whole_likeness,
)
from facetui.engine.people.alignment import (
    NO_FACE,
    Face,
    align,
    find_faces,
    similarity_transform,
    to_tensor,
    who_is_meant,
)
from facetui.engine.people.same_photo import likeness

FINE = 320
"""Longer side at which a place is refined."""

SURE = 0.97
"""Correlation of whole pictures from which nothing else is tried."""

PLAUSIBLE = 0.7
"""Correlation of whole sketches from which the whole is a place to begin with."""

SAME_FACE = 0.92
"""Likeness of two faces from which one picture may lie on the other by them; tools and resizing take some of it."""

AROUND = 0.0
"""What is compared around a face, in shares of its sides: nothing, as a crop may end there."""

FOUND = 0.9
"""Correlation from which a refined place in a frame or a crop is believed; parts of two portraits reach 0.8."""


def register(original: Image.Image, copy: Image.Image) -> Placement:
    """Where an original lies in a copy of it, mirrored or not; the likeness tells whether it does at all."""
    found = _registered(original, copy)
    if found.likeness < SURE:
        mirrored = _registered(original, ImageOps.mirror(copy))
        if better(mirrored, found):
            found = replace(mirrored, mirrored=True)
    if found.likeness < FOUND:
        face = max(by_faces(original, copy), key=lambda place: place.likeness, default=found)
        found = face if better(face, found) else found
    return found


def better(one: Placement, other: Placement) -> bool:
    """Whether a place is believed, and explains a copy clearly better than another."""
    return one.likeness >= FOUND and 1 - one.likeness < 0.6 * (1 - other.likeness)


def by_faces(original: Image.Image, copy: Image.Image) -> Iterator[Placement]:
    """Places at which a face of the original lies on the same one of the copy, whatever else either of them shows."""
    faces = who_is_meant(find_faces(original))
    for mirrored in (False, True):
        shown = ImageOps.mirror(copy) if mirrored else copy
        found = who_is_meant(find_faces(shown))
        for mine, its in (likeness(_cut(original, faces), _cut(shown, found)) >= SAME_FACE).nonzero().tolist():
            yield _by_face(original, faces[mine], shown, found[its], mirrored)


def _cut(picture: Image.Image, faces: list[Face]) -> torch.Tensor:
    return torch.stack([to_tensor(align(picture, face)) for face in faces]) if faces else NO_FACE


def _by_face(original: Image.Image, ours: Face, shown: Image.Image, theirs: Face, mirrored: bool) -> Placement:
    turns = (theirs.turns - ours.turns) % 4
    points = turned(theirs.landmarks, shown.size, turns)
    scale = float(np.hypot(*similarity_transform(ours.landmarks, points)[:, 0]))
    left, top = (points.mean(0) - scale * ours.landmarks.mean(0)).tolist()
    # Only the face and what is close to it: there may be a frame around a crop.
    west, north, east, south = ours.box
    wide, high = (east - west) * AROUND, (south - north) * AROUND
    window = (
        max(0, int(west - wide)),
        max(0, int(north - high)),
        min(original.width, int(east + wide) + 1),
        min(original.height, int(south + high) + 1),
    )
    start = Placement(turns, left + scale * window[0], top + scale * window[1], scale, scale, -1.0, mirrored)
    place = refined(original.crop(window), upright(shown, turns), start)
    left, top = place.left - place.wide * window[0], place.top - place.high * window[1]
    return replace(place, left=left, top=top, window=window)


def turned(points: NDArray[np.float64], size: tuple[int, int], turns: int) -> NDArray[np.float64]:
    """Points ``(K, 2)`` of a picture of that size, (width, height), where they are once it is turned by quarters."""
    x, y = points[:, 0], points[:, 1]
    return np.stack([(x, y), (y, size[0] - x), (size[0] - x, size[1] - y), (size[1] - y, x)][turns], 1)


def _registered(original: Image.Image, copy: Image.Image) -> Placement:
    one, other = Sketch.of(original), Sketch.of(copy)
    likeness, turns = whole_likeness([one], [other])
    turned = int(turns[0, 0])
    (width, height), (wide, high) = original.size, other.turned(turned).size
    whole = Placement(turned, 0.0, 0.0, wide / width, high / height, float(likeness[0, 0]))
    if whole.likeness >= SURE and (wide, high) == (width, height):
        return whole
    (part,) = part_likeness([one], other)
    # A thin frame is not seen on sketches, so the whole is a place to begin with, too.
    even = replace(whole, wide=math.sqrt(whole.wide * whole.high), high=math.sqrt(whole.wide * whole.high))
    starts = [even] if whole.likeness >= PLAUSIBLE else []
    if part.likeness > whole.likeness + 0.02 or not starts:
        starts.append(part)
    found = max((refined(original, upright(copy, s.turns), s) for s in starts), key=lambda place: place.likeness)
    as_whole = overlap(original, upright(copy, whole.turns), whole)
    # What is only resized is best taken as a whole; in a frame that fits the picture badly.
    return found if better(found, replace(whole, likeness=as_whole)) else whole


def overlap(original: Image.Image, copy: Image.Image, place: Placement) -> float:
    """Correlation of an original and an upright copy where they overlap, in [-1, 1]; -1 where they hardly do."""
    small, scale = _reduced(original)
    return _overlap(small, scale, copy.convert("L"), place)


def _reduced(original: Image.Image) -> tuple[Image.Image, float]:
    """An original in grey, its longer side ``FINE`` at most, and by how much it was reduced."""
    scale = min(1.0, FINE / max(original.size))
    size = max(8, round(original.width * scale)), max(8, round(original.height * scale))
    return original.convert("L").resize(size, Image.Resampling.BOX), scale


def _overlap(small: Image.Image, scale: float, copy: Image.Image, place: Placement) -> float:
    # Only what the copy shows counts: beyond its edges there is nothing to compare.
    data = (place.wide / scale, 0, place.left, 0, place.high / scale, place.top)
    shown = copy.transform(small.size, Image.Transform.AFFINE, data, Image.Resampling.BILINEAR, fillcolor=0)
    seen = Image.new("L", copy.size, 255).transform(small.size, Image.Transform.AFFINE, data, fillcolor=0)
    mask = np.asarray(seen) > 0
    if mask.mean() < LEAST_PART**2 / 2:
        return -1.0
    a, b = (np.asarray(picture, dtype=np.float64)[mask] for picture in (small, shown))
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > FLAT and b.std() > FLAT else -1.0


def refined(original: Image.Image, copy: Image.Image, start: Placement) -> Placement:
    """A place to a part of a pixel: steps that become smaller, as long as the correlation grows.

    Args:
        original: RGB.
        copy: upright.
        start: about where.
    """
    small, scale = _reduced(original)
    grey = copy.convert("L")

    def likeness(place: Placement) -> float:
        return _overlap(small, scale, grey, place)

    best = replace(start, likeness=likeness(start))
    step = max(original.size) / SKETCH
    while step * scale > 0.03:
        tried = []
        for x, y, grow in ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)):
            factor = 1 + grow * step / max(original.size)
            wide, high = best.wide * factor, best.high * factor
            # It grows about the middle, so that size and place do not pull at each other.
            left = best.left + x * step * best.wide - (wide - best.wide) * original.width / 2
            top = best.top + y * step * best.high - (high - best.high) * original.height / 2
            place = replace(best, left=left, top=top, wide=wide, high=high)
            tried.append(replace(place, likeness=likeness(place)))
        better = max(tried, key=lambda place: place.likeness)
        if better.likeness > best.likeness:
            best = better
        else:
            step /= 2
    # Most frames and crops move whole pixels and change no size: then nothing has to be interpolated.
    if abs(best.wide - 1) * max(original.size) < 3:
        snapped = replace(best, left=float(round(best.left)), top=float(round(best.top)), wide=1.0, high=1.0)
        snapped = replace(snapped, likeness=likeness(snapped))
        if snapped.likeness >= best.likeness - 0.002:
            return snapped
    return best
