"""What the home screen's keys do: run a story, watch its recording, open a run, call it something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facetui.engine.records.errors import FacetuiError
from facetui.tui.runs import engine_process, labels, recordings
from facetui.tui.runs.recent import DEMO, Recent, Story

if TYPE_CHECKING:
    from facetui.tui.app.viewer import Viewer

ASKED = {
    "name": ("a name for this run, or none; enter keeps it, esc does not", labels.NAME_MOST),
    "note": ("a line about this run, or none; enter keeps it, esc does not", labels.NOTE_MOST),
}
"""What is asked about a run, and how long the answer may be, by its place in the label."""


def open_chosen(app: Viewer) -> None:
    """Run the chosen story, or open the chosen run."""
    chosen = app.stage.chosen
    if isinstance(chosen, Recent):
        _say_that_a_run_goes_on(app)
        app.open(chosen.folder, live=chosen.state == "running")
    elif isinstance(chosen, Story):
        if chosen.name == DEMO:
            watch(app, recordings.FIRST)
        else:
            start(app, chosen.name, [], chosen.name)


def start(app: Viewer, story: str, options: list[str], name: str) -> None:
    """Run a story in a process of its own, and look at it.

    Args:
        app: which shows it, or says why it did not begin.
        story: its name, or its file.
        options: of ``facetui run``.
        name: of the run's folder, without its number.
    """
    _say_that_a_run_goes_on(app)
    try:
        engine = engine_process.start(story, options, app.runs, name)
    except FacetuiError as error:
        app.notify(str(error), severity="error")
        return
    app.open(engine.folder, live=True, engine=engine)


def watch(app: Viewer, name: str) -> None:
    """Play the recording of a story."""
    _say_that_a_run_goes_on(app)
    try:
        folder, when = app.opened.enter_context(recordings.unpacked(name))
    except (FacetuiError, OSError) as error:  # there is no room to unpack it
        app.notify(f"The recording cannot be unpacked: {error}", severity="error")
        return
    app.open(folder, live=False)
    app.stage.run.recorded = when


def _say_that_a_run_goes_on(app: Viewer) -> None:
    if app.stage.running and app.engine is not None:
        app.notify("The other run goes on; it is in the list of runs.")


def ask(app: Viewer, what: str) -> None:
    """Ask for the name or the note of the run under the cursor, and keep it.

    Args:
        app: which asks.
        what: a key of :data:`ASKED`.
    """
    run = app.stage.chosen
    if not isinstance(run, Recent):
        return
    from facetui.tui.app.dialogs.words import Words

    def keep(said: str | None) -> None:
        if said is None:
            return
        try:
            labels.write(run.folder, **{what: said})
        except FacetuiError as error:
            app.notify(str(error), severity="error")
        app.refresh_home()

    asked, most = ASKED[what]
    app.push_screen(Words(asked, most, getattr(run.label, what)), keep)
