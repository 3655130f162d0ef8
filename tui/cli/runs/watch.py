"""``facetui replay`` and ``facetui demo``: a run that is there already, shown again. No torch."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from facetui.engine.records import installation, journal, places
from facetui.engine.records.errors import JournalError
from facetui.engine.records.events import Event
from facetui.tui.app.terminal import capabilities
from facetui.tui.cli import shell_completion as shell
from facetui.tui.cli.options import DisplayOption, NoConsoleOption, NoMotionOption, NoMouseOption
from facetui.tui.runs import archive, labels, recordings
from facetui.tui.text import plain
from facetui.tui.text.sentences import live


def replay(
    name: Annotated[
        str,
        typer.Argument(
            autocompletion=shell.runs,
            help="A run's name, the beginning of it, its folder, or FILE.tar.zst.",
            metavar="RUN",
        ),
    ],
    display: DisplayOption = "auto",
    no_motion: NoMotionOption = False,
    no_mouse: NoMouseOption = False,
    no_console: NoConsoleOption = False,
) -> None:
    """Show a finished run again, from its journal; needs no network and no torch."""
    with unpacked(name) as packed:
        folder = packed or labels.find(name)
        # The console goes on from a run's end by playing its story: a stranger's story is a stranger's program.
        console = packed is None and installation.made_here(folder) and not no_console
        code = _play(folder, display, motion=not no_motion, mouse=not no_mouse, console=console, copied=packed)
    raise typer.Exit(code)


def _play(
    folder: Path,
    display: str,
    *,
    motion: bool,
    mouse: bool,
    console: bool,
    copied: Path | None = None,
    recorded: str = "",
) -> int:
    shown = capabilities.resolve(display)
    events = journal.read(folder)
    if shown == "tui":
        from facetui.tui.app import launch

        return launch.app(
            journal.runs_folder(), folder, motion=motion, mouse=mouse, console=console, copied=copied, recorded=recorded
        )
    show = plain.without_screen(shown)
    for event in events:
        show(event)
    if refuse_killed(folder, events) == "running":
        plain.say(f"this run still goes on; facetui follow {folder.name}", sys.stderr)
    return 0


@contextlib.contextmanager
def unpacked(name: str) -> Iterator[Path | None]:
    """The folder of a run that is given as one file, as long as it is needed; ``None`` for other names."""
    if not archive.is_archive(name):
        yield None
        return
    with archive.unpacked_for_now(places.expanded(Path(name))) as folder:
        yield folder


def demo(
    recording: Annotated[
        str,
        typer.Argument(
            autocompletion=shell.one_of(*recordings.names()),
            help="A story, on fictional people; real: arms_race on published networks and real people, no pictures.",
            metavar="[STORY]",
        ),
    ] = recordings.FIRST,
    display: DisplayOption = "auto",
    no_motion: NoMotionOption = False,
    no_mouse: NoMouseOption = False,
) -> None:
    """Play a recording that comes along: a moving timeline at once, without computing."""
    with recordings.unpacked(recording) as (folder, when):
        began = journal.began(journal.read(folder), folder)
        plain.say(f"this is a recording of {when}; run it live: {live(began)}", sys.stderr)
        code = _play(
            folder,
            display,
            motion=not no_motion,
            mouse=not no_mouse,
            console=False,
            copied=folder,
            recorded=when,
        )
    raise typer.Exit(code)


def refuse_killed(folder: Path, events: list[Event]) -> journal.Status:
    """How a run stands; one that ends in the middle is refused.

    Raises:
        JournalError: it was killed.
    """
    state = journal.status(folder, events)
    if state in ("killed", "empty"):
        raise JournalError(
            f"{places.short(folder / journal.EVENTS)} ends in the middle: the run was killed after {len(events)} "
            "events; run the story again, it goes on from what is in the cache"
        )
    return state
