"""Whose photos a board gives to tools: fictional people, drawn by the seed, and everybody else, the same for each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

from facetui.engine.applications.check.album import LEAST
from facetui.engine.core import cache as caching
from facetui.engine.core.interfaces import SIDE
from facetui.engine.people.alignment import quantise, to_picture
from facetui.engine.people.identities import TOOL_PEOPLE
from facetui.engine.people.persons import People
from facetui.engine.records.errors import UsageError

FACE = 0.625
"""Of a photo's side, the side of the aligned face in it; in 40 of 40 photos of 448 pixels MTCNN then found the face."""

SOFT = 3
"""Pixels over which an enlarged face is averaged. A detector of perturbed photos flagged none of 40 clean photos then;
enlarged by cubic interpolation without it, it flagged 11 of 16, and would have told nothing about a tool."""

SMALLEST = 224
"""Pixels of a photo's side in which a face stands in a picture at all."""


@dataclass(frozen=True)
class Poster:
    """A fictional person who gives photos to a tool.

    Attributes:
        name: of the person.
        posted: ``(n, 3, 112, 112)`` uint8.
        probes: the same, other photos, which stay clean.
    """

    name: str
    posted: Tensor
    probes: Tensor


def draw(people: People, n_people: int, n_photos: int, seed: int) -> tuple[list[Poster], People]:
    """Draw people and their photos.

    None of those drawn is in anybody's crowd: so the crowd is the same for all, and a trainer who learns from it is
    trained once.

    Args:
        people: the embedded ones; the last eight are the tool's and are never drawn.
        n_people: how many.
        n_photos: that each of them posts; the others are probes.
        seed: of the draw.

    Returns:
        Who posts, and everybody else.

    Raises:
        UsageError: too many people, or too few or too many photos.
    """
    game = people.persons[:-TOOL_PEOPLE]
    most = len(game) // 2
    if not 1 <= n_people <= most:
        raise UsageError(f"expected 1 to {most} people, so that as many are left for the trainer, got {n_people}")
    fewest = min(len(person.photos) for person in game)
    if not LEAST <= n_photos < fewest:
        raise UsageError(f"expected {LEAST} to {fewest - 1} photos, so that one is left to ask for, got {n_photos}")
    chosen = sorted(torch.randperm(len(game), generator=_generator(seed, "people")).tolist()[:n_people])
    posters = []
    for person in (game[i] for i in chosen):
        order = torch.randperm(len(person.photos), generator=_generator(seed, person.name))
        posters.append(Poster(person.name, person.photos[order[:n_photos]], person.photos[order[n_photos:]]))
    names = {poster.name for poster in posters}
    return posters, replace(people, persons=tuple(p for p in people.persons if p.name not in names))


def _generator(seed: int, what: str) -> torch.Generator:
    return torch.Generator().manual_seed(int(caching.key("board", seed, what)[:15], 16))


def check_size(size: int) -> int:
    """Pixels of a photo's side.

    Raises:
        UsageError: neither that of an aligned face nor one in which a face stands.
    """
    if size != SIDE and not SMALLEST <= size <= 2048:
        raise UsageError(f"expected photos of {SIDE} pixels (the face alone) or {SMALLEST} to 2048, got {size}")
    return size


def write(folder: Path, photos: Tensor, size: int) -> Path:
    """Write photos as PNG files with plain names into a new folder.

    Args:
        folder: to make.
        photos: ``(n, 3, 112, 112)`` uint8, aligned faces.
        size: pixels of a photo's side; more than 112: the face is enlarged, and its edge goes on around it.
    """
    folder.mkdir(parents=True)
    for number, photo in enumerate(photos, 1):
        to_picture(photo if size == SIDE else framed(photo, size)).save(folder / f"photo{number:02d}.png")
    return folder


def framed(photo: Tensor, size: int) -> Tensor:
    """A photo ``(3, size, size)`` uint8 with an aligned face ``(3, 112, 112)`` uint8 in its middle."""
    side = round(FACE * size)
    before = (size - side) // 2
    face = interpolate(photo[None].float() / 255, (side, side), mode="bilinear", align_corners=False)
    picture = pad(face, (before, size - side - before) * 2, mode="replicate")
    return quantise(avg_pool2d(pad(picture, (SOFT // 2,) * 4, mode="replicate"), SOFT, 1)[0])
