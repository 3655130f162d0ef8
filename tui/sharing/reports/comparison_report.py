"""Two runs compared as something to take home, and as data for programs."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from facetui.engine.records import files
from facetui.engine.records.cohort_table import ROWS
from facetui.engine.records.errors import JournalError, UsageError
from facetui.engine.records.rates import percent, percents
from facetui.engine.records.text import csv_cell
from facetui.engine.runs.branches.comparison import Comparison, Difference
from facetui.tui.sharing.reports import document
from facetui.tui.sharing.reports.document import Block, Heading, Items, Sentence, Table
from facetui.tui.text.comparison import cohorts_of, how, in_words, interval_words, missing, points, row_name, summary

KINDS = (".html", ".md", ".csv")

FIELDS = (
    *("measured_in", "cohort_a", "cohort_b", "model", "rate_a", "rate_b", "change", "low", "high"),
    *("paired", "verdict", "people", "n_probes_a", "n_probes_b"),
)


def write(found: Comparison, target: Path) -> None:
    """Write a comparison; the file's ending says as what.

    Raises:
        UsageError: an ending that is none of ``KINDS``.
        JournalError: the file cannot be written.
    """
    kind = target.suffix.lower()
    if kind not in KINDS:
        raise UsageError(f"expected a file ending in {', '.join(KINDS)}, got {target.name!r}")
    try:
        files.write(target.parent, target.name, content(found, kind))
    except OSError as error:
        raise JournalError(f"{target} cannot be written ({error.strerror}); choose another name with -o") from error


def content(found: Comparison, kind: str) -> bytes:
    """What the file of a kind holds, ``.html``, ``.md`` or ``.csv``."""
    match kind:
        case ".html":
            return document.html("two runs compared", blocks(found)).encode()
        case ".md":
            return document.markdown(blocks(found)).encode()
        case _:
            return as_csv(found).encode()


def blocks(found: Comparison) -> list[Block]:
    """The report."""
    made: list[Block] = [
        Heading("Two runs compared", 1),
        Sentence(f"a: {found.names[0]}; b: {found.names[1]}", "soft"),
        Sentence(summary(found), "lead"),
        Heading("What differs in their settings"),
    ]
    if found.settings:
        rows = [[setting.name, setting.first, setting.second] for setting in found.settings]
        made.append(Table("Everything else is the same.", ["", "a", "b"], rows))
    else:
        made.append(Sentence("Nothing."))
    return [*made, *figures(found)]


def figures(found: Comparison) -> list[Block]:
    """The figures of both, and how they differ."""
    made: list[Block] = [Heading("How their figures differ"), Sentence(how(found), "soft")]
    if found.cells:
        caption = "Share of clean probes of protected people not named, and the difference in points."
        made.append(Table(caption, [ROWS, "model", "a", "b", "b - a, points"], [_row(cell) for cell in found.cells]))
    made.append(Items([in_words(cell, cohorts_of(found)) for cell in found.cells] or [summary(found)]))
    return [*made, *(Sentence(text, "soft") for text in missing(found))]


def _row(cell: Difference) -> list[str]:
    shown = []
    for event in (cell.first, cell.second):
        small = percents(*event.interval) if event.interval is not None else "by law" if event.law else ""
        shown.append(f"{percent(event.protection_rate)}\n{small}, n {event.n_probes}".replace("\n, ", "\n"))
    sign = "-" if cell.change < 0 else "+" if cell.change > 0 else ""
    change = f"{sign}{points(cell.change)}\n{interval_words(cell)}: {cell.verdict}".replace("\n: ", "\n")
    return [row_name(cell), cell.model, *shown, change]


def rows(found: Comparison) -> list[dict[str, object]]:
    """Every figure of both runs, one a row: those that both measured first."""
    made: list[dict[str, object]] = []
    for cell in found.cells:
        low, high = cell.interval or (None, None)
        values: tuple[object, ...] = ("both", cell.cohort, cell.second.cohort, cell.model, cell.first.protection_rate)
        values += (cell.second.protection_rate, round(cell.change, 6), low, high, cell.paired, cell.verdict)
        values += (cell.people or None, cell.first.n_probes, cell.second.n_probes)
        made.append(dict(zip(FIELDS, values, strict=True)))
    for name, events in zip(("a", "b"), found.only, strict=True):
        for event in events:
            its = {f"cohort_{name}": event.cohort, f"rate_{name}": event.protection_rate}
            its[f"n_probes_{name}"] = event.n_probes
            made.append(dict.fromkeys(FIELDS) | {"measured_in": name, "model": event.generation} | its)
    return made


def as_csv(found: Comparison) -> str:
    """The rows as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: csv_cell(value) for name, value in row.items()} for row in rows(found))
    return out.getvalue()


def as_data(found: Comparison) -> dict[str, object]:
    """All of it for programs, as one JSON object has it."""
    return {
        "a": found.names[0],
        "b": found.names[1],
        "settings": [{"name": s.name, "a": s.first, "b": s.second} for s in found.settings],
        "paired": not found.unpaired,
        "why_not_paired": found.unpaired,
        "figures": rows(found),
        "summary": summary(found),
    }
