"""``facetui results`` on a screen: the grid of one answer, and what the chosen cell was measured from."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Static

from facetui.engine.applications.benchmarks.bands import Band, judge
from facetui.engine.applications.benchmarks.cells import Cell, Results
from facetui.engine.applications.benchmarks.cited import CITED
from facetui.engine.records.measurements import HALF
from facetui.engine.records.rates import METHOD, percent, percents
from facetui.engine.records.text import clean
from facetui.tui.figures import heatmap
from facetui.tui.results.report import about, survives, survivors


class Browser(App[None]):
    """The grid, answer by answer.

    Args:
        results: what is shown.
    """

    CSS = """
    Screen { layout: vertical; }
    #title { height: auto; padding: 0 1; text-style: bold; }
    DataTable { height: auto; max-height: 50%; }
    #below { padding: 1 1 0 1; }
    #keys { dock: bottom; height: 1; padding: 0 1; color: $text-muted; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n,right_square_bracket", "turn(1)", "next answer"),
        Binding("p,left_square_bracket", "turn(-1)", "previous answer"),
        Binding("s", "show('survivors')", "what survives"),
        Binding("b", "show('bands')", "what was expected"),
        Binding("a", "show('about')", "who was asked"),
        Binding("q,escape", "quit", "leave"),
    ]

    KEYS: ClassVar[str] = "arrows a cell  n p answer  s survives  b expected  a asked  q leave"

    def __init__(self, results: Results) -> None:
        super().__init__()
        self.results = results
        self.place = 0
        self._begun = False
        self._bands: list[Band] = []

    def compose(self) -> ComposeResult:
        """A heading, the grid, what belongs to the cell, the keys."""
        yield Static(id="title")
        yield DataTable(id="grid", cursor_type="cell", cursor_background_priority="css", fixed_columns=1)
        with VerticalScroll(id="below"):
            yield Static(id="detail")
        yield Static(self.KEYS, id="keys")

    def on_mount(self) -> None:
        """Fill the grid; what survives is said before anything else."""
        self._fill()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """The first cell was chosen by itself: from now on it is the reader who chooses."""
        self._begun = True
        self.action_show("survivors")

    def action_turn(self, by: int) -> None:
        """Go to another of the trainer's answers; the same cell stays chosen."""
        self.place = (self.place + by) % len(self.results.answers)
        self._fill()
        self._detail()

    def action_show(self, what: str) -> None:
        """Say what survives, what was expected, or who was asked."""
        said = {"survivors": self._survivors, "bands": self._judged, "about": self._about}[what]()
        self.query_one("#detail", Static).update(Text(said))

    def on_data_table_cell_highlighted(self) -> None:
        """Another cell is chosen."""
        if self._begun:
            self._detail()

    def _fill(self) -> None:
        answer, table = self.results.answers[self.place], self.query_one("#grid", DataTable)
        where = table.cursor_coordinate
        table.clear(columns=True)
        table.add_column("photos under")
        for name in self.results.extractors:
            table.add_column(clean(name))
        for attack in self.results.attacks:
            cells = [self.results.at(attack, name, answer) for name in self.results.extractors]
            table.add_row(Text(clean(attack)), *(self._cell(cell) for cell in cells))
        table.move_cursor(row=where.row, column=max(1, where.column))
        self.query_one("#title", Static).update(Text(self.heading()))

    def heading(self) -> str:
        """What the grid shows."""
        answer, number = self.results.answers[self.place], f"{self.place + 1} of {len(self.results.answers)}"
        return f"Not named, {heatmap.heading(answer)} ({number})"

    def _cell(self, cell: Cell | None) -> Text:
        if cell is None:
            return Text("-")
        low, high = cell.interval
        style = Style(bold=low > HALF, bgcolor=heatmap.colour(cell.rate), color=heatmap.ink(cell.rate))
        return Text(f" {percent(cell.rate):>6} {100 * low:3.0f}-{100 * high:<3.0f} ", style)

    @property
    def chosen(self) -> Cell | None:
        """The cell under the cursor."""
        at = self.query_one("#grid", DataTable).cursor_coordinate
        if not (self.results.attacks and at.column):
            return None
        attack, extractor = self.results.attacks[at.row], self.results.extractors[at.column - 1]
        return self.results.at(attack, extractor, self.results.answers[self.place])

    def _detail(self) -> None:
        cell = self.chosen
        text = "It was not measured." if cell is None else described(self.results, cell)
        self.query_one("#detail", Static).update(Text(text))

    def _survivors(self) -> str:
        alive = [survives(self.results, cell) for cell in survivors(self.results)]
        return "\n".join(alive or ["Nothing that was measured survives an extractor that it does not attack."])

    def _judged(self) -> str:
        self._bands = self._bands or judge(self.results)
        return "\n".join(f"{band.judged}: {band.expected}. {band.because}" for band in self._bands)

    def _about(self) -> str:
        return about(self.results)


def described(results: Results, cell: Cell) -> str:
    """What a cell was measured from, and what others report of the same tool."""
    people = zip(results.settings.users, cell.missed, cell.probes, strict=True)
    each = ", ".join(f"{name} {missed} of {n}" for name, missed, n in people if n)
    others = "" if cell.unprotected_error is None else f" Of everybody else's: {percent(cell.unprotected_error)}."
    seen = "" if cell.linf is None else f" At most {255 * cell.linf:.0f}/255 a pixel, DSSIM {cell.dssim or 0:.3f}."
    reported = [c for c in CITED if c.attack == cell.attack]
    cited = "".join(f"\n× reported: {c.trainer} {percent(c.low)} ({c.source})" for c in reported[:6])
    asked = f"{sum(cell.probes)} probes of {cell.n_people} people, asked {cell.asked} among {cell.n_gallery}"
    measured = f"{percent(cell.rate)} not named ({percents(*cell.interval)}, {METHOD}), {asked}.{others}{seen}"
    lines = [f"{cell.attack} against {cell.generation}: {measured}", each, *([cell.about] if cell.about else [])]
    return "\n".join(map(clean, lines)) + cited
