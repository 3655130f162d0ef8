"""What if that move were another: what can be changed of it, the way it was first."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from facetui.engine.records.text import brief, clean
from facetui.tui.app.canvas import Canvas
from facetui.tui.state.branching import WhatIf
from facetui.tui.text.sentences import MARKS
from facetui.tui.text.sentences import brief as told
from facetui.tui.text.spans import Line, fit, left, wrap

WORDS = {
    "attack": "tool",
    "budget": "budget",
    "share": "share of their photos under it",
    "photos": "photos that each posts",
    "date": "date",
    "extractor": "model",
    "answer": "the trainer's answer",
    "against": "learns to see through",
    "people": "how many people",
    "months": "months that photos may be kept",
    "since": "from",
    "until": "until",
}
"""What can be changed, in words."""

NO_CHANGE = "Nothing is changed yet: ← → choose another value."


class Asked(ModalScreen[list[str] | None]):
    """Chooses what of a move is otherwise; the answer is what ``--what-if`` takes, or ``None``."""

    DEFAULT_CSS = """
    Asked { align: center middle; }
    Asked > Canvas { width: 100%; max-width: 100; height: 20; max-height: 100%; background: $surface; }
    Asked.-tall > Canvas { max-width: 102; height: 22; border: round $primary; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "choose(-1, 0)", "line up"),
        Binding("down,j", "choose(1, 0)", "line down"),
        Binding("left,h", "choose(0, -1)", "value before"),
        Binding("right,l,space", "choose(0, 1)", "next value"),
        Binding("left_square_bracket,left_curly_bracket", "turn(-1)", "move before"),
        Binding("right_square_bracket,right_curly_bracket", "turn(1)", "next move"),
        Binding("enter", "run", "run it"),
        Binding("escape,q,w", "leave", "close"),
    ]

    def __init__(self, asked: WhatIf, command: Sequence[str]) -> None:
        """Ask.

        Args:
            asked: the run's moves.
            command: what plays the run as it was, and names it.
        """
        super().__init__()
        self.VERTICAL_BREAKPOINTS = [(0, "-low"), (22, "-tall")]
        self.asked = asked
        self._command = list(command)

    def compose(self) -> ComposeResult:
        """One canvas."""
        yield Canvas()

    @property
    def options(self) -> list[str]:
        """What is changed, as options of the command."""
        return [part for change in self.asked.changes for part in ("--what-if", str(change))]

    def on_canvas_resized(self) -> None:
        """Write it: the move, its choices, the command, the keys."""
        canvas, asked = self.query_one(Canvas), self.asked
        width, height = canvas.size
        event = asked.move.event
        head = f"What if move {asked.move.number} were another?"
        lines: list[Line] = [[(f" {head}", "title")]]
        did = wrap(f"{MARKS[event.actor]} {clean(event.t)} {told(event)}", width - 2, 2)
        lines += [[(f" {text}", "caption")] for text in did]
        lines.append([])
        for number, choice in enumerate(asked.choices):
            here, value = number == asked.row, brief(asked.shown(choice), 60)
            name = left(WORDS.get(choice.name, choice.name), min(32, width // 2))
            was = "" if not choice.at else f"  (was {brief(choice.values[0], 40)})"
            arrows = f"◂ {value} ▸" if here and len(choice.values) > 1 else f"  {value}"
            lines.append(
                [(f" {'▸' if here else ' '} {name} ", "bold" if here else ""), (arrows, "lit" if here else "")]
            )
            lines[-1].append((was, "dim"))
        command = shlex.join([*self._command, *self.options])
        below: list[Line] = [[(f" {text}", "code")] for text in wrap(command, width - 2, 4)]
        if not self.options:
            below = [[(f" {NO_CHANGE}", "dim")]]
        keys: Line = [
            *(
                (" ↑↓", "key"),
                (" what ", "dim"),
                (" ← →", "key"),
                (" value ", "dim"),
                (" [ ]", "key"),
                (" move ", "dim"),
            ),
            *((" enter", "key"), (" run it ", "dim"), (" esc", "key"), (" close", "dim")),
        ]
        room = max(0, height - len(below) - 2)
        lines = [*lines[:room], *[[]] * max(0, room - len(lines)), [], *below, keys]
        canvas.paint([fit(line, width) for line in lines][-height:])

    def action_choose(self, down: int, right: int) -> None:
        """Another line, or another value."""
        self.asked.choose(down, right)
        self.on_canvas_resized()

    def action_turn(self, by: int) -> None:
        """Another move."""
        self.asked.turn_to(self.asked.place + by)
        self.on_canvas_resized()

    def action_run(self) -> None:
        """Run it, once something is changed."""
        if self.options:
            self.dismiss(self.options)

    def action_leave(self) -> None:
        """Close, and change nothing."""
        self.dismiss(None)
