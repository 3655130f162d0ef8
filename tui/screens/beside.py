"""Beside the chart: one protected person and the face of whom the trainer names, and what is being computed."""

from __future__ import annotations

from dataclasses import replace

from facetui.engine.records.events import PicturesShown, Preview
from facetui.engine.records.measurements import verdict
from facetui.engine.records.rates import percent
from facetui.engine.records.text import clean
from facetui.tui.figures.chart import cohort_role
from facetui.tui.figures.photos import Looks, Placed, difference, load, pictures_in_row
from facetui.tui.screens.faces import latest, named
from facetui.tui.state.app_state import Stage
from facetui.tui.state.snapshot import Scene, cohort_label
from facetui.tui.text.spans import Line, cells, cut, fit, left, wrap

UNDER = 7
"""Rows under the two faces: names, verdict, and a bar for each of up to three people."""

NOTHING = "Here one protected person will stand: a new photo that no tool changed, and whom the trainer takes it for."

ALIKE = "alike, from -1 to 1 (no per cent)"

TOOL = "to the tool's model: 1 is the same photo, less is less alike (no per cent)"
"""About the number beside a photo that a tool is changing."""


def title(stage: Stage) -> str:
    """Who stands beside the chart, and why."""
    task, who, began = stage.now.progress, latest(stage), stage.now.began
    if task is not None and task.preview is not None:
        return f"a photo of {clean(task.preview.person)}, as it changes"
    return f"{clean(who.person)}, one of {len(began.users)}" if who and began else "one of them"


def faces_placed(stage: Stage, width: int, height: int) -> list[Placed]:
    """The photo that a tool works on; else the clean one that the trainer is shown, and one of whom it names."""
    event, folder = latest(stage), stage.run.folder
    if stage.now.progress is not None and stage.now.progress.preview is not None:
        return _worked_on(stage, width, height)
    side = min((width - 3) // 2, 2 * (height - UNDER - 1)) // 2 * 2
    if folder is None or event is None or side < 8:
        return []
    titles = ("a new photo", "named")
    return [
        Placed(title, load(folder, name), 1 + i * (side + 1), 1, side)
        for i, (title, name) in enumerate(zip(titles, (event.probe, event.named), strict=True))
    ]


def _worked_on(stage: Stage, width: int, height: int) -> list[Placed]:
    """A photo, what a tool has made of it by now, and below how they differ; empty without room for them."""
    task, folder = stage.now.progress, stage.run.folder
    side = min((width - 3) // 2, height - 2) // 2 * 2
    if task is None or task.preview is None or folder is None or side < 8:
        return []
    seen = task.preview
    return [
        Placed("original", load(folder, seen.original), 1, 1, side),
        Placed("now", load(folder, seen.now), side + 2, 1, side),
        Placed("difference x10", difference(folder, seen.original, seen.now), 1, side // 2 + 2, side),
    ]


def face(stage: Stage, width: int, height: int, looks: Looks) -> list[Line]:
    """One person, in a frame: as a tool changes a photo of theirs, or whom the trainer names for a clean one."""
    event, task = latest(stage), stage.now.progress
    pictures = faces_placed(stage, width, height)
    if task is not None and task.preview is not None:
        return _working(task.preview, pictures, width, looks)
    if event is None:
        return [[], *([(f" {text}", "dim")] for text in wrap(NOTHING, width - 2, 5))]
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
    return [*lines, [(f" {cut(ALIKE, width - 1)}", "dim")], *_bars(event, width)]


def _working(seen: Preview, pictures: list[Placed], width: int, looks: Looks) -> list[Line]:
    """The photo that a tool works on, original and now, the difference below, and beside it what the model says."""
    alike = f"like the original {seen.similarity:.2f}"
    if not pictures:
        return [[(f" {alike}", "users bold")], *([(f" {text}", "dim")] for text in wrap(TOOL, width - 2, 4))]
    room = width - pictures[0].width - 3
    words: list[Line] = [[]]
    words += [[(f" {text}", "users bold")] for text in wrap(alike, room, 2)]
    words += [[(f" {text}", "dim")] for text in wrap(TOOL, room, 7)]
    below = pictures_in_row(pictures[2:], looks)
    beside = [words[row] if row < len(words) else [] for row in range(len(below))]
    return [*pictures_in_row(pictures[:2], looks), *([*line, *said] for line, said in zip(below, beside, strict=True))]


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


def rehearsal(stage: Stage) -> list[Line]:
    """What the trainer's own test says while it learns."""
    task = stage.now.progress
    if task is None or task.failing is None:
        return []
    share = percent(task.failing)
    return [
        [],
        [(" its own test now fails on ", ""), (share, "trainer bold")],
        [(" (searches for other people)", "dim")],
    ]


def standing(now: Scene, width: int, rows: int, *, kept: bool) -> list[Line]:
    """Who is hidden now, and from how many models, a row for the whole archive and one a tool; empty without room.

    Args:
        now: up to the play head.
        width: columns.
        rows: that there are.
        kept: with the model that the trainer's own test picks; else with the one in use.
    """
    if not now.curves or rows < len(now.cohorts) + 1:
        return []
    name = max(cells(cohort_label(cohort, now.cohorts)) for cohort in now.cohorts)
    name = min(name, width - 22)
    bar = max(4, width - name - 18)
    lines: list[Line] = [[(f"{' hidden now, from how many models':<{width}}", "dim")]]
    for cohort in reversed(now.cohorts):
        rate, role = now.curves[cohort][-1].value(kept), cohort_role(now, cohort)
        met = [event for (its, _), event in now.table.cells.items() if its == cohort]
        withstood = sum(verdict(event) == "protected" for event in met)
        full = round(rate * bar)
        lines.append(
            [
                (f" {left(cohort_label(cohort, now.cohorts), name)} ", role),
                ("█" * full, role),
                ("░" * (bar - full), "barback"),
                (f" {percent(rate):>6}", "bold"),
                (f"  {withstood} of {len(met)}", "dim"),
            ]
        )
    return lines


def moved(pictures: list[Placed], x: int, y: int) -> list[Placed]:
    """Pictures of a part of the screen, in the columns and rows of the whole."""
    return [replace(picture, x=picture.x + x, y=picture.y + y) for picture in pictures]
