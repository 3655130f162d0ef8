"""One protected person: the photo, as it was posted, the difference, and whom the trainer names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from facetui.engine.records.events import PicturesShown
from facetui.engine.records.text import clean
from facetui.tui.figures.photos import difference, halves, load
from facetui.tui.state.app_state import Stage
from facetui.tui.state.selection import Photos, photos_of_people
from facetui.tui.text.spans import Line, cells, cut, fit, pad, side_by_side, wrap

if TYPE_CHECKING:
    from PIL.Image import Image

PAIR_ONLY = 96
"""Below this width there is room for two pictures, not for three."""


@dataclass(frozen=True)
class Placed:
    """A picture and where it stands on the page, in columns and rows.

    Attributes:
        title: what it shows.
        picture: ``None`` where it was not kept.
        x: column of its left edge.
        y: row of its upper edge.
        width: columns; half as many rows.
    """

    title: str
    picture: Image | None
    x: int
    y: int
    width: int


def _chosen(stage: Stage) -> tuple[str, Photos, list[PicturesShown]] | None:
    """The person who is looked at, what was shown of each of their photos, and of the chosen one."""
    grouped = photos_of_people(stage.now.shown)
    if not grouped or stage.run.folder is None:
        return None
    person, photos = list(grouped.items())[stage.selection.person]
    return person, photos, list(photos.values())[stage.selection.photo]


def _words(stage: Stage, width: int) -> list[Line]:
    chosen = _chosen(stage)
    if chosen is None:
        return []
    person, photos, shown = chosen
    # Whom the trainer names for a clean photo depends on its model and its archive, not on which photo stands beside.
    latest = [event for of_photo in photos.values() for event in of_photo]
    return _named(person, shown[0], max(latest, key=lambda event: event.seq), width)


def placed(stage: Stage, width: int, height: int) -> list[Placed]:
    """The pictures of the page; empty where there are none, or no room for them."""
    chosen = _chosen(stage)
    if chosen is None or stage.run.folder is None:
        return []
    _, _, shown = chosen
    folder, one, two = stage.run.folder, shown[0].original, shown[0].posted
    pictures = [
        ("original", load(folder, one)),
        ("as posted", load(folder, two)),
        ("difference x10", difference(folder, one, two)),
    ]
    if width < PAIR_ONLY:
        pictures = pictures[:2]
    side = min((width - 1) // len(pictures) - 1, 2 * (height - len(_words(stage, width)) - 3)) // 2 * 2
    if side < 12:
        return []
    return [Placed(title, picture, 1 + i * (side + 1), 1, side) for i, (title, picture) in enumerate(pictures)]


def paint(stage: Stage, width: int, height: int, *, colours: bool = True, pixels: bool = False) -> list[Line]:
    """The page, exactly ``width`` by ``height``.

    Args:
        stage: what to show.
        width: columns.
        height: rows.
        colours: whether pictures may be made of colours.
        pixels: leave their place empty: something else draws them in pixels.
    """
    chosen = _chosen(stage)
    if chosen is None:
        sentence = " no picture was shown up to here: a story shows them with lab.show()"
        return pad([[], [(cut(sentence, width), "dim")]], width, height)
    pictures = placed(stage, width, height)
    lines: list[Line] = []
    if pictures:
        side = pictures[0].width
        empty: list[Line] = [[(" " * side, "")] for _ in range(side // 2)]
        gap: list[Line] = [[(" ", "")] for _ in range(side // 2)]
        drawn = [empty if pixels and p.picture else halves(p.picture, side, colours=colours) for p in pictures]
        lines.append([span for p in pictures for span in fit([(f" {p.title}", "bold")], side + 1)])
        lines += side_by_side(*(block for picture in drawn for block in (gap, picture)))
    where = f" person {stage.selection.person + 1} of {len(photos_of_people(stage.now.shown))}   "
    where += f"photo {stage.selection.photo + 1} of {len(chosen[1])}"
    return pad([*lines, *_words(stage, width), [], [(where, "dim")]], width, height)


def _named(person: str, first: PicturesShown, now: PicturesShown, width: int) -> list[Line]:
    """Whom the trainer names for a clean photo of the person: when the photo was first shown, and now."""
    half = (width - 2) // 2 if first is not now else width - 2
    sentence = f"shown a clean photo of {clean(person)}, posted {clean(first.cohort)}, the trainer names"
    lines: list[Line] = [[(f" {part}", "caption")] for part in wrap(sentence, width - 1, 2)]
    columns = [_candidates(first, "first", half)]
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
