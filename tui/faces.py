"""One protected person: the photo, as it was posted, the difference, and whom the trainer names."""

from __future__ import annotations

from collections.abc import Sequence

from facetui.engine.events import PicturesShown
from facetui.tui.ink import Line, beside, cells, clean, cut, fit, pad
from facetui.tui.pictures import difference, halves, load
from facetui.tui.stage import Stage

PAIR_ONLY = 96
"""Below this width there is room for two pictures, not for three."""


def people(shown: Sequence[PicturesShown]) -> dict[str, dict[str, list[PicturesShown]]]:
    """By person, by posted photo, what was shown of it, oldest first."""
    grouped: dict[str, dict[str, list[PicturesShown]]] = {}
    for event in shown:
        grouped.setdefault(event.person, {}).setdefault(event.posted, []).append(event)
    return grouped


def choose(stage: Stage, person: int, photo: int) -> None:
    """Another person, or another of their photos; round and round."""
    grouped = people(stage.now.shown)
    if not grouped:
        return
    stage.person = (stage.person + person) % len(grouped)
    photos = list(grouped.values())[stage.person]
    stage.photo = 0 if person else (stage.photo + photo) % len(photos)


def paint(stage: Stage, width: int, height: int, *, colours: bool = True) -> list[Line]:
    """The page, exactly ``width`` by ``height``."""
    grouped = people(stage.now.shown)
    if not grouped or stage.folder is None:
        told = " no picture was shown up to here: a story shows them with lab.show()"
        return pad([[], [(cut(told, width), "dim")]], width, height)
    stage.person = min(stage.person, len(grouped) - 1)
    person, photos = list(grouped.items())[stage.person]
    stage.photo = min(stage.photo, len(photos) - 1)
    shown = list(photos.values())[stage.photo]
    folder = stage.folder / "pictures"
    one, two = (folder / f"{name}.png" for name in (shown[0].original, shown[0].posted))
    pictures = [("original", load(one)), ("as posted", load(two)), ("difference x10", difference(one, two))]
    if width < PAIR_ONLY:
        pictures = pictures[:2]
    # Whom the trainer names for a clean photo depends on its model and its archive, not on which photo stands beside.
    latest = [event for of_photo in photos.values() for event in of_photo]
    named = _named(person, shown[0], max(latest, key=lambda event: event.seq), width)
    side = min((width - 1) // len(pictures) - 1, 2 * (height - len(named) - 3)) // 2 * 2
    lines: list[Line] = []
    if side >= 12:
        gap: list[Line] = [[(" ", "")] for _ in range(side // 2)]
        blocks = [block for _, picture in pictures for block in (gap, halves(picture, side, colours=colours))]
        lines.append([span for title, _ in pictures for span in fit([(f" {title}", "bold")], side + 1)])
        lines += beside(*blocks)
    where = f" person {stage.person + 1} of {len(grouped)}   photo {stage.photo + 1} of {len(photos)}"
    return pad([*lines, *named, [], [(where, "dim")]], width, height)


def _named(person: str, first: PicturesShown, now: PicturesShown, width: int) -> list[Line]:
    """Whom the trainer names for a clean photo of the person: when the photo was first shown, and now."""
    half = (width - 2) // 2 if first is not now else width - 2
    lines: list[Line] = [
        [(f" shown a clean photo of {clean(person)}, posted {clean(first.cohort)}, the trainer names", "caption")]
    ]
    columns = [_candidates(first, "first", half)]
    if first is not now:
        columns.append(_candidates(now, "now", half))
    tall = max(map(len, columns))
    lines += [[(" ", ""), *line] for line in beside(*(pad(column, half, tall) for column in columns))]
    return lines


def _candidates(event: PicturesShown, when: str, width: int) -> list[Line]:
    lines: list[Line] = [[(cut(f"{when}: {event.t} {clean(event.extractor)}", width), "bold")]]
    for place, candidate in enumerate(event.candidates[:3]):
        right = candidate.person == event.person
        verdict, role = ("right", "bad bold") if right else ("wrong", "good bold")
        if place:
            verdict, role = ("right person, not first", "dim") if right else ("", "dim")
        name = clean(candidate.person)
        name += " " * max(0, 8 - cells(name))
        lines.append([(f"{name} {candidate.similarity:5.2f}  ", "" if not place else "dim"), (verdict, role)])
    return lines
