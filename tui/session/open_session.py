"""``facetui repl``: Python with ``lab`` in scope. At a terminal IPython does the work; else a script is run quietly."""

from __future__ import annotations

import ast
import shutil
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from facetui.engine.records.errors import Cancelled, FacetuiError, ScenarioError
from facetui.engine.records.events import Progress, RunBegan
from facetui.engine.records.places import short
from facetui.engine.runs.run import Scenario, Settings
from facetui.engine.runs.session import Session
from facetui.engine.runs.setup import prepare
from facetui.tui.figures import chart
from facetui.tui.runs.interrupts import handled
from facetui.tui.state.snapshot import Scene
from facetui.tui.text import plain
from facetui.tui.text.plain import Plain, say, table_lines
from facetui.tui.text.spans import text_of

BANNER = """\
Python with a lab in it: lab.users, lab.friends, lab.trainer and lab.law move, lab.measure() asks.
lab.table() and lab.chart() draw; undo() takes a move back; save("mine.py") keeps what you typed.
help(lab.trainer.adapt) or lab.trainer.adapt? explains; Ctrl-C stops a move, Ctrl-D leaves.
"""


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
    world = prepare(
        cast=settings.cast,
        people_from=settings.people,
        users=settings.users,
        seed=settings.seed,
        device_name=settings.device,
        cache_folder=settings.cache,
        strict=settings.strict,
        tell=plain.Telling(),
    )
    plain = Plain(sys.stdout)
    held: list[Session] = []

    def table() -> None:
        """Draw the table of cohorts by generations, as far as it goes."""
        for line in table_lines(held[0].table, width=shutil.get_terminal_size().columns) or [
            "nothing was measured yet"
        ]:
            say(line)

    unsaid = RunBegan if progress else (RunBegan, Progress)
    shows = [] if quiet else [lambda event: None if isinstance(event, unsaid) else plain(event)]

    def drawn() -> None:
        """Draw protection over the story's time, as far as it goes."""
        scene = Scene.of(held[0].events)
        if not scene.curves:
            print("nothing was measured yet")
            return
        width, height = shutil.get_terminal_size((80, 24))
        room = 25
        geometry = chart.geometry(scene, scene, max(20, min(width, 120) - chart.GUTTER - room))
        lines = chart.draw(scene, scene, geometry, min(20, max(8, height - 8)), room, kept=False)
        print(text_of([*lines, *chart.lanes(scene, scene, geometry, room, everybody=False)]))

    extras = {"table": table, "chart": drawn}
    session = Session(world, settings.out, shows, story, extras, settings.values)
    held.append(session)
    return session


def scope(session: Session) -> dict[str, Any]:
    """The names that typed code begins with."""

    def undo() -> None:
        """Take back what was last typed that made a move; the lab is then as it was before."""
        say(f"taken back: {session.undo()}")

    def save(path: str) -> None:
        """Write what was typed as a scenario that `facetui run` plays with the same result."""
        say(f"saved {short(session.save(path))}")

    return {"lab": session.lab, "undo": undo, "save": save, "__name__": "__facetui__"}


@contextmanager
def interruptible(session: Session) -> Iterator[None]:
    """Ctrl-C stops the move that is being made at its next step; a second one does not wait for it."""
    asked: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if not session.is_moving or asked:
            raise KeyboardInterrupt
        asked.append(number)
        print("stopping after this step; Ctrl-C again does not wait", file=sys.stderr)
        session.stop()

    with handled(stop, ("SIGINT",)):
        yield


def run_script(session: Session, text: str, name: str) -> int:
    """Run Python text to its end or its first error; returns the exit code.

    Args:
        session: in which.
        text: the program.
        name: its file name, for errors: ``<stdin>``.
    """
    space = scope(session)
    try:
        statements = ast.parse(text, name).body
    except SyntaxError as error:
        say(f"facetui: {name}:{error.lineno}: {error.msg}", sys.stderr)
        session.close(ScenarioError(str(error)))
        return ScenarioError.exit_code
    for statement in statements:
        source = ast.get_source_segment(text, statement) or ""
        own = _is_own(statement)
        try:
            with interruptible(session), session.cell("" if own else source):
                exec(compile(ast.Module([statement], []), name, "exec"), space)
        except KeyboardInterrupt:
            session.close(Cancelled("stopped on request"))
            raise
        except SystemExit as left:
            session.close()
            return left.code if isinstance(left.code, int) else int(left.code is not None)
        except Exception as error:  # noqa: BLE001  whatever a script raises is said in one line
            lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == name]
            what = str(error) if isinstance(error, FacetuiError) else f"{type(error).__name__}: {error}"
            say(f"facetui: {name}:{lines[-1] if lines else statement.lineno}: {what}", sys.stderr)
            failed = error if isinstance(error, FacetuiError) else ScenarioError(what)
            session.close(failed)
            return failed.exit_code
    session.close()
    return 0


def _is_own(statement: ast.stmt) -> bool:
    """Whether a statement is about the session, or only draws: it is not part of what is saved."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and ast.unparse(call.func) in ("undo", "save", "lab.table", "lab.chart", "help")


def is_own(source: str) -> bool:
    """Whether typed text is about the session only, or is no Python: a magic, a question."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return True
    return all(_is_own(statement) for statement in body)


def interact(session: Session, history: Path, quiet: bool) -> int:
    """IPython at the terminal, until Ctrl-D; returns the exit code."""
    from facetui.tui.session.ipython import shell

    if not quiet:
        print(BANNER)
    shell(session, scope(session), history)
    session.close()
    say(f"journal: {short(session.journal.folder)}", sys.stderr)
    return 0
