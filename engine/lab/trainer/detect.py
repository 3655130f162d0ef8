"""An answer that leaves the extractor as it is: a detector of perturbed photos that drops or flags what it finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from facetui.engine.core.interfaces import Bank, Detecting
from facetui.engine.lab.recognition.trainer_state import TrainerState
from facetui.engine.lab.trainer.detector_quality import detection
from facetui.engine.lab.trainer.training_photos import perturbed, some_photos, training_photos
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import DefenceApplied, DetectionMeasured

DETECTOR_TESTS = 48
"""Photos of people it never saw that a detector is tested on, about, clean and under each attack."""


def detect(
    state: TrainerState,
    detector: Detecting,
    names: list[str],
    also: Sequence[str] = (),
    *,
    action: str = "drop",
    base_rate: float = 0.001,
) -> list[DetectionMeasured]:
    """Train a detector, test it on people it never saw, and drop or flag what it finds in the archive.

    Args:
        state: the trainer's.
        detector: untrained.
        names: attacks it learns from.
        also: attacks it is tested on besides those and the ones that were used.
        action: ``drop`` or ``flag``.
        base_rate: share of perturbed photos in a crawl, in (0, 1), for the precision that it would have there.

    Returns:
        What was measured, one event for each attack; they are emitted.

    Raises:
        UnknownName: no such attack.
        UsageError: no such action, a base rate outside (0, 1), or nobody to test on.
    """
    if action not in ("drop", "flag"):
        raise UsageError(f"expected an action drop or flag, got {action!r}")
    if not 0 < base_rate < 1:
        raise UsageError(f"expected a base rate in (0, 1), got {base_rate}")
    clean = training_photos(state.world)
    found = _tested(state, detector, names, also, clean, base_rate)
    label = state.keep(detector)
    detail = _found_in_archive(state, label, action)
    if action == "drop":
        state.pipelines.append(replace(state.current, detector=label))
    state.world.recorder.emit(
        DefenceApplied(
            actor="trainer",
            defence=detector.name,
            against=names,
            extractor=state.current.extractor,
            n_people=len(clean.people.unique()),
            n_photos=len(clean.photos),
            detail=detail,
        )
    )
    return found


def _tested(
    state: TrainerState, detector: Detecting, names: list[str], also: Sequence[str], clean: Bank, base_rate: float
) -> list[DetectionMeasured]:
    """Train a detector on clean photos and their copies, and test it on other people's."""
    world = state.world
    unseen = world.kept
    if not unseen:
        raise UsageError("a detector is tested on people it never saw, and nobody is left; add people")
    detector.fit(clean.photos, torch.cat([copies for name in names for copies in perturbed(world, name, clean)]))
    tests = some_photos(world, unseen, DETECTOR_TESTS)
    found = []
    for name in dict.fromkeys([*names, *world.tools.names(), *also]):
        copies = torch.cat(perturbed(world, name, tests, "people it never saw"))
        found.append(detection(detector, names, name, tests, copies, base_rate))
        world.recorder.emit(found[-1])
    return found


def _found_in_archive(state: TrainerState, label: str, action: str) -> str:
    """How many photos of whom a detector takes for perturbed, in words."""
    flagged, photos = [0, 0], [0, 0]
    for post in state.archive:
        whose = 0 if post.cohort else 1
        flagged[whose] += int(state.flags(label, post).sum())
        photos[whose] += len(post.who)
    return (
        f"{action}s {flagged[0]} of {photos[0]} photos of protected people and {flagged[1]} of {photos[1]} "
        "of everybody else's as perturbed"
    )
