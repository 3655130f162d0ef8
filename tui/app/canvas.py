"""The widget on which the views are drawn: roles become colours, and only what changed goes to the terminal."""

from __future__ import annotations

from itertools import takewhile
from operator import eq

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.color import Color
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from facetui.tui.text.spans import Line, cells, length

COLOURS = {
    "users": "actor-users",
    "friends": "actor-friends",
    "trainer": "actor-trainer",
    "law": "actor-law",
    "whole": "line-whole",
    "cohort0": "line-cohort0",
    "cohort1": "line-cohort1",
    "cohort2": "line-cohort2",
    "cohort3": "line-cohort3",
    "base": "line-base",
    "band": "line-band",
    "cited": "line-cited",
    "head": "line-head",
    "dim": "text-dim",
    "axis": "text-dim",
    "frame": "text-dim",
    "barback": "text-dim",
    "title": "primary",
    "bar": "primary",
    "key": "secondary",
    "lit": "accent",
    "good": "text-good",
    "bad": "text-bad",
    "live": "text-good",
}
"""Roles and the theme's variables that colour them."""

GROUNDS = {"lit": "panel", **{f"level{i}": f"level{i}" for i in range(5)}}
"""Roles and the variables behind them."""

WHEEL = 3
"""Lines for one notch of the wheel."""

BOLD = frozenset({"bold", "title", "key", "lit", "live", "cursor"})


class Canvas(Widget, can_focus=True):
    """Shows lines of spans; its colours come from the theme."""

    DEFAULT_CSS = """
    Canvas { width: 1fr; height: 1fr; background: $background; color: $foreground; }
    """

    class Resized(Message):
        """The canvas has another size and wants to be painted anew."""

    class Pointed(Message):
        """Somebody clicked on a span that leads somewhere: its role says where, as in ``dim @entry:3``."""

        def __init__(self, target: str, argument: str) -> None:
            super().__init__()
            self.target = target
            self.argument = argument

    class Scrolled(Message):
        """The wheel was turned, by so many lines, down where positive."""

        def __init__(self, lines: int) -> None:
            super().__init__()
            self.lines = lines

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: list[Line] = []
        self._styles: dict[str, Style] = {}

    def paint(self, lines: list[Line]) -> None:
        """Show other lines; cells that stay as they are are not sent again."""
        before, self._lines = self._lines, lines
        if len(before) != len(lines):
            self.refresh()
            return
        changed = []
        for y, (old, new) in enumerate(zip(before, lines, strict=True)):
            if old != new:
                left, right = _same(old, new), _same(old[::-1], new[::-1])
                changed.append(Region(left, y, max(1, self.size.width - left - right), 1))
        if changed:
            self.refresh(*changed)

    @property
    def lines(self) -> list[Line]:
        """What is shown."""
        return self._lines

    def render_line(self, y: int) -> Strip:
        """One row."""
        line = self._lines[y] if y < len(self._lines) else []
        segments = [Segment(text, self.style_of(role)) for text, role in line]
        return Strip(segments).adjust_cell_length(self.size.width, self.style_of(""))

    def on_click(self, event: events.Click) -> None:
        """Where a click leads is written in the role of what stands there."""
        line = self._lines[event.y] if event.y < len(self._lines) else []
        x = 0
        for text, role in line:
            x += cells(text)
            if event.x < x:
                target, _, argument = role.partition("@")[2].partition(":")
                if target:
                    self.post_message(self.Pointed(target, argument))
                return

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Lists go on."""
        self.post_message(self.Scrolled(WHEEL))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Lists go back."""
        self.post_message(self.Scrolled(-WHEEL))

    def style_of(self, role: str) -> Style:
        """How a role looks in the theme."""
        role = role.partition("@")[0].rstrip()  # where a click leads has no colour
        style = self._styles.get(role)
        if style is None:
            style = self._styles[role] = self.rich_style + self._made(role)
        return style

    def _made(self, role: str) -> Style:
        if role.startswith("rgb:"):
            return Style(color=f"#{role[4:10]}", bgcolor=f"#{role[10:16]}")
        variables = self.app.theme_variables
        style = Style()
        for name in role.split():
            ink, ground = COLOURS.get(name), GROUNDS.get(name)
            style += Style(
                color=Color.parse(variables[ink]).rich_color if ink else None,
                bgcolor=Color.parse(variables[ground]).rich_color if ground else None,
                bold=name in BOLD or None,
                reverse=name == "cursor" or None,
            )
        return style

    def repaint(self) -> None:
        """Another theme: every style is made anew."""
        self._styles.clear()
        self.refresh()

    def notify_style_update(self) -> None:
        """The stylesheet changed."""
        super().notify_style_update()
        self._styles.clear()

    def on_resize(self, event: events.Resize) -> None:
        """Ask for lines that fit."""
        self.post_message(self.Resized())


def _same(old: Line, new: Line) -> int:
    """Columns at the beginning that two lines share."""
    count = sum(1 for _ in takewhile(bool, map(eq, old, new)))
    return length(new[:count])
