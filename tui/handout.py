"""``facetui report``: a run as something to take home, with what is needed to repeat it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from html import escape
from pathlib import Path

from facetui.engine import journal
from facetui.engine.errors import JournalError, UsageError
from facetui.engine.events import WHOLE_ARCHIVE, Event, Note, ProtectionMeasured, RunBegan
from facetui.tui.export import draw, png, svg, table_csv
from facetui.tui.ink import clean
from facetui.tui.scene import Scene
from facetui.tui.webpage import text
from facetui.tui.words import LONGEST, percent, reported, words

KINDS = (".html", ".md", ".svg", ".png", ".csv")

STYLE = """
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; color: #15191e;
  background: #fff; overflow-wrap: anywhere; }
h1 { margin-bottom: 0; } .dim, caption { color: #5b6570; } figure { margin: 1rem 0; } svg { width: 100%; height: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; margin: .5rem 0; }
th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid #d5d9dd; font-weight: 400; }
th:first-child { text-align: left; } thead th { color: #5b6570; } small { color: #5b6570; display: block; }
pre { background: #f1efe9; padding: .6rem .8rem; white-space: pre-wrap; } .wide { overflow-x: auto; }
@media print { body { margin: 0; max-width: none; font-size: 10pt; }
  pre { background: none; border: 1px solid #d5d9dd; }
  h2 { break-after: avoid; } tr, figure, li { break-inside: avoid; } @page { margin: 1.6cm; } }
"""


def write(folder: Path, target: Path) -> None:
    """Write a run's handout; the file's ending says what it is.

    Raises:
        UsageError: an ending that is none of ``KINDS``.
        JournalError: the run cannot be read or has measured nothing, or the file cannot be written.
    """
    if target.suffix.lower() not in KINDS:
        raise UsageError(f"expected a file ending in {', '.join(KINDS)}, got {target.name!r}")
    events = journal.read(folder)
    began = journal.began(events, folder)
    scene = Scene.of(events)
    if not scene.curves:
        raise JournalError(f"nothing was measured in {folder.name}; a story measures with lab.measure()")
    match target.suffix.lower():
        case ".html":
            content = html(events, began, scene).encode()
        case ".md":
            content = markdown(events, began, scene).encode()
        case ".svg":
            content = svg(draw(scene, kept=True)).encode()
        case ".png":
            content = png(draw(scene, kept=True))
        case _:
            content = table_csv(scene.table).encode()
    try:
        target.write_bytes(content)
    except OSError as error:
        raise JournalError(f"{target} cannot be written ({error.strerror}); choose another name with -o") from error


def command(began: RunBegan) -> str:
    """The command that repeats a run."""
    parts = ["facetui", "run", clean(began.scenario), "--seed", str(began.seed), "--cast", clean(began.cast)]
    if began.people != "embedded":
        parts += ["--people", "FOLDER"]
    parts += [part for name, value in began.parameters.items() for part in ("--set", f"{name}={value}")]
    return clean(shlex.join(parts))


def needed(began: RunBegan) -> list[tuple[str, str]]:
    """What the run depends on, by name."""
    weights = ", ".join(f"{name} {digest[:16]}" for name, digest in began.extractors.items())
    return [
        ("seed", str(began.seed)),
        ("cast", began.cast),
        ("people", f"{began.people}, {began.n_people}; protected: {', '.join(began.users)}"),
        ("device", began.device),
        ("versions", ", ".join(f"{name} {version}" for name, version in began.versions.items())),
        ("weights (SHA-256)", weights),
    ]


def cell(event: ProtectionMeasured) -> tuple[str, str]:
    """A cell's rate, and its interval and count."""
    low, high = event.interval or (None, None)
    detail = f"{100 * low:.0f}-{100 * high:.0f} %, n {event.n_probes}" if low is not None and high is not None else ""
    return percent(event.protection_rate), detail


def everybody_else(scene: Scene) -> list[tuple[str, str]]:
    """For each model: how often it fails to name people who did nothing, and how many probes told."""
    whole = [scene.table.cells.get((WHOLE_ARCHIVE, name)) for name in scene.table.generations]
    return [
        (percent(e.unprotected_error), f"n {e.n_unprotected}")
        if e is not None and e.unprotected_error is not None
        else ("", "")
        for e in whole
    ]


def notes(events: Sequence[Event]) -> list[tuple[str, str]]:
    """Captions with their dates."""
    return [(e.t, e.text[:LONGEST]) for e in events if isinstance(e, Note)]


def facts(events: Sequence[Event]) -> list[tuple[str, str]]:
    """What was measured besides protection, and done, in words, with its date."""
    kinds = ("defence_applied", "detection_measured", "search_measured", "verification_measured", "law_passed")
    return [(e.t, words(e)[:LONGEST]) for e in events if e.kind in kinds]


def html(events: Sequence[Event], began: RunBegan, scene: Scene) -> str:
    """One self-contained page without scripts, with styles for paper."""
    table = scene.table
    head = "".join(f'<th scope="col">{text(name)}</th>' for name in table.generations)
    body = []
    for cohort in table.cohorts:
        cells = []
        for name in table.generations:
            event = table.cells.get((cohort, name))
            rate, detail = cell(event) if event is not None else ("", "")
            cells.append(f"<td>{escape(rate)}<small>{escape(detail)}</small></td>")
        body.append(f'<tr><th scope="row">{text(cohort)}</th>{"".join(cells)}</tr>')
    others = "".join(f"<td>{escape(rate)}<small>{n}</small></td>" for rate, n in everybody_else(scene))
    body.append(f'<tr><th scope="row">everybody else</th>{others}</tr>')
    told = "".join(f"<li>{text(t)}: {text(said)}</li>" for t, said in notes(events))
    besides = "".join(f"<li>{text(t)}: {text(said)}</li>" for t, said in facts(events))
    cited = "".join(f"<li>× {text(reported(e))}</li>" for e in table.cited)
    how = "".join(f'<tr><th scope="row">{text(name)}</th><td>{text(value)}</td></tr>' for name, value in needed(began))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{text(began.scenario)}: a facetui report</title><style>{STYLE}</style></head><body>
<h1>{text(began.title)}</h1>
<p class="dim">{text(began.scenario)}, played with facetui {text(began.versions.get("facetui", ""))}</p>
<figure>{svg(draw(scene, kept=True))}</figure>
<h2>What happened</h2><ol>{told}</ol>
<h2>Who is protected from which model</h2>
<div class="wide"><table><caption>share of clean probes not named, with 95 % Wilson intervals; the trainer's models in
the order in which it had them</caption><thead><tr><th scope="col">photos posted under</th>{head}</tr></thead>
<tbody>{"".join(body)}</tbody></table></div>
<h2>Measured besides</h2><ul>{besides or "<li>nothing</li>"}</ul>
<h2>Cited, not measured here</h2><ul>{cited or "<li>nothing</li>"}</ul>
<h2>To repeat it</h2><pre>{text(command(began))}</pre>
<div class="wide"><table><tbody>{how}</tbody></table></div>
<p class="dim">The same seed on the same machine gives the same journal; other machines may differ in decimals.</p>
</body></html>
"""


def _plain(foreign: str) -> str:
    """Text of a journal, for Markdown: no control characters, no markup of either kind."""
    said = escape(clean(foreign[:LONGEST]), quote=False)
    for sign in "\\`*_[]|#":
        said = said.replace(sign, f"\\{sign}")
    return said


def markdown(events: Sequence[Event], began: RunBegan, scene: Scene) -> str:
    """The same as Markdown, without the chart."""
    table = scene.table
    lines = [
        f"# {_plain(began.title)}",
        "",
        f"{_plain(began.scenario)}, played with facetui.",
        "",
        "## What happened",
        "",
    ]
    lines += [f"1. {_plain(t)}: {_plain(said)}" for t, said in notes(events)]
    lines += ["", "## Who is protected from which model", ""]
    lines += ["Share of clean probes not named, with 95 % Wilson intervals.", ""]
    lines.append(f"| photos posted under | {' | '.join(map(_plain, table.generations))} |")
    lines.append("|---" * (len(table.generations) + 1) + "|")
    for cohort in table.cohorts:
        cells = [table.cells.get((cohort, name)) for name in table.generations]
        shown = [f"{cell(e)[0]} ({cell(e)[1]})" if e is not None else "" for e in cells]
        lines.append(f"| {_plain(cohort)} | {' | '.join(shown)} |")
    others = [f"{rate} ({n})" if rate else "" for rate, n in everybody_else(scene)]
    lines.append(f"| everybody else | {' | '.join(others)} |")
    lines += ["", "## Measured besides", "", *(f"* {_plain(t)}: {_plain(said)}" for t, said in facts(events))]
    lines += ["", "## Cited, not measured here", "", *(f"* × {_plain(reported(e))}" for e in table.cited)]
    lines += ["", "## To repeat it", "", f"    {escape(command(began), quote=False)}", ""]
    lines += [f"* {name}: {_plain(value)}" for name, value in needed(began)]
    return "\n".join(lines) + "\n"
