"""Two runs compared: the first is marked on the home screen, the second is where the key is pressed again."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from facetui.engine.records import journal
from facetui.engine.records.errors import FacetuiError
from facetui.engine.runs.branches.comparison import compare
from facetui.tui.runs import named
from facetui.tui.runs.recordings import RECORDED

if TYPE_CHECKING:
    from facetui.tui.app.viewer import Viewer


def mark_or_compare(app: Viewer) -> None:
    """Mark the run under the cursor; with another one marked, compare both; on the marked one, forget it."""
    chosen, here = app.stage.selection, app.stage.comparable
    if here is None:
        return
    if chosen.marked in ("", here):
        chosen.marked = "" if chosen.marked else here
        if chosen.marked:
            app.notify(f"{shown(here)} is marked: d on another run compares both, d here forgets it.")
        return
    first, chosen.marked = chosen.marked, ""
    show(app, first, here)


def show(app: Viewer, first: str, second: str) -> None:
    """Open the comparison of two runs, or say why it cannot be made.

    Args:
        app: which shows it.
        first: a run's folder, or a recording's name with ``demo:``.
        second: the same.
    """
    from facetui.tui.app.dialogs.comparison import Compared

    try:
        with ExitStack() as needed:
            folders = [needed.enter_context(named.opened(name)) for name in (first, second)]
            found = compare((shown(first), shown(second)), (journal.read(folders[0]), journal.read(folders[1])))
    except (FacetuiError, OSError) as error:
        app.notify(f"These cannot be compared: {error}", severity="error")
        return
    app.push_screen(Compared(found))


def shown(name: str) -> str:
    """What a run is called in sentences: its folder's own name."""
    return name if name.startswith(RECORDED) else Path(name).name
