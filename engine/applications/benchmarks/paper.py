"""The paper's grid: every tool against every extractor in every trainer's hands, each user asked alone, cell by cell.

Radiya-Dixit et al., ICLR 2022 (arXiv 2106.14851): one protected person at a time among everybody else's clean photos,
averaged. What the trainer adapts to is all tools of the grid, run on other people's photos.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from facetui.engine.applications.benchmarks.cells import LEARN, Answer, Cell, Key, Settings
from facetui.engine.applications.benchmarks.grid import CLEAN, Row
from facetui.engine.attacks import ATTACKS
from facetui.engine.core import device as devices
from facetui.engine.core.cache import Cache
from facetui.engine.defences.learned_purifier import LearnedPurifier
from facetui.engine.lab.lab import Lab
from facetui.engine.lab.questions import identification
from facetui.engine.lab.world.strength import tool_of
from facetui.engine.people import PER_PERSON
from facetui.engine.people.casts import Cast, Generation
from facetui.engine.people.persons import People
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import Event, PhotosPosted
from facetui.engine.records.measurements import Measurements

PURIFIER = LearnedPurifier.name
BEGAN = "2020-01"
"""Everything happens at one date: every extractor is there from the start."""


@dataclass(frozen=True)
class Plan:
    """What is measured, and on whom.

    Attributes:
        rows: the tools.
        extractors: what trainers recognise with.
        answers: what they do with it.
        people: everybody in the game.
        tool: people whom targeted tools aim at.
        crowd: who is only searched among; ``None``: nobody.
        surrogates: what tools may use.
        users: who protects their photos, or how many; absent: a quarter.
        photos: posted by everybody.
        training_steps: for how many steps a trainer fine-tunes.
        seed: of every random draw.
        device: where to compute.
        cache: results of earlier runs.
        versions: of what computes, by package.
        per_person: how many photos of each person of a folder were taken at most.
        adapted_to: attacks that a trainer learns from who adapts; none: those of the rows.
    """

    rows: Sequence[Row]
    extractors: Sequence[str]
    answers: Sequence[Answer]
    people: People
    tool: People
    crowd: People | None
    surrogates: tuple[str, ...]
    users: Sequence[str] | None
    photos: int
    training_steps: int
    seed: int
    device: torch.device
    cache: Cache
    versions: Mapping[str, str]
    per_person: int = PER_PERSON
    adapted_to: tuple[str, ...] = ()

    @property
    def tools(self) -> tuple[str, ...]:
        """What a trainer learns from who adapts: unless it is said, every tool of the grid once."""
        return self.adapted_to or tuple(dict.fromkeys(name for row in self.rows for name in row.names))

    def lab(self, surrogates: tuple[str, ...], emit: Callable[[Event], None] = lambda event: None) -> Lab:
        """A lab in which nothing has happened yet."""
        generations = tuple(Generation(name, BEGAN) for name in self.extractors)
        cast = Cast("paper", "", self.people.source, surrogates, generations, self.training_steps)
        where: dict[str, Any] = {"seed": self.seed, "device": self.device, "cache": self.cache}
        crowd = self.crowd.persons if self.crowd else ()
        return Lab(self.people, cast, tool=self.tool, users=self.users, crowd=crowd, emit=emit, **where)

    def settings(self) -> Settings:
        """What the cells depend on; loads every network."""
        world = self.lab(self.surrogates).world
        names = dict.fromkeys([*self.surrogates, *(s for row in self.rows for s in row.surrogates), *self.extractors])
        return Settings(
            people=self.people.source,
            fictional=self.people.fictional,
            users=[world.people.persons[person].name for person in world.protected],
            n_people=len(self.people),
            n_crowd=len(world.crowd),
            crowd=self.crowd.source if self.crowd else "",
            photos=self.photos,
            seed=self.seed,
            asked=world.asked,
            surrogates=list(self.surrogates),
            tools=list(self.tools),
            training_steps=self.training_steps,
            weights={name: world.networks.weights(name) for name in names},
            per_person=self.per_person,
            versions=dict(self.versions),
            device=devices.describe(self.device),
        )


def measure(
    plan: Plan, done: Collection[Key] = (), emit: Callable[[Event], None] = lambda event: None
) -> Iterator[Cell]:
    """Measure cell after cell; what is done is not measured again, and what is in the cache not computed.

    Args:
        plan: what is measured.
        done: cells that there are.
        emit: receives every event, for progress.

    Raises:
        UsageError: people with too few photos, or a tool that protects somebody else.
    """
    for row in plan.rows:
        todo = [(e, a) for e in plan.extractors for a in plan.answers if (row.words, e, a) not in done]
        if todo:
            yield from _row(plan, row, todo, emit)


def _row(plan: Plan, row: Row, todo: Sequence[tuple[str, Answer]], emit: Callable[[Event], None]) -> Iterator[Cell]:
    events: list[Event] = []

    def hear(event: Event) -> None:
        events.append(event)
        emit(event)

    lab = plan.lab(row.surrogates, hear)
    lab.at(BEGAN)
    if row.attack != CLEAN:
        if row.settings.get("anticipate"):
            _publish_earlier(lab, plan, row)
        lab.users.protect(list(row.names), budget=row.budget, share=row.share, **row.settings)
    lab.users.post(plan.photos)
    lab.trainer.use(todo[0][0])
    lab.trainer.scrape()
    posted = [event for event in events if isinstance(event, PhotosPosted) and event.attack]
    robust: dict[str, str] = {}
    for extractor, answer in todo:
        began = time.monotonic()
        _answer(lab, plan, extractor, answer, robust)
        # Not by the lab's own verb: that also lets the trainer try which of its models it would pick.
        event = Measurements(identification.measure(lab.trainer.state)).whole
        yield Cell(
            attack=row.words,
            extractor=extractor,
            answer=answer,
            generation=event.generation,
            missed=event.missed,
            probes=event.people,
            unprotected_error=event.unprotected_error,
            n_unprotected=event.n_unprotected,
            n_gallery=event.n_gallery,
            asked=event.asked,
            linf=max((e.linf or 0.0 for e in posted), default=None),
            dssim=max((e.dssim or 0.0 for e in posted), default=None),
            about="; ".join(e.about for e in posted),
            seconds=round(time.monotonic() - began, 1),
        )


def _publish_earlier(lab: Lab, plan: Plan, row: Row) -> None:
    """Let there be what a tool that anticipates can know: the tools that the trainer learns from, as far as older."""
    world = lab.world
    for name in plan.tools:
        if name not in row.names and all(ATTACKS.get(name).year < ATTACKS.get(own).year for own in row.names):
            world.tools.publish(tool_of(world.strength, name))


def _answer(lab: Lab, plan: Plan, extractor: str, answer: Answer, robust: dict[str, str]) -> None:
    """Let the trainer do something with an extractor; ``robust`` has the adapted ones by those they began with."""
    trainer = lab.trainer
    trainer.classify_by("nearest")
    trainer.use(extractor)
    if answer in LEARN and not plan.tools:
        raise UsageError("a trainer adapts to tools; name one beside 'clean'")
    match answer:
        case "linear" | "end-to-end":
            trainer.classify_by(answer)
        case "purified":
            trainer.purify()
        case "subtracted":
            trainer.subtract()
        case "learned-purifier":
            trainer.adapt(plan.tools, defence=PURIFIER)
        case "adapted" | "combined" | "stacked":
            if extractor in robust:
                trainer.use(robust[extractor])
            else:
                trainer.adapt(plan.tools)
                robust[extractor] = trainer.pipelines[-1].extractor
            if answer == "combined":
                trainer.use(extractor)
                trainer.combine(robust[extractor])
            elif answer == "stacked":
                trainer.adapt(plan.tools, defence=PURIFIER)
