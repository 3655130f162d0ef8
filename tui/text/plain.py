"""Displays without a screen: plain lines for people and logs, JSON for programs."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Literal

from facetui.engine.records.cohort_table import CohortTable
from facetui.engine.records.events import (
    ClockMoved,
    Counted,
    Event,
    PicturesShown,
    Progress,
    ProtectionMeasured,
    RunBegan,
    RunEnded,
    RunFailed,
)
from facetui.engine.records.rates import percent
from facetui.engine.records.text import json, printable
from facetui.tui.text.sentences import ASCII_MARKS, LONGEST, MARKS, what_if, who_protects, words
from facetui.tui.text.spans import left
from facetui.tui.text.table import column, table_lines

DisplayName = Literal["auto", "tui", "plain", "json", "none"]

LEAST = (40, 12)
"""Columns and rows below which there is no screen unless one asks for it."""

NAMES = 21
"""Columns of a cohort's name."""

PROGRESS_SECONDS = 5.0
"""Between two lines of progress; they go to standard error, results to standard output."""


def without_screen(name: DisplayName) -> Callable[[Event], None]:
    """The display for lines on standard output: ``json``, ``none``, else plain."""
    if name == "json":
        return json_line
    return (lambda event: None) if name == "none" else Plain(sys.stdout)


def json_line(event: Event) -> None:
    """One line of JSON an event, as in the journal."""
    sys.stdout.write(json(event, ascii_only=not speaks_unicode(sys.stdout)).decode() + "\n")
    sys.stdout.flush()


def say(text: str = "", out: IO[str] | None = None) -> None:
    """Print one line; whatever in it comes from elsewhere commands no terminal, and fits the stream's encoding.

    Args:
        text: what to say; a line break in it becomes a blank.
        out: where; absent: standard output.
    """
    out = out or sys.stdout
    print(printable(text, getattr(out, "encoding", None) or "utf-8"), file=out, flush=True)


def say_path(path: Path) -> None:
    """Print a path: cleaned for a terminal, byte for byte for a program."""
    if sys.stdout.isatty():
        say(str(path))
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(os.fsencode(path) + b"\n")
        sys.stdout.flush()


def speaks_unicode(out: IO[str]) -> bool:
    """Whether a stream's encoding can write all of Unicode."""
    return (getattr(out, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf")


class Telling:
    """Says on standard error how far something is that comes before a run: at once, and then every few seconds."""

    def __init__(self) -> None:
        self._last, self._what = 0.0, ""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Take in that ``done`` of ``total`` are done; the first time nothing is."""
        now = time.monotonic()
        if (done or what == self._what) and now - self._last < PROGRESS_SECONDS:
            return
        self._last, self._what = now, what
        say(f"  {what}: {done:,} of {total:,}" if done else f"  {what}", sys.stderr)


class Plain:
    """One line a move, one line a measurement with the same columns every time, a closing table.

    Args:
        out: where lines go; flushed after each.
    """

    def __init__(self, out: IO[str], width: int | None = None) -> None:
        self._out = out
        self._width = width or max(60, min(120, shutil.get_terminal_size((100, 24)).columns))
        utf8 = speaks_unicode(out)
        self._marks = MARKS if utf8 else ASCII_MARKS
        self._cite = "×" if utf8 else "x"
        self._rise = "↑" if utf8 else "^"
        self._table = CohortTable()
        self._headed = False
        self._names = NAMES
        self._last_progress = 0.0
        self._first = ""

    def __call__(self, event: Event) -> None:
        self._table.add(event)
        match event:
            case RunBegan():
                self._began(event)
            case ProtectionMeasured():
                self._measured(event)
            case Progress():
                self._progress(event)
            case RunEnded() | RunFailed():
                self._closing(event)
            case ClockMoved() | Counted():
                pass  # every line begins with the date; the answer counts, too
            case PicturesShown() if event.person != self._first:
                pass  # of all whose pictures are kept, one is named here
            case _:
                self._wrapped(event, words(event))

    def _line(self, text: str = "") -> None:
        say(text.rstrip()[:LONGEST], self._out)

    def _wrapped(self, event: Event, text: str) -> None:
        head = f"{left(event.t, 10)} {self._marks[event.actor]} "
        self._filled(head, text)
        self._headed = False

    def _filled(self, head: str, text: str) -> None:
        for line in textwrap.wrap(text, self._width, initial_indent=head, subsequent_indent=" " * len(head)):
            self._line(line)

    def _began(self, event: RunBegan) -> None:
        self._names = NAMES + (5 if event.strength == "workshop" else 0)  # "2021-01-21 lowkey weakened"
        self._first = event.users[0] if event.users else ""
        self._table = CohortTable()  # several seeds are played one after the other
        self._line(f"{event.scenario}: {event.title}")
        self._filled("", f"{who_protects(event)}; cast {event.cast}, seed {event.seed}, {event.device}{what_if(event)}")
        seen: dict[str, list[str]] = {}
        for name, what in event.preprocessing.items():
            seen.setdefault(what or "unknown input", []).append(name)
        for what, names in seen.items():
            self._line(f"{', '.join(names)}: {what}")
        m = self._marks
        self._line(f"{m['users']} users  {m['friends']} friends  {m['trainer']} trainer  {m['law']} law")
        self._line()

    def _measured(self, event: ProtectionMeasured) -> None:
        if not self._headed:
            head = f"{'':<12} {'photos posted under':<{self._names}} {'model':<16} {'unnamed':>7}"
            self._line(f"{head} {'95 %':<6} {'n':>4} {'others':>6}")
            self._headed = True
        if event.basis == "cited":
            head = f"{left(event.t, 10)} {self._cite} "
            self._filled(head, words(event))
            return
        others = percent(event.unprotected_error) if event.unprotected_error is not None else ""
        what = f"{left(event.t, 10)} {self._marks[event.actor]} {column(event.cohort, self._names)} "
        what += column(event.generation, 16)
        interval = "by law" if event.interval is None else "{:.0f}-{:.0f}".format(*(100 * e for e in event.interval))
        news = "  not trained against it" if event.is_news else ""
        self._line(f"{what} {percent(event.protection_rate):>7} {interval:<6} {event.n_probes:>4} {others:>6}{news}")

    def _progress(self, event: Progress) -> None:
        now = time.monotonic()
        if now - self._last_progress < PROGRESS_SECONDS:
            return
        self._last_progress = now
        say(f"  {words(event)}", sys.stderr)

    def _closing(self, event: RunEnded | RunFailed) -> None:
        for line in table_lines(self._table, rise=self._rise, cite=self._cite, width=self._width):
            self._line(line)
        self._line(words(event))
