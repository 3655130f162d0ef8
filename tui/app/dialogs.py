"""What lies over a screen: cards for newcomers, keys and words, and the question before a run is left."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input

from facetui.tui.app.canvas import Canvas
from facetui.tui.screens.keys import help_lines
from facetui.tui.screens.welcome import CARDS, card_lines, glossary_lines
from facetui.tui.sharing.web.invitation import LAST, commands, qr
from facetui.tui.text.spans import Line, fit, wrap


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
    Cards > Canvas { width: 90%; max-width: 76; height: 18; background: $surface; }
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


class Address(ModalScreen[None]):
    """Where a run can be followed, to read aloud or to point a phone at."""

    DEFAULT_CSS = """
    Address { align: center middle; }
    Address > Canvas { width: 90%; max-width: 90; background: $surface; }
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
        self.query_one(Canvas).styles.height = min(len(qr(self._url)) + 8, self.app.size.height)

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
