"""IPython, made to know a session: history, completion inside strings, errors in one line, typed text kept."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher
from IPython.core.interactiveshell import InteractiveShell
from IPython.terminal.interactiveshell import TerminalInteractiveShell
from IPython.terminal.prompts import Prompts, Token
from traitlets.config import Config

from facetui.engine.records.errors import FacetuiError
from facetui.engine.records.places import short
from facetui.engine.runs.session import Session
from facetui.tui.session.completion import begun, in_a_string
from facetui.tui.session.open_session import scope
from facetui.tui.session.script import interruptible, is_own
from facetui.tui.text.plain import say

PROMPT, MORE = "lab> ", "...> "


class _Prompts(Prompts):
    """``lab>`` instead of numbers."""

    def in_prompt_tokens(self) -> list[tuple[Any, str]]:
        return [(Token.Prompt, PROMPT)]

    def continuation_prompt_tokens(
        self, width: int | None = None, *, lineno: int | None = None, wrap_count: int | None = None
    ) -> Any:
        return [(Token.Prompt, MORE)]

    def out_prompt_tokens(self) -> list[tuple[Any, str]]:
        return []


def shell(session: Session, scope: dict[str, Any], history: Path) -> None:
    """Talk at the terminal until Ctrl-D.

    Args:
        session: what is played.
        scope: the names to begin with.
        history: the file that keeps what was typed; its folder is made.
    """
    config = configured(history)
    config.TerminalInteractiveShell.confirm_exit = False
    config.TerminalInteractiveShell.term_title = False
    config.TerminalInteractiveShell.prompts_class = _Prompts
    config.TerminalInteractiveShell.banner1 = ""
    if "NO_COLOR" in os.environ:
        config.TerminalInteractiveShell.colors = "nocolor"
    ip = TerminalInteractiveShell.instance(config=config, user_ns=scope)
    run_cell = taught(ip, session)
    ip.run_cell = run_cell  # type: ignore[method-assign]
    ip.mainloop()
    TerminalInteractiveShell.clear_instance()


def configured(history: Path) -> Config:
    """What every shell of a session has in common; the history's folder is made."""
    history.parent.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.HistoryManager.hist_file = str(history)
    config.Completer.use_jedi = False  # it would run for seconds over torch, and knows no more of a lab than dir()
    return config


def taught(ip: InteractiveShell, session: Session) -> Callable[..., Any]:
    """Teach a shell the session's names and errors; returns its ``run_cell``, which keeps what is typed."""
    ip.set_custom_exc((FacetuiError,), _one_line)
    names = [name for kind in ("attack", "defence", "extractor") for name in in_a_string(kind)]
    names += sorted(person.name for person in session.lab.people.persons)
    ip.Completer.custom_matchers.append(_matcher(names))
    run_cell = ip.run_cell

    def kept(raw_cell: str, *args: Any, **kwargs: Any) -> Any:
        """Every typed piece is a cell of the session; whether it failed is in the result, nothing is raised."""
        with interruptible(session), session.cell("" if is_own(raw_cell) else raw_cell):
            result = run_cell(raw_cell, *args, **kwargs)
        if not result.success:
            session.cells[-1].source = ""
        return result

    return kept


def _one_line(
    ip: InteractiveShell,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType,
    tb_offset: int | None = None,
) -> None:
    say(f"facetui: {error}", sys.stderr)


def _matcher(names: list[str]) -> Any:
    @context_matcher()
    def match(context: CompletionContext) -> SimpleMatcherResult:
        typed = begun(context.text_until_cursor)
        found = [] if typed is None else [name for name in names if name.startswith(typed)]
        return {
            "completions": [SimpleCompletion(text=name, type="name") for name in found],
            "matched_fragment": typed or "",
            "suppress": bool(found),
            "ordered": True,
        }

    return match


BANNER = """\
Python with a lab in it: lab.users, lab.friends, lab.trainer and lab.law move, lab.measure() asks.
lab.table() and lab.chart() draw; undo() takes a move back; save("mine.py") keeps what you typed.
moves() lists all there is, lab.trainer.adapt? explains one; Ctrl-C stops a move, Ctrl-D leaves.
"""


def interact(session: Session, history: Path, quiet: bool) -> int:
    """IPython at the terminal, until Ctrl-D; returns the exit code."""
    from facetui.tui.session.ipython import shell

    if not quiet:
        print(BANNER)
    shell(session, scope(session), history)
    session.close()
    say(f"journal: {short(session.journal.folder)}", sys.stderr)
    return 0
