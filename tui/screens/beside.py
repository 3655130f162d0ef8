"""Beside the chart: one protected person and the face of whom the trainer names, and what is being computed."""

from __future__ import annotations

from dataclasses import replace

from facetui.engine.records.events import PicturesShown
from facetui.engine.records.rates import percent
from facetui.engine.records.text import clean
from facetui.tui.figures.photos import Looks, Placed, difference, load, pictures_in_row
from facetui.tui.screens.faces import latest, named
from facetui.tui.state.app_state import Stage
from facetui.tui.text.spans import Line, cells, cut, fit, left, wrap

THREE = 42
"""Columns from which on the original stands beside what becomes of it."""

UNDER = 7
"""Rows under the two faces: names, verdict, and a bar for each of up to three people."""

NOTHING = "Here one protected person will stand: a clean photo, and the face of whom the trainer takes it for."


def faces_placed(stage: Stage, width: int, height: int) -> list[Placed]:
    """The clean photo that the trainer is shown, and a photo of whom it names; empty without room for them."""
    event, folder = latest(stage), stage.run.folder
    side = min((width - 3) // 2, 2 * (height - UNDER - 1)) // 2 * 2
    if event is None:
        return preview_placed(stage, width, height, 0)
    if folder is None or side < 8:
        return []
    titles = ("shown", "named")
    return [
        Placed(title, load(folder, name), 1 + i * (side + 1), 1, side)
        for i, (title, name) in enumerate(zip(titles, (event.probe, event.named), strict=True))
    ]


def face(stage: Stage, width: int, height: int, looks: Looks) -> list[Line]:
    """The person's clean photo, whom the trainer names, and how similar it finds both; inside a frame."""
    event = latest(stage)
    pictures = faces_placed(stage, width, height)
    if event is None:
        words: list[Line] = [[(f" {text}", "dim")] for text in wrap(NOTHING, width - 2, 4)]
        return [*pictures_in_row(pictures, looks), [], *words]
    lines = pictures_in_row(pictures, looks)
    right = bool(event.candidates) and event.candidates[0].person == event.person
    side = pictures[0].width if pictures else (width - 3) // 2
    lines.append(
        [
            *fit([(f" {clean(event.person)}", "bold")], side + 1),
            (f" {named(event)}", "bold"),
            ("" if right else ", a stranger", "dim"),
        ]
    )
    verdict = "named right: not hidden" if right else "named wrong: hidden"
    lines.append([(f" {verdict}", "bad bold" if right else "good bold")])
    lines.append([(cut(f" by {clean(event.extractor)}, {event.t}", width - 1), "dim")])
    return [*lines, *_bars(event, width)]


def _bars(event: PicturesShown, width: int) -> list[Line]:
    """How similar the photo is to the nearest ones of whom it may be: a bar each."""
    found = {clean(candidate.person): candidate.similarity for candidate in event.candidates[:2]}
    if event.own is not None:
        found.setdefault(clean(event.person), event.own)
    names = max(map(cells, found), default=0)
    room = max(4, width - min(names, 10) - 8)
    lines: list[Line] = []
    for name, similarity in found.items():
        full = round(max(0.0, min(1.0, similarity)) * room)
        role = "users" if name == clean(event.person) else "dim"
        bar: Line = [("█" * full, role), ("░" * (room - full), "barback")]
        lines.append([(f" {left(name, min(names, 10))} ", role), *bar, (f" {similarity:5.2f}", role)])
    return lines


def preview_placed(stage: Stage, width: int, height: int, y: int) -> list[Placed]:
    """The photo that a tool works on, as it is by then, and the difference; empty while there is none, or no room."""
    task, folder = stage.now.progress, stage.run.folder
    count = 3 if width >= THREE else 2
    side = min((width - 1) // count - 1, 2 * (height - y - 1)) // 2 * 2
    if task is None or task.preview is None or folder is None or side < 8:
        return []
    seen = task.preview
    shown = [
        ("original", load(folder, seen.original)),
        ("now", load(folder, seen.now)),
        ("change x10", difference(folder, seen.original, seen.now)),
    ][-count:]
    return [Placed(title, picture, 1 + i * (side + 1), y + 1, side) for i, (title, picture) in enumerate(shown)]


def preview(stage: Stage, width: int, height: int, y: int, looks: Looks) -> list[Line]:
    """What can be watched of the task at hand, from row ``y`` of its frame on."""
    task = stage.now.progress
    if task is not None and task.failing is not None:
        share = percent(task.failing)
        return [
            [],
            [(" its own test now fails on ", ""), (share, "trainer bold")],
            [(" (searches for other people)", "dim")],
        ]
    if task is None or task.preview is None:
        return []
    seen = task.preview
    words: Line = [(f" {clean(seen.person)}: like the original ", ""), (f"{seen.similarity:.2f}", "users bold")]
    if latest(stage) is None:  # its pictures stand in the other frame, where nobody's face is yet
        return [words]
    return [words, *pictures_in_row(preview_placed(stage, width, height, y + 1), looks)]


def moved(pictures: list[Placed], x: int, y: int) -> list[Placed]:
    """Pictures of a part of the screen, in the columns and rows of the whole."""
    return [replace(picture, x=picture.x + x, y=picture.y + y) for picture in pictures]
