"""``facetui runs`` and ``facetui report``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from facetui.engine.records import journal, places
from facetui.engine.records.errors import JournalError, UsageError
from facetui.tui.cli import shell_completion as shell
from facetui.tui.cli.options import PicturesOption, RunArgument
from facetui.tui.cli.runs.watch import unpacked
from facetui.tui.text import plain, table

runs_app = typer.Typer(add_completion=False, help="What was run: list, show, export, rm.", rich_markup_mode=None)


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
        plain.say(f"{table.column(folder.name, 40)} {state:<9} {took}  {recent.when(folder)}")
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
    if began.repeats:
        plain.say(f"repeats     {began.repeats}")
    plain.say("weights     " + ", ".join(f"{name} {weights}" for name, weights in began.extractors.items()))
    plain.say("versions    " + ", ".join(f"{name} {number}" for name, number in began.versions.items()))
    from facetui.engine.records.cohort_table import cohort_table

    for line in table.table_lines(cohort_table(events)):
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
