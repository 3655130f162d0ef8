"""A foreign network on trial: does it tell the fictional people apart, as it is said to read photos?

A wrong reading (pixels scaled twice) runs without a complaint, and gives embeddings that are all alike. So a few photos
of the fictional people are embedded; where that goes badly, other usual scales are tried, and the best is proposed as
the text of the TOML file beside it. The order of colours cannot be told in this way: every network tried here
separates the fictional people as well with red and blue swapped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import msgspec
import torch
from torch import Tensor
from torch.nn import functional as F

from facetui.engine.extractors.from_files.foreign import ForeignExtractor, first_tensor
from facetui.engine.extractors.inputs import Input, Preparation
from facetui.engine.people import identities
from facetui.engine.people.persons import EMBEDDED
from facetui.engine.records.errors import DataError

PEOPLE, EACH = 8, 2

NOBODY = 0.65
"""Share of comparisons in which a photo of the same person is more alike than one of another, below which a network is
refused; by chance it is 0.5, and every network for faces here reaches 0.99."""

GOOD = 0.95
"""From which no other reading is tried, if cosines are not all alike, too."""

SPREAD = 0.02
"""Difference of mean cosines, same person and others, below which they are all alike; dlib's network has 0.07."""

BETTER, CLEARLY = 2.0, 0.05
"""So many times the difference of cosines, or so much more of the share, another reading must reach to be proposed."""

SCALES = {
    "(x - 127.5) / 127.5": ((127.5,) * 3, (127.5,) * 3),
    "x / 255": ((0.0,) * 3, (255.0,) * 3),
    "x": ((0.0,) * 3, (1.0,) * 3),
    "ImageNet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
}
"""What networks for faces usually expect of pixels in [0, 255]."""


@dataclass(frozen=True)
class Separation:
    """How well a network tells the fictional people apart.

    Attributes:
        right: share of comparisons in which a photo of the same person is more alike than one of another, in [0, 1].
        same: mean cosine of two photos of one person.
        others: mean cosine of photos of two people.
    """

    right: float
    same: float
    others: float

    @property
    def gap(self) -> float:
        """Difference of both."""
        return self.same - self.others

    @property
    def is_good(self) -> bool:
        """Whether no other reading need be tried."""
        return self.right >= GOOD and self.gap >= SPREAD

    @property
    def words(self) -> str:
        """For messages."""
        return f"photos of one person are {self.same:.3f} alike, of two people {self.others:.3f}"


def separation(embeddings: Tensor, people: Tensor) -> Separation:
    """From unit-length embeddings ``(N, D)`` of people ``(N,)``, at least two photos of somebody."""
    cosines = embeddings @ embeddings.T
    alike = people[:, None] == people[None]
    same, others = cosines[alike & ~torch.eye(len(people), dtype=torch.bool)], cosines[~alike]
    compared = same[:, None] - others[None]
    right = float((compared > 0).float().mean() + (compared == 0).float().mean() / 2)
    return Separation(right, float(same.mean()), float(others.mean()))


@cache
def _photos() -> tuple[Tensor, Tensor]:
    persons = identities.load(EMBEDDED).persons[:PEOPLE]
    photos = torch.cat([person.photos[:EACH] for person in persons]).float() / 255
    return photos, torch.arange(PEOPLE).repeat_interleave(EACH)


def separates(network: ForeignExtractor, expected: Input | None = None) -> Separation:
    """How well a network tells people apart, with its own reading or another one."""
    photos, people = _photos()
    preparation = Preparation(expected) if expected is not None else network.preparation
    with torch.no_grad():
        seen = torch.cat([first_tensor(network.network(preparation(part))).float() for part in photos.split(8)])
    return separation(F.normalize(seen, dim=1).nan_to_num(), people)


def readings(declared: Input) -> Iterator[Input]:
    """Other usual scales of the same picture."""
    for mean, deviation in SCALES.values():
        other = msgspec.structs.replace(declared, mean=mean, deviation=deviation)
        if other != declared:
            yield other


def as_toml(reading: Input) -> str:
    """What the file beside a network has to say."""
    return f"mean = {list(reading.mean)}, deviation = {list(reading.deviation)}"


def tried(network: ForeignExtractor) -> ForeignExtractor:
    """The network itself, once it was seen to tell people apart as it is read.

    Raises:
        DataError: it tells nobody apart, or does so much better when it is read otherwise; says how.
    """
    found = separates(network)
    said = network.card.mean is not None or network.card.deviation is not None
    if found.is_good or (said and found.right >= NOBODY):
        return network
    best, reading = found, network.expected
    for other in readings(network.expected):
        result = separates(network, other)
        if result.right >= max(best.right, NOBODY) and result.gap > best.gap:
            best, reading = result, other
    if reading != network.expected and (
        best.right >= found.right + CLEARLY or (found.gap < SPREAD and best.gap >= BETTER * found.gap)
    ):
        raise DataError(
            f"{network.name} is read wrongly as {network.preprocessing!r}: {found.words}; read otherwise, "
            f"{best.same:.3f} and {best.others:.3f}. Put into a TOML file beside it, one a line: {as_toml(reading)}"
        )
    if found.right < NOBODY:
        raise DataError(
            f"{network.name} tells nobody apart: {found.words}, whichever usual way it is read. Check that its weights "
            "are those of a trained network for faces, or say in a TOML file beside it what it expects"
        )
    return network
