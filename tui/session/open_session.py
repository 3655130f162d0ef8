"""``facetui repl``: Python with ``lab`` in scope. At a terminal IPython does the work; else a script is run quietly."""

from __future__ import annotations

import inspect
import shutil
import sys
import textwrap
from typing import Any

from facetui.engine.lab.lab import Lab
from facetui.engine.lab.world.moves import moves_of
from facetui.engine.lab.world.try_on import try_on
from facetui.engine.records.events import Progress, RunBegan
from facetui.engine.records.places import short
from facetui.engine.runs.scenario import Scenario
from facetui.engine.runs.session import Session
from facetui.engine.runs.settings import Settings
from facetui.engine.runs.setup import prepare
from facetui.tui.figures import axis, chart, lanes
from facetui.tui.state.snapshot import Scene
from facetui.tui.text import plain
from facetui.tui.text.plain import Plain, say
from facetui.tui.text.spans import text_of
from facetui.tui.text.table import table_lines


def open_session(settings: Settings, story: Scenario | None, quiet: bool, progress: bool = True) -> Session:
    """A session with the moves' lines on standard output, unless it is to be quiet.

    Args:
        settings: what it depends on; its values are the story's.
        story: a scenario that is played first.
        quiet: say nothing.
        progress: say how far a move is, too.

    Raises:
        FacetuiError: people, cast, device or story that do not exist or fit.
    """
    setup = prepare(settings, tell=plain.Telling())
    shown = Plain(sys.stdout)
    opened: list[Session] = []

    def table() -> None:
        """Draw the table of cohorts by generations, as far as it goes."""
        for line in table_lines(opened[0].table, width=shutil.get_terminal_size().columns) or [
            "nothing was measured yet"
        ]:
            say(line)

    unsaid = RunBegan if progress else (RunBegan, Progress)
    shows = [] if quiet else [lambda event: None if isinstance(event, unsaid) else shown(event)]

    def drawn() -> None:
        """Draw protection over the story's time, as far as it goes."""
        scene = Scene.of(opened[0].events)
        if not scene.curves:
            print("nothing was measured yet")
            return
        width, height = shutil.get_terminal_size((80, 24))
        room = 25
        geometry = axis.geometry(scene, scene, max(20, min(width, 120) - lanes.GUTTER - room))
        lines = chart.draw(scene, scene, geometry, min(20, max(8, height - 8)), room, chart.Look())
        print(text_of([*lines, *lanes.lanes(scene, scene, geometry, room, tall=False)]))

    extras = {"table": table, "chart": drawn}
    session = Session(setup, settings.out, shows, story, extras, settings.values)
    opened.append(session)
    return session


def scope(session: Session) -> dict[str, Any]:
    """The names that typed code begins with."""

    def undo() -> None:
        """Take back what was last typed that made a move; the lab is then as it was before."""
        say(f"taken back: {session.undo()}")

    def save(path: str) -> None:
        """Write what was typed as a scenario that `facetui run` plays with the same result."""
        say(f"saved {short(session.save(path))}")

    def tried(attack: str, budget: str | None = None, **settings: Any) -> None:
        """Show what a tool makes of one photo of the first protected person; it is not posted, and no move."""
        seen = try_on(session.lab.world, attack, budget, **settings)
        say(f"{attack} changes it by up to {255 * float(seen.linf):.0f}/255, DSSIM {float(seen.dssim):.3f}")

    def moves() -> None:
        """List every move with what it takes and does."""
        for line in move_lines(session.lab, shutil.get_terminal_size().columns):
            say(line)

    return {"lab": session.lab, "undo": undo, "save": save, "moves": moves, "try_on": tried, "__name__": "__facetui__"}


def move_lines(lab: Lab, width: int) -> list[str]:
    """Every move of a lab: how it is called, and the first line of what it does."""
    lines = []
    for name, player in lab.players.items():
        for verb, method in moves_of(player).items():
            _, *parameters = inspect.signature(method).parameters.values()
            call = f"lab.{name}.{verb}".replace("..", ".") + f"({', '.join(map(_written, parameters))})"
            lines += textwrap.wrap(call, width, subsequent_indent="        ")
            about = (inspect.getdoc(method) or "").splitlines()[0]
            lines += textwrap.wrap(about, width, initial_indent="    ", subsequent_indent="    ")
    return lines


def _written(parameter: inspect.Parameter) -> str:
    """A parameter as one types it, without its type."""
    stars = (
        "**" if parameter.kind is parameter.VAR_KEYWORD else "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
    )
    default = "" if parameter.default is parameter.empty else f"={parameter.default!r}"
    return f"{stars}{parameter.name}{default}"
