"""From the command line into the app: what Textual must find in its environment is settled before it is imported."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facetui.engine import system
from facetui.engine.records.errors import UsageError
from facetui.tui.app import config
from facetui.tui.app.terminal import graphics
from facetui.tui.app.terminal.capabilities import drawn_on, few_colours, speaks_unicode
from facetui.tui.text.plain import say
from facetui.tui.text.sentences import live
from facetui.tui.text.spans import ASCII_TWINS

if TYPE_CHECKING:
    from facetui.engine.runs.branches.comparison import Comparison
    from facetui.tui.app.app import FacetApp
    from facetui.tui.runs.engine_process import Engine
    from facetui.tui.runs.remote import Mirror


def app(
    runs: Path,
    folder: Path | None = None,
    *,
    live: bool = False,
    engine: Engine | None = None,
    motion: bool = True,
    mouse: bool = True,
    console: bool = True,
    mirror: Mirror | None = None,
    published: str = "",
    copied: Path | None = None,
    recorded: str = "",
    fast: bool = False,
    game: Mapping[str, Any] | None = None,
    compared: Comparison | None = None,
) -> int:
    """Run the app; returns its exit code.

    Args:
        runs: the folder of runs.
        folder: a run to open; absent: the home screen.
        live: follow it; else play it from the first event.
        engine: the process that this command started for it.
        motion: glide between moves.
        mouse: let the terminal report the mouse; without, its own selection works.
        mirror: what fetches the run from a presenter.
        published: the address under which it can be followed.
        copied: a run's folder that is there for now only; it goes when a signal ends the app, too.
        recorded: the date of a recording that comes along with the package.
        fast: show what happens as soon as it does, also where nobody can read along.
        game: begin one: its role, strength and seed; a role of ``""`` is asked for.
        compared: two runs, to begin with their comparison.
        console: offer Python with the lab in it; never to somebody who looks at another's run.
    """
    prepare(motion)
    with graphics.Asked() as asked:  # while the terminal's answers are not yet Textual's
        from facetui.tui.app.app import FacetApp
        from facetui.tui.app.remembered import recall
        from facetui.tui.app.terminal.driver import Probe, Terminal, guarded, write_report

    if os.environ.get("FACETUI_PROBE") and not system.WINDOWS:
        Terminal.probe = Probe()
    config.adopt()
    looks: dict[str, Any] = {"remembered": recall()}
    try:
        looks["theme"] = str(config.settings()["theme"].value or "")
    except UsageError as error:
        looks["trouble"] = str(error)
    shown = FacetApp(runs, folder, live=live, engine=engine, motion=motion, mirror=mirror, driver=Terminal, **looks)
    shown.stage.fast = shown.stage.player.fast = fast
    shown.has_console = console
    shown.published = published
    shown.copied = copied
    shown.begin_with, shown.welcomes = game, game is None
    shown.compared = compared
    shown.stage.run.recorded = recorded
    shown.graphics = asked.graphics
    with guarded(shown.stop_for):
        shown.run(mouse=mouse)
    if Terminal.probe is not None:
        write_report(Terminal.probe)
    if engine is not None:
        engine.forget()
    if shown.left is not None and not Terminal.stalled:
        say(f"the run goes on: facetui follow {shown.left.name}", sys.stderr)
    elif not Terminal.stalled:
        _say_what_next(shown)
    if shown.return_code and shown.return_value is None:
        return shown.return_code
    return shown.return_value or 0


def _say_what_next(shown: FacetApp) -> None:
    """The run's name, and the two commands one would want now."""
    stage = shown.stage
    if stage.run.folder is None or not stage.player.events or shown.mirror is not None:
        return
    if stage.run.recorded:
        again = f"run it live: {live(stage.now.began)}; " if stage.now.began else ""
        say(f"{again}other stories: facetui list stories", sys.stderr)
    elif not stage.running:
        name = stage.run.folder.name
        say(f"{name}: facetui replay {name} shows it again, facetui report {name} writes a handout", sys.stderr)


def prepare(motion: bool) -> None:
    """What Textual reads when it is imported: the first theme, and whether anything moves by itself."""
    for stale in ("COLUMNS", "LINES"):  # whoever exported them did not know of this terminal, nor of its next size
        os.environ.pop(stale, None)
    os.environ["TEXTUAL_ANIMATIONS"] = "full" if motion and not os.environ.get("SSH_CONNECTION") else "none"
    if few_colours():
        os.environ.setdefault("TEXTUAL_THEME", "ansi-dark")
    if not speaks_unicode():
        codecs.register_error("facetui", _twin)
        drawn_on().reconfigure(encoding="ascii", errors="facetui")  # type: ignore[union-attr]


def _twin(error: UnicodeError) -> tuple[str, int]:
    """ASCII twins of what a terminal cannot show, one character for one."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(ASCII_TWINS.get(c, "?") for c in error.object[error.start : error.end]), error.end
