"""One line that is asked for."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Input


class Words(ModalScreen[str | None]):
    """Words that are asked for; empty for none, ``None`` when one thinks better of it."""

    DEFAULT_CSS = """
    Words { align: center bottom; }
    Words > Input { width: 100%; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "not now")]

    def __init__(self, asked: str, most: int, before: str = "") -> None:
        super().__init__()
        self._input = Input(before, placeholder=asked, max_length=most)

    def compose(self) -> ComposeResult:
        """One line."""
        yield self._input

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take it."""
        self.dismiss(event.value)
