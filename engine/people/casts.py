"""A cast: the people, the extractors users can attack with, and the trainer's generations in order of release.

A TOML file::

    title = "Compact extractors on fictional people"
    people = "embedded"
    surrogates = ["compact-a"]

    [[generations]]
    extractor = "compact-a"
    released = "2019-01"
    published = "2026"

The story's dates are not those of the real networks: ``released`` is when the trainer can have one in the story,
``published`` when somebody really published it.
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated

import msgspec

from facetui.engine.records import files, places
from facetui.engine.records.errors import DataError, UnknownName
from facetui.engine.records.fields import DATE, Name, Text
from facetui.engine.records.text import brief, release

PUBLISHED = re.compile(r"(19|20)[0-9]{2}(-(0[1-9]|1[0-2]))?")
"""``2019`` or ``2019-06``: when a network was really published."""

MOST = 1 << 20
"""Bytes that a cast's file may have."""


class Generation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the trainer's extractors.

    Attributes:
        extractor: its name in the registry.
        released: ISO date in the story from which on the trainer can have it.
        published: year, or year and month, in which it was really published; empty: not said.
    """

    extractor: Name
    released: str
    published: str = ""

    @property
    def dates(self) -> str:
        """For the audience, which is to take neither date for the other."""
        return release(self.released, self.published)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    surrogates: list[Name]
    generations: list[Generation]
    title: Text = ""
    about: Text = ""
    people: Name = "embedded"
    training_steps: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 320
    workshop_training_steps: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] | None = None
    training_sizes: tuple[float, float] | None = None


@dataclass(frozen=True)
class Cast:
    """Who plays.

    Attributes:
        name: the file's name without its ending.
        title: one line.
        people: as for ``people.load``.
        surrogates: extractor names; the first is what an attack on a single extractor uses.
        generations: in order of release, at least one.
        training_steps: for how many steps a trainer fine-tunes these networks, unless a scenario says otherwise.
        workshop_training_steps: the same against weakened tools; absent: as many.
        training_sizes: by how much, least and most, perturbations are scaled for it; absent: as training has it.
        about: who is a stranger to whom, in a few sentences.
    """

    name: str
    title: str
    people: str
    surrogates: tuple[str, ...]
    generations: tuple[Generation, ...]
    training_steps: int = 320
    about: str = ""
    workshop_training_steps: int | None = None
    training_sizes: tuple[float, float] | None = None

    @property
    def networks(self) -> tuple[str, ...]:
        """Every extractor of it once, surrogates first."""
        return tuple(dict.fromkeys([*self.surrogates, *(generation.extractor for generation in self.generations)]))

    def newest(self, t: str) -> Generation:
        """The newest generation released by a story date; the first one before any."""
        released = [generation for generation in self.generations if generation.released <= t]
        return released[-1] if released else self.generations[0]


def names() -> list[str]:
    """The embedded casts."""
    folder = resources.files("facetui.engine") / "data" / "casts"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load(name: str) -> Cast:
    """A cast by name, or from a TOML file.

    Raises:
        UnknownName: neither an embedded cast nor a file.
        DataError: not TOML, a key missing, unknown or of a wrong type, or a date that is none; names the file.
    """
    path = places.expanded(Path(name))
    if name in names():
        text = (resources.files("facetui.engine") / "data" / "casts" / f"{name}.toml").read_text(encoding="utf-8")
        return _parse(text, name, f"the embedded cast {name}")
    if path.suffix != ".toml" and not os.path.isfile(path):
        raise UnknownName("cast", name, _nearest(name), names())
    return _parse(files.typed_text(path, "the cast", MOST), path.stem, str(path))


def _nearest(name: str) -> list[str]:
    import difflib

    return difflib.get_close_matches(name, names(), n=3, cutoff=0.4)


def _parse(text: str, name: str, where: str) -> Cast:
    try:
        read = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise DataError(f"{where} is not TOML: {brief(why)}") from None
    try:
        file = msgspec.convert(read, _File)
    except msgspec.ValidationError as error:
        way_out = "a cast needs surrogates and generations, each generation an extractor and a released date"
        raise DataError(f"{where}: {brief(error)}; {way_out}") from None
    if not file.surrogates or not file.generations:
        raise DataError(f"{where}: expected at least one surrogate and one generation")
    for generation in file.generations:
        if not DATE.fullmatch(generation.released):
            raise DataError(
                f"{where}: expected released = 'YYYY-MM' for {brief(generation.extractor)}, "
                f"got {brief(repr(generation.released))}"
            )
        if generation.published and not PUBLISHED.fullmatch(generation.published):
            raise DataError(
                f"{where}: expected published = 'YYYY' or 'YYYY-MM' for {brief(generation.extractor)}, "
                f"got {brief(repr(generation.published))}"
            )
    ordered = tuple(sorted(file.generations, key=lambda generation: generation.released))
    training = (file.training_steps, file.about, file.workshop_training_steps, file.training_sizes)
    return Cast(name, file.title, file.people, tuple(file.surrogates), ordered, *training)
