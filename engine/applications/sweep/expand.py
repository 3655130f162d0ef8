"""From a plan to units: names resolved, weights and people hashed, what several measurements share made once."""

from __future__ import annotations

import hashlib
import inspect
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any
from typing import cast as cast_type

import msgspec

from facetui.engine import attacks
from facetui.engine import extractors as families
from facetui.engine.applications.benchmarks.cells import LEARN, Answer
from facetui.engine.applications.benchmarks.grid import CLEAN, Row
from facetui.engine.applications.sweep.plan import OWN, Plan
from facetui.engine.applications.sweep.units import Task, Unit, name_of
from facetui.engine.core import cache as caching
from facetui.engine.core.budget import Budget
from facetui.engine.core.cache import Cache
from facetui.engine.core.interfaces import Attack
from facetui.engine.extractors.describing import describe
from facetui.engine.lab.lab import Lab
from facetui.engine.lab.world.strength import check as check_strength
from facetui.engine.people import casts, identities
from facetui.engine.people.casts import Cast
from facetui.engine.people.persons import EMBEDDED, People
from facetui.engine.records.errors import UsageError
from facetui.engine.runs.casting import cast_at_hand
from facetui.engine.runs.scenario import Scenario

TRAINED = LEARN | {"purified"}
"""Answers for which a trainer learns what is the same whatever was posted: one measurement goes before the others."""

HASHED = 16
"""Digits of a hash within a task."""


@dataclass
class _Here:
    """What a plan's names mean on this machine; loaded once.

    Attributes:
        plan: what was asked for.
        cache: of results.
        story_file: finds a story's file by its name.
    """

    plan: Plan
    cache: Cache
    story_file: Callable[[str], Path]
    _weights: dict[str, str] = field(default_factory=dict)

    @property
    def people_path(self) -> str:
        people = self.plan.people
        return people if people == EMBEDDED else str(Path(people).expanduser().resolve())

    @cached_property
    def _loading(self) -> dict[str, Any]:
        return {"cache": self.cache, "describe": describe, "per_person": self.plan.per_person}

    @cached_property
    def loaded(self) -> People:
        return identities.load(self.people_path, **self._loading)

    @cached_property
    def game(self) -> tuple[People, People]:
        return identities.tool_faces(self.loaded)

    @cached_property
    def _game_hash(self) -> str:
        return "".join(people.fingerprint()[:HASHED] for people in self.game)

    @cached_property
    def crowds(self) -> list[tuple[str, str, int, str]]:
        """Of each gallery size its name, the path it is loaded by, how many people it has in all, and a hash."""
        found = []
        wants: list[int | str | None] = list(self.plan.crowds) or [None]
        for wanted in wants:
            path = None if wanted is None else str(wanted)
            if path is not None and not path.isdecimal():
                path = str(Path(path).expanduser().resolve())
            around = identities.crowd(path, self.loaded, **self._loading)
            label = "" if wanted is None else path if path and path.isdecimal() else around.source if around else ""
            total = len(self.game[0]) + (len(around) if around else 0)
            found.append((label or "", path or "", total, around.fingerprint()[:HASHED] if around else ""))
        return found

    @cached_property
    def casts(self) -> list[tuple[Cast, str]]:
        """Each cast, with what is said of it in the plan, and its path."""
        found = []
        for name in self.plan.casts:
            cast, _ = cast_at_hand(casts.load(name), False)
            if self.plan.extractors:
                for extractor in self.plan.extractors:
                    families.EXTRACTORS.entry(extractor)
                chosen = [casts.Generation(extractor, "2020-01") for extractor in self.plan.extractors]
                cast = replace(cast, generations=tuple(chosen))
            cast = replace(cast, training_steps=self.plan.training_steps or cast.training_steps)
            found.append((cast, name if name in casts.names() else str(Path(name).expanduser().resolve())))
        if len({cast.name for cast, _ in found}) < len(found):
            raise UsageError("casts: two of them have the same name; call their files differently")
        return found

    @property
    def users(self) -> list[str]:
        users = self.plan.users
        return [] if users is None else [str(users)] if isinstance(users, int) else list(users)

    @property
    def common(self) -> dict[str, Any]:
        return {"people": self.loaded.source, "users": self.users, "per_person": self.plan.per_person}

    def weights(self, name: str) -> str:
        """The beginning of the hash of a network's weights."""
        if name not in self._weights:
            self._weights[name] = families.load(name).weights_hash()[:HASHED]
        return self._weights[name]

    def hashes(self, names: Sequence[str], crowd: str = "", tools: Sequence[str] = ()) -> dict[str, str]:
        """Of everything that is not in a task's settings, by what it is."""
        found = {name: self.weights(name) for name in names}
        found |= {f"code of {name}": _code(attacks.ATTACKS.get(name)) for name in tools}
        found |= {"people": self._game_hash, "cache": str(caching.VERSION), "facetui": version("facetui-core")}
        return found | ({"crowd": crowd} if crowd else {})


