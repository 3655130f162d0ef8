"""Results of a sweep: grids, curves and tables for programs; on a screen, grid after grid."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import Static

from facetui.engine.applications.sweep.results import Found, Page
from facetui.engine.applications.sweep.status import Line, Status
from facetui.engine.records.text import clean, csv_cell
from facetui.tui.figures import heatmap
from facetui.tui.figures.drawing import Area, Box, Shape, Stroke, Words, png, svg
from facetui.tui.results import curves, report
from facetui.tui.results.browse import Browser
from facetui.tui.sharing.reports import document
from facetui.tui.sharing.reports.document import Block, Chart, Code, Heading, Items, Sentence

TITLE = "A sweep"
GAP = 50
"""Pixels between two drawings."""


def write(found: Found, target: Path, *, by_seed: bool = False) -> None:
    """Write what a sweep found to a file; its ending says what it is.

    Args:
        found: it.
        target: ends in one of ``report.KINDS``.
        by_seed: in tables for programs, each seed for itself.

    Raises:
        UsageError: another ending, or Parquet without pyarrow.
        DataError: the file cannot be written.
    """
    rows = list(found.rows(by_seed=by_seed))
    makers: dict[str, Callable[[], bytes]] = {
        ".html": lambda: document.html(name(found), blocks(found)).encode(),
        ".md": lambda: document.markdown(blocks(found)).encode(),
        ".svg": lambda: svg(*drawing(found)).encode(),
        ".png": lambda: png(*drawing(found)),
        ".csv": lambda: _csv(rows),
        ".json": lambda: json.dumps(rows, indent=1).encode(),
        ".parquet": lambda: report.parquet(rows),
    }
    report.write_as(target, makers)


def name(found: Found) -> str:
    """What the plan calls it."""
    return found.title or TITLE


def _csv(rows: list[dict[str, object]]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]) if rows else [])
    writer.writeheader()
    writer.writerows({key: csv_cell(value) for key, value in row.items()} for row in rows)
    return out.getvalue().encode()


def drawing(found: Found) -> tuple[list[Shape], tuple[int, int]]:
    """Heatmaps one below the other, and the curves below them; the drawing and its size in pixels."""
    shapes: list[Shape] = []
    width = height = 0
    for page in found.pages():
        made = heatmap.draw(page.results)
        shapes += [Words(20, height + 26, page.title, heatmap.INK, 20), *_moved(made.shapes, height + 24)]
        width, height = max(width, made.size[0]), round(max(map(_lowest, shapes))) + GAP
    if panels := found.panels():
        made = curves.draw(panels)
        shapes += _moved(made.shapes, height)
        width, height = max(width, made.size[0]), height + made.size[1]
    return shapes, (width, height)


def _lowest(shape: Shape) -> float:
    """How far down a shape reaches, in pixels."""
    if isinstance(shape, Stroke | Area):
        return max(y for _, y in shape.points)
    return shape.y + (shape.height if isinstance(shape, Box) else 0.0)


def _moved(shapes: Iterable[Shape], down: float) -> list[Shape]:
    moved: list[Shape] = []
    for shape in shapes:
        if isinstance(shape, Stroke | Area):
            moved.append(replace(shape, points=tuple((x, y + down) for x, y in shape.points)))
        else:
            moved.append(replace(shape, y=shape.y + down))
    return moved


def state(found: Found) -> str:
    """How much of it is measured."""
    measured = f"{found.finished} of {found.total} units that measure are finished"
    damaged = f"; {len(found.damaged)} files are damaged, and the same sweep makes them anew" if found.damaged else ""
    return f"{measured}{damaged}."


def blocks(found: Found) -> list[Block]:
    """The page: survivors and the table of every grid, the curves, and the plan."""
    made: list[Block] = [Heading(name(found), 1), Sentence(state(found), "soft")]
    for page in found.pages():
        made += _grid(page)
    if panels := found.panels():
        drawn = curves.draw(panels)
        below = "\n".join(curves.lines(panels))
        made += [
            Heading("Curves"),
            Chart(svg(drawn.shapes, drawn.size), below, "Clean photos not named, along an axis."),
        ]
    return [*made, Heading("The plan"), Code(found.text)]


def _grid(page: Page) -> list[Block]:
    results = page.results
    made: list[Block] = [Heading(page.title), Sentence(report.about(results), "soft")]
    alive = [report.survives(results, cell) for cell in report.survivors(results)]
    if alive:
        made.append(Items(alive))
    drawn = heatmap.draw(results)
    below = "the darker, the more is hidden; the tables below have every figure"
    made.append(Chart(svg(drawn.shapes, drawn.size), below, "Clean photos not named, attacks by extractors."))
    return [*made, *(report.table_of(results, answer) for answer in results.answers)]


def lines(found: Found) -> list[str]:
    """Everything as lines of text."""
    said = [state(found), ""]
    for page in found.pages():
        said += [page.title, report.about(page.results)]
        said += [report.survives(page.results, cell) for cell in report.survivors(page.results)]
        said += ["", *report.lines(page.results), ""]
    return said + curves.lines(found.panels())


class SweepBrowser(Browser):
    """The grids of a sweep.

    Args:
        found: what is shown.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g", "page(1)", "next grid"),
        Binding("G", "page(-1)", "previous grid"),
        Binding("c", "show('curves')", "curves"),
    ]
    KEYS = "arrows a cell  g grid  n p answer  c curves  s survives  a asked  q leave"

    def __init__(self, found: Found) -> None:
        self._found = found
        self._pages = found.pages()
        self._page = 0
        super().__init__(self._pages[0].results)

    def heading(self) -> str:
        """Which grid it is, and which answer."""
        number = f"grid {self._page + 1} of {len(self._pages)}"
        return f"{clean(self._pages[self._page].title)} ({number}). {super().heading()}"

    def action_page(self, by: int) -> None:
        """Go to another story, cast or gallery; the same answer where it has it."""
        self._page = (self._page + by) % len(self._pages)
        answer = self.results.answers[self.place]
        self.results = self._pages[self._page].results
        self.place = self.results.answers.index(answer) if answer in self.results.answers else 0
        self._bands = []
        self._fill()
        self._detail()

    def action_show(self, what: str) -> None:
        """Say what survives, what was expected, who was asked, or draw the curves."""
        if what != "curves":
            super().action_show(what)
            return
        none = ["There are no curves: name several gallery sizes (crowds) or budgets in the plan."]
        self.query_one("#detail", Static).update(Text("\n".join(curves.lines(self._found.panels()) or none)))


