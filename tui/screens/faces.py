"""One protected person: the clean photo, whom the trainer names for it, and what a tool changed in what was posted."""

from __future__ import annotations

from facetui.engine.records.events import PicturesShown
from facetui.engine.records.text import clean
from facetui.tui.figures.photos import Looks, Placed, difference, load, pictures_in_row
from facetui.tui.state.app_state import Stage
from facetui.tui.state.selection import Photos, photos_of_people
from facetui.tui.text.spans import Line, cells, cut, pad, side_by_side, wrap

LEAST_SIDE, LEAST_PAIR = 12, 24
"""Columns of the smallest picture, and of one for which a second row of pictures is worth its rows."""

TWO = 60
"""Columns from which on it is told beside each other whom the trainer named first, and now; in fewer only now."""

ALIKE = "numbers: how alike two photos are to the model, -1 to 1; no percentages"


def chosen(stage: Stage) -> tuple[str, Photos, list[PicturesShown]] | None:
    """The person who is looked at, what was shown of each of their photos, and of the chosen one."""
    grouped = photos_of_people(stage.now.shown)
    if not grouped or stage.run.folder is None:
        return None
    people = list(grouped.items())
    person, photos = people[min(stage.selection.person, len(people) - 1)]
    return person, photos, list(photos.values())[min(stage.selection.photo, len(photos) - 1)]


def latest(stage: Stage) -> PicturesShown | None:
    """Whom the trainer named last for a clean photo of the person who is looked at.

    That depends on its model and its archive, not on which posted photo stands beside.
    """
    found = chosen(stage)
    return max((e for of_photo in found[1].values() for e in of_photo), key=lambda e: e.seq) if found else None


def named(event: PicturesShown) -> str:
    """Who is named first."""
    return clean(event.candidates[0].person) if event.candidates else "nobody"


def _words(stage: Stage, width: int) -> list[Line]:
    found, last = chosen(stage), latest(stage)
    return _named(found[0], found[2][0], last, width) if found is not None and last is not None else []


def placed(stage: Stage, width: int, height: int) -> list[Placed]:
    """The pictures of the page, row by row; empty where there are none, or no room for them."""
    found, last, folder = chosen(stage), latest(stage), stage.run.folder
    if found is None or last is None or folder is None:
        return []
    one, two = found[2][0].original, found[2][0].posted
    asked = [("a clean photo", load(folder, last.probe)), (f"named: {named(last)}", load(folder, last.named))]
    posted = [("as posted", load(folder, two)), ("difference x10", difference(folder, one, two))]
    room = height - len(_words(stage, width)) - 3
    side = min((width - 1) // 3 - 1, room - 2) // 2 * 2  # two rows of pictures, each with its titles
    rows = [asked, [("its original", load(folder, one)), *posted]]
    if side < LEAST_PAIR:
        rows = [[*asked, *posted]]
        side = min((width - 1) // 4 - 1, 2 * (room - 1)) // 2 * 2
    if side < LEAST_SIDE:
        return []
    return [
        Placed(title, picture, 1 + i * (side + 1), 1 + number * (side // 2 + 1), side)
        for number, row in enumerate(rows)
        for i, (title, picture) in enumerate(row)
    ]


def paint(stage: Stage, width: int, height: int, looks: Looks) -> list[Line]:
    """The page, exactly ``width`` by ``height``.

    Args:
        stage: what to show.
        width: columns.
        height: rows.
        looks: what the terminal can show.
    """
    found = chosen(stage)
    if found is None:
        sentence = "no face was looked for up to here: space plays on, G goes to the end; lab.show() shows all of them"
        return pad([[], *([(f" {text}", "dim")] for text in wrap(sentence, width - 2, 3))], width, height)
    pictures = placed(stage, width, height)
    lines: list[Line] = []
    for y in sorted({picture.y for picture in pictures}):
        drawn = pictures_in_row([picture for picture in pictures if picture.y == y], looks)
        lines += [[(text, f"{role} @photo:") for text, role in line] for line in drawn]  # a click: the next photo
    where = f" person {stage.selection.person + 1} of {len(photos_of_people(stage.now.shown))}   "
    where += f"photo {stage.selection.photo + 1} of {len(found[1])}"
    said = [[], *([(f" {text}", "dim")] for text in wrap(ALIKE, width - 2, 2)), [(where, "dim")]]
    return pad([*lines, *_words(stage, width), *said], width, height)


def _named(person: str, first: PicturesShown, now: PicturesShown, width: int) -> list[Line]:
    """Whom the trainer names for a clean photo of the person: when the photo was first shown, and now."""
    both = first is not now and width >= TWO
    half = (width - 2) // 2 if both else width - 2
    sentence = f"shown a clean photo of {clean(person)}, posted {clean(first.cohort)}, the trainer names"
    lines: list[Line] = [[(f" {part}", "caption")] for part in wrap(sentence, width - 1, 2)]
    columns = [_candidates(first, "first", half)] if both or first is now else []
    if first is not now:
        columns.append(_candidates(now, "now", half))
    tall = max(map(len, columns))
    lines += [[(" ", ""), *line] for line in side_by_side(*(pad(column, half, tall) for column in columns))]
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
