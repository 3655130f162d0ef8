"""A script for a session: run line by line, stopped at its first error."""

from __future__ import annotations

import ast
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from facetui.engine.records.errors import Cancelled, FacetuiError, ScenarioError
from facetui.engine.runs.session import Session
from facetui.tui.runs.interrupts import handled
from facetui.tui.session.open_session import scope
from facetui.tui.text.plain import say


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
    return isinstance(call, ast.Call) and ast.unparse(call.func) in (
        "undo",
        "save",
        "moves",
        "lab.table",
        "lab.chart",
        "try_on",
        "help",
    )


def is_own(source: str) -> bool:
    """Whether typed text is about the session only, or is no Python: a magic, a question."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return True
    return all(_is_own(statement) for statement in body)
