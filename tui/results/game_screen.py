"""The game on a screen: tools against answers; one walks it with the arrow keys, and moves the date of posting."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Static

from facetui.engine.applications.game.matrix import Matrix, Reply
from facetui.engine.applications.game.solve import best_reply, dates, play
from facetui.engine.records.measurements import HALF
from facetui.engine.records.rates import METHOD, percent, percents
from facetui.engine.records.text import clean
from facetui.tui.figures import heatmap
from facetui.tui.results.game import headline


class GameBrowser(App[None]):
    """The matrix, as it is at a date of posting.

    Args:
        matrix: what is shown.
    """

    CSS = """
    Screen { layout: vertical; }
    #title { height: auto; padding: 0 1; text-style: bold; }
    DataTable { height: auto; max-height: 60%; }
    #below { padding: 1 1 0 1; }
    #keys { dock: bottom; height: 1; padding: 0 1; color: $text-muted; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n,right_square_bracket", "turn(1)", "later"),
        Binding("p,left_square_bracket", "turn(-1)", "earlier"),
        Binding("w", "wait", "the trainer waits, or not"),
        Binding("q,escape", "quit", "leave"),
    ]
    KEYS: ClassVar[str] = "arrows a cell  n p date of posting  w waits or not  q leave"

    def __init__(self, matrix: Matrix) -> None:
        super().__init__()
        self.matrix = matrix
        self.dates = dates(matrix) or [""]
        self.place = len(self.dates) - 1
        self.waits = True
        self._begun = False

    def compose(self) -> ComposeResult:
        """A heading, the matrix, what belongs to the cell, the keys."""
        yield Static(id="title")
        yield DataTable(
            id="grid", cursor_type="cell", cursor_background_priority="css", fixed_columns=1, header_height=2
        )
        with VerticalScroll(id="below"):
            yield Static(id="detail")
        yield Static(self.KEYS, id="keys")

    def on_mount(self) -> None:
        """Fill it; what survives is said before anything else."""
        self._fill()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self._begun = True
        self.query_one("#detail", Static).update(Text(headline(self.matrix)))

    def action_turn(self, by: int) -> None:
        """Post at another date."""
        self.place = (self.place + by) % len(self.dates)
        self._fill()
        self._detail()

    def action_wait(self) -> None:
        """Let the trainer search at once, or wait for everything that comes."""
        self.waits = not self.waits
        self._fill()
        self._detail()

    def on_data_table_cell_highlighted(self) -> None:
        """Another cell is chosen."""
        if self._begun:
            self._detail()

    @property
    def posted(self) -> str:
        """The date of posting."""
        return self.dates[self.place]

    def heading(self) -> str:
        """What a user can reach at the date."""
        played = play(self.matrix, self.posted, None if self.waits else 0)
        how = "and the trainer waits" if self.waits else "and searched at once"
        if played.reply is None:
            return f"Posted {self.posted}, {how}: the trainer has nothing"
        return f"Posted {self.posted}, {how}: {clean(played.tool)} leaves {percent(played.value)} not named at best"

    def _fill(self) -> None:
        table = self.query_one("#grid", DataTable)
        where = table.cursor_coordinate
        table.clear(columns=True)
        table.add_column("photos under")
        for reply in self.matrix.replies:
            table.add_column(Text(f"{clean(reply.extractor)}\n{clean(reply.answer)}"))
        there = [reply for reply in self.matrix.replies if self.waits or reply.date <= self.posted]
        for tool, date in self.matrix.tools.items():
            best = best_reply(self.matrix, tool, there) if there and date <= self.posted else None
            cells = [self._cell(tool, reply, reply == best) for reply in self.matrix.replies]
            table.add_row(Text(clean(tool), "" if date <= self.posted else "dim"), *cells)
        table.move_cursor(row=where.row, column=max(1, where.column))
        self.query_one("#title", Static).update(Text(self.heading()))

    def _is_there(self, tool: str, reply: Reply) -> bool:
        return self.matrix.tools[tool] <= self.posted and (self.waits or reply.date <= self.posted)

    def _cell(self, tool: str, reply: Reply, best: bool) -> Text:
        outcome = self.matrix.outcomes[tool, reply]
        text = f"{'▸' if best else ' '}{percent(outcome.rate):>6} "
        if not self._is_there(tool, reply):
            return Text(text, "dim")
        bold = outcome.interval[0] > HALF
        return Text(text, Style(bold=bold, bgcolor=heatmap.colour(outcome.rate), color=heatmap.ink(outcome.rate)))

    def _detail(self) -> None:
        at = self.query_one("#grid", DataTable).cursor_coordinate
        if not at.column:
            return
        tool, reply = list(self.matrix.tools)[at.row], self.matrix.replies[at.column - 1]
        self.query_one("#detail", Static).update(Text(self.described(tool, reply)))

    def described(self, tool: str, reply: Reply) -> str:
        """What a cell was measured from, and since when there is both."""
        outcome = self.matrix.outcomes[tool, reply]
        people = sum(n > 0 for n in outcome.probes)
        since = f"{clean(tool)}: {self.matrix.tools[tool] or 'always'}. {clean(reply.words)}: {reply.date or 'always'}."
        missing = "" if self._is_there(tool, reply) else "\nNot both were there when this was posted and searched."
        return (
            f"{percent(outcome.rate)} not named ({percents(*outcome.interval)}, {METHOD}), {sum(outcome.probes)} "
            f"probes of {people} people.\nSince when: {since}{missing}"
        )
