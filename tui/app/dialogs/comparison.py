"""Two runs over each other, on a screen of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from facetui.engine.records.places import short
from facetui.engine.runs.branches.comparison import Comparison
from facetui.tui.app.actions import exports
from facetui.tui.app.canvas import Canvas
from facetui.tui.text.comparison import screen

if TYPE_CHECKING:
    from facetui.tui.app.viewer import Viewer


class Compared(ModalScreen[None]):
    """What differs in the settings of two runs, and in every figure that both measured."""

    DEFAULT_CSS = "Compared > Canvas { width: 100%; height: 100%; background: $background; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "line up"),
        Binding("down,j", "move(1)", "line down"),
        Binding("pageup", "move(-10)", "ten up"),
        Binding("pagedown", "move(10)", "ten down"),
        Binding("home,g", "move(-100000)", "to the first"),
        Binding("end,G,upper_g", "move(100000)", "to the last"),
        Binding("e", "save", "save"),
        Binding("escape,q,d", "dismiss", "close"),
    ]

    def __init__(self, found: Comparison) -> None:
        super().__init__()
        self.found = found
        self.at = 0

    def compose(self) -> ComposeResult:
        """One canvas."""
        yield Canvas()

    def on_canvas_resized(self) -> None:
        """Write it."""
        canvas = self.query_one(Canvas)
        canvas.paint(screen(self.found, self.at, *canvas.size))

    def action_move(self, by: int) -> None:
        """The cursor up or down."""
        self.at = max(0, min(self.at + by, len(self.found.cells) - 1))
        self.on_canvas_resized()

    def on_canvas_scrolled(self, message: Canvas.Scrolled) -> None:
        """The wheel."""
        message.stop()
        self.action_move(1 if message.lines > 0 else -1)

    def action_save(self) -> None:
        """Write it as a page, as text and as a table, beside the run or with the runs."""
        from facetui.tui.sharing.reports.comparison_report import KINDS, content

        viewer: Viewer = self.app  # type: ignore[assignment]
        saved = exports.keep(viewer, {f"diff{kind}": content(self.found, kind) for kind in KINDS})
        if saved is not None:
            self.app.notify(f"saved {', '.join(path.name for path in saved)} in {short(saved[0].parent)}")
