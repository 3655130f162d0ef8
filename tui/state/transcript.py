"""What was typed into the console and answered."""

from __future__ import annotations

import ast
import codeop
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from facetui.engine.records.text import clean
from facetui.tui.text.spans import Span

PROMPT, MORE = "lab> ", "...> "
KEPT = 2000
"""Lines of the transcript that are kept."""

INTRODUCTION = (
    "Python with a lab in it: lab.users, lab.friends, lab.trainer and lab.law move, lab.measure() asks.",
    'lab.table() and lab.chart() draw; undo() takes a move back; save("mine.py") keeps what you typed.',
    "moves() lists what there is, lab.trainer.adapt? explains; Tab completes; Ctrl+C stops a move; esc leaves.",
)


@dataclass
class Console:
    """What the console's page shows.

    Attributes:
        lines: the transcript: text and role, oldest first.
        typed: earlier pieces of text, oldest first.
        doing: what is being waited for, in words; empty: it is your turn.
        waiting: how many pieces of text wait for their turn.
        hint: what typing would do, while no session is open.
        matches: how what is being typed may go on.
        prompt: rows that the typed text takes.
        back: rows of the transcript scrolled back from its end.
    """

    lines: list[Span] = field(default_factory=lambda: [(text, "dim") for text in (*INTRODUCTION, "")])
    typed: list[str] = field(default_factory=list)
    doing: str = ""
    waiting: int = 0
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

    def scroll(self, by: int) -> None:
        """So many rows back, or on where negative; never past what there is."""
        self.back = max(0, min(self.back + by, len(self.lines)))

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
