"""Curves of a sweep along gallery sizes or budgets: each with the band of its intervals, drawn and in characters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from facetui.engine.applications.sweep.results import Curve, Panel
from facetui.engine.records.rates import percent, percents
from facetui.engine.records.text import clean
from facetui.tui.figures.drawing import COLOURS, DASHES, Area, Shape, Stroke, Words
from facetui.tui.figures.heatmap import INK, SOFT, Page
from facetui.tui.text.spans import cut

SIDE = (590, 400)
"""Width and height of a panel, in pixels."""
LEFT, RIGHT, TOP, BOTTOM = 60, 210, 60, 60
LINE = "#d5d9dd"
GAP = 17.0
"""Pixels between two labels."""
NAME = 24
"""Columns of an attack's name beside its curve."""
BAR = 40
"""Columns of a bar from 0 to 100 %."""


Place = Callable[[float], float]
"""From a value to pixels."""


def draw(panels: Sequence[Panel]) -> Page:
    """All panels, two in a row."""
    shapes: list[Shape] = []
    for number, panel in enumerate(panels):
        shapes += _panel(panel, (number % 2) * SIDE[0], (number // 2) * SIDE[1])
    return Page(shapes, (2 * SIDE[0] + 20, -(-len(panels) // 2) * SIDE[1]))


def _panel(panel: Panel, left: float, top: float) -> list[Shape]:
    places = [point.x for curve in panel.curves for point in curve.points]
    least, most = min(places), max(places)
    width, height = SIDE[0] - LEFT - RIGHT, SIDE[1] - TOP - BOTTOM

    def x(place: float) -> float:
        return left + LEFT + width * (place - least) / ((most - least) or 1)

    def y(rate: float) -> float:
        return top + TOP + height * (1 - rate)

    shapes: list[Shape] = [Words(left + 20, top + 24, cut(panel.title, 64), INK, 14)]
    shapes.append(Words(left + 20, top + 44, "clean photos not named; bands: 95 % over people", SOFT, 12))
    for share in (0.0, 0.5, 1.0):
        shapes.append(Stroke(((x(least), y(share)), (x(most), y(share))), LINE, 1.0))
        shapes.append(Words(x(least) - 8, y(share) + 5, f"{share:.0%}", SOFT, 12, right=True))
    free = 0.0
    for place in sorted(set(places)):
        if x(place) >= free:
            shapes.append(Words(x(place) - 6, y(0) + 20, f"{place:g}", SOFT, 12))
            free = x(place) + 50
    shapes.append(Words(x(least), y(0) + 40, panel.axis, SOFT, 12))
    return shapes + _curves(panel.curves, x, y)


def _curves(curves: Sequence[Curve], x: Place, y: Place) -> list[Shape]:
    shapes: list[Shape] = []
    ends: list[tuple[float, str, str]] = []
    for number, curve in enumerate(curves):
        colour, points = COLOURS[number % len(COLOURS)], curve.points
        dash = DASHES[number // len(COLOURS) % len(DASHES)]
        low = [(x(point.x), y(point.interval[0])) for point in points]
        high = [(x(point.x), y(point.interval[1])) for point in points]
        shapes.append(Area((*low, *reversed(high)), colour))
        shapes.append(Stroke(tuple((x(point.x), y(point.rate)) for point in points), colour, 2.5, dash))
        ends.append((y(points[-1].rate), f"{cut(clean(curve.name), NAME)}: {percent(points[-1].rate)}", colour))
    right = max(x(point.x) for curve in curves for point in curve.points)
    taken = 0.0
    for at, text, colour in sorted(ends):
        taken = max(taken + GAP, at + 5)
        shapes.append(Words(right + 10, taken, text, colour, 12))
    return shapes


def lines(panels: Sequence[Panel]) -> list[str]:
    """The same as lines: a bar from 0 to 100 % a point, its interval ``[ ]`` and what was measured ``o`` in it."""
    said: list[str] = []
    for panel in panels:
        said += [clean(panel.title), f"clean photos not named, along {panel.axis}"]
        for curve in panel.curves:
            said.append(f"  {clean(curve.name)}")
            for point in curve.points:
                about = f"{percent(point.rate)} ({percents(*point.interval)})"
                of = f"{point.probes} probes of {point.people} people"
                said.append(f"  {point.x:>8g} {_bar(point.rate, point.interval)} {about}, {of}")
        said.append("")
    return said[:-1]


def _bar(rate: float, interval: tuple[float, float]) -> str:
    low, middle, high = (round(share * (BAR - 1)) for share in (interval[0], rate, interval[1]))
    characters = ["-" if low <= place <= high else "." for place in range(BAR)]
    characters[low], characters[high] = "[", "]"
    characters[middle] = "o"
    return "".join(characters)
