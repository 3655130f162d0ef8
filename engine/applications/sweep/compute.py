"""Computes one unit of a sweep, wherever it is asked to: in a process here, or on a machine of a cluster."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import time
import traceback
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import torch

from facetui.engine.applications.benchmarks import from_run
from facetui.engine.applications.benchmarks.grid import CLEAN, Row
from facetui.engine.applications.benchmarks.paper import BEGAN, Plan, measure
from facetui.engine.applications.sweep.folder import FAILED, RUNS, VERSION, Failure, Folder, Record
from facetui.engine.applications.sweep.outcome import Asked, Outcome
from facetui.engine.applications.sweep.units import Unit
from facetui.engine.core import device as devices
from facetui.engine.core.cache import Cache
from facetui.engine.core.claims import Claim
from facetui.engine.extractors.describing import describe
from facetui.engine.people import identities
from facetui.engine.people.persons import People
from facetui.engine.records import files, journal
from facetui.engine.records.errors import DataError, FacetuiError, OutOfMemory, UsageError, lack_of_memory
from facetui.engine.runs.environment import versions
from facetui.engine.runs.run import run
from facetui.engine.runs.scenario import Scenario
from facetui.engine.runs.settings import Settings


def compute(asked: Asked) -> Outcome:
    """Compute a unit, and write what came out into the sweep's folder; raises nothing but what ends a process."""
    unit = msgspec.json.decode(asked.unit, type=Unit)
    folder, began = Folder(Path(asked.folder)), time.monotonic()
    if not folder.path.is_dir():
        where = f"{folder.path} is not there on {platform.node()}"
        return Outcome(name=unit.name, state="failed", error=f"{where}; a sweep needs a folder that all machines see")
    held: Claim | None = None
    try:
        held = folder.claim(unit.name)
        if held is None and not asked.again:
            return Outcome(name=unit.name, state="taken")
    except OSError:
        pass  # where nothing can be locked, two may compute the same, and write the same
    try:
        if held is not None:
            held.say(f"{platform.node()} {os.getpid()}\n")
        if folder.is_finished(unit.name):
            return Outcome(name=unit.name, state="done", seconds=folder.seconds(unit.name) or 0.0)
        folder.note("begun", unit.name, host=platform.node())
        record = _computed(unit, asked, folder, began)
        folder.keep(record)
        folder.note("finished", unit.name, seconds=record.seconds)
        return Outcome(name=unit.name, state="done", seconds=record.seconds)
    except Exception as error:  # noqa: BLE001  whatever it is, the other units go on; all of it is in a log
        return _failed(folder, unit.name, error)
    finally:
        if held is not None:
            held.release()


def _failed(folder: Folder, name: str, error: Exception) -> Outcome:
    ours = isinstance(error, FacetuiError)
    said = str(error) if ours else f"{type(error).__name__}: {error}"
    folder.fail(Failure(name=name, error=said, host=platform.node()))
    folder.note("failed", name, error=said)
    if not ours:
        with contextlib.suppress(OSError):
            files.write(folder.path, f"{FAILED}/{name}.log", "".join(traceback.format_exception(error)))
    memory = isinstance(error, OutOfMemory) or lack_of_memory(error)
    certain = isinstance(error, UsageError | DataError) and not memory
    return Outcome(name=name, state="failed", error=said, again=not certain)


def _computed(unit: Unit, asked: Asked, folder: Folder, began: float) -> Record:
    torch.set_num_threads(asked.threads)
    cache = Cache(Path(asked.cache) if asked.cache else None, waits=not asked.again)
    where = devices.choose(asked.device)
    found = _story(unit, asked, folder) if unit.task.kind == "story" else _grid(unit, cache, where)
    return Record(
        facetui_unit=VERSION,
        name=unit.name,
        host=platform.node(),
        device=devices.describe(where),
        threads=asked.threads,
        versions=versions(),
        seconds=round(time.monotonic() - began, 3),
        **found,
    )


# --- grids --------------------------------------------------------------------------------------------------------


def _grid(unit: Unit, cache: Cache, where: torch.device) -> dict[str, Any]:
    task = unit.task
    paths = unit.paths["people"], unit.paths.get("crowd", "0")
    everybody, tool, around = _people(*paths, task.per_person, cache.folder)
    own = task.budget if not task.own_budget else None
    row = Row("+".join(task.tools) or CLEAN, task.settings, tuple(task.surrogates), own, task.share)
    plan = Plan(
        rows=[row],
        extractors=task.extractors or task.surrogates[:1],
        answers=task.answers,
        people=everybody,
        tool=tool,
        crowd=around,
        surrogates=tuple(task.surrogates),
        users=task.users or None,
        photos=task.photos,
        training_steps=task.training_steps or 1,
        seed=task.seed,
        device=where,
        cache=cache,
        versions={},
        per_person=task.per_person,
        adapted_to=tuple(task.adapted_to),
    )
    lab = plan.lab(tuple(task.surrogates))
    about = {"users": [everybody.persons[person].name for person in lab.protected], **_among(everybody, around)}
    if task.kind == "measure":
        return {"cells": list(measure(plan)), "asked": lab.world.asked, **about}
    lab.at(BEGAN)
    if row.attack != CLEAN:
        lab.users.protect(list(row.names), budget=row.budget, share=row.share, **row.settings)
    lab.users.post(task.photos)  # what the tools make is in the cache now
    return about


@lru_cache(maxsize=2)
def _people(people: str, crowd: str, per_person: int, cache: Path | None) -> tuple[People, People, People | None]:
    """Who plays, whom tools aim at, and the crowd; a process that computes several units reads them once."""
    how: dict[str, Any] = {"cache": Cache(cache), "describe": describe, "per_person": per_person}
    loaded = identities.load(people, **how)
    return *identities.tool_faces(loaded), identities.crowd(crowd or None, loaded, **how)


def _among(everybody: People, around: People | None) -> dict[str, Any]:
    found = {"n_people": len(everybody), "n_crowd": len(around) if around else 0}
    return {**found, "fictional": everybody.fictional}


# --- stories ------------------------------------------------------------------------------------------------------


def _story(unit: Unit, asked: Asked, folder: Folder) -> dict[str, Any]:
    task = unit.task
    runs = folder.path / RUNS
    for left in runs.glob(f".{unit.name}-*"):
        if not asked.again:
            shutil.rmtree(left, ignore_errors=True)  # of somebody who died
    place = runs / f".{unit.name}-{os.getpid()}-{time.monotonic_ns()}"
    place.mkdir(parents=True)
    settings = Settings(
        cast=unit.paths["cast"],
        people=unit.paths["people"],
        users=tuple(task.users) or None,
        seed=task.seed,
        device=asked.device,
        cache=Path(asked.cache) if asked.cache else None,
        values=task.values,
        folder=place,
        strength=task.strength,
        crowd=unit.paths["crowd"] or None,
        together=task.together,
        per_person=task.per_person,
    )
    outcome = run(Scenario.parse(task.source, Path(unit.paths["story"])), settings)
    if outcome.error is not None:
        raise outcome.error
    results = from_run.results_of(journal.read(place), unit.name)
    target = runs / unit.name
    if not target.exists():
        place.rename(target)
    s = results.settings
    about = {"users": s.users, "n_people": s.n_people, "n_crowd": s.n_crowd, "fictional": s.fictional, "asked": s.asked}
    return {"cells": list(results.cells.values()), **about}
