"""What a person has chosen on the screens, and what there is to choose from. Only the state moves a selection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from facetui.engine.records.events import Event, PicturesShown, Progress, RunBegan
from facetui.engine.records.text import clean
from facetui.tui.text.sentences import LONGEST, MARKS, words
from facetui.tui.text.spans import left

Photos = dict[str, list[PicturesShown]]
"""By posted photo, what was shown of it, oldest first."""


@dataclass
class Selection:
    """Where the cursors stand; always inside of what there is, once the stage has settled.

    Attributes:
        entry: line of the home screen, an index into stories and runs.
        cell: row and column of the table of cohorts.
        person: on the screen of faces, an index.
        photo: of that person's, an index.
        event: line of the events, an index into the journal.
        words: only events with these words are listed.
        sought: only stories and runs with these words are listed.
        typing: the person types these words, or those.
        marked: the run that another is to be compared with, as ``Stage.comparable`` names it; empty: none.
        slot: the chart's cursor, a place on the axis; absent: there is none.
        line: the line it stands on, an index.
    """

    entry: int = 0
    cell: tuple[int, int] = (0, 0)
    person: int = 0
    photo: int = 0
    event: int = 0
    words: str = ""
    sought: str = ""
    typing: bool = False
    slot: int | None = None
    line: int = 0
    marked: str = ""

    def type(self, key: str, character: str | None, *, at_home: bool = False) -> bool:
        """A key while words are typed: Enter keeps them, Escape forgets them; whether it meant anything here.

        Args:
            key: its name.
            character: what it types, if anything.
            at_home: of stories and runs; otherwise of events.
        """
        words = self.sought if at_home else self.words
        if key in ("enter", "escape"):
            self.typing = False
            words = "" if key == "escape" else words
        elif key in ("backspace", "ctrl+h"):
            words = words[:-1]
        elif character and character.isprintable():
            words += character
        else:
            return False
        if at_home:
            self.sought = words
        else:
            self.words = words
        return True


def inside(index: int, count: int) -> int:
    """The nearest index of ``count`` things; 0 where there are none."""
    return max(0, min(index, count - 1))


def photos_of_people(shown: Sequence[PicturesShown]) -> dict[str, Photos]:
    """By person, what was shown of their photos."""
    grouped: dict[str, Photos] = {}
    for event in shown:
        grouped.setdefault(event.person, {}).setdefault(event.posted, []).append(event)
    return grouped


def listed(events: Sequence[Event], wanted: str) -> list[int]:
    """Indices of the events in the list: of a task's progress only the last, and only those with the wanted words."""
    filters = wanted.lower().split()
    kept = []
    for index, event in enumerate(events):
        after = events[index + 1] if index + 1 < len(events) else None
        if isinstance(event, Progress) and isinstance(after, Progress) and after.task == event.task:
            continue
        if filters and not all(word in row(event).lower() for word in filters):
            continue
        kept.append(index)
    return kept


def row(event: Event) -> str:
    """One event as one line of text, by which it is also found."""
    text = f"{event.scenario}: {event.title}"[:LONGEST] if isinstance(event, RunBegan) else words(event)
    return f"{head(event)}{clean(text)}"


def head(event: Event) -> str:
    """The beginning of that line: date, who, and of which kind."""
    return f"{left(event.t, 10)} {MARKS[event.actor]} {event.kind.replace('_', ' ')} "
