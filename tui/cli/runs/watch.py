"""Commands about runs that are there already: replay, follow, and ``facetui runs``. No torch."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facetui.engine.records import installation, journal, places
from facetui.engine.records.errors import JournalError, UsageError
from facetui.engine.records.events import Event, RunEnded, RunFailed
from facetui.tui.cli import shell_completion as shell
from facetui.tui.cli.options import (
    DisplayOption,
    NoConsoleOption,
    NoMotionOption,
    NoMouseOption,
    PicturesOption,
    RunArgument,
)
from facetui.tui.runs import cues
from facetui.tui.sharing.web import server_process
from facetui.tui.text import plain

if TYPE_CHECKING:
    from facetui.tui.runs.remote import Mirror

runs_app = typer.Typer(add_completion=False, help="What was run: list, show, export, rm.", rich_markup_mode=None)

DEMO = "demo.tar.zst"
"""A run of arms_race, recorded by the real engine: tools/record_demo.py."""

FOLLOW_SECONDS = 0.2
"""Between two looks at a journal that grows."""


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
        folder = packed or journal.find(name, [journal.runs_folder()])
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
    shown = plain.resolve(display)
    events = journal.read(folder)
    if shown == "tui":
        from facetui.tui.app import launch

        return launch.app(
            journal.runs_folder(), folder, motion=motion, mouse=mouse, console=console, copied=copied, recorded=recorded
        )
    show = plain.without_screen(shown)
    for event in events:
        show(event)
    if _refuse_killed(folder, events) == "running":
        plain.say(f"this run still goes on; facetui follow {folder.name}", sys.stderr)
    return 0


@contextlib.contextmanager
def unpacked(name: str) -> Iterator[Path | None]:
    """The folder of a run that is given as one file, as long as it is needed; ``None`` for other names."""
    from facetui.tui.runs.archive import is_archive, unpacked_for_now

    if not is_archive(name):
        yield None
        return
    with unpacked_for_now(places.expanded(Path(name))) as folder:
        yield folder


def demo(
    display: DisplayOption = "auto",
    no_motion: NoMotionOption = False,
    no_mouse: NoMouseOption = False,
) -> None:
    """Play a recording of arms_race that comes along: a moving timeline at once, without computing."""
    with resources.as_file(resources.files("facetui.tui") / DEMO) as packed, unpacked(str(packed)) as folder:
        assert folder is not None
        when = journal.began_at(folder)[:10]
        plain.say(f"this is a recording of {when}; run it live: facetui run arms_race", sys.stderr)
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


def report(
    name: RunArgument,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="FILE.html, .md, .svg, .png or .csv; else RUN.html here.")
    ] = None,
) -> None:
    """Write a handout of a run: what happened, the chart, the table, and what repeats it."""
    from facetui.tui.sharing.reports.run_report import write

    with unpacked(name) as packed:
        folder = packed or journal.find(name, [journal.runs_folder()])
        target = places.expanded(out or Path(f"{folder.name}.html"))
        write(folder, target)
    plain.say(f"wrote {places.short(target)}")


def _refuse_killed(folder: Path, events: list[Event]) -> journal.Status:
    state = journal.status(folder, events)
    if state in ("killed", "empty"):
        raise JournalError(
            f"{places.short(folder / journal.EVENTS)} ends in the middle: the run was killed after {len(events)} "
            "events; run the story again, it goes on from what is in the cache"
        )
    return state


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
) -> None:
    """Watch a run that goes on: on this machine, or at the address that a presenter published; ends when it ends."""
    shown = plain.resolve(display)
    if name.startswith(("http://", "https://")):
        raise typer.Exit(_follow_url(name, shown, motion=not no_motion, mouse=not no_mouse))
    folder = journal.find(name, [journal.runs_folder()])
    if shown == "tui":
        from facetui.tui.app import launch

        raise typer.Exit(
            launch.app(
                journal.runs_folder(), folder, live=True, motion=not no_motion, mouse=not no_mouse, console=False
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
    _refuse_killed(folder, seen)


def _follow_url(url: str, shown: plain.DisplayName, *, motion: bool, mouse: bool) -> int:
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
        told = cues.read(mirror.folder)
        for one in told[cue:]:
            plain.say(f"look here: {one.text}", sys.stderr)
        cue = len(told)
        if over:
            break
        time.sleep(FOLLOW_SECONDS)
    if mirror.failed is not None:
        raise mirror.failed
    if not isinstance(last, RunEnded | RunFailed):
        raise JournalError("the presenter's run was killed; this is how far it came")
    return 0


def publish(
    name: RunArgument,
    address: Annotated[
        str, typer.Argument(help="HOST:PORT; 0.0.0.0:0 is every address of this machine, any free port.")
    ] = server_process.LOOPBACK,
    pictures: PicturesOption = "fictional",
) -> None:
    """Let others follow a run, finished or not, read only, until Ctrl-C."""
    folder = journal.find(name, [journal.runs_folder()])
    server = server_process.start(folder, address, pictures)
    try:
        for line in server_process.invitation(server.url):
            plain.say(line)
        plain.say(server_process.who_can_read(server.url, pictures), sys.stderr)
        code = server.process.wait()
    except KeyboardInterrupt:
        code = 0
    finally:
        server.stop()
    if code:
        raise JournalError(f"the server ended with exit code {code}; run the command again")


@runs_app.callback(invoke_without_command=True)
def _runs(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        runs_list()


@runs_app.command("list")
def runs_list() -> None:
    """List runs, newest first; of damaged ones, say what is wrong."""
    from facetui.tui.runs import recent

    wrong: list[str] = []
    folders = journal.runs(journal.runs_folder())
    if not folders:
        plain.say("no runs yet; try: facetui run arms_race")
    for folder in folders:
        try:
            events = journal.read(folder)
            state: str = journal.status(folder, events)
            took = f"{events[-1].wall:7.1f} s" if events else f"{'':9}"
        except JournalError as error:
            state, took = "damaged", f"{'':9}"
            wrong.append(str(error))
        plain.say(f"{plain.column(folder.name, 40)} {state:<9} {took}  {recent.when(folder)}")
    for sentence in wrong:
        plain.say(sentence, sys.stderr)


@runs_app.command("export")
def runs_export(
    name: RunArgument,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="FILE.tar.zst; else RUN.tar.zst here.")] = None,
    pictures: PicturesOption = "fictional",
) -> None:
    """Pack a run into one file, for facetui replay FILE.tar.zst elsewhere."""
    from facetui.tui.runs.archive import is_archive, pack

    folder = journal.find(name, [journal.runs_folder()])
    target = places.expanded(out or Path(f"{folder.name}.tar.zst"))
    if not is_archive(target.name):
        raise UsageError(f"expected a file ending in .tar.zst, got {target.name!r}")
    size = pack(folder, target, pictures)
    plain.say(f"wrote {places.short(target)}, {size / 1000:,.0f} kB, pictures: {pictures}")


@runs_app.command("show")
def runs_show(name: RunArgument) -> None:
    """Show how a run was made and what it found."""
    folder = journal.find(name, [journal.runs_folder()])
    events = journal.read(folder)
    began = journal.began(events, folder)
    state = journal.status(folder, events)
    plain.say(f"{folder.name}: {state}, {len(events)} events, {events[-1].wall:.1f} s")
    plain.say(f"folder      {places.short(folder)}")
    plain.say(f"story       {began.scenario}: {began.title}")
    plain.say(f"people      {began.people}, {began.n_people}; protected: {', '.join(began.users)}")
    plain.say(f"cast        {began.cast}; seed {began.seed}; {began.device}")
    plain.say("weights     " + ", ".join(f"{name} {weights}" for name, weights in began.extractors.items()))
    plain.say("versions    " + ", ".join(f"{name} {number}" for name, number in began.versions.items()))
    from facetui.engine.records.cohort_table import cohort_table

    for line in plain.table_lines(cohort_table(events)):
        plain.say(line)


@runs_app.command("rm")
def runs_rm(names: Annotated[list[str], typer.Argument(autocompletion=shell.runs, metavar="RUN...")]) -> None:
    """Delete runs; never one that still goes on."""
    import shutil

    for name in names:
        folder = journal.find(name, [journal.runs_folder()])
        if journal.is_locked(folder):
            raise UsageError(f"{folder.name} still goes on; stop it before you delete it")
        shutil.rmtree(folder)
        plain.say(f"deleted {folder.name}")
