"""IPython, made to know a session: history, completion inside strings, errors in one line, typed text kept."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher
from IPython.terminal.interactiveshell import TerminalInteractiveShell
from IPython.terminal.prompts import Prompts, Token
from traitlets.config import Config

from facetui.engine.errors import FacetuiError
from facetui.engine.session import Session
from facetui.tui.completing import begun
from facetui.tui.repl import interruptible, is_own


class _Prompts(Prompts):
    """``lab>`` instead of numbers."""

    def in_prompt_tokens(self) -> list[tuple[Any, str]]:
        return [(Token.Prompt, "lab> ")]

    def continuation_prompt_tokens(
        self, width: int | None = None, *, lineno: int | None = None, wrap_count: int | None = None
    ) -> Any:
        return [(Token.Prompt, "...> ")]

    def out_prompt_tokens(self) -> list[tuple[Any, str]]:
        return []


def shell(session: Session, scope: dict[str, Any], history: Path, names: Sequence[str]) -> None:
    """Talk until Ctrl-D.

    Args:
        session: what is played.
        scope: the names to begin with.
        history: the file that keeps what was typed; its folder is made.
        names: to complete inside strings.
    """
    history.parent.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.HistoryManager.hist_file = str(history)
    config.TerminalInteractiveShell.confirm_exit = False
    config.TerminalInteractiveShell.term_title = False
    config.TerminalInteractiveShell.prompts_class = _Prompts
    config.TerminalInteractiveShell.banner1 = ""
    config.Completer.use_jedi = False  # it would run for seconds over torch, and knows no more of a lab than dir()
    if "NO_COLOR" in os.environ:
        config.TerminalInteractiveShell.colors = "nocolor"
    ip = TerminalInteractiveShell.instance(config=config, user_ns=scope)
    ip.set_custom_exc((FacetuiError,), _one_line)
    ip.Completer.custom_matchers.append(_matcher(names))
    run_cell = ip.run_cell

    def kept(raw_cell: str, *args: Any, **kwargs: Any) -> Any:
        """Every typed piece is a cell of the session; whether it failed is in the result, nothing is raised."""
        with interruptible(session), session.cell("" if is_own(raw_cell) else raw_cell):
            result = run_cell(raw_cell, *args, **kwargs)
        if not result.success:
            session.cells[-1].source = ""
        return result

    ip.run_cell = kept  # type: ignore[method-assign]
    ip.mainloop()
    TerminalInteractiveShell.clear_instance()


def _one_line(
    ip: TerminalInteractiveShell,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType,
    tb_offset: int | None = None,
) -> None:
    print(f"facetui: {error}", file=sys.stderr)


def _matcher(names: Sequence[str]) -> Any:
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
