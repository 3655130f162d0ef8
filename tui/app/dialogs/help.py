"""Cards for newcomers; keys and words."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen

from facetui.tui.app.canvas import Canvas
from facetui.tui.screens.keys import help_lines
from facetui.tui.screens.welcome import CARDS, card_lines, glossary_lines
from facetui.tui.text.spans import fit


class Help(ModalScreen[None]):
    """Every key and what it does."""

    DEFAULT_CSS = """
    Help { align: center middle; }
    Help > VerticalScroll {
        width: 100%; max-width: 130; height: 100%; background: $surface; border: round $primary; padding: 0 1;
    }
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
        lines = [*help_lines(canvas.size.width), *glossary_lines(canvas.size.width)]
        canvas.styles.height = len(lines)
        canvas.paint([fit(line, canvas.size.width) for line in lines])

    def on_mount(self) -> None:
        """Keys scroll."""
        self.query_one(VerticalScroll).focus()


class Cards(ModalScreen[None]):
    """What a newcomer should know, a card at a time."""

    DEFAULT_CSS = """
    Cards { align: center middle; }
    Cards > Canvas { width: 100%; max-width: 78; height: 20; background: $surface; border: round $primary; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space,right", "go(1)", "next"),
        Binding("left,backspace", "go(-1)", "back"),
        Binding("escape,q", "dismiss", "skip"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._card = 0

    def compose(self) -> ComposeResult:
        """One card."""
        yield Canvas()

    def on_canvas_resized(self) -> None:
        """Write it."""
        canvas = self.query_one(Canvas)
        width, height = canvas.size
        lines = card_lines(self._card, width)
        canvas.paint([fit(line, width) for line in [*lines, *[[]] * max(0, height - len(lines))]][:height])

    def action_go(self, by: int) -> None:
        """To another card; past the last one it begins."""
        if self._card + by >= len(CARDS):
            self.dismiss()
            return
        self._card = max(0, self._card + by)
        self.on_canvas_resized()
