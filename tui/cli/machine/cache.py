"""``facetui cache``: how large the cache of results is, and how it becomes smaller. No torch."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections import Counter
from datetime import datetime
from typing import Annotated

import typer

from facetui.engine.core import cache_folder
from facetui.engine.core.cache_folder import Kind, Plan
from facetui.engine.records import places
from facetui.engine.records.errors import DataError, UsageError
from facetui.tui.cli import shell_completion as shell
from facetui.tui.cli.options import seconds_of, size_of
from facetui.tui.text.plain import say

app = typer.Typer(
    add_completion=False,
    help="The cache of results: its size by kind; prune, clear.",
    rich_markup_mode=None,
)

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; for scripts.")]


def megabytes(size: int) -> str:
    """Bytes as people read them."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


@app.callback(invoke_without_command=True)
def _cache(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        show()


@app.command()
def show() -> None:
    """Say where the cache is, and how much of each kind lies there."""
    folder = places.cache()
    sizes: Counter[Kind] = Counter()
    counts: Counter[Kind] = Counter()
    used: dict[Kind, float] = {}
    for entry in cache_folder.entries(folder):
        kind = entry.kind
        sizes[kind] += entry.size
        counts[kind] += 1
        used[kind] = max(used.get(kind, 0.0), entry.used)
    free = ""
    with contextlib.suppress(OSError):
        free = f", {shutil.disk_usage(folder).free / 1e9:.0f} GB free on its disk"
    say(f"{places.short(folder)}: {megabytes(sizes.total())} in {counts.total():,} entries{free}")
    for kind, size in sizes.most_common():
        say(f"{kind:<27} {megabytes(size):>9} {counts[kind]:>9,} entries, last used {_date(used[kind])}")
    if using := len(cache_folder.users(folder)):
        say(f"in use by {_processes(using)}")


@app.command()
def prune(
    to: Annotated[
        str | None,
        typer.Option(
            autocompletion=shell.one_of("500MB", "1GB", "2GB", "5GB", "10GB"),
            metavar="SIZE",
            help="Remove the least recently used until so much is left: 500MB, 2GB.",
        ),
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option(
            autocompletion=shell.one_of("7d", "30d", "90d", "365d"),
            metavar="TIME",
            help="Remove what was not used for so long: 12h, 30d, 8w.",
        ),
    ] = None,
    yes: YesOption = False,
) -> None:
    """Remove results that were not used for long; they are computed anew when they are needed."""
    if to is None and older_than is None:
        raise UsageError("say what may stay: --to 2GB, --older-than 30d, or both; facetui cache clear removes all")
    most = None if to is None else size_of(to)
    seconds = None if older_than is None else seconds_of(older_than)
    _remove(cache_folder.plan(places.cache(), to=most, unused_for=seconds), yes)


@app.command()
def clear(yes: YesOption = False) -> None:
    """Remove all results but those in use; they are computed anew when they are needed."""
    _remove(cache_folder.plan(places.cache(), to=0), yes)


def _remove(chosen: Plan, yes: bool) -> None:
    """Ask, remove, and say what was freed and what stays for its use."""
    where, size = places.short(places.cache()), sum(entry.size for entry in chosen.going)
    if chosen.going:
        say(f"{where}: {megabytes(size)} of {megabytes(chosen.size)} in {len(chosen.going):,} entries")
        ask("delete them?", yes)
    freed = cache_folder.remove(chosen)
    say(f"freed {megabytes(freed.size)}, {freed.entries:,} entries; {megabytes(freed.left)} left in {where}")
    if freed.kept:
        say(f"{megabytes(freed.kept)} more stay, in use by {_processes(freed.processes)}: prune again when it is over")
    if freed.refused:
        why = ", ".join(f"{count} ({reason})" for reason, count in freed.refused.items())
        raise DataError(f"some entries could not be removed: {why}; look at who may write in {where}")


def ask(question: str, yes: bool) -> None:
    """Ask before something is deleted; without a terminal ``--yes`` must say it.

    Raises:
        UsageError: nobody can be asked.
        Exit: the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("there is nobody to ask here; say --yes to delete without being asked")
    if not typer.confirm(question, default=False):
        raise typer.Exit(1)


def _processes(count: int) -> str:
    return "1 process" if count == 1 else f"{count} processes"


def _date(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d")
    except (OverflowError, ValueError, OSError):
        return "at no date of any calendar"
