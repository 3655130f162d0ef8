"""An answer that leaves the extractor as it is: a purifier that washes every photo before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from facetui.engine.core.interfaces import Purifying
from facetui.engine.defences.purifier import CANDIDATES, Purifier
from facetui.engine.lab.recognition.pipeline import Pipeline
from facetui.engine.lab.recognition.trainer_state import TrainerState
from facetui.engine.lab.trainer.rehearsal import errors, rehearse
from facetui.engine.records.events import DefenceApplied


def purify(state: TrainerState, purifier: Purifying | None) -> None:
    """Put a purifier before the current extractor; without one, the one that does best in a rehearsal.

    Raises:
        UsageError: nobody to rehearse with.
    """
    current, detail = state.current, ""
    if purifier is None:
        purifier, detail = _best(state)
    state.pipelines.append(replace(current, purifier=purifier))
    state.world.recorder.emit(
        DefenceApplied(
            actor="trainer",
            defence=purifier.name,
            against=[],
            extractor=current.extractor,
            detail=detail or f"puts {purifier.recipe} before {current.extractor}",
        )
    )


def _best(state: TrainerState) -> tuple[Purifying, str]:
    """The purifier that does best in a rehearsal, and how it compares in words."""
    people = state.world.trainable
    trial = rehearse(state, people)
    chosen, failed = best_purifier(state.current, lambda pipeline: errors(state, trial, pipeline)[0])
    return chosen, (
        f"of {len(CANDIDATES)} purifiers picks {chosen.recipe}: with it {failed[chosen.recipe]} of {len(trial.truth)} "
        f"searches for {len(trial.people)} other people fail, {failed['']} without any, once they are protected like "
        "the archive's people"
    )


def best_purifier(pipeline: Pipeline, fail: Callable[[Pipeline], int]) -> tuple[Purifier, dict[str, int]]:
    """The candidate before a pipeline with which the fewest searches fail; of equals the first.

    Args:
        pipeline: what it is put before.
        fail: how many searches a pipeline fails.

    Returns:
        It, and how many fail with each candidate, and with none under the empty name.
    """
    failed = {"": fail(replace(pipeline, purifier=None))}
    failed |= {recipe: fail(replace(pipeline, purifier=Purifier(recipe))) for recipe in CANDIDATES}
    return Purifier(min(CANDIDATES, key=failed.__getitem__)), failed