def _code(attack: type[Attack]) -> str:
    """A hash of the file that an attack stands in; empty where there is none, as in a notebook."""
    try:
        return hashlib.sha256(inspect.getsource(inspect.getmodule(attack) or attack).encode()).hexdigest()[:HASHED]
    except (OSError, TypeError):
        return ""


def expand(plan: Plan, cache: Cache, story_file: Callable[[str], Path]) -> list[Unit]:
    """All units of a plan, each once, those that others need before them.

    Args:
        plan: what to combine.
        cache: keeps faces that were found in photos.
        story_file: finds a story's file by its name.

    Raises:
        UnknownName: an attack, extractor, cast, story or person that does not exist.
        UsageError: an attack, budget or number of people or photos that does not fit; names the key.
        DataError: people or weights that are missing.
    """
    here = _Here(plan, cache, story_file)
    made = _stories(here) if plan.stories else _grid(here)
    return list({unit.name: unit for unit in made}.values())


def _named(task: Task, **more: Any) -> Unit:
    return Unit(name=name_of(task), task=task, **more)


# --- grids --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Tool:
    """A row of the grid with one budget."""

    row: Row
    attacks: tuple[Attack, ...]
    budget: str
    own: bool
    size: float

    @property
    def words(self) -> str:
        return replace(self.row, budget=None).words

    @property
    def key(self) -> str:
        return f"{self.words}, {self.budget}"

    def surrogates(self) -> list[str]:
        """Those that are really attacked, so that what differs in others is not made anew."""
        every = any(attack.ensemble for attack in self.attacks)
        return list(self.row.surrogates if every else self.row.surrogates[:1])

    def passes(self) -> float:
        return sum(attack.passes(len(self.row.surrogates)) for attack in self.attacks) / max(1, len(self.attacks))


def _tools(here: _Here, surrogates: Sequence[str]) -> list[_Tool]:
    """The attacks with each budget; whoever writes a budget behind an attack has that one alone."""
    found: dict[str, _Tool] = {}
    for text in here.plan.attacks:
        row = Row.parse(text, surrogates)
        made = tuple(attacks.make(name, **row.settings) for name in row.names)
        for attack in made:
            if attack.decoy:
                raise UsageError(f"attacks: {attack.name} protects somebody else than who posts; a grid has no such")
        for wanted in [row.budget] if row.budget or row.attack == CLEAN else here.plan.budgets:
            own = "; ".join(str(attack.default_budget) for attack in made)
            given = None if wanted in (None, OWN) else _budget(str(wanted))
            said = str(given) if given else own
            only = given or (made[0].default_budget if len(made) == 1 else None)
            tool = _Tool(row, made, said, said == own, only.epsilon if only else 0.0)
            found.setdefault(tool.key, tool)
    return list(found.values())


def _budget(text: str) -> Budget:
    try:
        return Budget.parse(text)
    except UsageError as error:
        raise UsageError(f"budgets: {error}, or '{OWN}' for the attack's own") from None


def _check_people(here: _Here, cast: Cast, seed: int) -> list[str]:
    """Who protects their photos; whether there are enough people and photos is said before anything is computed."""
    game, tool = here.game
    users = here.users or None
    try:
        lab = Lab(game, cast, tool=tool, users=users, seed=seed)
    except UsageError as error:
        raise UsageError(f"users: {error}") from None
    if here.plan.attacks and lab.users.left() < here.plan.photos:
        least = lab.users.left()
        raise UsageError(
            f"photos: of a protected person {least} can be posted with seed {seed}, got {here.plan.photos}"
        )
    return [game.persons[person].name for person in lab.protected]


def _grid(here: _Here) -> Iterator[Unit]:
    for (cast, cast_path), seed in itertools.product(here.casts, here.plan.seeds):
        tools = _tools(here, cast.surrogates)
        names = list(dict.fromkeys(name for tool in tools for name in tool.row.names))
        n_users = len(_check_people(here, cast, seed))
        if LEARN & set(here.plan.answers) and not names:
            raise UsageError("answers: a trainer adapts to tools; name one beside 'clean' in attacks")
        made: dict[str, Unit] = {}
        for tool in tools:
            if tool.attacks:
                made[tool.key] = _perturbing(here, tool, seed, n_users)
                yield made[tool.key]
        for crowd in here.crowds:
            first: list[str] = []
            for tool in tools:
                needs = [made[tool.key].name] if tool.key in made else []
                unit = _measuring(here, cast, cast_path, tool, seed, crowd, names, needs + first)
                yield unit
                if TRAINED & set(here.plan.answers):
                    first = first or [unit.name]


