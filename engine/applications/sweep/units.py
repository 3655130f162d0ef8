"""What a sweep consists of: units that are computed each for itself, and are named by what they depend on. No torch."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

import msgspec

from facetui.engine.applications.benchmarks.cells import Answer
from facetui.engine.people import PER_PERSON
from facetui.engine.records.fields import Amount, Count, Name, Text

Kind = Literal["perturb", "measure", "story"]
KINDS: tuple[Kind, ...] = ("perturb", "measure", "story")
"""Making what users post, which several measurements share; asking a trainer about it; playing a story."""

Value = int | float | str | bool
DIGITS = 20
"""Of the hash in a unit's name."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides what comes out of a unit; what does not matter to it is left at its default."""

    kind: Kind
    seed: int
    people: Name
    """Of the game: ``embedded`` or a folder's name."""
    users: list[Name] = []
    """Who protects their photos: names, or how many; empty: a quarter, by the seed."""
    per_person: Count = PER_PERSON
    photos: Count = 0
    """Posted by everybody."""
    attack: Name = ""
    """In words, without its budget; ``clean`` for none."""
    tools: list[Name] = []
    """The attacks by name; several share out each user's photos."""
    settings: dict[str, Value] = {}
    """Of the attack, as somebody wrote them."""
    budget: Name = ""
    """How far a photo may move; several tools have each their own."""
    own_budget: bool = True
    """Whether that is the attack's own."""
    share: float = 1.0
    """Of each user's photos that are perturbed, in [0, 1]."""
    surrogates: list[Name] = []
    cast: Name = ""
    extractors: list[Name] = []
    answers: list[Answer] = []
    training_steps: Count = 0
    adapted_to: list[Name] = []
    """Attacks that a trainer learns from who adapts."""
    crowd: Name = ""
    """Among whom everybody is searched for besides: how many, or a folder's name; empty: as the people have it."""
    story: Name = ""
    source: Text = ""
    """The story's text."""
    values: dict[str, Value] = {}
    """Of the story's parameters."""
    strength: Name = ""
    together: bool = False
    hashes: dict[str, Name] = {}
    """Of weights, people, attacks' code and versions, by what they are of."""

    @property
    def words(self) -> str:
        """The attack as a row of a table is called."""
        return self.attack if self.own_budget else f"{self.attack} {self.budget}"


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to compute, in one process."""

    name: Name
    """A hash of its task."""
    task: Task
    needs: list[Name] = []
    """Units that come before it, because it uses what they leave in the cache."""
    like: Name = ""
    """What takes about as long has this in common."""
    work: Amount = 1.0
    """How long it takes, compared with others of its kind."""
    gallery: Count = 0
    """Among how many people everybody is searched for; 0: the story says."""
    size: Annotated[float, msgspec.Meta(ge=0, le=1e6)] = 0.0
    """Of the budget, in its norm; 0: none, or several."""
    paths: dict[str, Name] = {}
    """Where people, crowd and cast lie here."""


def name_of(task: Task) -> str:
    """The name of what a task makes: other settings, sources or weights, another name."""
    digest = hashlib.sha256(msgspec.json.encode(task, order="deterministic")).hexdigest()
    return f"{task.kind}-{digest[:DIGITS]}"
