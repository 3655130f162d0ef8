"""Runs a scenario: events out, cancellation in."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from facetui.engine import system
from facetui.engine.records.errors import Cancelled, FacetuiError, OutOfMemory, lack_of_memory
from facetui.engine.records.events import Event, Note, RunEnded, RunFailed
from facetui.engine.records.journal import Journal, new_run_folder
from facetui.engine.runs.ballots import Said
from facetui.engine.runs.branches.what_if import Branch
from facetui.engine.runs.scenario import NO_MEMORY, Scenario
from facetui.engine.runs.settings import Settings

Display = Callable[[Event], None]


@dataclass(frozen=True)
class Outcome:
    """How a run went.

    Attributes:
        folder: its journal.
        error: what stopped it, or ``None``.
    """

    folder: Path
    error: FacetuiError | None


def run(
    scenario: Scenario,
    settings: Settings,
    displays: Sequence[Display] = (),
    cancel: threading.Event | None = None,
    on_folder: Callable[[Path], None] = lambda folder: None,
    tell: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Outcome:
    """Play a scenario, write its journal, and show its events.

    What was computed stays in the cache however a run ends, so running it again goes on where it stopped.

    Args:
        scenario: the story.
        settings: what it depends on.
        displays: called with every event after it is in the journal.
        cancel: set it to stop the run at its next step.
        on_folder: called with the journal's folder once it exists.
        tell: called as ``tell(what, done, total)`` while people are read, before there is a journal.

    Returns:
        The journal's folder, and the error that stopped the run.

    Raises:
        FacetuiError: before the run began: people, cast, device or folder that do not exist or fit.
    """
    from facetui.engine.core import device
    from facetui.engine.runs.setup import audience_of, begin, open_lab, prepare

    stop = cancel or threading.Event()

    def reading(what: str, done: int, total: int) -> None:
        if stop.is_set():
            raise Cancelled("stopped on request, before the run began; faces that were found are in the cache")
        tell(what, done, total)

    branch = Branch(settings.changes)  # what does not fit is said before anybody is read
    setup = prepare(settings, tell=reading)
    journal = Journal(settings.folder or new_run_folder(settings.out, scenario.name))
    on_folder(journal.folder)

    def emit(event: Event) -> None:
        journal.append(event)
        branch.heard(event)
        for display in displays:
            display(event)

    lab: Any = None
    said = Said(journal.folder)

    def move(verb: str, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        for text in said.more():
            lab.recorder.emit(Note(text=text))
        return branch.make(verb, call, args, kwargs) if settings.changes else call(*args, **kwargs)

    try:
        lab = open_lab(
            setup,
            emit=emit,
            keep_picture=partial(journal.add_picture, fictional=setup.people.fictional),
            cancelled=stop.is_set,
            path=str(scenario.path),
            posts=scenario.posts,
            audience=audience_of(lambda: journal.folder, setup.answers),
            on_move=move,
        )
        branch.lab = lab
        branched = {"changes": list(map(str, settings.changes)), "branch_of": settings.branch_of}
        told: dict[str, Any] = {"name": scenario.name, "title": scenario.title, "source": scenario.source}
        begin(lab, setup, **told, values=settings.values, branched=branched)
        with device.telling(lab.note):
            scenario.play(lab, settings.values)
        branch.finish()
        lab.recorder.emit(RunEnded(peak_memory=system.peak_memory()))
    except FacetuiError as error:
        return _failed(journal, lab, error)
    except Exception as error:
        if not lack_of_memory(error):
            raise
        return _failed(journal, lab, OutOfMemory(NO_MEMORY))
    finally:
        journal.close()
    return Outcome(journal.folder, None)


def _failed(journal: Journal, lab: Any, error: FacetuiError) -> Outcome:
    """Note in the journal why a run stopped, and keep the traceback beside it, as far as the disk allows."""
    log = journal.folder / "error.log"
    try:
        if not isinstance(error, Cancelled):
            log.write_text("".join(traceback.format_exception(error)), "utf-8", "backslashreplace")
        event = RunFailed(error=str(error), exit_code=error.exit_code, log=log.name if log.exists() else "")
        lab.recorder.emit(event) if lab is not None else journal.append(event)
    except (OSError, FacetuiError):
        pass  # the disk is full: the error itself still reaches the person at the keyboard
    return Outcome(journal.folder, error)
