"""A run's measurements as cells of the grid: a story's journal is browsed like a grid that was measured for itself."""

from __future__ import annotations

from collections.abc import Sequence

from facetui.engine.applications.benchmarks.cells import Answer, Cell, Results, Settings
from facetui.engine.records.errors import JournalError
from facetui.engine.records.events import Event, PhotosPosted, ProtectionMeasured, RunBegan

ROBUST = " robust"
"""Ends the name of an extractor that was trained on tools."""


def results_of(events: Sequence[Event], name: str) -> Results:
    """Cells of a run; of several measurements of one, the last.

    Args:
        events: the run's.
        name: of the run, for what is wrong.

    Raises:
        JournalError: nothing was measured by people.
    """
    began = next((event for event in events if isinstance(event, RunBegan)), None)
    posted = {event.cohort: event for event in events if isinstance(event, PhotosPosted)}
    cells: dict[tuple[str, str, Answer], Cell] = {}
    for event in events:
        if isinstance(event, ProtectionMeasured) and event.basis == "measured" and event.people and not event.law:
            cell = _cell(event, posted.get(event.cohort))
            cells.pop(cell.key, None)
            cells[cell.key] = cell
    if began is None or not cells:
        raise JournalError(f"{name} holds no measurement by people; facetui run arms_race makes one")
    return Results(_settings(began), cells)


def _cell(event: ProtectionMeasured, posted: PhotosPosted | None) -> Cell:
    base, robust, _ = event.extractor.partition(ROBUST)
    return Cell(
        attack=event.cohort,
        extractor=base,
        answer=_answer(event, bool(robust)),
        generation=event.generation,
        missed=list(event.missed),
        probes=list(event.people),
        unprotected_error=event.unprotected_error,
        n_unprotected=event.n_unprotected,
        n_gallery=event.n_gallery,
        asked=event.asked,
        linf=posted.linf if posted else None,
        dssim=posted.dssim if posted else None,
        about=posted.about if posted else "",
    )


def _answer(event: ProtectionMeasured, robust: bool) -> Answer:
    if event.classifier == "linear":
        return "linear"
    if event.classifier == "end-to-end":
        return "end-to-end"
    if any(ROBUST in step for step in event.steps):
        return "combined"
    return "adapted" if robust or event.defence else "purified" if _washed(event) else "nearest"


def _washed(event: ProtectionMeasured) -> bool:
    """Whether photos go through something first: whatever a pipeline does that says neither crowd nor dates."""
    return any(not step.startswith(("crowd of", "rescan", "euclidean", "drop")) for step in event.steps)


def _settings(began: RunBegan) -> Settings:
    return Settings(
        people=began.people,
        fictional=began.fictional,
        users=list(began.users),
        n_people=began.n_people,
        n_crowd=began.n_crowd,
        crowd=began.crowd,
        photos=0,
        seed=began.seed,
        asked=began.asked,
        surrogates=list(began.surrogates),
        tools=[],
        training_steps=0,
        weights=dict(began.extractors),
        versions=dict(began.versions),
        device=began.device,
    )
