"""What a player fills in: rows of values, one of them chosen; keys change them, and nothing is typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from facetui.engine.records.rates import percent, percents
from facetui.tui.game.game import ROLES, Game, Move, Turn
from facetui.tui.game.tools import ANSWERS, CLEAN, DATES, TOOLS
from facetui.tui.text.spans import Line, fit, wrap

BELIEFS = tuple(range(0, 101, 10))
"""Per cent that can be believed."""


STRENGTHS = ("as released: about 2 minutes to compute", "weakened, for a workshop: about 1")
"""Of the tools, and what a game with them takes on two cores."""


@dataclass
class Row:
    """One question of a form.

    Attributes:
        name: of it.
        values: among which one chooses, in words.
        at: which is chosen.
    """

    name: str
    values: Sequence[str]
    at: int = 0

    @property
    def value(self) -> str:
        """The chosen one."""
        return self.values[self.at]

    def turn(self, by: int) -> None:
        """To another value; it stops at the ends."""
        self.at = max(0, min(len(self.values) - 1, self.at + by))


@dataclass
class Form:
    """Rows, and which of them the keys change.

    Attributes:
        title: above them.
        rows: from top to bottom.
        at: the row under the cursor.
    """

    title: str
    rows: list[Row] = field(default_factory=list)
    at: int = 0

    def go(self, by: int) -> None:
        """To another row."""
        self.at = max(0, min(len(self.rows) - 1, self.at + by))

    def turn(self, by: int) -> None:
        """To another value of this row."""
        self.rows[self.at].turn(by)

    def row(self, name: str) -> Row:
        """By its name."""
        return next(row for row in self.rows if row.name == name)

    def lines(self, width: int, below: Sequence[Line]) -> list[Line]:
        """The form, and what is said below it, each ``width`` columns wide."""
        widest = max(len(row.name) for row in self.rows) if self.rows else 0
        lines: list[Line] = [[(f" {text}", "title")] for text in wrap(self.title, width - 2, 4)]
        for number, row in enumerate(self.rows):
            here = number == self.at
            left, right = ("‹" if row.at else " "), ("›" if row.at < len(row.values) - 1 else " ")
            lines.append(
                [
                    (f" {'▸' if here else ' '} {row.name:<{widest}}  ", "bold" if here else ""),
                    (f"{left} ", "dim"),
                    (row.value, "lit" if here else "key"),
                    (f" {right}", "dim"),
                ]
            )
        return [fit(line, width) for line in [*lines, *below]]


class Beginning(Form):
    """Who one is, and how strong the tools are.

    Args:
        strength: ``release`` or ``workshop``, to begin with.
    """

    def __init__(self, strength: str = "release") -> None:
        super().__init__(
            "A game: photos are posted, a trainer collects them. Whom does it still know in the end?",
            [
                Row("you are", ["the user: you protect photos", "the trainer: you want to know who is on them"]),
                Row("tools", STRENGTHS, int(strength == "workshop")),
            ],
        )

    @property
    def chosen(self) -> tuple[str, str]:
        """Role and strength."""
        return ROLES[self.rows[0].at], ("release", "workshop")[self.rows[1].at]

    def below(self, width: int) -> list[Line]:
        """What the keys do."""
        return [[], *keys(width, "↑↓ question   ←→ answer   enter begin   esc not now")]


class Asking(Form):
    """What one does in a turn, and what one believes will come of it."""

    def __init__(self, game: Game) -> None:
        self.game = game
        number = f"Turn {len(game.turns) + 1} of {len(DATES)}, {game.t}. You are the {game.role}."
        super().__init__(f"{number} {came_of(game.turns[-1], game.role) if game.turns else ''}".strip(), [])
        if game.role == "user":
            tools = [tool.name for tool in game.tools()]
            self.rows = [Row("tool", [CLEAN, *tools], len(tools)), Row("strength", [""]), Row("photos", [])]
            numbers = game.numbers()
            self.rows[2] = Row("photos", [str(n) for n in numbers], len(numbers) - 1)
            self._fit_strength()
        else:
            answers = game.answers()
            self.rows = [Row("answer", [f"{name}: {ANSWERS[name][0]}" for name in answers])]
        self.rows.append(Row("you believe", [f"{n} % of clean photos will not be named" for n in BELIEFS], 5))

    def turn(self, by: int) -> None:
        """To another value; another tool has other strengths."""
        super().turn(by)
        if self.rows[self.at].name == "tool":
            self._fit_strength()

    def _fit_strength(self) -> None:
        tool = next((tool for tool in TOOLS if tool.name == self.row("tool").value), None)
        words = (
            [s.words + (" (its own)" if n == tool.released else "") for n, s in enumerate(tool.strengths)]
            if (tool)
            else ["-"]
        )
        self.rows[1] = Row("strength", words, tool.released if tool else 0)

    @property
    def move(self) -> Move:
        """What was filled in, and what the machine does in the same turn."""
        believed = BELIEFS[self.row("you believe").at] / 100
        if self.game.role == "user":
            photos = int(self.row("photos").value)
            mine = Move(self.row("tool").value, self.row("strength").at, photos, "wait", believed)
        else:
            mine = Move(CLEAN, 0, 0, self.row("answer").value.partition(":")[0], believed)
        return self.game.with_machine(mine)

    def below(self, width: int) -> list[Line]:
        """The price, the Python, and what the keys do."""
        move = self.move
        if self.game.role == "user":
            tool = next((tool for tool in TOOLS if tool.name == move.tool), None)
            left = f"{self.game.photos - move.photos} of your photos are left for later"
            price = f"{tool.price if tool and move.photos else 'nothing'}; {left}"
        else:
            price = ANSWERS[move.answer][1]
        mine = self.game.python(move)
        if self.game.role == "user":  # what the machine does is seen when it does it
            mine = [line for line in mine if "lab.trainer" not in line]
        python = "; ".join(line for line in mine if "lab.note" not in line)
        rows: list[Line] = [[], *([(f" {text}", "")] for text in wrap(f"Price: {price}", width - 2, 2))]
        rows += [[(f" {text}", "dim")] for text in wrap(python, width - 2, 3)]
        look = "v see it on a photo   " if self.game.trying(move) else ""
        return [
            *rows,
            *keys(width, f"↑↓ question   ←→ answer   enter do it   {look}s save as a story   esc leave it for now"),
        ]


def keys(width: int, text: str) -> list[Line]:
    """What the keys do."""
    return [[(f" {line}", "dim")] for line in wrap(text, width - 2, 2)]


def came_of(turn: Turn, role: str) -> str:
    """What came of a turn, beside what was believed; the most important first."""
    other = f"The trainer {ANSWERS[turn.move.answer][0]}." if role == "user" else _posted(turn)
    if turn.measured is None:
        return f"Nothing was measured. {other}"
    rate = percent(turn.measured.protection_rate)
    said = f"{rate} of clean photos are not named; you believed {100 * turn.move.believed:.0f} %. {other}"
    if turn.posted is not None and turn.posted.linf is not None:
        said += f" {turn.move.tool} changed pixels by up to {255 * turn.posted.linf:.0f}/255"
        said += f", DSSIM {turn.posted.dssim:.3f}." if turn.posted.dssim is not None else "."
    return said


def _posted(turn: Turn) -> str:
    if not turn.move.photos:
        return "The user posted nothing."
    return f"The user posted {turn.move.photos} photos each under {turn.move.tool}."


def table(game: Game, width: int) -> list[Line]:
    """The whole game, a line a turn: what was done, believed and measured."""
    lines: list[Line] = [[(f" {'':<10} {'posted':<16} {'trainer':<8} {'believed':>8} {'not named':>9}", "dim")]]
    for turn in game.turns:
        posted = f"{turn.move.photos} {turn.move.tool}" if turn.move.photos else "-"
        rate, interval = "-", ""
        if turn.measured is not None:
            rate = percent(turn.measured.protection_rate)
            interval = f"({percents(*turn.measured.interval)})" if turn.measured.interval else ""
        lines.append(
            [
                (f" {turn.t:<10} {posted:<16} {turn.move.answer:<8} {100 * turn.move.believed:>6.0f} % ", ""),
                (f"{rate:>9}", "bold"),
                (f" {interval}", "dim"),
            ]
        )
    return [fit(line, width) for line in lines]
