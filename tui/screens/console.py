"""The console's page and memory: what was said, what was typed before, what may come next. No screen library."""

from __future__ import annotations

import ast
import codeop
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from facetui.engine.records.events import Progress
from facetui.engine.records.text import clean
from facetui.tui.text.sentences import progress
from facetui.tui.text.spans import Line, Span, cells, cut, fit, pad, wrap

PROMPT, MORE = "lab> ", "...> "
KEPT = 2000
"""Lines of the transcript that are kept."""

INTRODUCTION = (
    "Python with a lab in it: lab.users, lab.friends, lab.trainer and lab.law move, lab.measure() asks.",
    'lab.table() and lab.chart() draw; undo() takes a move back; save("mine.py") keeps what you typed.',
    "lab.trainer.adapt? explains; Tab completes; Ctrl+C stops a move; esc leaves the console, exit ends its session.",
)


@dataclass
class Console:
    """What the console's page shows.

    Attributes:
        lines: the transcript: text and role, oldest first.
        typed: earlier pieces of text, oldest first.
        doing: what is being waited for, in words; empty: it is your turn.
        hint: what typing would do, while no session is open.
        matches: how what is being typed may go on.
        prompt: rows that the typed text takes.
        back: rows of the transcript scrolled back from its end.
    """

    lines: list[Span] = field(default_factory=lambda: [(text, "dim") for text in (*INTRODUCTION, "")])
    typed: list[str] = field(default_factory=list)
    doing: str = ""
    hint: str = ""
    matches: list[str] = field(default_factory=list)
    prompt: int = 1
    back: int = 0
    _place: int = 0
    _draft: str = ""

    def say(self, text: str, role: str = "") -> None:
        """Add to the transcript, and show its end."""
        self.lines += [(clean(line.expandtabs(4)), role) for line in text.split("\n")]
        del self.lines[:-KEPT]
        self.back = 0

    def submit(self, text: str) -> None:
        """Something was typed."""
        for number, line in enumerate(text.rstrip().split("\n")):
            self.say((MORE if number else PROMPT) + line, "bold")
        if text.strip() and self.typed[-1:] != [text.rstrip()]:
            self.typed.append(text.rstrip())
        self._place, self._draft, self.matches = len(self.typed), "", []

    def remember(self, earlier: Sequence[str]) -> None:
        """What was typed in earlier sessions comes before what was typed in this one."""
        self.typed[:0] = earlier
        self._place = len(self.typed)

    def recall(self, direction: int, now: str) -> str | None:
        """An earlier or a later piece of text; ``None`` where there is none.

        Args:
            direction: -1 or 1.
            now: what stands there; kept while one looks back.
        """
        if self._place == len(self.typed):
            self._draft = now
        place = self._place + direction
        if not 0 <= place <= len(self.typed):
            return None
        self._place = place
        return self._draft if place == len(self.typed) else self.typed[place]


def is_whole(text: str) -> bool:
    """Whether typed text is ready to run: one line that is complete, or several and an empty one."""
    if not text.strip():
        return True
    try:
        code = codeop.compile_command(text, symbol="exec")
    except (SyntaxError, ValueError, OverflowError):
        return True  # a magic, a question, or a mistake: running it says which
    if code is None:
        return False
    lines = text.split("\n")
    return not lines[-1].strip() or (len(lines) == 1 and not _is_block(text))


def _is_block(text: str) -> bool:
    """Whether the last statement has a body, to which more lines may belong."""
    body = ast.parse(text).body
    return bool(body) and hasattr(body[-1], "body")


def indented(text: str) -> str:
    """The blanks with which the line after some text begins."""
    last = text.rpartition("\n")[2]
    blanks = last[: len(last) - len(last.lstrip())]
    return blanks + "    " if last.rstrip().endswith(":") else blanks


def completed(text: str, fragment: str, matches: Sequence[str]) -> str:
    """Text up to the cursor, longer by what all its continuations share."""
    alike = takewhile(lambda column: len(set(column)) == 1, zip(*matches, strict=False))
    shared = "".join(column[0] for column in alike)
    return text[: len(text) - len(fragment)] + shared if len(shared) > len(fragment) else text


def rows(text: str, height: int) -> int:
    """Rows that typed text gets on a page of some height."""
    return max(1, min(text.count("\n") + 1, height // 3))


def paint(console: Console, width: int, height: int, task: Progress | None = None) -> list[Line]:
    """The page: the transcript, a line about what goes on or may be meant, and room for what is typed."""
    doing = f"{console.doing}: {progress(task)}" if task is not None else console.doing
    below = [(f" {doing}", "key")] if console.doing else _possible(console, width)
    room = height - console.prompt - (1 if below else 0)
    told: list[Line] = []
    for text, role in reversed(console.lines):  # as many as can be seen, from the end
        told[:0] = [[(f" {part}", role)] for part in _folded(text, width - 2)]
        if len(told) >= room + console.back:
            break
    console.back = max(0, min(console.back, len(told) - room))
    end = len(told) - console.back
    shown = told[max(0, end - room) : end]
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
