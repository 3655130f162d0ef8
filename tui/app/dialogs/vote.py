"""The question that the room is asked, put to one who follows."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen

from facetui.tui.app.canvas import Canvas
from facetui.tui.state.app_state import Stage
from facetui.tui.state.room import question
from facetui.tui.text.asking import asked_lines
from facetui.tui.text.spans import Line, fit

STEPS = {"up": 1, "down": -1, "right": 5, "left": -5}
"""What the arrows add to a guess, in per cent."""

LOOK_SECONDS = 0.25


class Vote(ModalScreen[int | None]):
    """Answers by number, or guesses; ``None`` when one thinks better of it.

    Attributes:
        number: of the question.
    """

    DEFAULT_CSS = """
    Vote { align: center bottom; background: $background 30%; }
    Vote > Canvas { width: 100%; background: $surface; }
    """

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        asked = question(stage)
        self._stage, self._options = stage, len(asked.options) if asked else 0
        self._guess: int | None = None
        self.number = asked.number if asked else ""

    def compose(self) -> ComposeResult:
        """The question."""
        yield Canvas()

    def on_mount(self) -> None:
        """The counts change while one thinks."""
        self.set_interval(LOOK_SECONDS, self.on_canvas_resized)

    def on_canvas_resized(self) -> None:
        """Write it, as tall as it needs to be."""
        asked, canvas = question(self._stage), self.query_one(Canvas)
        if asked is None or asked.number != self.number:
            return
        width = self.app.size.width
        lines = asked_lines(asked, width, self.app.size.height - 4)
        if not self._options:
            shown = "__" if self._guess is None else str(self._guess)
            lines.append([(" your guess: ", "bold"), (f"{shown} %", "lit")])
        keys: Line = [(f" 1-{self._options}", "key"), (" vote  ", "dim")]
        if not self._options:
            keys = [(" 0-9 ←→ ↑↓", "key"), (" set it  ", "dim"), ("enter", "key"), (" guess  ", "dim")]
        lines.append([*keys, ("esc", "key"), (" not now; v asks again", "dim")])
        canvas.styles.height = len(lines)
        canvas.paint([fit(line, width) for line in lines])

    def on_key(self, event: events.Key) -> None:
        """A number votes; of a guess its digits, arrows and Enter. Nothing else does anything here."""
        if event.key == "ctrl+c":
            return
        event.stop()
        if event.key in ("escape", "v", "q"):
            self.dismiss(None)
        elif self._options:
            if (event.character or "").isdecimal() and 1 <= int(event.character or 0) <= self._options:
                self.dismiss(int(event.character or 0))
        elif event.key == "enter" and self._guess is not None:
            self.dismiss(self._guess)
        else:
            self._set(event.key, event.character or "")

    def _set(self, key: str, character: str) -> None:
        before = self._guess
        if key in STEPS:
            self._guess = max(0, min(100, (50 if before is None else before) + STEPS[key]))
        elif key == "backspace":
            self._guess = before // 10 if before is not None and before >= 10 else None
        elif character.isdecimal() and character.isascii():
            self._guess = min(100, 10 * (before or 0) + int(character))
        self.on_canvas_resized()
