"""Where a run can be followed."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from facetui.tui.app.canvas import Canvas
from facetui.tui.sharing.web.invitation import LAST, commands, qr
from facetui.tui.text.spans import Line, fit, wrap


class Address(ModalScreen[None]):
    """Where a run can be followed, to read aloud or to point a phone at."""

    DEFAULT_CSS = """
    Address { align: center middle; }
    Address > Canvas { width: 100%; max-width: 92; background: $surface; border: round $primary; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,a,enter,space", "dismiss", "close")]

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def compose(self) -> ComposeResult:
        """The address and its picture."""
        yield Canvas()

    def on_mount(self) -> None:
        """As tall as it needs to be, and the terminal allows."""
        self.query_one(Canvas).styles.height = min(len(qr(self._url)) + 10, self.app.size.height)

    def on_canvas_resized(self) -> None:
        """Write it; the code only where all of it fits."""
        canvas = self.query_one(Canvas)
        width, height = canvas.size
        with_it, without = (
            [line[at : at + width - 2] for at in range(0, len(line), width - 2)] for line in commands(self._url)
        )
        rows: list[Line] = [*([(f" {row}", "title")] for row in with_it), *([(f" {row}", "")] for row in without)]
        code, last = qr(self._url), wrap(LAST, width - 2, 2)
        fits = len(rows) + len(code) + len(last) < height and max(map(len, code)) <= width - 2
        lines = [
            *rows,
            *([[(f" {row}", "")] for row in code] if fits else [[]]),
            *([(f" {row}", "dim")] for row in last),
        ]
        lines.append([(" esc", "key"), (" close", "dim")])
        canvas.paint([fit(row, width) for row in [*lines, *[[]] * max(0, height - len(lines))]][:height])
