"""An answer that leaves the extractor as it is: what a person's photos have in common is taken off them."""

from __future__ import annotations

from dataclasses import replace

from facetui.engine.core.interfaces import Estimating
from facetui.engine.lab.recognition.trainer_state import TrainerState
from facetui.engine.lab.trainer.training_photos import anchor_photos
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import DefenceApplied


def subtract(state: TrainerState, estimator: Estimating) -> None:
    """Clean scraped photos by an estimate of each person's mask, from now on.

    Args:
        state: the trainer's.
        estimator: which has learnt nothing yet.

    Raises:
        UsageError: nothing was scraped.
    """
    if not state.archive:
        raise UsageError("the archive is empty; let the trainer scrape before it looks for masks")
    known = anchor_photos(state.world)
    estimator.fit(known)
    changed, photos = [0, 0], [0, 0]
    for post in state.archive:
        whose = 0 if post.cohort else 1
        changed[whose] += len(state.cleaned(estimator, post)[0])
        photos[whose] += len(post.who)
    state.pipelines.append(replace(state.current, estimator=estimator))
    state.world.recorder.emit(
        DefenceApplied(
            actor="trainer",
            defence=estimator.name,
            against=[],
            extractor=state.current.extractor,
            n_people=len(known.people.unique()),
            n_photos=len(known.photos),
            detail=f"estimates what each person's photos have in common, and takes it off {changed[0]} of {photos[0]} "
            f"photos of protected people and {changed[1]} of {photos[1]} of everybody else's",
        )
    )
