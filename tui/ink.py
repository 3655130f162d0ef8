"""Text with roles: what every view draws, without knowing of any screen library.

A line is a list of spans, a span some text and a role such as ``trainer`` or ``dim bold``. The canvas turns roles into
colours of the theme; tests read the text alone, so nothing may be told by a role only.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence

Span = tuple[str, str]
Line = list[Span]

# Control characters, and the marks that turn the direction of writing: text of a journal is foreign.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+")

ASCII_TWINS = {
    **dict.fromkeys("━═", "="),
    **dict.fromkeys("─╌╴╶", "-"),
    "┄": "~",
    "┈": ".",
    **dict.fromkeys("│┃┆┊╎║┇", "|"),
    **dict.fromkeys("╭╮╰╯┌┐└┘┬┴├┤┼┏┓┗┛╔╗╚╝╂┿", "+"),
    **dict.fromkeys("▲↑", "^"),
    **dict.fromkeys("▼↓▾", "v"),
    **dict.fromkeys("■█▉▊▋▌▐▓", "#"),
    **dict.fromkeys("▁▂▃", "_"),
    **dict.fromkeys("▄▅▆", "+"),
    "▇": "#",
    **dict.fromkeys("○◦", "o"),
    **dict.fromkeys("◆●•", "*"),
    **dict.fromkeys("·░▒…", "."),
    "×": "x",
    **dict.fromkeys("▸▶→❯", ">"),
    **dict.fromkeys("◂◀←", "<"),
    **dict.fromkeys("–—", "-"),
    **dict.fromkeys("‖⏸", "="),
    **dict.fromkeys("“”", '"'),
    **dict.fromkeys("‘’", "'"),
    **dict.fromkeys("▔▀", '"'),
    "✓": "v",
    "⭘": "o",
    "🔎": "/ ",
}
"""One character for one, for terminals that know only ASCII."""


def clean(text: str) -> str:
    """Text of a journal without control characters; a line break becomes a space."""
    return _CONTROL.sub(" ", text)


def cells(text: str) -> int:
    """Columns a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def cut(text: str, width: int) -> str:
    """The beginning of a text that fits; an ellipsis tells that something is missing."""
    if cells(text) <= width:
        return text
    kept = ""
    for character in text:
        if cells(kept + character) > width - 1:
            break
        kept += character
    return kept + "…" if width > 0 else ""


def wrap(text: str, width: int, rows: int) -> list[str]:
    """A text in at most so many rows; an ellipsis tells that something is missing."""
    if width <= 0 or rows <= 0:
        return []
    lines = textwrap.wrap(clean(text), width) or [""]
    if len(lines) > rows:
        lines = [*lines[: rows - 1], cut(f"{lines[rows - 1]} {lines[rows]}", width)]
    return lines


def length(line: Line) -> int:
    """Columns a line takes."""
    return sum(cells(text) for text, _ in line)


def fit(line: Iterable[Span], width: int, role: str = "") -> Line:
    """A line of exactly ``width`` columns: cut, or filled with blanks of a role."""
    fitted: Line = []
    left = width
    for text, its in line:
        if left <= 0:
            break
        text = clean(text)
        kept = cut(text, left)
        fitted.append((kept, its))
        left -= cells(kept)
    if left > 0:
        fitted.append((" " * left, role))
    return fitted


def between(left: Line, right: Line, width: int) -> Line:
    """Something at the left and something at the right end; the left gives way."""
    room = width - length(right)
    return [*fit(left, max(0, room)), *right] if room > 8 else fit(left, width)


def text_of(lines: Sequence[Line]) -> str:
    """The text of some lines, without blanks at their ends."""
    return "\n".join("".join(text for text, _ in line).rstrip() for line in lines)


def pad(lines: Sequence[Line], width: int, height: int) -> list[Line]:
    """Exactly ``height`` lines of ``width`` columns."""
    fitted = [fit(line, width) for line in lines[:height]]
    return fitted + [[(" " * width, "")] for _ in range(height - len(fitted))]


def box(title: str, lines: Sequence[Line], width: int, height: int) -> list[Line]:
    """Lines in a rounded frame with a title; ``width`` by ``height`` with the frame."""
    inner = pad(lines, width - 2, height - 2)
    head = cut(f" {clean(title)} ", width - 4)
    top: Line = [("╭", "frame"), (head, "title"), ("─" * (width - 2 - cells(head)) + "╮", "frame")]
    bottom: Line = [("╰" + "─" * (width - 2) + "╯", "frame")]
    return [top, *([("│", "frame"), *line, ("│", "frame")] for line in inner), bottom]


def beside(*columns: Sequence[Line]) -> list[Line]:
    """Blocks of the same height, side by side."""
    return [[span for line in row for span in line] for row in zip(*columns, strict=True)]


class Grid:
    """A rectangle of single characters with roles, to draw on.

    Args:
        width: columns.
        height: rows.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width = max(0, width)
        self.height = max(0, height)
        self._cells = [[(" ", "")] * self.width for _ in range(self.height)]

    def put(self, x: int, y: int, text: str, role: str = "", *, under: bool = False) -> None:
        """Write from a place to the right; what lies outside is dropped.

        Args:
            x: column from 0.
            y: row from 0.
            text: what to write.
            role: its role.
            under: only where nothing was written yet.
        """
        if not 0 <= y < self.height:
            return
        for offset, character in enumerate(text):
            if 0 <= x + offset < self.width and not (under and self._cells[y][x + offset][0] != " "):
                self._cells[y][x + offset] = (character, role)

    def at(self, x: int, y: int) -> str:
        """The character at a place; blank outside."""
        return self._cells[y][x][0] if 0 <= y < self.height and 0 <= x < self.width else " "

    def lines(self) -> list[Line]:
        """The rows, neighbours of the same role joined."""
        rows = []
        for row in self._cells:
            line: Line = []
            for character, role in row:
                if line and line[-1][1] == role:
                    line[-1] = (line[-1][0] + character, role)
                else:
                    line.append((character, role))
            rows.append(line)
        return rows
