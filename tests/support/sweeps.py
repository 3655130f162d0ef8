"""Sweeps for tests: a folder with made-up figures, and plans that take seconds."""

from __future__ import annotations

from pathlib import Path

from facetui.engine.applications.sweep.folder import Folder, Record
from facetui.engine.applications.sweep.units import Task, Unit, name_of

from .cells import cell

TINY = """\
title = "A tiny sweep"
attacks = ["clean", "pgd:steps=2"]
budgets = ["own", "linf 4/255"]
extractors = ["compact-a", "compact-b"]
crowds = [0, 20]
users = 3
photos = 2
"""


def units_of(
    seeds: int = 2, crowds: tuple[int, ...] = (40, 80), attacks: tuple[str, ...] = ("clean", "pgd")
) -> list[Unit]:
    """Measurements of attacks by seeds and galleries."""
    made = []
    for attack in attacks:
        for seed in range(seeds):
            for crowd in crowds:
                task = Task(
                    kind="measure", seed=seed, people="embedded", attack=attack, cast="embedded", crowd=str(crowd)
                )
                unit = Unit(name=name_of(task), task=task, like=attack, gallery=crowd)
                made.append(unit)
    return made


def finish(folder: Folder, unit: Unit, missed=(8, 4, 0), users=("p01", "p02", "p03"), **more) -> Record:
    """Write a made-up result of a unit."""
    made = cell(unit.task.words, "model-b", missed=missed, n_gallery=unit.gallery, **more)
    record = Record(
        facetui_unit=1, name=unit.name, seconds=2.0, users=list(users), n_people=8, fictional=True, cells=[made]
    )
    folder.keep(record)
    return record


def sweep_of(path: Path, units: list[Unit], done: int | None = None) -> Folder:
    """A sweep's folder in which so many units are finished; absent: all."""
    folder = Folder(path)
    folder.begin("Made up", 'attacks = ["clean", "pgd"]\n', units)
    for unit in units[:done]:
        finish(folder, unit)
    return folder
