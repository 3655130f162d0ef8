"""A run's table and chart as files: CSV and JSON for programs, SVG and PNG for slides."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from facetui.engine.records.events import WHOLE_ARCHIVE
from facetui.engine.records.rates import percent
from facetui.engine.records.text import clean, html
from facetui.tui.figures.axis import positions
from facetui.tui.state.branching import as_it_was
from facetui.tui.state.snapshot import Scene, cohort_label
from facetui.tui.text.spans import cut

WIDTH, HEIGHT = 1200, 640
LEFT, RIGHT, TOP, BOTTOM = 90, 260, 60, 70
COLOURS = ("#9a5b00", "#00705a", "#a3305f", "#5a47b0")
LONGEST_WORDS = 120
"""Columns of a text on the chart; beyond that it would leave the page anyway."""

DASHES = ("", "10 6", "3 5", "14 4 3 4")


@dataclass(frozen=True)
class Stroke:
    """A polyline: points in pixels, colour, width, dashes as in SVG."""

    points: tuple[tuple[float, float], ...]
    colour: str
    width: float = 2.0
    dash: str = ""


@dataclass(frozen=True)
class Box:
    """A filled rectangle: its corner above and to the left, its size, in pixels, and its colour."""

    x: float
    y: float
    width: float
    height: float
    colour: str


@dataclass(frozen=True)
class Area:
    """A filled outline that one sees through, as of a band around a curve: points in pixels, and its colour."""

    points: tuple[tuple[float, float], ...]
    colour: str


@dataclass(frozen=True)
class Words:
    """A text and where it stands; its end is there when ``right``. Foreign text is cleaned, and cut."""

    x: float
    y: float
    text: str
    colour: str = "#15191e"
    size: int = 15
    right: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", cut(clean(self.text), LONGEST_WORDS))


Shape = Stroke | Box | Area | Words

SEEN_THROUGH = 0.18
"""How much of an area covers what lies below it, in [0, 1]."""


def draw(scene: Scene, *, kept: bool, base: Scene | None = None) -> list[Shape]:
    """The chart as strokes and words on a white page of ``WIDTH`` by ``HEIGHT``.

    Args:
        scene: the run.
        kept: what is left with the model that the trainer's own test picks, else with the one in use.
        base: the run that it branches from, whose line stands faintly beside its own; absent: there is none.
    """
    columns = [LEFT + x for x in positions(scene.slots, WIDTH - LEFT - RIGHT)]
    end = columns[-1] if columns else LEFT

    def y(rate: float) -> float:
        return TOP + (1 - rate) * (HEIGHT - TOP - BOTTOM)

    model = "the model that the trainer's own test picks" if kept else "the model in use"
    name = scene.began.scenario if scene.began else ""
    shapes: list[Shape] = [
        Words(LEFT, 32, f"{name}: clean photos of protected people not named, with {model}", size=18)
    ]
    for rate in (0.0, 0.25, 0.5, 0.75, 1.0):
        shapes.append(Stroke(((LEFT, y(rate)), (WIDTH - RIGHT, y(rate))), "#d5d9dd", 1.0))
        shapes.append(Words(LEFT - 12, y(rate) + 5, f"{rate:.0%}", "#5b6570", right=True))
    free = 0.0
    for before, slot, column in zip([None, *scene.slots], scene.slots, columns, strict=False):
        if (before is None or before.t != slot.t) and column >= free:
            shapes.append(Words(column, HEIGHT - BOTTOM + 28, slot.t, "#5b6570", 13))
            free = column + 90
    shapes += _moves(scene, columns)
    labels: list[Words] = []
    if was := as_it_was(scene, base, kept=kept):
        line = [(float(columns[slot]), y(rate)) for slot, rate in was]
        ends = [*(x for x, _ in line[1:]), float(end)]
        path = [point for (x, level), after in zip(line, ends, strict=True) for point in ((x, level), (after, level))]
        shapes.append(Stroke(tuple(path), "#8a939c", 2.0, "2 5"))
        labels.append(Words(end + 14, path[-1][1] + 5, f"as it was {percent(was[-1][1])}", "#8a939c"))
    for cohort in scene.cohorts:
        points, whole = scene.curves[cohort], cohort == WHOLE_ARCHIVE
        index = 0 if whole else [c for c in scene.cohorts if c != WHOLE_ARCHIVE].index(cohort) % len(COLOURS)
        path = [(float(columns[points[0].slot]), y(0.0))]
        for point in points:
            path += [(float(columns[point.slot]), path[-1][1]), (float(columns[point.slot]), y(point.value(kept)))]
        path.append((float(end), path[-1][1]))
        colour = "#000000" if whole else COLOURS[index]
        shapes.append(Stroke(tuple(path), colour, 5.0 if whole else 2.5, "" if whole else DASHES[index]))
        text = f"{cohort_label(cohort, scene.cohorts)} {percent(points[-1].value(kept))}"
        labels.append(Words(end + 14, path[-1][1] + 5, text, colour))
    for cited in scene.cited:
        at = (columns[cited.slot], y(cited.event.protection_rate))
        shapes.append(Stroke(((LEFT, at[1]), at), "#b03325", 1.0, "4 6"))
        for turn in (6, -6):
            shapes.append(Stroke(((at[0] - 6, at[1] - turn), (at[0] + 6, at[1] + turn)), "#b03325", 2.0))
        text = f"x {cited.event.extractor} {percent(cited.event.protection_rate)} (cited)"
        labels.append(Words(end + 14, at[1] + 5, text, "#b03325"))
    for guess, beside in stacked(scene.guesses, 50):
        shapes.append(Box(LEFT + 4 + 7 * beside, y(guess) - 2.5, 5, 5, "#a3305f"))
    return shapes + list(_apart(labels))


def stacked(guesses: Sequence[float], levels: int) -> Iterator[tuple[float, int]]:
    """Each guess, in [0, 1], and how many of those before it stand at the same one of so many levels."""
    there: Counter[int] = Counter()
    for guess in guesses:
        level = round(guess * levels)
        yield guess, there[level]
        there[level] += 1


def _apart(labels: list[Words], gap: float = 19.0) -> list[Words]:
    """Labels moved up or down until none covers another."""
    ordered = sorted(labels, key=lambda label: label.y)
    floor = float(HEIGHT - BOTTOM + 5)
    places: list[float] = []
    for label in ordered:
        places.append(max(label.y, places[-1] + gap if places else 0.0))
    for index in range(len(places) - 1, -1, -1):
        places[index] = min(places[index], floor)
        floor = places[index] - gap
    return [Words(o.x, at, o.text, o.colour, o.size) for o, at in zip(ordered, places, strict=True)]


def _moves(scene: Scene, columns: Sequence[float]) -> list[Shape]:
    """What users and trainer did, below the dates: a mark each, and its words where they fit."""
    shapes: list[Shape] = []
    for row, (actor, colour) in enumerate((("users", "#9a5b00"), ("trainer", "#1f5fa8"))):
        y = HEIGHT - BOTTOM + 46 + 18 * row
        moves = [(x, slot.label(actor)) for x, slot in zip(columns, scene.slots, strict=True) if slot.label(actor)]  # type: ignore[arg-type]
        for (x, label), after in zip(moves, [*(x for x, _ in moves[1:]), float(WIDTH)], strict=False):
            left, right, top = x - 5, x + 5, y - 10
            corners = (
                ((left, y), (x, top), (right, y))
                if actor == "users"
                else ((left, y), (left, top), (right, top), (right, y))
            )
            shapes.append(Stroke((*corners, corners[0]), colour, 2.0))
            if x + 10 + 7.5 * len(label) < after:
                shapes.append(Words(x + 10, y, label, colour, 13))
    return shapes


def svg(shapes: list[Shape], size: tuple[int, int] = (WIDTH, HEIGHT)) -> str:
    """The drawing as SVG, on a page of that size in pixels."""
    width, height = size
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for shape in shapes:
        if isinstance(shape, Stroke):
            points = " ".join(f"{x:.0f},{y:.0f}" for x, y in shape.points)
            dash = f' stroke-dasharray="{shape.dash}"' if shape.dash else ""
            style = f'fill="none" stroke="{shape.colour}" stroke-width="{shape.width}"{dash}'
            parts.append(f'<polyline points="{points}" {style}/>')
        elif isinstance(shape, Box):
            place = f'x="{shape.x:.0f}" y="{shape.y:.0f}" width="{shape.width:.0f}" height="{shape.height:.0f}"'
            parts.append(f'<rect {place} fill="{shape.colour}"/>')
        elif isinstance(shape, Area):
            points = " ".join(f"{x:.0f},{y:.0f}" for x, y in shape.points)
            parts.append(f'<polygon points="{points}" fill="{shape.colour}" fill-opacity="{SEEN_THROUGH}"/>')
        else:
            anchor = ' text-anchor="end"' if shape.right else ""
            place = f'x="{shape.x:.0f}" y="{shape.y:.0f}" font-size="{shape.size}"{anchor}'
            parts.append(f'<text {place} fill="{shape.colour}">{html(shape.text)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def draws_pixels() -> bool:
    """Whether Pillow is installed, without which there is no PNG and no GIF."""
    return find_spec("PIL") is not None


def png(shapes: list[Shape], size: tuple[int, int] = (WIDTH, HEIGHT)) -> bytes:
    """The drawing as PNG, of that size in pixels."""
    from PIL import Image, ImageColor, ImageDraw, ImageFont

    picture = Image.new("RGB", size, "#ffffff")
    pen = ImageDraw.Draw(picture)
    thin = ImageDraw.Draw(picture, "RGBA")
    for shape in shapes:
        if isinstance(shape, Stroke):
            for begin, end in zip(shape.points, shape.points[1:], strict=False):
                for part in _dashed(begin, end, shape.dash):
                    pen.line(part, fill=shape.colour, width=round(shape.width))
        elif isinstance(shape, Box):
            corner = (shape.x + shape.width - 1, shape.y + shape.height - 1)
            pen.rectangle(((shape.x, shape.y), corner), fill=shape.colour)
        elif isinstance(shape, Area):
            thin.polygon(shape.points, fill=(*ImageColor.getrgb(shape.colour)[:3], round(255 * SEEN_THROUGH)))
        else:
            font = ImageFont.load_default(shape.size)
            pen.text((shape.x, shape.y), shape.text, shape.colour, font=font, anchor="rs" if shape.right else "ls")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _dashed(
    begin: tuple[float, float], end: tuple[float, float], dash: str
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    lengths = [float(part) for part in dash.split()]
    whole = abs(end[0] - begin[0]) + abs(end[1] - begin[1])
    if not lengths or not whole:
        return [(begin, end)]
    parts, at, turn = [], 0.0, 0
    while at < whole:
        till = min(whole, at + lengths[turn % len(lengths)])
        if turn % 2 == 0:
            ends = [tuple(b + (e - b) * share / whole for b, e in zip(begin, end, strict=True)) for share in (at, till)]
            parts.append(((ends[0][0], ends[0][1]), (ends[1][0], ends[1][1])))
        at, turn = till, turn + 1
    return parts
