"""An answer that leaves the extractor as it is: a purifier that washes every photo before it."""

from __future__ import annotations

from dataclasses import replace

from facetui.engine.core.interfaces import Purifying
from facetui.engine.defences.purifier import CANDIDATES, Purifier
from facetui.engine.lab.recognition.trainer_state import TrainerState
from facetui.engine.lab.trainer.rehearsal import errors, rehearse
from facetui.engine.lab.trainer.training_photos import may_train_on
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
    """The candidate with which the fewest searches for other people fail, and how it compares in words."""
    people, _ = may_train_on(state.world)
    trial = rehearse(state, people)
    purifiers = [None, *map(Purifier, CANDIDATES)]
    failed = [errors(state, trial, replace(state.current, purifier=purifier))[0] for purifier in purifiers]
    best = min(range(1, len(failed)), key=failed.__getitem__)
    chosen = Purifier(CANDIDATES[best - 1])
    return chosen, (
        f"of {len(CANDIDATES)} purifiers picks {chosen.recipe}: with it {failed[best]} of {len(trial.truth)} searches "
        f"for {len(trial.people)} other people fail, {failed[0]} without any, once they are protected like the "
        "archive's people"
    )
