"""A grid of results as a page, Markdown, pictures and tables for programs; what survives comes first."""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

from facetui.engine.applications.benchmarks.bands import judge
from facetui.engine.applications.benchmarks.cells import Answer, Cell, Results, table
from facetui.engine.applications.benchmarks.cited import CITED
from facetui.engine.people import PER_PERSON
from facetui.engine.records import files
from facetui.engine.records.errors import DataError, UsageError
from facetui.engine.records.measurements import HALF
from facetui.engine.records.rates import METHOD, percent, percents
from facetui.engine.records.text import clean
from facetui.tui.figures import heatmap
from facetui.tui.figures.drawing import png, svg
from facetui.tui.sharing.reports import document
from facetui.tui.sharing.reports.document import Block, Chart, Code, Heading, Items, Sentence, Table
from facetui.tui.text.spans import cut

LONGEST = 60
"""Columns of a name in lines."""
CLEAN = "clean"
TITLE = "Which tools protect against which networks"
KINDS = (".html", ".md", ".svg", ".png", ".csv", ".json", ".parquet")


def write(results: Results, target: Path, title: str) -> None:
    """Write results to a file; its ending says what it is.

    Raises:
        UsageError: an ending that is none of ``KINDS``, or Parquet without pyarrow.
        DataError: the file cannot be written.
    """
    makers: dict[str, Callable[[], bytes]] = {
        ".html": lambda: document.html(title, blocks(results, title)).encode(),
        ".md": lambda: document.markdown(blocks(results, title)).encode(),
        ".svg": lambda: svg(*_heatmap(results)).encode(),
        ".png": lambda: png(*_heatmap(results)),
        ".csv": lambda: _csv(results),
        ".json": lambda: json.dumps(list(table(results)), indent=1).encode(),
        ".parquet": lambda: parquet(list(table(results))),
    }
    write_as(target, makers)


def write_as(target: Path, makers: Mapping[str, Callable[[], bytes]]) -> None:
    """Write a file, in the format that its ending says.

    Args:
        target: where; what is there is replaced.
        makers: its content, by ending; only the one that is wanted is made.

    Raises:
        UsageError: another ending.
        DataError: it cannot be written.
    """
    kind = target.suffix.lower()
    if kind not in makers:
        raise UsageError(f"expected a file ending in {', '.join(KINDS)}, got {target.name!r}")
    content = makers[kind]()
    try:
        files.write(target.parent, target.name, content)
    except OSError as error:
        raise DataError(f"{target} cannot be written ({error.strerror}); choose another name with -o") from error


def _heatmap(results: Results) -> tuple[list[heatmap.Shape], tuple[int, int]]:
    page = heatmap.draw(results)
    return page.shapes, page.size


def _csv(results: Results) -> bytes:
    rows = list(table(results))
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]) if rows else [])
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def parquet(rows: list[dict[str, object]]) -> bytes:
    """Flat rows as Parquet.

    Raises:
        UsageError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as writer
    except ImportError:
        raise UsageError("Parquet needs pyarrow: pip install pyarrow; or choose a name that ends in .csv") from None
    out = io.BytesIO()
    writer.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


def survivors(results: Results) -> list[Cell]:
    """Where a tool protects: the whole interval lies above a half, and the extractor is none that it attacks."""
    attacked = set(results.settings.surrogates)
    tools = [c for c in results.cells.values() if c.attack != CLEAN and c.extractor not in attacked]
    return sorted((cell for cell in tools if cell.interval[0] > HALF), key=lambda cell: -cell.rate)


def survives(results: Results, cell: Cell) -> str:
    """``lowkey survives faceres, the extractor as it is: 88 % (75-96 %); clean photos 2 %``."""
    what = heatmap.heading(cell.answer)
    bare = results.at(CLEAN, cell.extractor, cell.answer)
    beside = f"; of clean photos {percent(bare.rate)}" if bare else ""
    return f"{cell.attack} survives {cell.extractor}, {what}: {percent(cell.rate)} ({percents(*cell.interval)}){beside}"


def about(results: Results) -> str:
    """Who was asked, among whom, with how many probes, and how intervals were made."""
    s = results.settings
    probes = sorted({sum(cell.probes) for cell in results.cells.values()})
    among = sorted({cell.n_gallery for cell in results.cells.values()})
    kind = "people who do not exist" if s.fictional else "real people"
    counts = [", ".join(map(str, numbers)) for numbers in (among, probes)]
    each = f", {s.photos} each" if s.photos else ""
    seeds = f"seeds {', '.join(map(str, s.seeds))} pooled by person" if len(s.seeds) > 1 else f"seed {s.seed}"
    return (
        f"{len(s.users)} of {s.n_people} {kind} ({s.people}) protect their photos{each}; {seeds}; "
        f"each is asked for {s.asked}, among {counts[0]} people, with {counts[1]} clean probes in all; tools attack "
        f"{', '.join(s.surrogates)}. Per cent not named, 95 % intervals ({METHOD})."
    )


def blocks(results: Results, title: str) -> list[Block]:
    """The page."""
    made: list[Block] = [Heading(title, 1), Sentence(about(results), "soft"), Heading("What survives")]
    alive = [survives(results, cell) for cell in survivors(results)]
    none = "Nothing that was measured survives an extractor that it does not attack."
    made.append(Items(alive) if alive else Sentence(none, "lead"))
    drawn, size = _heatmap(results)
    below = "the darker, the more is hidden; the tables below have every figure"
    made.append(Chart(svg(drawn, size), below, "Clean photos not named, attacks by extractors."))
    for answer in results.answers:
        made += [Heading(_capital(heatmap.heading(answer))), table_of(results, answer)]
    made.append(Heading("What was to be expected"))
    rows = [[band.expected, band.judged, band.because] for band in judge(results)]
    made.append(Table("Judged by the intervals.", ["expected", "", "measured"], rows))
    made.append(Heading("Reported by others, not measured here"))
    cited = [[f"{c.attack}, {c.trainer}", _reported(c.low, c.high), c.source] for c in CITED]
    made.append(Table("Share of clean photos not named.", ["", "", "source"], cited))
    return [*made, Heading("What it depends on"), *_depends(results)]


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _reported(low: float, high: float) -> str:
    return percent(low) if low == high else percents(low, high)


def table_of(results: Results, answer: Answer) -> Table:
    """One answer's grid, with everybody else in its last row."""
    rows = []
    for attack in results.attacks:
        cells = [results.at(attack, name, answer) for name in results.extractors]
        rows.append([attack, *(f"{percent(c.rate)}\n{percents(*c.interval)}" if c else "" for c in cells)])
    others = [_others(results, name, answer) for name in results.extractors]
    return Table("Per cent not named.", ["photos under", *results.extractors], [*rows, ["everybody else", *others]])


