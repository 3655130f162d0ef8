"""``facetui diff``: two runs over each other, what differs and by how much. No torch."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from facetui.engine.records import journal, places
from facetui.engine.records.text import json
from facetui.engine.runs.branches.comparison import Comparison, compare
from facetui.tui.app.terminal import capabilities
from facetui.tui.cli import shell_completion as shell
from facetui.tui.cli.options import DisplayOption, NoMotionOption, NoMouseOption
from facetui.tui.runs import named
from facetui.tui.runs.recordings import RECORDED
from facetui.tui.text import plain
from facetui.tui.text.comparison import lines

EitherRun = Annotated[
    str,
    typer.Argument(
        autocompletion=shell.runs,
        help="A run's name, the beginning of it, its folder, FILE.tar.zst, or demo:STORY for a recording.",
        metavar="RUN",
    ),
]


def diff(
    first: EitherRun,
    second: EitherRun,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="FILE.html, .md or .csv: write it, and show nothing.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,
    display: DisplayOption = "auto",
    no_motion: NoMotionOption = False,
    no_mouse: NoMouseOption = False,
) -> None:
    """Compare two runs: what differs in their settings, and by how much their figures do, with intervals."""
    from facetui.tui.sharing.reports import comparison_report

    found = compared(first, second)
    if out is not None:
        target = places.expanded(out)
        comparison_report.write(found, target)
        plain.say(f"wrote {places.short(target)}")
        return
    shown = "json" if as_json else capabilities.resolve(display)
    if shown == "tui":
        from facetui.tui.app import launch

        raise typer.Exit(
            launch.app(journal.runs_folder(), motion=not no_motion, mouse=not no_mouse, console=False, compared=found)
        )
    if shown == "json":
        print(json(comparison_report.as_data(found), ascii_only=not plain.speaks_unicode(sys.stdout)).decode())
    elif shown == "plain":
        for line in lines(found):
            plain.say(line.rstrip())


def compared(first: str, second: str) -> Comparison:
    """Two runs, by the names that somebody typed.

    Raises:
        FacetuiError: one of them is not there, or cannot be read.
    """
    events = []
    for name in (first, second):
        with named.opened(name) as folder:
            events.append(journal.read(folder))
    return compare((_shown(first), _shown(second)), (events[0], events[1]))


def _shown(name: str) -> str:
    """A run's name, without the folders on the way to it."""
    return name if name.startswith(RECORDED) else Path(name).name or name
