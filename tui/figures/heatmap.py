"""A grid of results as a heatmap: what is not named, attacks by extractors, a block for each of a trainer's answers."""

from __future__ import annotations

from dataclasses import dataclass

from facetui.engine.applications.benchmarks.cells import Answer, Cell, Results
from facetui.engine.records.rates import percent
from facetui.tui.figures.drawing import Box, Shape, Words
from facetui.tui.text.spans import cut

CELL, LINE = (148, 46), 20
"""Width and height of a cell, and the height of a line of text, in pixels."""
LEFT, TOP = 230, 70
LONGEST = 22
"""Columns of a network's name that stand above a cell."""
PAGE = (1200, 640)
INK, PAPER, SOFT = "#15191e", "#ffffff", "#5b6570"
FOUND, HIDDEN = (240, 242, 240), (154, 91, 0)
"""Colours of nothing and of everything that is not named: the darker, the more is hidden."""
DARK = 0.55
"""From this share on words on a cell are white."""


def colour(rate: float) -> str:
    """A cell's colour: the more is hidden, the darker."""
    mixed = (round(low + (high - low) * rate) for low, high in zip(FOUND, HIDDEN, strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def ink(rate: float) -> str:
    """A colour in which words on a cell can be read."""
    return PAPER if rate > DARK else INK


@dataclass(frozen=True)
class Page:
    """A drawing and its size in pixels: it grows with the grid."""

    shapes: list[Shape]
    size: tuple[int, int]


def draw(results: Results) -> Page:
    """The grid, one block below the other."""
    shapes: list[Shape] = []
    y = TOP
    for answer in results.answers:
        shapes.append(Words(20, y, heading(answer), INK, 16))
        for i, name in enumerate(results.extractors):
            shapes.append(Words(LEFT + i * CELL[0] + 6, y + LINE, cut(name, LONGEST), SOFT, 12))
        y += LINE + 8
        for attack in results.attacks:
            shapes.append(Words(20, y + 28, cut(attack, LONGEST + 6), INK, 13))
            for i, name in enumerate(results.extractors):
                cell = results.at(attack, name, answer)
                if cell is not None:
                    shapes += _cell(cell, LEFT + i * CELL[0], y)
            y += CELL[1] + 4
        y += 2 * LINE
    width = max(PAGE[0], LEFT + len(results.extractors) * CELL[0] + 20)
    s = results.settings
    title = (
        f"clean photos of {len(s.users)} protected people not named, among {_among(results)} people, 95 % over people"
    )
    return Page([Words(20, 30, title, INK, 18), *shapes], (width, max(PAGE[1], y)))


def _among(results: Results) -> str:
    return ", ".join(str(n) for n in sorted({cell.n_gallery for cell in results.cells.values()})) or "no"


def _cell(cell: Cell, x: int, y: int) -> list[Shape]:
    low, high = cell.interval
    return [
        Box(x, y, CELL[0] - 4, CELL[1], colour(cell.rate)),
        Words(x + 8, y + 20, percent(cell.rate), ink(cell.rate), 15),
        Words(x + 8, y + 38, f"{100 * low:.0f}-{100 * high:.0f}", ink(cell.rate), 12),
    ]


HEADINGS: dict[Answer, str] = {
    "nearest": "the extractor as it is, nearest neighbour",
    "linear": "as it is, a linear classifier on its embeddings",
    "end-to-end": "all layers trained on the scraped photos",
    "adapted": "trained on every tool, run on other people's photos",
    "purified": "photos washed before it, as chosen on other people",
    "subtracted": "masks that a person's photos share taken off",
    "learned-purifier": "a purifier before it, trained on the tools",
    "stacked": "the same, before one trained on the tools",
    "combined": "as it is, and the adapted one where it is not sure",
}


def heading(answer: Answer) -> str:
    """What the trainer does, in words."""
    return HEADINGS[answer]
