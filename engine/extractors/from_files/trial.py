"""A foreign network on trial: does it tell the fictional people apart, as it is said to read photos?

A wrong reading (pixels scaled twice, class scores for an embedding) runs without a complaint, and so do random weights.
So a few photos of the fictional people are embedded. What counts are the comparisons that bare pixels get wrong: there
84 networks of seven kinds with random weights were right in at most 0.74, every trained network tried, in every sound
reading, in at least 0.98. Where it goes badly, other usual readings are tried, and the best is proposed as lines for
the TOML file beside the network. The order of colours cannot be told in this way: every network tried separates the
fictional people as well with red and blue swapped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import msgspec
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facetui.engine.core import cache as caching
from facetui.engine.core.cache_folder import Kind
from facetui.engine.core.interfaces import SIDE, Extractor
from facetui.engine.extractors.from_files.foreign import Card, ForeignExtractor
from facetui.engine.extractors.inputs import Input
from facetui.engine.people import identities
from facetui.engine.people.persons import EMBEDDED
from facetui.engine.records.errors import DataError

PEOPLE, EACH = 10, 3

COARSE = 28
"""Side in pixels at which photos are compared without any network."""

LEAST = 0.8
"""Share of the comparisons that pixels get wrong in which a network must be right, or it is refused."""

GOOD, APART = 0.95, 3.0
"""Share, and distance of same person and others in standard deviations, from which no other reading is tried."""

SPREAD = 0.02
"""Difference of mean cosines, same person and others, below which they are all alike; dlib's network has 0.07."""

BETTER = 1.3
"""How many times the distance another reading must reach to be proposed."""

SCALES = {
    "(x - 127.5) / 127.5": ((127.5,) * 3, (127.5,) * 3),
    "x / 255": ((0.0,) * 3, (255.0,) * 3),
    "x": ((0.0,) * 3, (1.0,) * 3),
    "ImageNet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
}
"""What networks for faces usually expect of pixels in [0, 255]."""

SIDES = (SIDE, 160, 128, 224, 96)
"""Usual sides of inputs, tried where a network cannot be run as it was said."""

MOST_OUTPUTS = 4
"""Tensors tried of those that a network returns."""


class ReadWrongly(DataError):
    """A network that is not to be read as it was said.

    Attributes:
        toml: the lines that its TOML file needs.
    """

    def __init__(self, message: str, toml: str) -> None:
        super().__init__(message)
        self.toml = toml


@dataclass(frozen=True)
class Reading:
    """What goes into a network, and which of the tensors that come out is the embedding."""

    input: Input
    output: int = 0

    def toml(self, instead_of: Reading) -> list[str]:
        """The lines of a TOML file that make this reading of another one."""
        ours, theirs = ({**msgspec.to_builtins(r.input), "output": r.output} for r in (self, instead_of))
        return [f"{key} = {json.dumps(value)}" for key, value in ours.items() if value != theirs[key]]

    def changes(self, instead_of: Reading) -> int:
        """How many things differ from another reading; mean and deviation are one."""
        keys = {line.partition(" ")[0].replace("deviation", "mean") for line in self.toml(instead_of)}
        return len(keys)


@dataclass(frozen=True)
class Separation:
    """How well a network tells the fictional people apart.

    Attributes:
        right: share of the comparisons that bare pixels get wrong in which a photo of the same person is more alike
            than one of another, in [0, 1].
        same: mean cosine of two photos of one person.
        others: mean cosine of photos of two people.
        distance: of both, in standard deviations (d').
    """

    right: float
    same: float
    others: float
    distance: float

    @property
    def gap(self) -> float:
        """Difference of both mean cosines."""
        return self.same - self.others

    @property
    def is_good(self) -> bool:
        """Whether no other reading need be tried."""
        return self.right >= GOOD and self.gap >= SPREAD and self.distance >= APART

    @property
    def words(self) -> str:
        """For messages."""
        return f"photos of one person are {self.same:.3f} alike, of two people {self.others:.3f}"


def separation(embeddings: Tensor, people: Tensor, pixels: Tensor) -> Separation:
    """From embeddings ``(N, D)`` of people ``(N,)`` and what bare pixels say of the same photos, ``(N, P)``."""
    alike = people[:, None] == people[None]
    same = alike & ~torch.eye(len(people), dtype=torch.bool)
    cosines, bare = (F.normalize(x.double(), dim=1).nan_to_num() for x in (embeddings, pixels))
    cosines, bare = cosines @ cosines.T, bare @ bare.T
    misleading = bare[same][:, None] < bare[~alike][None]
    compared = (cosines[same][:, None] - cosines[~alike][None])[misleading]
    right = (compared > 0).double().mean() + (compared == 0).double().mean() / 2
    spread = ((cosines[same].var() + cosines[~alike].var()) / 2).sqrt()
    gap = cosines[same].mean() - cosines[~alike].mean()
    distance = float(gap / spread) if spread > 0 else float("inf") if gap > 0 else 0.0
    return Separation(float(right), float(cosines[same].mean()), float(cosines[~alike].mean()), distance)


@cache
def people_to_tell_apart() -> tuple[Tensor, Tensor, Tensor]:
    """Photos ``(N, 3, 112, 112)`` in [0, 1], whose they are ``(N,)``, and their bare pixels ``(N, P)`` about 0."""
    persons = identities.load(EMBEDDED).persons[:PEOPLE]
    photos = torch.cat([person.photos[:EACH] for person in persons]).float() / 255
    pixels = (F.interpolate(photos, size=COARSE, mode="area") - 0.5).flatten(1)
    return photos, torch.arange(PEOPLE).repeat_interleave(EACH), pixels


