"""The forms of a game: what one does, filled in with arrow keys, below the chart that it is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from facetui.tui.app.canvas import Canvas
from facetui.tui.figures.photos import Looks, Picture, Placed, pictures_in_row
from facetui.tui.game.form import Asking, Beginning, keys, table
from facetui.tui.game.game import Game
from facetui.tui.text.spans import Line, fit, wrap

Said = Literal["do", "save", "see", "again"] | None
"""What a form was closed with; ``None``: for now nothing."""


@dataclass(frozen=True)
class Seen:
    """What a tool made of one photo.

    Attributes:
        pictures: as it was, as it would be posted, and how they differ.
        looks: what the terminal can show.
    """

    pictures: tuple[Picture | None, Picture | None, Picture | None]
    looks: Looks


class Sheet(ModalScreen[Said]):
    """Lines at the bottom of the screen, as many as there are; the chart stays in sight.

    Args:
        lines: what it says, for a width.
    """

    DEFAULT_CSS = """
    Sheet { align: center bottom; background: $background 0%; }
    Sheet > Canvas { width: 100%; background: $surface; border: none; }
    """

    def __init__(self, lines: Callable[[int], list[Line]]) -> None:
        super().__init__()
        self._lines = lines

    def compose(self) -> ComposeResult:
        """One canvas."""
        yield Canvas()

    def on_mount(self) -> None:
        """As tall as what is said."""
        self.write()

    def on_canvas_resized(self) -> None:
        """Write it for another size."""
        self.write()

    def write(self) -> None:
        """Lay the lines out, the last of them at the bottom; where there is too little room the middle stays away."""
        canvas, width, height = self.query_one(Canvas), self.app.size.width, self.app.size.height
        lines = self._lines(width)[: height - 1]
        canvas.styles.height = len(lines)
        canvas.paint([fit(line, width) for line in lines])


def _told(text: str, width: int) -> list[Line]:
    return [[(f" {line}", "lit")] for line in wrap(text, width - 2, 2)] if text else []


class Ask(Sheet):
    """A form: up and down go from question to question, left and right change the answer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "go(-1)", "question"),
        Binding("down,j,tab", "go(1)", "question"),
        Binding("left,h", "turn(-1)", "answer"),
        Binding("right,l", "turn(1)", "answer"),
        Binding("enter", "close('do')", "do it"),
        Binding("s", "close('save')", "save"),
        Binding("v", "close('see')", "see it"),
        Binding("escape,q", "close('')", "for now"),
    ]

    def __init__(self, form: Beginning | Asking, seen: Seen | None = None, told: str = "") -> None:
        super().__init__(self.lines)
        self.form = form
        self.seen = seen
        self.told = told

    def lines(self, width: int) -> list[Line]:
        """The form; above it a photo as it was and as the tool left it, where there is room for that."""
        lines = [*_told(self.told, width), *self.form.lines(width, self.form.below(width))]
        side = min((width - 4) // 3, 2 * (self.app.size.height - len(lines) - 3)) // 2 * 2
        if self.seen is None or side < 8:
            return lines
        was, now, differ = self.seen.pictures
        placed = [
            Placed("as it was", was, 1, 1, side),
            Placed("as posted", now, side + 2, 1, side),
            Placed("difference x10", differ, 2 * side + 3, 1, side),
        ]
        return [*pictures_in_row(placed, replace(self.seen.looks, pixels=False)), *lines]

    def action_go(self, by: int) -> None:
        """To another question."""
        self.form.go(by)
        self.write()

    def action_turn(self, by: int) -> None:
        """To another answer."""
        self.form.turn(by)
        self.write()

    def action_close(self, said: Said) -> None:
        """Close it."""
        if isinstance(self.form, Beginning) and said in ("save", "see"):
            return
        if isinstance(self.form, Asking) and said == "see" and not self.form.game.trying(self.form.move):
            return
        self.dismiss(said or None)


class End(Sheet):
    """What the game came to."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "dismiss('again')", "again"),
        Binding("s", "dismiss('save')", "save"),
        Binding("escape,q", "dismiss(None)", "close"),
    ]

    def __init__(self, game: Game, conclusion: Sequence[str], told: str = "") -> None:
        super().__init__(self.lines)
        self._game = game
        self._conclusion = conclusion
        self._told = told

    def lines(self, width: int) -> list[Line]:
        """A line a turn, and sentences made of what was measured."""
        lines: list[Line] = [
            *_told(self._told, width),
            [(" The game is over.", "title")],
            *table(self._game, width),
            [],
        ]
        for sentence in self._conclusion:
            lines += [[(f" {text}", "")] for text in wrap(sentence, width - 2, 4)]
        return [*lines, [], *keys(width, "enter play again   s save as a story   esc look at the run")]