def _others(results: Results, extractor: str, answer: Answer) -> str:
    found = [results.at(attack, extractor, answer) for attack in results.attacks]
    errors = [cell.unprotected_error for cell in found if cell and cell.unprotected_error is not None]
    return percent(max(errors)) if errors else ""


def _depends(results: Results) -> list[Block]:
    s = results.settings
    about_tools = {c.attack: c.about for c in results.cells.values() if c.about}
    facts = [
        ["protected", ", ".join(s.users)],
        ["the adapted trainer learns from", f"{', '.join(s.tools)}, {s.training_steps} steps"],
        *([f"{attack} differs from its release", text] for attack, text in about_tools.items()),
        ["weights, SHA-256 begins", ", ".join(f"{name} {digest}" for name, digest in s.weights.items())],
        ["versions", ", ".join(f"{name} {version}" for name, version in s.versions.items())],
        ["device", s.device],
    ]
    return [Table("", ["", ""], facts), Sentence("To repeat it:"), Code(command(results))]


def command(results: Results) -> str:
    """The command that measures the same grid."""
    s = results.settings
    parts = ["facetui", "bench", "paper", "--attacks", ",".join(results.attacks)]
    parts += ["--extractors", ",".join(results.extractors), "--answers", ",".join(results.answers)]
    parts += ["--surrogates", ",".join(s.surrogates), "--people", s.people, "--users", ",".join(s.users)]
    parts += ["--photos", str(s.photos), "--crowd", s.crowd if s.crowd not in ("", "embedded") else str(s.n_crowd)]
    told = [name for row in results.attacks if row != CLEAN for name in row.split()[0].split("+")]
    parts += ["--adapt-to", ",".join(s.tools)] if list(dict.fromkeys(told)) != s.tools else []
    parts += ["--per-person", str(s.per_person)] if s.per_person != PER_PERSON else []
    return shlex.join([*parts, "--steps", str(s.training_steps), "--seed", str(s.seed)])


def lines(results: Results) -> list[str]:
    """The grid as lines of text."""
    rows = {attack: cut(clean(attack), LONGEST) for attack in results.attacks}
    columns = {name: cut(clean(name), LONGEST) for name in results.extractors}
    first = max(len("photos under"), *map(len, rows.values())) + 2
    widths = [max(16, len(name) + 2) for name in columns.values()]
    said = []
    for answer in results.answers:
        said.append(_capital(heatmap.heading(answer)))
        head = "".join(f"{name:>{width}}" for name, width in zip(columns.values(), widths, strict=True))
        said.append(f"{'photos under':<{first}}{head}".rstrip())
        for attack in results.attacks:
            cells = [results.at(attack, name, answer) for name in results.extractors]
            text = "".join(f"{_short(cell):>{width}}" for cell, width in zip(cells, widths, strict=True))
            said.append(f"{rows[attack]:<{first}}{text}".rstrip())
        others = [_others(results, name, answer) for name in results.extractors]
        text = "".join(f"{other:>{width}}" for other, width in zip(others, widths, strict=True))
        said += [f"{'everybody else':<{first}}{text}".rstrip(), ""]
    return said[:-1]


def _short(cell: Cell | None) -> str:
    if cell is None:
        return "-"
    low, high = cell.interval
    return f"{percent(cell.rate)} {100 * low:.0f}-{100 * high:.0f}"
