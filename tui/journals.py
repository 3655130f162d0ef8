"""Commands about runs that are there already: replay, follow, and ``facetui runs``. No torch."""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from platformdirs import user_data_path

from facetui.engine import journal
from facetui.engine.errors import JournalError, UsageError
from facetui.engine.events import Event
from facetui.tui import displays
from facetui.tui.options import NoConsoleOption, NoMotionOption, NoMouseOption

runs_app = typer.Typer(help="What was run: list, show, rm.", rich_markup_mode=None)

DisplayOption = Annotated[str, typer.Option("--display", help="auto, tui, plain, json or none; also FACETUI_DISPLAY.")]

FOLLOW_SECONDS = 0.2
"""Between two looks at a journal that grows."""


def runs_folder() -> Path:
    """``FACETUI_RUNS``, else the user's data folder."""
    override = os.environ.get("FACETUI_RUNS")
    return Path(override).expanduser() if override else user_data_path("facetui") / "runs"


def replay(
    name: Annotated[str, typer.Argument(help="A run's name, the beginning of it, or its folder.", metavar="RUN")],
    display: DisplayOption = "auto",
    no_motion: NoMotionOption = False,
    no_mouse: NoMouseOption = False,
    no_console: NoConsoleOption = False,
) -> None:
    """Show a finished run again, from its journal; needs no network and no torch."""
    shown = displays.resolve(display)
    folder = journal.find(name, [runs_folder()])
    events = journal.read(folder)
    if shown == "tui":
        from facetui.tui import launch

        raise typer.Exit(
            launch.app(runs_folder(), folder, motion=not no_motion, mouse=not no_mouse, console=not no_console)
        )
    show = displays.without_screen(shown)
    for event in events:
        show(event)
    if _refuse_killed(folder, events) == "running":
        print(f"this run still goes on; facetui follow {folder.name}", file=sys.stderr)


def _refuse_killed(folder: Path, events: list[Event]) -> journal.Status:
    state = journal.status(folder, events)
    if state in ("killed", "empty"):
        raise JournalError(
            f"{displays.short(folder / journal.EVENTS)} ends in the middle: the run was killed after {len(events)} "
            "events; run the story again, it goes on from what is in the cache"
        )
    return state


def follow(
    name: Annotated[str, typer.Argument(help="A run's name, the beginning of it, or its folder.", metavar="RUN")],
    display: DisplayOption = "auto",
    no_motion: NoMotionOption = False,
    no_mouse: NoMouseOption = False,
) -> None:
    """Watch a run that goes on, here or on another terminal of this machine; ends when the run ends."""
    shown = displays.resolve(display)
    folder = journal.find(name, [runs_folder()])
    if shown == "tui":
        from facetui.tui import launch

        raise typer.Exit(
            launch.app(runs_folder(), folder, live=True, motion=not no_motion, mouse=not no_mouse, console=False)
        )
    show, tail, seen = displays.without_screen(shown), journal.Tail(folder), []
    while True:
        running = journal.is_locked(folder)  # asked first: what it wrote last is then read
        for event in (new := tail.more()):
            show(event)
        seen += new
        if not running:
            break
        time.sleep(FOLLOW_SECONDS)
    _refuse_killed(folder, seen)


@runs_app.callback(invoke_without_command=True)
def _runs(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        runs_list()


@runs_app.command("list")
def runs_list() -> None:
    """List runs, newest first."""
    folders = journal.runs(runs_folder())
    if not folders:
        print("no runs yet; try: facetui run arms_race")
    for folder in folders:
        when = datetime.fromtimestamp((folder / journal.EVENTS).stat().st_mtime).strftime("%Y-%m-%d %H:%M")
        try:
            events = journal.read(folder)
            state: str = journal.status(folder, events)
            took = f"{events[-1].wall:7.1f} s" if events else f"{'':9}"
        except JournalError:
            state, took = "damaged", f"{'':9}"
        print(f"{folder.name:<40} {state:<9} {took}  {when}")


@runs_app.command("show")
def runs_show(name: Annotated[str, typer.Argument(metavar="RUN")]) -> None:
    """Show how a run was made and what it found."""
    folder = journal.find(name, [runs_folder()])
    events = journal.read(folder)
    began = journal.began(events, folder)
    state = journal.status(folder, events)
    print(f"{folder.name}: {state}, {len(events)} events, {events[-1].wall:.1f} s")
    print(f"folder      {displays.short(folder)}")
    print(f"story       {began.scenario}: {began.title}")
    print(f"people      {began.people}, {began.n_people}; protected: {', '.join(began.users)}")
    print(f"cast        {began.cast}; seed {began.seed}; {began.device}")
    print("weights     " + ", ".join(f"{name} {weights}" for name, weights in began.extractors.items()))
    print("versions    " + ", ".join(f"{name} {number}" for name, number in began.versions.items()))
    from facetui.engine.folds import cohort_table

    for line in displays.table_lines(cohort_table(events)):
        print(line)


@runs_app.command("rm")
def runs_rm(names: Annotated[list[str], typer.Argument(metavar="RUN...")]) -> None:
    """Delete runs; never one that still goes on."""
    import shutil

    for name in names:
        folder = journal.find(name, [runs_folder()])
        if journal.is_locked(folder):
            raise UsageError(f"{folder.name} still goes on; stop it before you delete it")
        shutil.rmtree(folder)
        print(f"deleted {folder.name}")
