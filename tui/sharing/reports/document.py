"""A report's headings, sentences and tables, and how HTML and Markdown write them down.

All text is foreign: none of it becomes markup.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from facetui.engine.records import text
from facetui.tui.text.sentences import LONGEST

LONGEST_CODE = 100_000
"""Characters of a story's source."""

STYLE = """
:root { color-scheme: light dark; --ink: #15191e; --page: #fff; --soft: #5b6570; --line: #d5d9dd; --tint: #f1efe9; }
@media (prefers-color-scheme: dark) { :root { --ink: #eceae5; --page: #14171b; --soft: #a0a8b0; --line: #363c43;
  --tint: #1e2329; } }
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--page); overflow-wrap: anywhere; }
h1 { margin-bottom: 0; line-height: 1.2; } h2 { margin: 2.2rem 0 .4rem; } h3 { margin: 1rem 0 .2rem; font-size: 1rem; }
ul { margin: 0; padding-left: 1.2rem; } li { margin: .25rem 0; }
.soft, caption { color: var(--soft); margin: .3rem 0; } caption { text-align: left; padding-bottom: .4rem; }
.lead { border-left: .4rem solid var(--ink); background: var(--tint); padding: .7rem 1.1rem; font-size: 1.1rem; }
figure { margin: 1.5rem 0; background: #fff; overflow-x: auto; }
svg { width: 100%; min-width: 36rem; height: auto; display: block; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5rem 0;
  min-width: min(100%, 32rem); }
th, td { text-align: right; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); font-weight: 400;
  vertical-align: top; }
thead th, small { color: var(--soft); } small { display: block; white-space: nowrap; } tbody th { white-space: nowrap; }
.faces { display: flex; flex-wrap: wrap; gap: 1rem; } .faces div { width: 112px; } .faces small { white-space: normal; }
th:first-child, .facts td { text-align: left; }
pre { background: var(--tint); padding: .6rem .8rem; white-space: pre-wrap; }
@media print { :root { --ink: #000; --page: #fff; --soft: #444; --line: #bbb; --tint: #fff; } @page { margin: 1.6cm; }
  body { margin: 0; max-width: none; font-size: 10pt; } pre, .lead { border: 1px solid var(--line); }
  h2, h3 { break-after: avoid; } tr, figure, li, .lead { break-inside: avoid; } 
  .wide { overflow: visible; } svg { min-width: 0; } }
"""


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the title."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Sentence:
    """A paragraph; ``role`` is ``lead`` for the conclusion, ``soft`` for what is said besides."""

    text: str
    role: str = ""


@dataclass(frozen=True)
class Items:
    """A list."""

    texts: Sequence[str]


@dataclass(frozen=True)
class Table:
    """A table; the first cell of a row names it, a line break parts what is said small."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Code:
    """Text to type or to keep as it is."""

    text: str


@dataclass(frozen=True)
class Chart:
    """The timeline: as a drawing, and as characters where there are no drawings."""

    svg: str
    characters: str
    label: str


@dataclass(frozen=True)
class Faces:
    """Pictures side by side, each a PNG with a few words below; in Markdown only the words."""

    pictures: Sequence[tuple[bytes, str]]


Block = Heading | Sentence | Items | Table | Code | Chart | Faces


def html(name: str, blocks: Sequence[Block]) -> str:
    """One self-contained page without scripts, with styles for paper, light and dark."""
    return "".join(
        (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            '<meta name="referrer" content="no-referrer">\n',
            f"<title>{_text(name)}: a facetui report</title>\n<style>{STYLE}</style></head>\n<body>\n",
            *(part for block in blocks for part in _html(block)),
            "</body></html>\n",
        )
    )


def _text(foreign: str) -> str:
    return text.html(_cut(foreign))


def _cut(foreign: str, most: int = LONGEST) -> str:
    return foreign if len(foreign) <= most else f"{foreign[:most]}…"


def _lines(foreign: str) -> list[str]:
    """Code keeps its line breaks, and nothing else that controls."""
    return [text.clean(line.expandtabs(4)) for line in _cut(foreign, LONGEST_CODE).split("\n")]


def _html(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield f"<h{block.level}>{_text(block.text)}</h{block.level}>\n"
        case Sentence():
            yield f'<p class="{block.role}">{_text(block.text)}</p>\n'
        case Items():
            yield "<ul>\n"
            yield from (f"<li>{_text(item)}</li>\n" for item in block.texts)
            yield "</ul>\n"
        case Code():
            yield f"<pre>{chr(10).join(map(text.html, _lines(block.text)))}</pre>\n"
        case Chart():
            yield f'<figure role="img" aria-label="{_text(block.label)}" tabindex="0">{block.svg}</figure>\n'
        case Faces():
            yield '<div class="faces">\n'
            for content, label in block.pictures:
                data = base64.b64encode(content).decode()
                yield f'<div><img src="data:image/png;base64,{data}" alt="{_text(label)}" width="112" height="112">'
                yield f"<small>{_text(label)}</small></div>\n"
            yield "</div>\n"
        case Table():
            facts = "" if any(block.head) else ' class="facts"'
            yield f'<div class="wide" tabindex="0"><table{facts}><caption>{_text(block.caption)}</caption>\n'
            if any(block.head):
                yield "<thead><tr>"
                yield from (f'<th scope="col">{_text(name)}</th>' for name in block.head)
                yield "</tr></thead>\n"
            yield "<tbody>\n"
            for name, *cells in block.rows:
                yield f'<tr><th scope="row">{_text(name)}</th>'
                yield from (f"<td>{_cell(cell)}</td>" for cell in cells)
                yield "</tr>\n"
            yield "</tbody></table></div>\n"


def _cell(cell: str) -> str:
    large, _, small = cell.partition("\n")
    return _text(large) + (f"<small>{_text(small)}</small>" if small else "")


def markdown(blocks: Sequence[Block]) -> str:
    """The same as Markdown; the chart in characters."""
    return "\n".join(line for block in blocks for line in [*_markdown(block), ""])


def _plain(foreign: str) -> str:
    return text.markdown(_cut(foreign))


def _markdown(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield f"{'#' * block.level} {_plain(block.text)}"
        case Sentence():
            yield f"> {_plain(block.text)}" if block.role == "lead" else _plain(block.text)
        case Items():
            yield from (f"* {_plain(item)}" for item in block.texts)
        case Code():
            yield from _fenced(_lines(block.text))
        case Faces():
            yield from (f"* {_plain(label)}" for _, label in block.pictures)
        case Chart():
            yield _plain(block.label)
            yield ""
            yield from _fenced(block.characters.split("\n"))
        case Table():
            yield _plain(block.caption)
            yield ""
            yield _row(block.head)
            yield "|---" * len(block.head) + "|"
            yield from (_row(row) for row in block.rows)


def _row(cells: Sequence[str]) -> str:
    said = (_plain(cell.replace("\n", " (", 1)) + (")" if "\n" in cell else "") for cell in cells)
    return f"| {' | '.join(said)} |"


def _fenced(lines: Sequence[str]) -> Iterator[str]:
    """Lines between fences that are longer than any in them."""
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from (f"{fence}text", *lines, fence)
