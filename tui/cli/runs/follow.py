"""``facetui follow``: a run that goes on, here or at a presenter's address."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from facetui.engine.records import journal, places
from facetui.engine.records.errors import JournalError
from facetui.engine.records.events import Event, RunEnded, RunFailed
from facetui.tui.app.terminal import capabilities
from facetui.tui.cli import shell_completion as shell
from facetui.tui.cli.options import DisplayOption, NoMotionOption, NoMouseOption, PaceOption
from facetui.tui.cli.runs.watch import refuse_killed
from facetui.tui.runs import cues, labels
from facetui.tui.text import plain

if TYPE_CHECKING:
    from facetui.tui.runs.remote import Mirror

FOLLOW_SECONDS = 0.2
"""Between two looks at a journal that grows."""


def follow(
    name: Annotated[
        str,
        typer.Argument(
            autocompletion=shell.runs,
            help="A run's name, the beginning of it, its folder, or an address.",
            metavar="RUN|URL",
        ),
    ],
    display: DisplayOption = "auto",
    no_motion: NoMotionOption = False,
    no_mouse: NoMouseOption = False,
    pace: PaceOption = "read",
) -> None:
    """Watch a run that goes on: on this machine, or at the address that a presenter published; ends when it ends."""
    shown = capabilities.resolve(display)
    if name.startswith(("http://", "https://")):
        raise typer.Exit(_follow_url(name, shown, motion=not no_motion, mouse=not no_mouse, fast=pace == "fast"))
    folder = labels.find(name)
    if shown == "tui":
        from facetui.tui.app import launch

        raise typer.Exit(
            launch.app(
                journal.runs_folder(),
                folder,
                live=True,
                motion=not no_motion,
                mouse=not no_mouse,
                console=False,
                fast=pace == "fast",
            )
        )
    show, tail, seen = plain.without_screen(shown), journal.Tail(folder), []
    while True:
        running = journal.is_locked(folder)  # asked first: what it wrote last is then read
        for event in (new := tail.more()):
            show(event)
        seen += new
        if not running:
            break
        time.sleep(FOLLOW_SECONDS)
    refuse_killed(folder, seen)


def _follow_url(url: str, shown: plain.DisplayName, *, motion: bool, mouse: bool, fast: bool) -> int:
    """Follow a published run; what was copied of it is forgotten afterwards."""
    from facetui.tui.runs.remote import Mirror, forget

    parent = places.temporary()
    forget(parent)
    mirror = Mirror(url, parent)
    mirror.start()
    try:
        if shown == "tui":
            from facetui.tui.app import launch

            return launch.app(
                journal.runs_folder(),
                mirror.folder,
                live=True,
                motion=motion,
                mouse=mouse,
                console=False,
                mirror=mirror,
                fast=fast,
            )
        return _follow_lines(mirror, plain.without_screen(shown))
    finally:
        mirror.close()


def _follow_lines(mirror: Mirror, show: Callable[[Event], None]) -> int:
    tail, trouble, cue = journal.Tail(mirror.folder), "", 0
    last: Event | None = None
    while True:
        over = mirror.over  # asked first: what came last is then read
        if tail.folder != mirror.folder:
            plain.say("the presenter began a run anew", sys.stderr)
            tail, last = journal.Tail(mirror.folder), None
        for event in tail.more():
            show(event)
            last = event
        if bool(mirror.trouble) != bool(trouble):
            plain.say(mirror.trouble or "connected again", sys.stderr)
        trouble = mirror.trouble
        sent = cues.read(mirror.folder)
        for one in sent[cue:]:
            options = "; ".join(f"{number} {option}" for number, option in enumerate(one.options, 1))
            asked = f"the room is asked: {one.text} {options} (vote in the app, or on the page)"
            plain.say(asked if options else f"look here: {one.text}", sys.stderr)
        cue = len(sent)
        if over:
            break
        time.sleep(FOLLOW_SECONDS)
    if mirror.failed is not None:
        raise mirror.failed
    if not isinstance(last, RunEnded | RunFailed):
        raise JournalError("the presenter's run was killed; this is how far it came")
    return 0
