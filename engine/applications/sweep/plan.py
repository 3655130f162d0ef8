"""A sweep's TOML file: which settings are combined with which. No torch."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec

from facetui.engine.applications.benchmarks.cells import ANSWERS
from facetui.engine.people import PER_PERSON
from facetui.engine.records import files
from facetui.engine.records.errors import DataError, UsageError
from facetui.engine.records.fields import Name, Text
from facetui.engine.records.text import brief

MOST = 1 << 20
"""Bytes of a file that is read."""

OWN = "own"
"""As a budget: the attack's own."""

AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]
Seed = Annotated[int, msgspec.Meta(ge=0, le=2**31)]
Crowd = Annotated[int, msgspec.Meta(ge=0)] | Annotated[str, msgspec.Meta(min_length=1)]
Value = int | float | str | bool


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a sweep measures: every entry of each list with every entry of the others."""

    title: Text = ""
    attacks: list[Name] = []
    """As of ``facetui bench grid``."""
    budgets: list[Name] = msgspec.field(default_factory=lambda: [OWN])
    answers: list[Name] = msgspec.field(default_factory=lambda: ["nearest"])
    extractors: list[Name] = []
    """Empty: those of the cast."""
    photos: AtLeastOne = 8
    stories: list[Name] = []
    set: dict[str, list[Value]] = {}
    """Values of the stories' parameters."""
    strength: Name = "release"
    together: bool = False
    casts: list[Name] = msgspec.field(default_factory=lambda: ["embedded"])
    seeds: list[Seed] = msgspec.field(default_factory=lambda: [0])
    crowds: list[Crowd] = []
    """Gallery sizes; empty: as the people have it."""
    people: Name = "embedded"
    users: AtLeastOne | list[Name] | None = None
    per_person: AtLeastOne = PER_PERSON
    training_steps: AtLeastOne | None = None
    device: Name = "auto"
    threads: AtLeastOne = 1
    """That a unit computes with."""
    slurm: dict[str, Value] = {}
    ray: dict[str, Value] = {}


GRID_ONLY = ("attacks", "budgets", "answers", "extractors", "photos", "training_steps")
STORY_ONLY = ("set", "strength", "together")
"""Keys that say something of grids or of stories alone."""


def read(path: Path) -> Plan:
    """A plan from its file.

    Raises:
        DataError: it cannot be read, or is not TOML; says where.
        UsageError: a key that does not exist, a value of a wrong kind, an empty list, or keys that do not go together;
            names the key and what is allowed.
    """
    text = files.typed_text(path, "the sweep", MOST)
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise DataError(f"{path} is not TOML: {brief(why)}") from None
    return parse(found, path.name)


def parse(found: dict[str, Any], where: str) -> Plan:
    """A plan from what its file says.

    Raises:
        UsageError: as ``read``.
    """
    known = Plan.__struct_fields__
    for key in found:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1, 0.6)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            raise UsageError(f"{where}: there is no key {brief(key)!r}; {hint}")
    try:
        plan = msgspec.convert(found, Plan)
    except msgspec.ValidationError as error:
        raise UsageError(f"{where}: {_said(error)}") from None
    _check(plan, found, where)
    return plan


def _said(error: msgspec.ValidationError) -> str:
    """What is wrong, by the key as it stands in the file."""
    text, _, place = str(error).partition(" - at ")
    key = re.sub(r"\[(\.\.\.)\]", "", place.strip("`").removeprefix("$."))
    return f"{brief(key)}: {brief(text[:1].lower() + text[1:])}" if key else brief(text)


def _check(plan: Plan, found: dict[str, Any], where: str) -> None:
    if bool(plan.attacks) == bool(plan.stories):
        got = "both" if plan.attacks else "neither"
        raise UsageError(f"{where}: expected attacks, for a grid, or stories, got {got}")
    foreign = STORY_ONLY if plan.attacks else GRID_ONLY
    for key in foreign:
        if key in found:
            what, other = ("grid", "stories") if plan.attacks else ("story", "attacks")
            raise UsageError(f"{where}: {key} says nothing of a {what}; leave it out, or use {other}")
    for key, value in found.items():
        lists = {"set." + name: entry for name, entry in value.items()} if key == "set" else {key: value}
        for name, entry in lists.items():
            if isinstance(entry, list) and not entry:
                raise UsageError(f"{where}: {name} is empty; name at least one, or leave it out")
            if isinstance(entry, list) and len({repr(one) for one in entry}) < len(entry):
                raise UsageError(f"{where}: {name} has something twice; name it once")
    for answer in plan.answers:
        if answer not in ANSWERS:
            raise UsageError(f"{where}: answers: expected some of {', '.join(ANSWERS)}, got {brief(answer)!r}")
