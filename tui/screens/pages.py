"""The screens, once: for the keys that lead there, the help, and what is drawn between header and footer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from facetui.tui.figures.photos import Looks, Placed
from facetui.tui.screens import cohorts, console, events, faces, home, timeline
from facetui.tui.state.app_state import Stage
from facetui.tui.text.spans import Line


@dataclass(frozen=True)
class Page:
    """One screen.

    Attributes:
        name: the stage's ``view``.
        keys: which lead there, as the screen library knows them.
        shown: how they are written.
        help: what is to be seen there.
        paint: ``paint(stage, width, height, looks)`` gives exactly ``height`` lines.
    """

    name: str
    keys: str
    shown: str
    help: str
    paint: Callable[[Stage, int, int, Looks], list[Line]]


def _console(stage: Stage, width: int, height: int, looks: Looks) -> list[Line]:
    return console.paint(stage.console, width, height, stage.known.progress)


PAGES = (
    Page("timeline", "1", "1", "the chart", timeline.paint),
    Page("cohorts", "2", "2", "the table of cohorts by models", lambda s, w, h, _: cohorts.paint(s, w, h)),
    Page("faces", "3", "3", "faces, and whom the trainer names", faces.paint),
    Page("events", "4", "4", "everything that happened", lambda s, w, h, _: events.paint(s, w, h)),
    Page(
        "console",
        "5,colon",
        "5 :",
        "the console: Python with the lab in it",
        _console,
    ),
    Page("home", "0", "0", "stories and runs", lambda s, w, h, _: home.paint(s, w, h)),
)


def page(stage: Stage, width: int, height: int, looks: Looks) -> list[Line]:
    """The page that is looked at, exactly ``width`` by ``height``."""
    shown = next((page for page in PAGES if page.name == stage.view), PAGES[0])
    return shown.paint(stage, width, height, looks)


def pictures(stage: Stage, width: int, height: int) -> list[Placed]:
    """The pictures of the page that is looked at, and where they stand on it."""
    if stage.view == "faces":
        return faces.placed(stage, width, height)
    return timeline.placed(stage, width, height) if stage.view == "timeline" else []
