"""What would be left among more photos than there are: counted as a line, foretold as dashes in a band of intervals."""

from __future__ import annotations

from math import ceil, floor, log10

from facetui.engine.records.events import SearchForecast
from facetui.engine.records.rates import percent, percents
from facetui.tui.figures.drawing import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Area, Shape, Stroke, Words
from facetui.tui.figures.plots.shares import INK, LINE, SOFT, axis
from facetui.tui.text.sentences import many

BAND = "#9a5b00"
DASH = "10 6"


def is_whole(event: SearchForecast) -> bool:
    """Whether a forecast has what is drawn: a journal may be somebody else's."""
    sizes = [*event.counted_among, *event.photos]
    equal = len(event.photos) == len(event.rates) == len(event.intervals)
    return equal and len(event.counted_among) == len(event.counted) and bool(event.counted) and min(sizes) >= 1


def draw(event: SearchForecast) -> list[Shape]:
    """The share not named by the number of strangers' photos, on a logarithmic axis, on a white page.

    Args:
        event: one that ``is_whole``.
    """
    sizes = [*event.counted_among, *event.photos]
    first, last = floor(log10(min(sizes))), max(floor(log10(min(sizes))) + 1, ceil(log10(max(sizes))))
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def x(photos: float) -> float:
        return LEFT + width * (log10(photos) - first) / (last - first)

    def y(share: float) -> float:
        return TOP + height * (1 - share)

    shapes: list[Shape] = [
        Words(LEFT, 32, "clean photos not named, by how many photos of strangers are searched", size=18)
    ]
    shapes += axis(y)
    for power in range(first, last + 1, 1 if last - first < 6 else 2):
        at = x(10.0**power)
        shapes.append(Stroke(((at, y(0)), (at, y(1))), LINE, 1.0))
        shapes.append(Words(at + 24, HEIGHT - BOTTOM + 28, many(10**power), SOFT, right=True))
    counted = [(x(n), y(rate)) for n, rate in zip(event.counted_among, event.counted, strict=True)]
    told = [(x(n), y(rate)) for n, rate in zip(event.photos, event.rates, strict=True)]
    if len(counted) > 1:
        shapes.append(Stroke(tuple(counted), INK, 4.0))
    ends = [(x(n), y(low), y(high)) for n, (low, high) in zip(event.photos, event.intervals, strict=True)]
    if len(ends) > 1:
        shapes.append(Area((*((at, top) for at, _, top in ends), *((at, low) for at, low, _ in reversed(ends))), BAND))
    shapes.append(Stroke((counted[-1], *told), BAND, 2.0, DASH))
    if len(event.unprotected) == len(event.photos) and len(told) > 1:
        others = tuple((x(n), y(rate)) for n, rate in zip(event.photos, event.unprotected, strict=True))
        shapes += [
            Stroke(others, SOFT, 2.0, DASH),
            Words(WIDTH - RIGHT + 14, others[-1][1] + 14, "everybody else", SOFT),
        ]
    shapes.append(Words(counted[-1][0] + 10, min(HEIGHT - BOTTOM - 6, counted[-1][1] + 22), "counted", INK))
    shapes.append(Words(WIDTH - RIGHT + 14, told[-1][1] - 4, "foretold, not measured", BAND))
    return shapes


def characters(event: SearchForecast) -> str:
    """The same as lines."""
    rows = [(many(n), percent(rate), "", "counted") for n, rate in zip(event.counted_among, event.counted, strict=True)]
    others = event.unprotected if len(event.unprotected) == len(event.photos) else [None] * len(event.photos)
    rows += [
        (many(n), percent(rate), f"({percents(*interval)})", f"foretold; everybody else {percent(other)}")
        for n, rate, interval, other in zip(event.photos, event.rates, event.intervals, others, strict=True)
    ]
    lines = [f"{'photos of strangers':>19}  {'not named':>9}  {'95 % interval':>13}"]
    lines += [f"{size:>19}  {rate:>9}  {interval:>13}  {how}" for size, rate, interval, how in rows]
    return "\n".join(lines)