def separates(network: Extractor) -> Separation:
    """How well a network tells people apart; from the cache where the same one was tried before."""
    photos, people, pixels = people_to_tell_apart()

    def measured() -> Tensor:
        with torch.no_grad():
            found = separation(torch.cat([network(part) for part in photos.split(8)]), people, pixels)
        return torch.tensor([found.right, found.same, found.others, found.distance], dtype=torch.float64)

    kept = caching.Cache(caching.default_folder())
    key = caching.key("trial", network.weights_hash(), photos)
    return Separation(*kept.get(key, measured, Kind.TRIALS).tolist())


def scales(declared: Input) -> Iterator[Input]:
    """The usual scales of the same picture."""
    for mean, deviation in SCALES.values():
        yield msgspec.structs.replace(declared, mean=mean, deviation=deviation)


def _forms(declared: Input) -> Iterator[Input]:
    """The usual layouts and sizes."""
    for layout in ("nchw", "nhwc"):
        for height, width in dict.fromkeys([(declared.height, declared.width), *((side, side) for side in SIDES)]):
            yield msgspec.structs.replace(declared, layout=layout, height=height, width=width)


Build = Callable[[Reading], ForeignExtractor]


def _others(build: Build, declared: Reading, found: ForeignExtractor | None) -> Iterator[Reading]:
    """Other readings with which the network can be run: every output, every scale, other forms where it did not run."""
    forms = [declared.input] if found is not None else list(_forms(declared.input))
    for form in forms:
        for output in range(min(found.outputs, MOST_OUTPUTS) if found is not None else MOST_OUTPUTS):
            try:
                build(Reading(form, output))
            except DataError:
                continue
            for scaled in scales(form):
                yield Reading(scaled, output)


def tried(name: str, network: nn.Module, expected: Input, card: Card, fingerprint: str) -> ForeignExtractor:
    """The network as an extractor, once it was seen to tell people apart as it is read.

    Args:
        name: as it was asked for.
        network: in evaluation mode.
        expected: what its card says, else its file, else what is usual.
        card: beside its file.
        fingerprint: of its file.

    Raises:
        ReadWrongly: it tells people apart much better when it is read otherwise; says how.
        DataError: it cannot be run, or tells nobody apart in any usual reading.
    """

    def build(reading: Reading) -> ForeignExtractor:
        return ForeignExtractor(name, network, reading.input, card, fingerprint, reading.output)

    declared = Reading(expected, card.output or 0)
    extractor: ForeignExtractor | None = None
    found: Separation | None = None
    failure: DataError | None = None
    try:
        extractor = build(declared)
        found = separates(extractor)
        if found.is_good:
            return extractor
    except DataError as error:
        failure = error
    best = _best(build, declared, extractor)
    if best is not None and (found is None or _clearly(best[1], found)):
        reading, better, as_good = best
        raise _wrongly(extractor, name, found, reading.toml(declared), better, as_good)
    if extractor is None or found is None:
        raise failure or DataError(f"{name} cannot be tried")
    if found.right < LEAST:
        raise DataError(
            f"{name} tells nobody apart: {found.words}, in no usual reading better than bare pixels. Check that its "
            "weights are those of a trained network for faces, or say in a TOML file beside it what it expects"
        )
    return extractor


def _best(
    build: Build, declared: Reading, found: ForeignExtractor | None
) -> tuple[Reading, Separation, list[Reading]] | None:
    """Of the other readings that are good the one that changes least, unless another is clearly better.

    Scales that differ little separate equally well, so the highest figure says nothing; the last part of what is
    returned are those that this trial cannot tell from the chosen one.
    """
    good = [
        (reading, result)
        for reading in sorted(_others(build, declared, found), key=lambda reading: reading.changes(declared))
        if reading != declared and (result := separates(build(reading))).is_good
    ]
    if not good:
        return None
    highest = max(result.distance for _, result in good)
    alike = [(reading, result) for reading, result in good if result.distance * BETTER > highest]
    (reading, result), *rest = alike
    as_good = [other for other, _ in rest if (other.output, _form(other)) == (reading.output, _form(reading))]
    return reading, result, as_good


def _form(reading: Reading) -> tuple[int, int, str]:
    return reading.input.height, reading.input.width, reading.input.layout


def _clearly(best: Separation, found: Separation) -> bool:
    return found.gap < SPREAD or found.right < LEAST or best.distance >= BETTER * found.distance


def _wrongly(
    extractor: ForeignExtractor | None,
    name: str,
    found: Separation | None,
    lines: list[str],
    better: Separation,
    as_good: list[Reading],
) -> ReadWrongly:
    if extractor is None or found is None:
        how = "as it was said, it gives no embeddings"
    else:
        which = f", output {extractor.output} of {extractor.outputs}" if extractor.outputs > 1 else ""
        how = f"as {extractor.preprocessing!r}{which}: {found.words}"
    doubt = "; ".join(reading.input.words() for reading in as_good)
    doubt = f" ({doubt} would do as well: what its publisher says counts)" if doubt else ""
    return ReadWrongly(
        f"{name} is read wrongly: {how}; read otherwise, {better.same:.3f} and {better.others:.3f}. "
        f"Put into the TOML file beside it, one a line: {', '.join(f'`{line}`' for line in lines)}{doubt}",
        "\n".join(lines),
    )