def _perturbing(here: _Here, tool: _Tool, seed: int, n_users: int) -> Unit:
    task = Task(kind="perturb", seed=seed, photos=here.plan.photos, **_of(tool), **here.common)
    task = msgspec.structs.replace(task, hashes=here.hashes(task.surrogates, tools=tool.row.names))
    work = tool.passes() * n_users * here.plan.photos
    return _named(task, like=f"perturb {task.words}", work=work, paths={"people": here.people_path})


def _of(tool: _Tool) -> dict[str, Any]:
    row = tool.row
    return {
        "attack": tool.words,
        "tools": list(row.names),
        "settings": dict(row.settings),
        "budget": tool.budget,
        "own_budget": tool.own,
        "share": row.share,
        "surrogates": tool.surrogates(),
    }


def _measuring(
    here: _Here,
    cast: Cast,
    cast_path: str,
    tool: _Tool,
    seed: int,
    crowd: tuple[str, str, int, str],
    adapted_to: list[str],
    needs: list[str],
) -> Unit:
    label, path, gallery, crowd_hash = crowd
    plan = here.plan
    extractors = [generation.extractor for generation in cast.generations]
    trains = bool(TRAINED & set(plan.answers))
    given = {**_of(tool), "surrogates": list(tool.row.surrogates)}
    networks = list(dict.fromkeys([*tool.row.surrogates, *extractors]))
    task = Task(
        kind="measure",
        seed=seed,
        photos=plan.photos,
        cast=cast.name,
        extractors=extractors,
        answers=cast_type(list[Answer], plan.answers),
        training_steps=cast.training_steps if trains else 0,
        adapted_to=adapted_to if trains else [],
        crowd=label,
        hashes=here.hashes(networks, crowd_hash, adapted_to if trains else tool.row.names),
        **given,
        **here.common,
    )
    leads = trains and len(needs) < 2
    like = f"measure {cast.name} {label}{' first' if leads else ''}"
    work = float(gallery * len(extractors) * len(plan.answers) * (10 if leads else 1))
    paths = {"people": here.people_path, "crowd": path, "cast": cast_path}
    return _named(task, needs=needs, like=like, work=work, gallery=gallery, size=tool.size, paths=paths)


# --- stories ------------------------------------------------------------------------------------------------------


def _stories(here: _Here) -> Iterator[Unit]:
    plan = here.plan
    check_strength(plan.strength)
    for name in plan.stories:
        scenario = Scenario.read(here.story_file(name))
        for (cast, cast_path), seed, values in itertools.product(here.casts, plan.seeds, _values(plan, scenario)):
            _check_people(here, cast, seed)
            first: list[str] = []
            for label, path, gallery, crowd_hash in here.crowds:
                task = Task(
                    kind="story",
                    seed=seed,
                    story=scenario.name,
                    source=scenario.source,
                    values=values,
                    strength=plan.strength,
                    together=plan.together,
                    cast=cast.name,
                    surrogates=list(cast.surrogates),
                    extractors=[f"{g.extractor} {g.released}" for g in cast.generations],
                    training_steps=cast.training_steps,
                    crowd=label,
                    hashes={**here.hashes(cast.networks, crowd_hash), "training": _training(cast)},
                    **here.common,
                )
                # Whoever is searched among changes nothing of what users post: the first one leaves it in the cache.
                paths = {"people": here.people_path, "crowd": path, "cast": cast_path, "story": str(scenario.path)}
                like = f"story {scenario.name} {cast.name}{'' if first else ' first'}"
                unit = _named(task, needs=list(first), like=like, gallery=gallery, paths=paths)
                first = first or [unit.name]
                yield unit


def _training(cast: Cast) -> str:
    """What a cast says of training besides its steps."""
    return f"{cast.workshop_training_steps} {cast.training_sizes}"


def _values(plan: Plan, scenario: Scenario) -> list[dict[str, Any]]:
    """Every combination of values for a story's parameters."""
    every = []
    for combination in itertools.product(*plan.set.values()):
        given = [f"{name}={_written(value)}" for name, value in zip(plan.set, combination, strict=True)]
        try:
            every.append(scenario.values(given))
        except UsageError as error:
            raise UsageError(f"set: {error}") from None
    return every


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
