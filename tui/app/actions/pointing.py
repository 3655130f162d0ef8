"""Where clicks, the wheel and the palette lead: what views write in roles, and what Ctrl+P finds by a word."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from textual.app import SystemCommand

from facetui.engine.records.text import clean
from facetui.tui.runs.recent import Recent, Story
from facetui.tui.screens.keys import KEYS, works
from facetui.tui.state.selection import photos_of_people

if TYPE_CHECKING:
    from facetui.tui.app.viewer import Viewer


def choose(app: Viewer, target: str, argument: str) -> bool:
    """Put a cursor where somebody clicked; whether it stood there already, so that it is to be opened.

    Args:
        app: whose stage it is.
        target: ``entry``, ``cell``, ``event``, ``slot``, ``photo`` or ``move``.
        argument: which.
    """
    stage, chosen = app.stage, app.stage.selection
    before = (chosen.entry, chosen.event, chosen.slot)
    numbers = [int(part) for part in argument.split(",") if part.isdecimal()]
    match target:
        case "entry":
            chosen.entry = numbers[0]
        case "cell":
            chosen.cell = (numbers[0], numbers[1])
        case "event":
            chosen.event = numbers[0]
        case "slot":
            chosen.slot = numbers[0]
        case "photo":
            stage.choose_face(0, 1)
        case "move":
            stage.go_to_slot(numbers[0])
    return target in ("entry", "event", "slot") and before == (chosen.entry, chosen.event, chosen.slot)


def scroll(app: Viewer, lines: int) -> None:
    """The wheel: the cursor of a list, the transcript of the console, people; on the chart the next move or back."""
    stage, by = app.stage, 1 if lines > 0 else -1
    match stage.view:
        case "console":
            stage.console.scroll(-lines)
        case "timeline":
            stage.player.step_move(by)
        case "faces":
            stage.choose_face(by, 0)
        case "events":
            stage.move(lines, 0)
        case _:
            stage.move(by, 0)


def commands(app: Viewer) -> Iterable[SystemCommand]:
    """Stories, runs, people and moves by their names, and every key's action by its words, for Ctrl+P."""
    stage = app.stage
    if not stage.stories or not stage.recent:
        app.refresh_home()
    for story in stage.stories:
        yield SystemCommand(f"story {story.name}", story.title, partial(_go_to, app, story))
    for run in stage.recent:
        yield SystemCommand(f"run {clean(run.folder.name)}", f"{run.state} {run.when}", partial(_go_to, app, run))
    for number, person in enumerate(photos_of_people(stage.now.shown)):
        yield SystemCommand(f"person {clean(person)}", "their faces", partial(_look_at, app, number))
    for slot, place in enumerate(stage.known.slots):
        did = ", ".join(label for _, label, _ in place.moves) or "measured"
        yield SystemCommand(f"move {place.t} {did}", "the play head goes there", partial(_to_move, app, slot))
    for key in KEYS:
        if key.action != "command_palette" and (stage.view == "console" or works(key, stage)):
            yield SystemCommand(f"{key.help} ({key.shown})", "", partial(app.run_action, key.action))
    yield SystemCommand("choose a theme", "", app.action_change_theme)


def _go_to(app: Viewer, entry: Story | Recent) -> None:
    """Run a story, or open a run."""
    app.stage.selection.sought = ""
    app.stage.view, app.stage.selection.entry = "home", app.stage.entries.index(entry)
    app.call_later(app.run_action, "choose")


def _look_at(app: Viewer, person: int) -> None:
    """The faces of one person."""
    app.stage.view, app.stage.selection.person, app.stage.selection.photo = "faces", person, 0
    app.stage.fold()
    app.draw()


def _to_move(app: Viewer, slot: int) -> None:
    """The play head to what happened at a place on the axis."""
    app.stage.view = "timeline"
    app.stage.go_to_slot(slot)
    app.draw()
