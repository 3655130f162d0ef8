"""Progress of ``protect`` and ``check``: a bar on a terminal, lines elsewhere; both on standard error."""

from __future__ import annotations

import sys
from typing import Any, Self

from facetui.engine.records.text import clean
from facetui.tui.text.plain import say


class ProgressBar:
    """One task at a time.

    Args:
        time: what the bar says beside it: ``left`` or ``passed``.
    """

    def __init__(self, time: str) -> None:
        self._time = time
        self._bar: Any = None
        self._task: Any = None
        self._said = ""

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

            clock = TimeRemainingColumn() if self._time == "left" else TimeElapsedColumn()
            columns = (TextColumn("{task.description}", markup=False), BarColumn(), clock)
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("", total=1)
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the bar away, before something else is said."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def show(self, task: str, done: float, total: float, line: str | None = None) -> None:
        """Say how far a task is; a bar never goes back within one.

        Args:
            task: in words.
            done: of ``total``.
            total: when it is finished.
            line: what is said without a terminal; absent: the task, once.
        """
        if self._bar is not None:
            now = self._bar.tasks[0]
            reached = max(done, now.completed) if now.total == total else done
            self._bar.update(self._task, description=clean(task), completed=reached, total=total)
        elif line is not None:
            say(line, sys.stderr)
        elif task != self._said:
            say(task, sys.stderr)
        self._said = task

    def advance(self, done: float) -> None:
        """Move the bar of the task at hand, and say nothing."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done)
