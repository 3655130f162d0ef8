"""A run as a GIF for slides: the chart after every caption, the caption below it, and the face that is named."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from facetui.engine.records.events import Event, PicturesShown
from facetui.engine.records.text import clean
from facetui.tui.figures.drawing import HEIGHT, WIDTH, draw, png
from facetui.tui.figures.photos import load
from facetui.tui.state.playhead import reading_seconds, speaks
from facetui.tui.state.snapshot import Scene
from facetui.tui.text.spans import wrap

if TYPE_CHECKING:
    from PIL.Image import Image

SCALE, BELOW, LINE = 0.75, 150, 30
"""How much smaller than the chart alone it is, and the pixels for the caption and for one line of it."""

FACE, LAST = 104, 6.0
"""Pixels of a face's side, and seconds for which the last picture stays."""

COLUMNS, LINES = 92, 4


def gif(events: Sequence[Event], folder: Path) -> bytes:
    """The animation; one picture for every caption, as long as reading it takes.

    Args:
        events: of the run, in order; something was measured.
        folder: the run's, for its pictures.
    """
    scene, frames, seconds = Scene(), [], []
    for index, event in enumerate(events):
        scene.add(event)
        last = index + 1 == len(events)
        if scene.curves and (last or speaks(events, index + 1)):
            frames.append(_frame(scene, folder))
            seconds.append(LAST if last else reading_seconds(scene.caption))
    out = io.BytesIO()
    first, *more = [frame.quantize(128) for frame in frames]
    first.save(out, "GIF", save_all=True, append_images=more, duration=[round(1000 * s) for s in seconds], loop=0)
    return out.getvalue()


def _frame(scene: Scene, folder: Path) -> Image:
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("RGB", (WIDTH, HEIGHT + BELOW), "#ffffff")
    with Image.open(io.BytesIO(png(draw(scene, kept=False)))) as chart:
        picture.paste(chart, (0, 0))
    pen, font, small = ImageDraw.Draw(picture), ImageFont.load_default(22), ImageFont.load_default(15)
    for row, text in enumerate(wrap(scene.caption, COLUMNS, LINES)):
        pen.text((24, HEIGHT + 10 + LINE * row), text, "#15191e", font=font)
    shown = next((event for event in reversed(scene.shown) if event.person == scene.shown[0].person), None)
    for number, (name, label) in enumerate(_faces(shown) if shown else ()):
        face, x = load(folder, name), WIDTH - 2 * (FACE + 12) + number * (FACE + 12)
        if face is not None:
            shown_face = Image.frombytes("RGB", (face.width, face.height), face.rgb)
            picture.paste(shown_face.resize((FACE, FACE)), (x, HEIGHT + 8))
            pen.text((x, HEIGHT + FACE + 14), label, "#15191e", font=small)
    return picture.resize((round(WIDTH * SCALE), round((HEIGHT + BELOW) * SCALE)), Image.Resampling.LANCZOS)


def _faces(event: PicturesShown) -> list[tuple[str, str]]:
    named = clean(event.candidates[0].person) if event.candidates else "nobody"
    return [(event.probe, clean(event.person)[:14]), (event.named, f"named {named}"[:14])]
