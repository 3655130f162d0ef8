"""``facetui runs``: which there are, those that are wanted, newest first."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from facetui.engine.records import journal
from facetui.engine.records.errors import JournalError, UsageError
from facetui.engine.records.events import Event, Note, RunBegan
from facetui.engine.records.text import brief
from facetui.tui.cli import shell_completion as shell
from facetui.tui.cli.options import seconds_of
from facetui.tui.runs import labels, recent
from facetui.tui.runs.recent import has_words
from facetui.tui.text import plain, table

STATES = ("running", "finished", "stopped", "failed", "killed", "damaged", "empty")
DATE = re.compile(r"\d{4}-\d{2}(-\d{2})?([ T]\d{2}:\d{2})?", re.ASCII)

StoryOption = Annotated[
    str | None, typer.Option("--story", autocompletion=shell.stories, help="Only runs of this story.")
]
StateOption = Annotated[
    str | None,
    typer.Option("--state", autocompletion=shell.one_of(*STATES), help=f"Only these: {', '.join(STATES)}."),
]
CastOption = Annotated[str | None, typer.Option("--cast", autocompletion=shell.casts, help="Only with this cast.")]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since",
        autocompletion=shell.one_of("1d", "7d", "30d"),
        metavar="DATE|TIME",
        help="Only those written to since then: 2026-11, 2026-11-30, or 12h, 7d, 4w ago.",
    ),
]
TextOption = Annotated[
    str | None, typer.Option("--text", metavar="WORDS", help="Only with these words in name, note, title or captions.")
]
SizesOption = Annotated[bool, typer.Option("--sizes", help="Also say how large each is, and all together.")]


@dataclass(frozen=True)
class Wanted:
    """Which runs are listed; ``None``: all.

    Attributes:
        story: of this story.
        state: that stand so.
        cast: with this cast.
        since: written to since, seconds since 1970.
        text: with all these words.
    """

    story: str | None = None
    state: str | None = None
    cast: str | None = None
    since: float | None = None
    text: str | None = None

    def has(self, folder: Path, state: str, events: list[Event]) -> bool:
        """Whether a run is among them."""
        began, label = journal.first(events, RunBegan), labels.read(folder)
        story, title, cast, people = (began.scenario, began.title, began.cast, began.people) if began else ("",) * 4
        if self.story not in (None, story) or self.state not in (None, state) or self.cast not in (None, cast):
            return False
        if self.since is not None and self.since > _written(folder):
            return False
        said = (folder.name, label.name, label.note, story, title, cast, people, state)
        notes = (event.text for event in events if isinstance(event, Note))
        return self.text is None or has_words(" ".join((*said, *notes)).lower(), self.text)


def wanted(story: str | None, state: str | None, cast: str | None, since: str | None, text: str | None) -> Wanted:
    """What was asked for.

    Raises:
        UsageError: no such state, or no time.
    """
    if state is not None and state not in STATES:
        raise UsageError(f"expected a state {', '.join(STATES)}, got {brief(repr(state))}")
    return Wanted(story, state, cast, None if since is None else _moment(since), text)


def _moment(said: str) -> float:
    if DATE.fullmatch(said.strip()):
        try:
            day = said.strip()
            return datetime.fromisoformat(f"{day}-01" if len(day) == 7 else day).timestamp()
        except (ValueError, OverflowError, OSError):
            raise UsageError(f"expected a date like 2026-11-30, got {brief(repr(said))}") from None
    try:
        return time.time() - seconds_of(said)
    except UsageError:
        raise UsageError(f"expected a date like 2026-11-30 or a time like 7d, got {brief(repr(said))}") from None


def _written(folder: Path) -> float:
    try:
        return (folder / journal.EVENTS).lstat().st_mtime
    except OSError:
        return 0.0


def size_of_run(folder: Path) -> int:
    """Bytes of everything in a run's folder; nothing behind a link."""

    def sizes(at: Path) -> Iterator[int]:
        try:
            with os.scandir(at) as found:
                for entry in found:
                    if entry.is_dir(follow_symlinks=False):
                        yield from sizes(Path(entry.path))
                    else:
                        yield entry.stat(follow_symlinks=False).st_size
        except OSError:  # gone meanwhile, or not ours to look into
            return

    return sum(sizes(folder))


def list_runs(which: Wanted, *, sizes: bool = False) -> None:
    """Print one line a run; of damaged ones, say what is wrong."""
    wrong: list[str] = []
    folders = journal.runs(journal.runs_folder())
    shown, whole = 0, 0
    for folder in folders:
        events: list[Event] = []
        try:
            events = journal.read(folder)
            state: str = journal.status(folder, events)
        except JournalError as error:
            state, why = "damaged", str(error)
        if not which.has(folder, state, events):
            continue
        wrong += [why] if state == "damaged" else []
        shown += 1
        took = f"{events[-1].wall:7.1f} s" if events else f"{'':9}"
        large = ""
        if sizes:
            size = size_of_run(folder)
            whole += size
            large = f"  {size / 1e6:8.1f} MB"
        line = f"{table.column(folder.name, 40)} {state:<9} {took}  {recent.when(folder)}{large}{_called(folder)}"
        plain.say(line)
    if not folders:
        plain.say("no runs yet; try: facetui run arms_race")
    elif not shown:
        plain.say(f"none of {len(folders)} runs is like that; facetui runs lists all")
    if sizes and shown:
        plain.say(f"{shown} runs, {whole / 1e6:.1f} MB")
    for sentence in wrong:
        plain.say(sentence, sys.stderr)


def _called(folder: Path) -> str:
    """What somebody calls a run and says of it, behind everything else of its line."""
    label = labels.read(folder)
    return "".join([f"  “{label.name}”" if label.name else "", f"  {label.note}" if label.note else ""])
