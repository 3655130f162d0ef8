"""Text with roles: what every view draws, without knowing of any screen library.

A line is a list of spans, a span some text and a role such as ``trainer`` or ``dim bold``. The canvas turns roles into
colours of the theme; tests read the text alone, so nothing may be told by a role only.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, chop_cells, split_graphemes

from facetui.engine.records.text import clean

Span = tuple[str, str]
Line = list[Span]

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
    "∙": ".",
    "◉": "@",
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


def cells(text: str) -> int:
    """Columns a cleaned text takes, as the screen library counts them."""
    return cell_len(text)


def cut(text: str, width: int) -> str:
    """The beginning of a text that fits; an ellipsis tells that something is missing."""
    if cells(text) <= width:
        return text
    kept, room = 0, width - 1
    for _, end, taken in split_graphemes(text)[0]:
        room -= taken
        if room < 0:
            break
        kept = end
    return text[:kept] + "…" if width > 0 else ""


def whole_words(text: str, width: int) -> str:
    """As many whole words of a text as fit; an ellipsis tells that some are missing."""
    if cells(text) <= width:
        return text
    kept = ""
    for word in text.split():
        longer = f"{kept} {word}" if kept else word
        if cells(longer) > width - 2:
            break
        kept = longer
    return f"{kept} …" if kept else cut(text, width)


def left(text: str, width: int) -> str:
    """A foreign text in a column of exactly so many cells, at its left."""
    shown = cut(clean(text), width)
    return shown + " " * (width - cells(shown))


def right(text: str, width: int) -> str:
    """A foreign text in a column of exactly so many cells, at its right."""
    shown = cut(clean(text), width)
    return " " * (width - cells(shown)) + shown


def wrap(text: str, width: int, rows: int) -> list[str]:
    """A text in at most so many rows; an ellipsis tells that something is missing."""
    if width <= 0 or rows <= 0:
        return []
    text = clean(text).replace(" %", "\N{NO-BREAK SPACE}%")
    simple = all(cells(character) == 1 for character in text)
    lines = (textwrap.wrap(text, width) if simple else _wrapped(text, width)) or [""]
    if len(lines) > rows:
        lines = [*lines[: rows - 1], cut(f"{lines[rows - 1]} {lines[rows]}", width)]
    return [line.replace("\N{NO-BREAK SPACE}%", " %") for line in lines]


def _wrapped(text: str, width: int) -> list[str]:
    """Rows of a text whose characters are not all one column wide."""
    rows: list[str] = []
    for word in text.split():
        first, *rest = chop_cells(word, max(2, width)) or [word]
        if rows and cells(rows[-1]) + 1 + cells(first) <= width:
            rows[-1] += f" {first}"
        else:
            rows.append(first)
        rows += rest
    return rows


def length(line: Line) -> int:
    """Columns a line takes."""
    return sum(cells(text) for text, _ in line)


def fit(line: Iterable[Span], width: int, role: str = "") -> Line:
    """A line of exactly ``width`` columns: cut, or filled with blanks of a role."""
    fitted: Line = []
    room = width
    for text, its in line:
        if room <= 0:
            break
        text = clean(text)
        kept = cut(text, room)
        fitted.append((kept, its))
        room -= cells(kept)
        if kept != text:
            break
    if room > 0:
        fitted.append((" " * room, role))
    return fitted


def between(start: Line, end: Line, width: int) -> Line:
    """Something at the left and something at the right end; the left gives way."""
    end = [(clean(text), role) for text, role in end]
    room = width - length(end)
    return [*fit(start, max(0, room)), *end] if room > 8 else fit(start, width)


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


def side_by_side(*columns: Sequence[Line]) -> list[Line]:
    """Blocks of the same height, side by side."""
    return [[span for line in row for span in line] for row in zip(*columns, strict=True)]


class Grid:
    """A rectangle of single cells with roles, to draw on.

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
        text = clean(text)
        for begin, end, taken in split_graphemes(text)[0]:
            if taken and x >= 0 and x + taken <= self.width:
                self._put(self._cells[y], x, taken, text[begin:end], role, under=under)
            x += taken

    @staticmethod
    def _put(row: Line, x: int, taken: int, character: str, role: str, *, under: bool) -> None:
        """One character, which may be two cells wide; half of another that it covers becomes a blank."""
        if under and any(shown != " " for shown, _ in row[x : x + taken]):
            return
        if not row[x][0] and x:
            row[x - 1] = (" ", row[x - 1][1])
        if x + taken < len(row) and not row[x + taken][0]:
            row[x + taken] = (" ", row[x + taken][1])
        row[x : x + taken] = [(character, role), *[("", role)] * (taken - 1)]

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
