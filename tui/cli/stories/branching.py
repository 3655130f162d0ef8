"""``facetui run --what-if``: the run that a new one branches from, and what both have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from facetui.engine.people import PER_PERSON
from facetui.engine.records import journal
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import RunBegan, answers_in
from facetui.engine.records.text import brief
from facetui.tui.cli.options import typed_in
from facetui.tui.runs import named, recordings
from facetui.tui.runs.recordings import RECORDED

if TYPE_CHECKING:
    from facetui.engine.runs.scenario import Scenario
    from facetui.engine.runs.settings import Settings


def branched(
    context: typer.Context, settings: Settings, scenario: Scenario, what_if: Sequence[str], of: str | None
) -> Settings:
    """Settings with the changes that were asked for, and all else that was not said as in the run they are made to.

    Args:
        context: knows what was typed.
        settings: as asked for.
        scenario: the story.
        what_if: changes as typed.
        of: the run; absent: none.

    Raises:
        UsageError: a change that does not fit, or a run of another story.
        JournalError: the run cannot be read.
    """
    from facetui.engine.runs.branches.changes import Change, check

    changes = tuple(Change.parse(text) for text in what_if)
    if not changes:
        if of is not None:
            raise UsageError("--branch-of goes with what is to be otherwise: --what-if '1: attack=lowkey'")
        return settings
    if of is None:
        if _as_recorded(settings, scenario):
            check(changes, recordings.read(scenario.name).events, scenario.name)
        return replace(settings, changes=changes)
    with named.opened(of) as folder:
        events = journal.read(folder)
        began = journal.began(events, folder)
        name = of if of.startswith(RECORDED) else folder.name
        if folder.parent != journal.runs_folder() and not of.startswith(RECORDED):
            name = Path(of).name
    if began.scenario != scenario.name:
        raise UsageError(f"{brief(name)} is a run of {brief(began.scenario)}, not of {scenario.name}")
    check(changes, events, brief(name))
    typed = typed_in(context)
    taken = _as_in(typed, settings, began, scenario, brief(name))
    if "answers" not in typed:
        taken = replace(taken, answers=answers_in(events))  # the room was asked already
    return replace(taken, changes=changes, branch_of=name)


def _as_recorded(settings: Settings, scenario: Scenario) -> bool:
    """Whether the recording of a story tells how many moves it makes: nothing but tools' strength is otherwise."""
    plain = settings.cast == "embedded" and settings.seed == 0 and not settings.values
    whole = settings.people in (None, "embedded") and settings.users is None and settings.crowd is None
    if not (plain and whole and scenario.name in recordings.names()):
        return False
    began = recordings.read(scenario.name).began
    return began is not None and began.source == scenario.source


def _as_in(asked: set[str], settings: Settings, began: RunBegan, scenario: Scenario, name: str) -> Settings:
    """Settings as they were in a run, but for those that were typed."""
    from facetui.engine.people import casts
    from facetui.engine.runs.settings import EMBEDDED_CROWD

    if began.people != "embedded" and "people" not in asked:
        raise UsageError(f"the people of {name} are in the folder {brief(began.people)}; say where: --people DIR")
    if began.cast not in casts.names() and "cast" not in asked:
        raise UsageError(f"the cast of {name} is {brief(began.cast)}; say where its file is: --cast FILE.toml")
    as_it_was: dict[str, Any] = {
        "seed": began.seed,
        "cast": began.cast,
        "users": tuple(began.users),
        "strength": began.strength or "release",
        "per_person": began.per_person or PER_PERSON,
        "together": began.asked != "alone",
        "with_what_is_there": bool(began.left_out),
    }
    if began.crowd not in ("", "embedded") and "crowd" not in asked:
        raise UsageError(f"{name} searches among the folder {brief(began.crowd)}, too; say where: --crowd DIR")
    everybody = EMBEDDED_CROWD if began.people == "embedded" else 0
    as_it_was["crowd"] = None if began.n_crowd == everybody else str(began.n_crowd)
    known = {parameter.name for parameter in scenario.parameters}
    values = {key: value for key, value in began.parameters.items() if key in known}
    kept = {key: value for key, value in as_it_was.items() if key not in asked}
    return replace(settings, **kept, values={**values, **settings.values})
