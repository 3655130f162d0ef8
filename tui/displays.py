"""Displays without a screen: plain lines for people and logs, JSON for programs."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Literal, cast

from facetui.engine.errors import UsageError
from facetui.engine.events import (
    Actor,
    DefenceApplied,
    DetectionMeasured,
    Event,
    ExtractorReleased,
    LawPassed,
    Note,
    PhotosPosted,
    PhotosScraped,
    PicturesShown,
    Progress,
    ProtectionMeasured,
    RunBegan,
    RunEnded,
    RunFailed,
    SearchMeasured,
    VerificationMeasured,
    encode,
)
from facetui.engine.folds import CohortTable

DisplayName = Literal["auto", "plain", "json", "none"]
NAMES = ("auto", "plain", "json", "none")
MARKS: dict[Actor, str] = {"users": "▲", "friends": "○", "trainer": "■", "law": "◆", "lab": "·"}
ASCII_MARKS: dict[Actor, str] = {"users": "^", "friends": "o", "trainer": "#", "law": "*", "lab": "-"}
NEWS = "!"
"""Marks photos under an attack that a robust model was not trained against."""

PROGRESS_SECONDS = 5.0
"""Between two lines of progress; they go to standard error, results to standard output."""


def choose(name: str | None) -> Callable[[Event], None]:
    """The display to use.

    Args:
        name: as on the command line; absent or ``auto``: ``FACETUI_DISPLAY``, else plain.

    Raises:
        UsageError: no such display.
    """
    if name in (None, "auto"):
        name = os.environ.get("FACETUI_DISPLAY") or "plain"
    if name not in NAMES:
        raise UsageError(f"expected a display {', '.join(NAMES)}, got {name!r}")
    chosen = cast(DisplayName, name)
    if chosen == "json":
        return json_line
    return (lambda event: None) if chosen == "none" else Plain(sys.stdout)


def json_line(event: Event) -> None:
    """One line of JSON an event, as in the journal."""
    sys.stdout.write(encode(event).decode() + "\n")
    sys.stdout.flush()


def percent(rate: float) -> str:
    """``98 %``; below ten with one digit, so that small errors stay visible."""
    value = 100 * rate
    return f"{value:.1f} %" if 0 < value < 9.95 else f"{value:.0f} %"


class Plain:
    """One line a move, one line a measurement with the same columns every time, a closing table.

    Args:
        out: where lines go; flushed after each.
    """

    def __init__(self, out: IO[str], width: int | None = None) -> None:
        self._out = out
        self._width = width or max(60, min(120, shutil.get_terminal_size((100, 24)).columns))
        utf8 = (getattr(out, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf")
        self._marks = MARKS if utf8 else ASCII_MARKS
        self._cite = "×" if utf8 else "x"
        self._rise = "↑" if utf8 else "^"
        self._table = CohortTable()
        self._headed = False
        self._last_progress = 0.0
        self._first = ""

    def __call__(self, event: Event) -> None:
        self._table.add(event)
        match event:
            case RunBegan():
                self._began(event)
            case Note():
                self._wrapped(event, event.text)
            case PhotosPosted():
                self._wrapped(event, posted_in_words(event))
            case PhotosScraped():
                self._wrapped(event, f"scrapes {event.n_new} photos, now holds {event.n_archive}")
            case ExtractorReleased():
                since = f", released {event.released}" if event.released else ""
                self._wrapped(event, f"uses {event.extractor}{since}")
            case DefenceApplied():
                self._wrapped(event, defence_in_words(event))
            case LawPassed():
                self._wrapped(event, event.text)
            case ProtectionMeasured():
                self._measured(event)
            case SearchMeasured():
                self._wrapped(event, search_in_words(event))
            case DetectionMeasured():
                self._wrapped(event, detection_in_words(event))
            case VerificationMeasured():
                self._wrapped(event, verification_in_words(event))
            case PicturesShown():
                if event.person == self._first:  # of all whose pictures are kept
                    named = ", ".join(f"{c.person} {c.similarity:.2f}" for c in event.candidates)
                    self._wrapped(event, f"shown a clean photo of {event.person} it names: {named}")
            case Progress():
                self._progress(event)
            case RunEnded():
                self._closing(event)
            case RunFailed():
                self._closing(event)

    def _line(self, text: str = "") -> None:
        self._out.write(text.rstrip() + "\n")
        self._out.flush()

    def _wrapped(self, event: Event, text: str) -> None:
        head = f"{event.t:<10} {self._marks[event.actor]} "
        self._line(textwrap.fill(text, self._width, initial_indent=head, subsequent_indent=" " * len(head)))
        self._headed = False

    def _began(self, event: RunBegan) -> None:
        self._first = event.users[0]
        self._line(f"{event.scenario}: {event.title}")
        users = f"{len(event.users)} of {event.n_people} people ({event.people}) protect their photos"
        self._line(f"{users}; cast {event.cast}, seed {event.seed}, {event.device}")
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
            head = f"{'':<12} {'photos posted under':<21} {'model':<16} {'unnamed':>7}"
            self._line(f"{head} {'95 %':<6} {'n':>4} {'others':>6}")
            self._headed = True
        if event.basis == "cited":
            text = (
                f"reported: {percent(event.protection_rate)} for {event.attack} on {event.extractor} ({event.source})"
            )
            head = f"{event.t:<10} {self._cite} "
            self._line(textwrap.fill(text, self._width, initial_indent=head, subsequent_indent=" " * len(head)))
            return
        low, high = event.interval or (0.0, 1.0)
        others = percent(event.unprotected_error) if event.unprotected_error is not None else ""
        what = f"{event.t:<10} {self._marks[event.actor]} {event.cohort:<21} {event.generation:<16}"
        interval = f"{100 * low:.0f}-{100 * high:.0f}"
        news = "  not trained against it" if event.is_news else ""
        self._line(f"{what} {percent(event.protection_rate):>7} {interval:<6} {event.n_probes:>4} {others:>6}{news}")

    def _progress(self, event: Progress) -> None:
        now = time.monotonic()
        if now - self._last_progress < PROGRESS_SECONDS:
            return
        self._last_progress = now
        rate = f", {event.rate:,.0f} a second" if event.rate else ""
        print(f"  {event.task}: {event.done:,} of {event.total:,} {event.unit}{rate}", file=sys.stderr, flush=True)

    def _closing(self, event: RunEnded | RunFailed) -> None:
        for line in table_lines(self._table, rise=self._rise, cite=self._cite, width=self._width):
            self._line(line)
        if isinstance(event, RunEnded):
            memory = f", at most {event.peak_memory / 1e9:.1f} GB" if event.peak_memory else ""
            self._line(f"done in {event.wall:.1f} s{memory}")
        else:
            self._line(f"stopped after {event.wall:.1f} s: {event.error}")


def posted_in_words(event: PhotosPosted) -> str:
    """What was posted."""
    under = f"under {event.attack}" if event.attack else "as they are"
    change = ""
    if event.attack:
        change = f" ({event.budget}; at most {(event.linf or 0) * 255:.0f}/255, DSSIM {event.dssim or 0:.3f})"
    others = f"; everybody else posts {event.n_others}" if event.n_others else ""
    who = "people post" if event.actor == "users" else "people are shown in"
    about = f". {event.about}" if event.about else ""
    return f"{event.n_people} {who} {event.n_photos} photos {under}{change}{others}{about}"


def search_in_words(event: SearchMeasured) -> str:
    """What a search for the protected people returns."""
    return (
        f"searches with {event.n_probes} clean probes, {event.generation}: of the photos that could be among the first "
        f"{event.k}, {percent(event.recall)} are; any of them in {percent(event.discovery)} of searches; "
        f"{event.n_enrolled} photos of the protected people and {event.n_decoys} decoys in the archive"
    )


def detection_in_words(event: DetectionMeasured) -> str:
    """How well perturbed photos are told from clean ones, here and in a crawl."""
    precision = "none" if event.base_rate_precision is None else percent(event.base_rate_precision)
    known = "" if event.attack in event.against else ", which it was not trained on"
    return (
        f"shown photos of people it never saw, the detector trained on {', '.join(event.against)} flags "
        f"{percent(event.recall)} of {event.n_poisoned} under {event.attack}{known}, and "
        f"{percent(event.false_positive_rate)} of {event.n_clean} clean ones. Where "
        f"{100 * event.base_rate:g} % of photos are perturbed, {precision} of what it flags would be "
        f"(at least {percent(event.base_rate_precision_low)}, by the 95 % intervals)"
    )


def verification_in_words(event: VerificationMeasured) -> str:
    """What a user sees who compares two photos."""
    return (
        f"compare two photos with {event.extractor}: of {event.n_pairs} pairs of a clean photo and an own one, "
        f"{percent(event.match_clean)} match while both are clean, {percent(event.match_posted)} once one was "
        f"perturbed "
        f"(mean similarity {event.similarity_clean:.2f} and {event.similarity_posted:.2f}; matches from "
        f"{event.threshold:.2f}, as 1 % of pairs of different people do)"
    )


def defence_in_words(event: DefenceApplied) -> str:
    """What the trainer did, and what it cost everybody else."""
    if event.detail:
        return event.detail
    text = f"{event.defence}s to {', '.join(event.against)} on {event.n_photos} photos of {event.n_people} other people"
    text += f": {event.extractor}"
    if event.accuracy_before is not None and event.accuracy_after is not None:
        before, after = percent(event.accuracy_before), percent(event.accuracy_after)
        text += f"; accuracy on people neither protected nor trained on {before} -> {after} ({event.n_probes} probes)"
    return text


def blocks(names: Sequence[str], widths: Sequence[int], room: int) -> Iterator[list[tuple[str, int]]]:
    """Columns, each with its width, in blocks that fit into the room beside the first column; at least one a block."""
    block: list[tuple[str, int]] = []
    for name, width in zip(names, widths, strict=True):
        if block and sum(w for _, w in block) + width > room:
            yield block
            block = []
        block.append((name, width))
    if block:
        yield block


def table_lines(table: CohortTable, *, rise: str = "↑", cite: str = "×", width: int = 100) -> list[str]:
    """The table of cohorts by generations; wide ones are cut into blocks of columns."""
    if not table.cells:
        return []
    title = "share of clean probes not named; the trainer's models in the order in which it had them"
    lines = ["", *textwrap.wrap(title, width)]
    first = max(22, *(len(cohort) for cohort in table.cohorts)) + 1
    widths = [max(8, len(name)) + 2 for name in table.generations]
    for block in blocks(table.generations, widths, width - first):
        lines.append("photos posted under".ljust(first) + "".join(name.rjust(w) for name, w in block))
        for cohort in table.cohorts:
            row = [_cell(table, cohort, name, rise).rjust(w) for name, w in block]
            lines.append((cohort.ljust(first) + "".join(row)).rstrip())
        others = [table.unprotected(name) for name, _ in block]
        row = [
            (percent(m.unprotected_error) if m and m.unprotected_error is not None else "").rjust(w)
            for m, (_, w) in zip(others, block, strict=True)
        ]
        lines.append(("everybody else".ljust(first) + "".join(row)).rstrip())
    if any(table.rises(*key) for key in table.cells):
        lines.append(f"{rise} higher than with the model before it")
    if any(event.is_news for event in table.cells.values()):
        lines.append(f"{NEWS} under an attack that this model was not trained against")
    for event in table.cited:
        text = f"{percent(event.protection_rate)} for {event.attack} on {event.extractor}: {event.source}"
        lines += textwrap.wrap(text, width, initial_indent=f"{cite} reported ", subsequent_indent="  ")
    return lines


def _cell(table: CohortTable, cohort: str, generation: str, rise: str) -> str:
    event = table.cells.get((cohort, generation))
    if event is None:
        return ""
    mark = NEWS if event.is_news else ""
    return percent(event.protection_rate) + mark + (f" {rise}" if table.rises(cohort, generation) else "")


def short(path: Path) -> str:
    """A path as people write it: ``~`` for their home."""
    try:
        return f"~/{path.relative_to(Path.home())}"
    except ValueError:
        return str(path)
