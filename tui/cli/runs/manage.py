"""``facetui runs`` and ``facetui report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facetui.engine.records import journal, places
from facetui.engine.records.errors import UsageError
from facetui.tui.cli import shell_completion as shell
from facetui.tui.cli.options import PicturesOption, RunArgument
from facetui.tui.cli.runs import listing
from facetui.tui.cli.runs.watch import unpacked
from facetui.tui.runs import labels
from facetui.tui.text import plain, table

runs_app = typer.Typer(
    add_completion=False, help="What was run: list, show, rename, note, export, rm.", rich_markup_mode=None
)


def report(
    name: RunArgument,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="FILE.html, .md, .svg, .png or .csv; else RUN.html here.")
    ] = None,
) -> None:
    """Write a handout of a run: what happened, the chart, the table, and what repeats it."""
    from facetui.tui.sharing.reports.run_report import write

    with unpacked(name) as packed:
        folder = packed or labels.find(name)
        target = places.expanded(out or Path(f"{folder.name}.html"))
        write(folder, target)
    plain.say(f"wrote {places.short(target)}")


@runs_app.callback(invoke_without_command=True)
def _runs(
    context: typer.Context,
    story: listing.StoryOption = None,
    state: listing.StateOption = None,
    cast: listing.CastOption = None,
    since: listing.SinceOption = None,
    text: listing.TextOption = None,
    sizes: listing.SizesOption = False,
) -> None:
    which = listing.wanted(story, state, cast, since, text)
    if context.invoked_subcommand is None:
        listing.list_runs(which, sizes=sizes)
    elif sizes or which != listing.Wanted():
        raise UsageError(
            "options that choose runs go with the list: facetui runs --text WORDS, or facetui runs list --text WORDS"
        )


@runs_app.command("list")
def runs_list(
    story: listing.StoryOption = None,
    state: listing.StateOption = None,
    cast: listing.CastOption = None,
    since: listing.SinceOption = None,
    text: listing.TextOption = None,
    sizes: listing.SizesOption = False,
) -> None:
    """List runs, newest first; of damaged ones, say what is wrong."""
    listing.list_runs(listing.wanted(story, state, cast, since, text), sizes=sizes)


@runs_app.command("rename")
def runs_rename(
    name: RunArgument,
    called: Annotated[str, typer.Argument(metavar="NAME", help="How it is called from now on; '' takes it back.")],
) -> None:
    """Call a run something, also while it goes on; its folder keeps its name, and both find it."""
    folder = labels.find(name)
    kept = labels.write(folder, name=called).name
    plain.say(f"{folder.name} is called “{kept}”" if kept else f"{folder.name} has no other name any more")


@runs_app.command("note")
def runs_note(
    name: RunArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="A line about it; '' takes it back.")],
) -> None:
    """Keep a line about a run, also while it goes on; it goes along with facetui runs export."""
    folder = labels.find(name)
    kept = labels.write(folder, note=text).note
    plain.say(f"{folder.name}: {kept}" if kept else f"{folder.name} has no note any more")


@runs_app.command("export")
def runs_export(
    name: RunArgument,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="FILE.tar.zst; else RUN.tar.zst here.")] = None,
    pictures: PicturesOption = "fictional",
) -> None:
    """Pack a run into one file, for facetui replay FILE.tar.zst elsewhere."""
    from facetui.tui.runs.archive import is_archive, pack

    folder = labels.find(name)
    target = places.expanded(out or Path(f"{folder.name}.tar.zst"))
    if not is_archive(target.name):
        raise UsageError(f"expected a file ending in .tar.zst, got {target.name!r}")
    size = pack(folder, target, pictures)
    label = labels.read(folder)
    along = "".join(f", with its {what}" for what in ("name", "note") if getattr(label, what))
    plain.say(f"wrote {places.short(target)}, {size / 1000:,.0f} kB, pictures: {pictures}{along}")


@runs_app.command("show")
def runs_show(name: RunArgument) -> None:
    """Show how a run was made and what it found."""
    with unpacked(name) as packed:
        _show(packed or labels.find(name), packed=name if packed else "")


def _show(folder: Path, packed: str) -> None:
    events = journal.read(folder)
    began = journal.began(events, folder)
    state, label = journal.status(folder, events), labels.read(folder)
    plain.say(f"{packed or folder.name}: {state}, {len(events)} events, {events[-1].wall:.1f} s")
    for what, said in (("name", label.name), ("note", label.note)):
        if said:
            plain.say(f"{what:<11} {said}")
    if not packed:
        plain.say(f"folder      {places.short(folder)}, {listing.size_of_run(folder) / 1e6:.1f} MB")
    plain.say(f"story       {began.scenario}: {began.title}")
    if began.changes:
        plain.say(
            f"what if     {'; '.join(began.changes)}{f', branching from {began.branch_of}' if began.branch_of else ''}"
        )
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
        folder = labels.find(name)
        if journal.is_locked(folder):
            raise UsageError(f"{folder.name} still goes on; stop it before you delete it")
        shutil.rmtree(folder)
        plain.say(f"deleted {folder.name}")
