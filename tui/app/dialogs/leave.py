"""The question before a run is left."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from facetui.tui.app.canvas import Canvas
from facetui.tui.text.spans import Line, fit, wrap


class Leave(ModalScreen[str | None]):
    """Stop the run, leave it running, or stay; the answer is ``stop``, ``leave`` or ``None``."""

    DEFAULT_CSS = """
    Leave { align: center middle; }
    Leave > Canvas { width: 100%; max-width: 66; height: 11; background: $surface; border: round $primary; }
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
