"""Answers made of others: two extractors together, or the best of everything the trainer ever had."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from facetui.engine.defences.hybrid import Hybrid, threshold_of
from facetui.engine.lab.recognition.pipeline import Pipeline
from facetui.engine.lab.trainer.rehearsal import errors, rehearse
from facetui.engine.lab.trainer.training_photos import may_train_on, some_photos
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import DefenceApplied

if TYPE_CHECKING:
    from facetui.engine.lab.lab import Lab


def combine(lab: Lab, robust: str | None, rule: str, threshold: float | None) -> None:
    """As ``Trainer.combine`` says."""
    made = [pipeline.extractor for pipeline in lab.trainer.pipelines if pipeline.defence]
    if robust is None and not made:
        raise UsageError("there is no robust extractor yet; let the trainer adapt first, or name one")
    second = robust or made[-1]
    lab.networks.get(second)
    current = lab.trainer.pipelines[-1] if lab.trainer.pipelines else Pipeline(second)
    if current.classifier != "nearest":
        raise UsageError("two extractors are combined by nearest neighbours; classify_by('nearest') first")
    if rule == "threshold" and threshold is None:
        threshold = _sure(lab, current)
    hybrid = Hybrid(rule, threshold or 0.0)
    known = next((p.against for p in lab.trainer.pipelines if p.extractor == second), ())
    lab.trainer.take(replace(current, second=second, hybrid=hybrid, against=known))
    how = f"where the nearest photo is less similar than {threshold:.2f}" if rule == "threshold" else "as well"
    lab.emit(
        DefenceApplied(
            actor="trainer",
            defence="combine",
            against=[],
            extractor=current.extractor,
            detail=f"asks {current.extractor}, and {second} {how}"
            + ("; right if either is" if rule == "top-2" else ""),
        )
    )


def _sure(lab: Lab, pipeline: Pipeline) -> float:
    """How similar the nearest photo is in nearly all clean searches for people who may be used."""
    people, _ = may_train_on(lab)
    photos = some_photos(lab, people, 8 * len(people))
    seen = lab.networks.embeddings(pipeline.extractor, pipeline.purified(photos.photos))
    similarity = seen @ seen.T
    similarity[photos.people[:, None] != photos.people[None]] = -1
    return threshold_of(similarity.fill_diagonal_(-1).max(1).values)


def choose(lab: Lab) -> str:
    """As ``Trainer.choose`` says."""
    _, held_out = may_train_on(lab)
    trial = rehearse(lab, held_out)
    tried = {pipeline: errors(lab, trial, pipeline)[0] for pipeline in dict.fromkeys(lab.trainer.pipelines)}
    best = min(reversed(tried), key=tried.__getitem__)  # of equals the latest
    lab.trainer.take(best)
    lab.emit(
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