def status_lines(status: Status, height: int | None = None) -> list[str]:
    """A sweep as it stands: a line an attack or story, and how long it still takes.

    Args:
        status: a ``Status``.
        height: rows that there are; what is finished is left out first.
    """
    shown = status.lines
    if height is not None and len(shown) > height - 3:
        shown = [line for line in shown if line.finished < line.total][: max(1, height - 4)]
    rows = [(line.words, f"{line.finished} of {line.total}", line.running, line.failed, _each(line)) for line in shown]
    widest = max([len("units"), *(len(clean(row[0])) for row in rows)])
    said = [f"{'units':<{widest}}  {'finished':>12} {'now':>5} {'failed':>6} {'each':>8}"]
    said += [f"{clean(n):<{widest}}  {done:>12} {now:>5} {failed:>6} {each:>8}" for n, done, now, failed, each in rows]
    if len(shown) < len(status.lines):
        said.append(f"and {len(status.lines) - len(shown)} more")
    return [*said, summary(status)]


def _each(line: Line) -> str:
    return f"{line.seconds / line.finished:,.1f} s" if line.finished else ""


def summary(status: Status) -> str:
    """``12 of 40 units are finished, 2 are computed now, 1 failed; about 3 min left``."""
    said = f"{status.finished} of {status.total} units are finished, {status.running} are computed now"
    said += f", {status.failed} failed" if status.failed else ""
    if status.finished + status.failed >= status.total:
        return said
    return f"{said}; about {time_words(status.left)} left" if status.left is not None else said


def time_words(seconds: float) -> str:
    """``40 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
