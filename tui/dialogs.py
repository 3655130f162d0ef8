"""What lies over a screen: the keys, and the question before a run is left."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from facetui.tui.canvas import Canvas
from facetui.tui.ink import Line, fit, wrap
from facetui.tui.keys import help_lines


class Help(ModalScreen[None]):
    """Every key and what it does."""

    DEFAULT_CSS = """
    Help { align: center middle; }
    Help > VerticalScroll { width: 90%; max-width: 130; height: 90%; background: $surface; padding: 1 1; }
    Help Canvas { height: auto; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q", "dismiss", "close")]

    def compose(self) -> ComposeResult:
        """A canvas that scrolls."""
        with VerticalScroll():
            yield Canvas()

    def on_canvas_resized(self) -> None:
        """Lay the lines out for the width there is."""
        canvas = self.query_one(Canvas)
        lines = help_lines(canvas.size.width)
        canvas.styles.height = len(lines)
        canvas.paint([fit(line, canvas.size.width) for line in lines])

    def on_mount(self) -> None:
        """Keys scroll."""
        self.query_one(VerticalScroll).focus()


class Leave(ModalScreen[str | None]):
    """Stop the run, leave it running, or stay; the answer is ``stop``, ``leave`` or ``None``."""

    DEFAULT_CSS = """
    Leave { align: center middle; }
    Leave > Canvas { width: 90%; max-width: 64; height: 9; background: $surface; border: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "answer('stop')", "stop"),
        Binding("l", "answer('leave')", "leave"),
        Binding("escape,q,n", "answer('')", "stay"),
    ]

    def __init__(self, name: str) -> None:
        super().__init__()
        self._run = name

    def compose(self) -> ComposeResult:
        """The question."""
        yield Canvas()

    def on_canvas_resized(self) -> None:
        """Write it."""
        canvas = self.query_one(Canvas)
        width = canvas.size.width
        follow = f"leave it running: facetui follow {self._run}"
        lines: list[Line] = [[], [(" The run goes on.", "title")], []]
        lines.append([("   s  ", "key"), ("stop it; what was computed stays in the cache", "")])
        for number, text in enumerate(wrap(follow, width - 8, 2)):
            lines.append([("   l  " if not number else "      ", "key"), (text, "")])
        lines.append([(" esc  ", "key"), ("stay", "")])
        canvas.paint([fit(line, width) for line in [*lines, *[[]] * (9 - len(lines))]][:9])

    def action_answer(self, answer: str) -> None:
        """Close with an answer."""
        self.dismiss(answer or None)

    def on_key(self, event: events.Key) -> None:
        """Nothing else does anything here."""
        if event.key not in ("s", "l", "escape", "q", "n", "ctrl+c"):
            event.stop()
