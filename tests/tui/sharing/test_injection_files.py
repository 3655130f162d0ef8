"""A run in which every text is hostile, in every format that is written."""

from __future__ import annotations

import ast
import csv
import io
import itertools
import json
import os
import re
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from facetui.engine.records import text
from facetui.engine.records.events import Event, decode, encode
from facetui.engine.records.journal import Journal
from facetui.engine.runs.branches.comparison import compare
from facetui.tui.figures import drawing, table_data
from facetui.tui.sharing.reports import comparison_report, document
from facetui.tui.sharing.reports.run_report import blocks
from facetui.tui.sharing.web import page
from facetui.tui.state.snapshot import Scene
from facetui.tui.text import plain

from ...support.hostile_run import PIECES, ROUNDS, hostile_run, runs, unsafe
from ...support.sample_run import sample_events

# --- what is written -------------------------------------------------------------------------------------------------


def test_a_new_scenario_is_a_program_whatever_its_name_is(tmp_path):
    from facetui.tui.cli.stories.new import write_new

    path = write_new(tmp_path / 'x"""\nimport os; \udce9\\.py')
    body = ast.parse(path.read_text(encoding="utf-8")).body
    assert [type(node).__name__ for node in body] == ["Expr", "ImportFrom", "FunctionDef"]


def test_the_folder_of_a_detached_run_is_the_folder_for_programs(tmp_path, capfdbinary):
    name = os.fsdecode(b"r\xe9\x1b")
    plain.say_path(tmp_path / name)
    assert capfdbinary.readouterr().out == os.fsencode(tmp_path) + b"/r\xe9\x1b\n"


class Page(HTMLParser):
    """Tags as a browser would see them; fails where they do not close."""

    VOID = frozenset({"meta", "link", "input", "br"})

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.text, self.open = "", [""]
        self.feed(page)
        self.close()
        assert self.open == [""], "every tag is closed"

    def handle_starttag(self, tag, attributes):
        self.tags[tag] += 1
        names = {name for name, _ in attributes}
        assert not any(name.startswith("on") or (name in ("href", "src") and tag != "link") for name in names)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_comment(self, data):
        raise AssertionError("no text becomes a comment")

    def handle_data(self, data):
        if self.open[-1] not in ("script", "style"):
            self.text += data


PLAIN_RUN = sample_events()


