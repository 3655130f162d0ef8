"""Answers that leave the extractor as it is: a detector that drops or flags, a purifier that washes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from facetui.engine.defences.detector import Detector
from facetui.engine.defences.purifier import CANDIDATES, Purifier
from facetui.engine.lab.trainer.detector_quality import detection
from facetui.engine.lab.trainer.rehearsal import errors, rehearse
from facetui.engine.lab.trainer.training_photos import may_train_on, perturbed, some_photos, training_photos
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import DefenceApplied, DetectionMeasured

if TYPE_CHECKING:
    from facetui.engine.lab.lab import Lab

DETECTOR_TESTS = 48
"""Photos of people it never saw that a detector is tested on, about, clean and under each attack."""


def detect(lab: Lab, names: list[str], also: Sequence[str], action: str, base_rate: float) -> list[DetectionMeasured]:
    """As ``Trainer.detect`` says; ``names`` are the attacks it learns from."""
    if action not in ("drop", "flag"):
        raise UsageError(f"expected an action drop or flag, got {action!r}")
    if not 0 < base_rate < 1:
        raise UsageError(f"expected a base rate in (0, 1), got {base_rate}")
    _, unseen = may_train_on(lab)
    if not unseen:
        raise UsageError("a detector is tested on people it never saw, and nobody is left; add people")
    clean = training_photos(lab)
    detector = Detector().fit(
        clean.photos, torch.cat([copies for name in names for copies in perturbed(lab, name, clean)])
    )
    tests = some_photos(lab, unseen, DETECTOR_TESTS)
    found = []
    for name in dict.fromkeys([*names, *lab.users.tools, *also]):
        copies = torch.cat(perturbed(lab, name, tests, "people it never saw"))
        event = detection(detector, names, name, tests.photos, copies, base_rate)
        lab.emit(event)
        found.append(event)
    label = lab.trainer.keep(detector)
    sides = [0, 0]
    totals = [0, 0]
    for post in lab.trainer.archive:
        flagged = lab.trainer.flags(label, post)
        for side, is_side in enumerate((post.cohort != "", post.cohort == "")):
            sides[side] += int(flagged.sum()) if is_side else 0
            totals[side] += len(flagged) if is_side else 0
    if action == "drop":
        lab.trainer.take(replace(lab.trainer.pipelines[-1], detector=label))
    lab.emit(
        DefenceApplied(
            actor="trainer",
            defence="detect",
            against=names,
            extractor=lab.trainer.pipelines[-1].extractor,
            n_people=len(clean.people.unique()),
            n_photos=len(clean.photos),
            detail=f"{action}s {sides[0]} of {totals[0]} photos of protected people and {sides[1]} of {totals[1]} "
            "of everybody else's as perturbed",
        )
    )
    return found


def purify(lab: Lab, recipe: str | None) -> None:
    """As ``Trainer.purify`` says."""
    if not lab.trainer.pipelines:
        lab.trainer.use("newest")
    current, detail = lab.trainer.pipelines[-1], ""
    if recipe is None:
        people, _ = may_train_on(lab)
        trial = rehearse(lab, people)
        tried = {name: errors(lab, trial, replace(current, purifier=name)) for name in ("", *CANDIDATES)}
        best = min(CANDIDATES, key=lambda name: tried[name][0])
        n, n_people = len(trial.truth), len(trial.people)
        detail = (
            f"of {len(CANDIDATES)} purifiers picks {best}: with it {tried[best][0]} of {n} searches for {n_people} "
            f"other people fail, {tried[''][0]} without any, once they are protected like the archive's people"
        )
        recipe = best
    chosen = Purifier(recipe).recipe
    lab.trainer.take(replace(current, purifier=chosen))
    lab.emit(
        DefenceApplied(
            actor="trainer",
            defence="purify",
            against=[],
            extractor=current.extractor,
            detail=detail or f"puts {chosen} before {current.extractor}",
        )
    )
