"""Answers made of others: two extractors together, or the best of everything the trainer ever had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from facetui.engine.core.interfaces import Combining
from facetui.engine.defences.hybrid import threshold_of
from facetui.engine.lab.recognition.pipeline import Pipeline
from facetui.engine.lab.recognition.trainer_state import TrainerState
from facetui.engine.lab.trainer.rehearsal import Rehearsal, errors, rehearse
from facetui.engine.lab.trainer.training_photos import some_photos
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import DefenceApplied


def combine(state: TrainerState, robust: str | None, made: Callable[[Pipeline], Combining]) -> None:
    """Let a robust extractor answer beside the current one.

    Args:
        state: the trainer's.
        robust: its name; absent: the last one that was made robust.
        made: gives the rule for the pipeline whose answers are joined.

    Raises:
        UnknownName: no such extractor.
        UsageError: there is no robust extractor, or the current classifier names without similarities.
    """
    adapted = [pipeline.extractor for pipeline in state.pipelines if pipeline.defence]
    if robust is None and not adapted:
        raise UsageError("there is no robust extractor yet; let the trainer adapt first, or name one")
    second = robust or adapted[-1]
    state.world.networks.get(second)
    current = state.current if state.pipelines else Pipeline(second)
    if current.classifier != "nearest":
        raise UsageError("two extractors are combined by nearest neighbours; classify_by('nearest') first")
    rule = made(current)
    known = next((p.against for p in state.pipelines if p.extractor == second), ())
    state.pipelines.append(replace(current, second=second, hybrid=rule, against=known))
    state.world.recorder.emit(
        DefenceApplied(
            actor="trainer",
            defence=rule.name,
            against=[],
            extractor=current.extractor,
            detail=f"asks {current.extractor}, and {second} {rule.detail}",
        )
    )


def sure(state: TrainerState, pipeline: Pipeline) -> float:
    """How similar the nearest photo is in nearly all clean searches for people who may be used, cosine."""
    people = state.world.trainable
    photos = some_photos(state.world, people, 8 * len(people))
    seen = state.world.networks.embeddings(pipeline.extractor, pipeline.purified(photos.photos))
    similarity = seen @ seen.T
    similarity[photos.people[:, None] != photos.people[None]] = -1
    return threshold_of(similarity.fill_diagonal_(-1).max(1).values)


def pick(state: TrainerState, trial: Rehearsal) -> tuple[Pipeline, dict[Pipeline, int]]:
    """The pipeline that fails least often in a rehearsal, and how often each fails.

    All of them search the gallery of today: fewer people to search among are no better model.
    """
    today = dict.fromkeys(replace(pipeline, crowd=state.current.crowd) for pipeline in state.pipelines)
    tried = {pipeline: errors(state, trial, pipeline)[0] for pipeline in today}
    return min(reversed(tried), key=tried.__getitem__), tried  # of equals the latest


def picked(state: TrainerState) -> Pipeline | None:
    """The pipeline that ``choose`` would take, which is not taken; ``None`` where it has nobody to rehearse with."""
    if len(set(state.pipelines)) < 2:
        return state.current
    try:
        return pick(state, rehearse(state, state.world.kept))[0]
    except UsageError:
        return None


def choose(state: TrainerState) -> str:
    """Take the pipeline that fails least often in a rehearsal on people who were never trained on.

    Returns:
        The generation it is.

    Raises:
        UsageError: nothing was scraped, or nobody to rehearse with.
    """
    trial = rehearse(state, state.world.kept)
    best, tried = pick(state, trial)
    state.pipelines.append(best)
    state.world.recorder.emit(
        DefenceApplied(
            actor="trainer",
            defence="best-of",
            against=[],
            extractor=best.extractor,
            n_people=len(trial.people),
            n_photos=len(trial.truth),
            detail=f"of {len(tried)} pipelines picks {best.generation}: {tried[best]} of {len(trial.truth)} searches "
            f"for {len(trial.people)} other people fail, protected like the archive's people; with the others "
            + ", ".join(f"{name.generation} {missed}" for name, missed in tried.items() if name != best),
        )
    )
    return best.generation
