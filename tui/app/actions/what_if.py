"""What if: a move of the run that is shown is made otherwise, in a run of its own that branches there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facetui.engine.records import files, installation
from facetui.engine.records.events import RunBegan
from facetui.tui.app.actions import home
from facetui.tui.runs.recordings import RECORDED, names
from facetui.tui.sharing.reports.run_report import is_shipped
from facetui.tui.state.branching import WhatIf

if TYPE_CHECKING:
    from facetui.tui.app.viewer import Viewer

FOLLOWED = "This run is somebody else's, and goes on there; to change a move, run the story here."
BY_HAND = "This was played move by move: there is no story to go on from. In the console undo() takes moves back."
STRANGER = "The story of this run came along with it, and a stranger's story is a stranger's program: it is not run."
FOLDERS = (
    "The people of this run are in a folder of their own; say where it is: facetui run {} --people DIR --what-if …"
)


def ask(app: Viewer) -> None:
    """Ask what of the move under the cursor, or else of the last one, is to be otherwise, and run that."""
    stage, began = app.stage, app.stage.known.began
    if began is None or stage.run.folder is None:
        return
    if (problem := _problem(app, began)) != "":
        app.notify(problem, severity="warning", timeout=8)
        return
    asked = WhatIf.of(stage.player.events, began, _number(app))
    if asked is None:
        app.notify("There is no move yet that could be changed.")
        return
    from facetui.tui.app.dialogs.what_if import Asked

    story, base = _story(app, began), _base(app, began)
    if story is None:
        app.notify("The story cannot be written beside the run, so it cannot be run.", severity="error")
        return

    def run(options: list[str] | None) -> None:
        if options is not None:
            home.start(app, story, ["--branch-of", base, *options], began.scenario)

    app.push_screen(Asked(asked, ["facetui", "run", story, "--branch-of", base]), run)


def _number(app: Viewer) -> int:
    """The move that is meant: the last at the place of the chart's cursor, or at the play head."""
    slot = app.stage.selection.slot
    if slot is None:
        return app.stage.now.moves
    numbers = [number for _, _, number in app.stage.now.slots[slot].moves]
    return max(numbers, default=app.stage.now.moves)


def _problem(app: Viewer, began: RunBegan) -> str:
    """Why the run cannot be branched, in words; empty: it can."""
    if app.mirror is not None:
        return FOLLOWED
    if not began.source.strip():
        return BY_HAND
    if began.people != "embedded":
        return FOLDERS.format(began.scenario)
    folder = app.stage.run.folder
    if not is_shipped(began) and not (folder is not None and installation.made_here(folder)):
        return STRANGER
    return ""


def _story(app: Viewer, began: RunBegan) -> str | None:
    """What ``facetui run`` takes: the name, or a file beside the run with the text that was played."""
    folder = app.stage.run.folder
    if is_shipped(began) or folder is None:
        return began.scenario
    try:
        return str(files.write(folder, f"story/{began.scenario}.py", began.source))
    except OSError:
        return None


def _base(app: Viewer, began: RunBegan) -> str:
    """The run that is shown, as the command takes it."""
    run = app.stage.run
    if run.recorded and began.scenario in names():
        return f"{RECORDED}{began.scenario}"
    assert run.folder is not None
    return run.folder.name if run.folder.parent == app.runs else str(run.folder)