def report(run: list[Event], folder: Path) -> list[document.Block]:
    run = [event for event in (decode(encode(event)) for event in run) if event is not None]  # as a journal has it
    return blocks(folder, run, run[0], Scene.of(run))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A journal, for what a report says of the file."""
    made = tmp_path_factory.mktemp("runs") / "run"
    made.mkdir()
    book = Journal(made)
    for event in PLAIN_RUN:
        book.append(event)
    book.close()
    return made


@ROUNDS
@given(run=runs)
def test_a_report_has_no_tags_of_the_run(run, folder):
    made = report(run, folder)
    page = Page(document.html(run[0].scenario, made))
    code = [block for block in made if isinstance(block, document.Code)]
    assert set(page.tags) <= set(Page(document.html("x", report(PLAIN_RUN, folder))).tags) | {"h3", "pre"}
    assert page.tags["script"] == page.tags["a"] == page.tags["img"] == 0 and page.tags["style"] == 1
    charts = [block for block in made if isinstance(block, document.Chart)]
    assert page.tags["pre"] == len(code) and page.tags["svg"] == len(charts) in (1, 2)
    assert unsafe(page.text, "\n") == []


@ROUNDS
@given(first=runs, second=runs)
def test_a_comparison_has_no_tags_and_no_formulas_of_the_runs(first, second):
    found = compare((PIECES[0], PIECES[10]), (first, second))
    tags = Page(comparison_report.content(found, ".html").decode()).tags
    assert tags["script"] == tags["a"] == tags["img"] == tags["pre"] == 0 and tags["style"] == 1
    said = comparison_report.content(found, ".md").decode()
    assert unsafe(said, "\n") == []
    kinds = Counter(token.type for token in MarkdownIt("gfm-like").parse(said))
    assert kinds["html_block"] == kinds["fence"] == kinds["code_block"] == 0 and kinds["heading_open"] == 3
    for row in csv.reader(io.StringIO(comparison_report.as_csv(found))):
        assert len(row) == len(comparison_report.FIELDS)
        assert not any(cell.lstrip(" \"'").startswith(("=", "@")) and not cell.startswith("'") for cell in row)
    assert unsafe(text.json(comparison_report.as_data(found)).decode()) == []


@ROUNDS
@given(run=runs)
def test_markdown_has_only_the_reports_own_markup(run, folder):
    made = report(run, folder)
    reader = MarkdownIt("gfm-like")
    reader.linkify.set({"fuzzy_link": False, "fuzzy_email": False})
    said = document.markdown(made)
    assert unsafe(said, "\n") == []
    tokens = reader.parse(said)
    kinds = Counter(token.type for token in tokens)
    inline = {child.type for token in tokens for child in token.children or []}
    assert inline <= {"text", "text_special"}
    assert kinds["html_block"] == kinds["code_block"] == kinds["hr"] == kinds["ordered_list_open"] == 0
    assert kinds["heading_open"] == sum(isinstance(block, document.Heading) for block in made)
    assert kinds["fence"] == sum(isinstance(block, document.Code | document.Chart) for block in made)
    assert kinds["table_open"] == sum(isinstance(block, document.Table) for block in made)
    assert kinds["list_item_open"] == sum(len(block.texts) for block in made if isinstance(block, document.Items))
    assert kinds["blockquote_open"] == sum(isinstance(b, document.Sentence) and b.role == "lead" for b in made)
    assert kinds["td_open"] == sum(
        len(block.head) * len(block.rows) for block in made if isinstance(block, document.Table)
    )


@pytest.mark.parametrize(
    ("foreign", "said"),
    [
        ("2020-07 pgd, 98 %", "2020-07 pgd, 98 %"),
        ("- a", r"\- a"),
        ("12) a", r"12\) a"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("[x](https://e.example)", r"\[x\](https\://e.example)"),
        ("www.e.example, m@e.example", r"www\.e.example, m\@e.example"),
        ("    code", "code"),
    ],
)
def test_markdown_stays_readable(foreign, said):
    assert text.markdown(foreign) == said


@ROUNDS
@given(runs)
def test_charts_are_xml_and_pictures(run):
    drawn = drawing.draw(Scene.of(run), kept=True)
    root = ElementTree.fromstring(drawing.svg(drawn))
    assert {node.tag.rpartition("}")[2] for node in root.iter()} <= {"svg", "rect", "polyline", "text"}
    assert unsafe("".join(root.itertext()), "\n") == []


def test_a_chart_of_a_hostile_run_is_drawn():
    assert drawing.png(drawing.draw(Scene.of(hostile_run(list(PIECES))), kept=True)).startswith(b"\x89PNG")


@ROUNDS
@given(runs, st.sampled_from([",", ";", "\t", "|"]))
def test_no_cell_of_a_spreadsheet_is_a_formula(run, separator):
    table = Scene.of(run).table
    written = table_data.table_csv(table)
    rows = list(csv.reader(io.StringIO(written), delimiter=separator))
    for cell in itertools.chain.from_iterable(rows):
        assert not re.match(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]", cell)
        # Read with another separator, what we quoted may begin a cell of several lines: no formula either.
        assert unsafe(cell, "" if separator == "," else "\n") == []
    if separator == ",":
        assert len(rows) == 1 + len(table.cells) + len(table.cited) and {len(row) for row in rows} == {
            len(table_data.FIELDS)
        }
        assert "0.3125" in written, "figures are no text"
    kept = json.loads(json.dumps(table_data.rows(table)))
    shown = [event.protection_rate for event in [*table.cells.values(), *table.cited]]
    assert sorted(row["protection_rate"] for row in kept) == sorted(shown)


@ROUNDS
@given(runs)
def test_the_page_for_browsers_has_its_own_script_only(run):
    shown = page.page(run)
    seen = Page(shown)
    assert seen.tags["script"] == seen.tags["style"] == seen.tags["svg"] == 1
    assert seen.tags["img"] == seen.tags["a"] == 0 and shown.count(page.script()) == 1
    assert unsafe(seen.text, "\n") == []


def test_the_pages_script_cleans_what_we_clean():
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    line = next(line for line in page.script().split("\n") if "const clean =" in line)
    subprocess.run(
        [node, "-e", "new Function(require('fs').readFileSync(0))"], input=page.script(), check=True, text=True
    )
    told = subprocess.run(
        [node, "-e", line + "console.log(JSON.stringify(JSON.parse(require('fs').readFileSync(0)).map(clean)))"],
        input=json.dumps([f"a{chr(point)}b" for point in range(0x110000) if point != 0x200D]),
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert json.loads(told) == [text.clean(f"a{chr(point)}b") for point in range(0x110000) if point != 0x200D]
