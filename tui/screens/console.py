"""The console's page and memory: what was said, what was typed before, what may come next. No screen library."""

from __future__ import annotations

from facetui.engine.records.events import Progress
from facetui.tui.state.transcript import MORE, PROMPT, Console
from facetui.tui.text.sentences import progress
from facetui.tui.text.spans import Line, cells, cut, fit, pad, wrap


def rows(text: str, height: int) -> int:
    """Rows that typed text gets on a page of some height."""
    return max(1, min(text.count("\n") + 1, height // 3))


def paint(console: Console, width: int, height: int, task: Progress | None = None) -> list[Line]:
    """The page: the transcript, a line about what goes on or may be meant, and room for what is typed."""
    doing = f"{console.doing}: {progress(task)}" if task is not None else console.doing
    after = f"; {console.waiting} more {'wait' if console.waiting > 1 else 'waits'}" if console.waiting else ""
    below = [(f" {doing}{after}", "key")] if console.doing else _possible(console, width)
    room = height - console.prompt - (1 if below else 0)
    lines: list[Line] = []
    for text, role in reversed(console.lines):  # as many as can be seen, from the end
        lines[:0] = [[(f" {part}", role)] for part in _folded(text, width - 2)]
        if len(lines) >= room + console.back:
            break
    end = len(lines) - max(0, min(console.back, len(lines) - room))
    shown = lines[max(0, end - room) : end]
    prompts: list[Line] = [[(f" {MORE if row else PROMPT}", "key")] for row in range(console.prompt)]
    lines = [*pad(shown, width, room), *([fit(below, width)] if below else []), *prompts]
    return [fit(line, width) for line in lines]


def _folded(text: str, width: int) -> list[str]:
    """A line of the transcript in rows; blanks at its beginning are kept, tables stay tables."""
    if cells(text) <= width:
        return [text]
    blanks = len(text) - len(text.lstrip())
    return [" " * blanks + row for row in wrap(text, max(10, width - blanks), 200)]


def _possible(console: Console, width: int) -> Line:
    if not console.matches:
        return [(f" {console.hint}", "dim")] if console.hint else []
    return [(" ", ""), (cut("   ".join(match.lstrip(".") for match in console.matches), width - 2), "lit")]
