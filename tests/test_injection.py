"""A run in which every text is hostile, through every way in which a run is shown or written."""

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
import sys
import unicodedata
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.cells import cell_len

from facetui.engine import text
from facetui.engine.events import WHOLE_ARCHIVE, AnyEvent, Event, Note, Progress, RunFailed, decode, encode
from facetui.engine.folds import cohort_table
from facetui.engine.journal import Journal
from facetui.tui import cli, cues, displays, export, frame, ink, listing, markup, talk, webpage
from facetui.tui.app import FacetApp
from facetui.tui.handout import blocks
from facetui.tui.scene import Scene
from facetui.tui.stage import VIEWS, Recent, Stage, Story
from facetui.tui.words import words

from .sample_run import sample_events

PIECES = (
    "\x1b[31mred\x1b[0m\x1b]0;owned\x07",
    "\x9b2J\x9d52;c;eA==\x9c",
    "\r\n- item\n\n# heading\n```\nfence\n",
    "=HYPERLINK(1)",
    '"=1+1',
    "x;=cmd|' /C calc'!A0;\"@SUM(A1)",
    "\t+1",
    "-2",
    "@x",
    "\uff1d1",
    "<script>alert(1)</script>",
    '"><img src=x onerror="alert(1)">',
    "'</style></svg></pre><a href='javascript:1'>x</a>",
    "<!-- ",
    "]]>",
    "&#60;b&#62; &amp;lt;",
    "[x](http://evil.example) ![y](z) [[z]]",
    "http://evil.example www.evil.example me@evil.example <http://evil.example>",
    "**b** __b__ ~~s~~ `c` $m$ | a | b |\\",
    "    indented",
    "1. first",
    "+ item",
    "===",
    "[bold red]markup[/] [@click=app.quit]x[/] [link=http://evil.example]",
    "\u202etfel ot thgir\u2066\u200f\u061c",
    "\udce9\ud800",
    "\u2028\u2029\u0085\ufeff\ufffe\uffff\x00\x7f",
    "👩\u200d🔬 e\u0301 日本 \u200d\u200d a\u200db ▲\ufe0f",
    "constructor",
    "__proto__",
)
WRITING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}

pieces = st.one_of(st.sampled_from(PIECES), st.text(st.characters(categories=None), max_size=12))
hostile = st.one_of(
    st.lists(pieces, max_size=4).map("".join),
    st.sampled_from(PIECES).map(lambda piece: piece * (10_000 // len(piece))),
)
runs = st.lists(hostile, min_size=1, max_size=12).map(lambda texts: hostile_run(texts))
ROUNDS = settings(derandomize=True, max_examples=25, deadline=None)


def hostile_run(texts: list[str]) -> list[Event]:
    """The sample run; every text that is free in it is one of these."""
    supply = itertools.cycle(texts)

    def poisoned(value: Any, key: str = "") -> Any:
        match value:
            case str() if key not in ("kind", "actor", "basis") and value != WHOLE_ARCHIVE:
                return next(supply)
            case dict() if key:
                return {next(supply) + str(i): poisoned(inner, "value") for i, inner in enumerate(value.values())}
            case dict():
                return {name: poisoned(inner, name) for name, inner in value.items()}
            case list() | tuple():
                return [poisoned(inner, key if not isinstance(inner, dict) else "") for inner in value]
        return value

    failed = RunFailed(error="why", exit_code=1, seq=99, log="log")
    began, *rest = sample_events()
    began = msgspec.structs.replace(began, preprocessing={"a": "b"}, parameters={"a": "b"})
    return [msgspec.convert(poisoned(msgspec.to_builtins(event)), AnyEvent) for event in [began, *rest, failed]]


def unsafe(shown: str, allowed: str = "") -> list[str]:
    """What in a text commands a terminal, turns the direction of writing, or cannot be written."""
    return [
        repr(c)
        for c in shown
        if c not in allowed
        and (
            unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")
            or unicodedata.bidirectional(c) in WRITING
            or c in "\u200e\u200f\u061c\ufeff\ufffe\uffff"
        )
    ]


# --- what is printed -------------------------------------------------------------------------------------------------


@ROUNDS
@given(runs, st.sampled_from(["utf-8", "ascii", "latin-1"]))
def test_lines_command_no_terminal(run, encoding):
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding, newline="")
    show = displays.Plain(out, 80)
    for event in run:
        show(event)
        assert unsafe(words(event)) == []
    told = raw.getvalue().decode(encoding)
    assert unsafe(told, "\n") == [] and "98 %" in told
    assert max(map(len, told.split("\n"))) < 10 * 4000, "at most ten characters spell one out"
    assert unsafe("".join(displays.table_lines(cohort_table(run)))) == []


@ROUNDS
@given(runs, st.booleans())
def test_json_is_the_same_for_programs_and_harmless_to_a_terminal(run, ascii_only):
    for event in run:
        line = text.json(event, ascii_only=ascii_only)
        assert unsafe(line.decode()) == [] and line.isascii() >= ascii_only
        whole = re.sub("[\ud800-\udfff]", "\ufffd", json.dumps(msgspec.to_builtins(event), ensure_ascii=False))
        assert json.loads(line) == json.loads(whole)
        assert encode(event) == text.json(event) and decode(encode(event)) == decode(whole)
    assert (
        cues.encode([cues.Cue(1, text="\udce9\x7f")])
        == b'{"at":1,"view":"timeline","text":"\xef\xbf\xbd\\u007f","when":""}\n'
    )
    assert talk.answer(talk.line(talk.Said("\ud800"))) == talk.Said("\ufffd")


@pytest.fixture
def stranger(tmp_path) -> Path:
    """A run's folder with a hostile name, some of whose bytes are no text, and a hostile journal."""
    folder = tmp_path / os.fsdecode(b"=1\x1b]0;owned\x07\xc2\x9b2J\xe2\x80\xae\xe9 [bold]")
    folder.mkdir()
    book = Journal(folder)
    for event in hostile_run(list(PIECES))[:-1]:
        book.append(event)
    book.close()
    return folder


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["runs"],
        ["runs", "show", "RUN"],
        ["replay", "RUN", "--display", "plain"],
        ["replay", "RUN", "--display", "json"],
        ["report", "RUN", "-o", "\x1b[2J.html"],
        ["report", "RUN", "-o", "\x1b[2J\n.nothing"],
        ["replay", "\x1b[31m\n\udce9"],
        ["runs", "rm", "RUN"],
    ],
    ids=lambda arguments: "-".join(arguments[:2] + arguments[3:]).encode("ascii", "ignore").decode(),
)
def test_commands_about_a_strangers_run_say_only_text(
    stranger, arguments, encoding, tmp_path, monkeypatch, capfdbinary
):
    monkeypatch.setenv("FACETUI_RUNS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["facetui", *(str(stranger) if a == "RUN" else a for a in arguments)])
    for name in ("stdout", "stderr"):
        stream = io.TextIOWrapper(os.fdopen(os.dup(getattr(sys, name).fileno()), "wb"), encoding=encoding)
        monkeypatch.setattr(sys, name, stream)
    with pytest.raises(SystemExit):
        cli.main()
    sys.stdout.flush()
    sys.stderr.flush()
    out, err = (part.decode(encoding) for part in capfdbinary.readouterr())
    assert unsafe(out + err, "\n") == [] and "bug" not in err
    assert "owned" in out + err or ".html" in out + err or "\\n" in err or "no run" in err


def test_every_error_is_one_line_without_commands(monkeypatch, capsys, tmp_path):
    cast = tmp_path / "\x1b[31mcast.toml"
    cast.write_text('surrogates = []\ngenerations = []\n"\\u001b]0;owned\\u0007\\n" = 1\n')
    for raised in (ValueError("\x1b[2J\nfacetui: all is well"), None):
        if raised:
            monkeypatch.setattr(cli, "app", lambda args, error=raised: (_ for _ in ()).throw(error))
        else:
            from facetui.engine import casts

            monkeypatch.setattr(cli, "app", lambda args: casts.load(str(cast)))
        with pytest.raises(SystemExit) as left:
            cli.main()
        err = capsys.readouterr().err
        assert left.value.code in (1, 4) and unsafe(err, "\n") == [] and err.count("\n") == 1


def test_what_other_packages_say_of_themselves_is_listed_as_text(monkeypatch, capsys):
    from facetui.engine.registry import Entry
    from facetui.tui.commands import list_names

    evil = "\x1b[2J\x9b1m\u202e"
    monkeypatch.setitem(
        listing._REGISTRIES["attacks"]._entries, evil, Entry("a:b", evil, {"licence": evil, "source": evil})
    )
    list_names("attacks")
    told = capsys.readouterr().out
    assert unsafe(told, "\n") == [] and "licence" in told and "source" in told


def test_a_saved_session_is_no_program_of_somebody_elses(make_lab):
    from facetui.engine.session import Session

    class Played(Session):
        def __init__(self) -> None:
            self._world = msgspec.defstruct("World", [("seed", int), ("cast", Any)])(0, Named('x"""\nimport os#\\'))
            self._story = Named("s\nimport os#")
            self.cells = [type("Cell", (), {"moves": [], "source": ""})(), type("Cell", (), {"source": "lab.at(1)"})()]

    class Named:
        def __init__(self, name: str) -> None:
            self.name = name

    body = ast.parse(Played().as_scenario()).body
    assert [type(node).__name__ for node in body] == ["Expr", "FunctionDef"]
    assert not any(isinstance(node, ast.Import) for node in ast.walk(ast.Module(body, [])))


# --- what is written -------------------------------------------------------------------------------------------------


def test_a_new_scenario_is_a_program_whatever_its_name_is(tmp_path):
    from facetui.tui.starting import write_new

    path = write_new(tmp_path / 'x"""\nimport os; \udce9\\.py')
    body = ast.parse(path.read_text(encoding="utf-8")).body
    assert [type(node).__name__ for node in body] == ["Expr", "FunctionDef"]


def test_the_folder_of_a_detached_run_is_the_folder_for_programs(tmp_path, capfdbinary):
    name = os.fsdecode(b"r\xe9\x1b")
    displays.say_path(tmp_path / name)
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


def report(run: list[Event], folder: Path) -> list[markup.Block]:
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
    page = Page(markup.html(run[0].scenario, made))
    code = [block for block in made if isinstance(block, markup.Code)]
    assert set(page.tags) <= set(Page(markup.html("x", report(PLAIN_RUN, folder))).tags) | {"h3", "pre"}
    assert page.tags["script"] == page.tags["a"] == page.tags["img"] == 0 and page.tags["style"] == 1
    assert page.tags["pre"] == len(code) and page.tags["svg"] == 1
    assert unsafe(page.text, "\n") == []


@ROUNDS
@given(run=runs)
def test_markdown_has_only_the_reports_own_markup(run, folder):
    made = report(run, folder)
    reader = MarkdownIt("gfm-like")
    reader.linkify.set({"fuzzy_link": False, "fuzzy_email": False})
    said = markup.markdown(made)
    assert unsafe(said, "\n") == []
    tokens = reader.parse(said)
    kinds = Counter(token.type for token in tokens)
    inline = {child.type for token in tokens for child in token.children or []}
    assert inline <= {"text", "text_special"}
    assert kinds["html_block"] == kinds["code_block"] == kinds["hr"] == kinds["ordered_list_open"] == 0
    assert kinds["heading_open"] == sum(isinstance(block, markup.Heading) for block in made)
    assert kinds["fence"] == sum(isinstance(block, markup.Code | markup.Chart) for block in made)
    assert kinds["table_open"] == sum(isinstance(block, markup.Table) for block in made)
    assert kinds["list_item_open"] == sum(len(block.texts) for block in made if isinstance(block, markup.Items))
    assert kinds["blockquote_open"] == sum(isinstance(b, markup.Sentence) and b.role == "lead" for b in made)
    assert kinds["td_open"] == sum(
        len(block.head) * len(block.rows) for block in made if isinstance(block, markup.Table)
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
    drawn = export.draw(Scene.of(run), kept=True)
    root = ElementTree.fromstring(export.svg(drawn))
    assert {node.tag.rpartition("}")[2] for node in root.iter()} <= {"svg", "rect", "polyline", "text"}
    assert unsafe("".join(root.itertext()), "\n") == []


def test_a_chart_of_a_hostile_run_is_drawn():
    assert export.png(export.draw(Scene.of(hostile_run(list(PIECES))), kept=True)).startswith(b"\x89PNG")


@ROUNDS
@given(runs, st.sampled_from([",", ";", "\t", "|"]))
def test_no_cell_of_a_spreadsheet_is_a_formula(run, separator):
    table = Scene.of(run).table
    written = export.table_csv(table)
    rows = list(csv.reader(io.StringIO(written), delimiter=separator))
    for cell in itertools.chain.from_iterable(rows):
        assert not re.match(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]", cell) and unsafe(cell) == []
    if separator == ",":
        assert len(rows) == 1 + len(table.cells) + len(table.cited) and {len(row) for row in rows} == {
            len(export.FIELDS)
        }
        assert "0.984375" in written or "0.3125" in written, "figures are no text"
    assert json.loads(json.dumps(export.rows(table))) == json.loads(json.dumps(export.rows(table)).encode())


@ROUNDS
@given(runs)
def test_the_page_for_browsers_has_its_own_script_only(run):
    page = webpage.page(run)
    seen = Page(page)
    assert seen.tags["script"] == seen.tags["style"] == seen.tags["svg"] == 1
    assert seen.tags["img"] == seen.tags["a"] == 0 and page.count(webpage.script()) == 1
    assert unsafe(seen.text, "\n") == []


def test_the_pages_script_cleans_what_we_clean():
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    line = next(line for line in webpage.script().split("\n") if "const clean =" in line)
    subprocess.run(
        [node, "-e", "new Function(require('fs').readFileSync(0))"], input=webpage.script(), check=True, text=True
    )
    told = subprocess.run(
        [node, "-e", line + "console.log(JSON.stringify(JSON.parse(require('fs').readFileSync(0)).map(clean)))"],
        input=json.dumps([f"a{chr(point)}b" for point in range(0x110000) if point != 0x200D]),
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert json.loads(told) == [text.clean(f"a{chr(point)}b") for point in range(0x110000) if point != 0x200D]


# --- what is drawn ---------------------------------------------------------------------------------------------------


def staged(run: list[Event], view: str, head: int, name: str) -> Stage:
    stage = Stage()
    stage.open(Path(name or "x"), live=False)
    stage.extend(run)
    stage.player.jump(head)
    stage.fold()
    stage.view, stage.device, stage.recorded = view, name, name
    stage.stories = [Story(name, name, 41.0)]
    stage.recent = [Recent(Path(name or "x"), name, "finished", 28.0, "2021-01-01 00:00")]
    stage.cue = cues.Cue(1, text=name)
    stage.picked = stage.player.head
    return stage


@ROUNDS
@given(runs, hostile, st.integers(0, 28), st.sampled_from(VIEWS), st.sampled_from([(80, 24), (120, 40), (41, 13)]))
def test_every_page_is_text_and_keeps_its_width(run, name, head, view, size):
    lines = frame.paint(staged(run[:-1], view, head, name.replace("\0", "")), *size)
    assert len(lines) == size[1]
    for line in lines:
        assert sum(cell_len(shown) for shown, _ in line) == size[0]
        assert unsafe("".join(shown for shown, _ in line)) == []


async def test_the_app_shows_copies_and_saves_text_only(stranger, monkeypatch):
    monkeypatch.chdir(stranger.parent)
    app = FacetApp(stranger.parent, stranger, look_for_device=False, motion=False)
    async with app.run_test(size=(80, 24), notifications=True) as keys:
        await keys.press("G")
        for key in "12340":
            await keys.press(key)
            lines = app.canvas.lines
            assert all(ink.length(line) == 80 for line in lines)
            assert unsafe(ink.text_of(lines), "\n") == []
            await keys.press("y")
            assert unsafe(app.clipboard, "\n") == [] and app.clipboard == ink.text_of(lines)
            strips = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
            assert unsafe(strips, "\n") == []
            await keys.press("s")
        app.clear_notifications()
        app.notify("[bold]not bold[/] [@click=app.quit]no link[/]\x1b[2J\n\u202e", title="[red]\x9b2J")
        await keys.pause(0.3)
        drawn = app.export_screenshot()
        toasts = list(app._notifications)
        assert toasts[-1].message == "[bold]not bold[/] [@click=app.quit]no link[/] [2J "
        assert toasts[-1].title == "[red] 2J" and not toasts[-1].markup
    picture = export.without_remote_fonts(drawn)
    seen = "".join(ElementTree.fromstring(picture).itertext()).replace("\xa0", " ")
    assert "[@click=app.quit]" in seen and unsafe(seen, "\n") == []
    saved = list(stranger.parent.rglob("*.svg"))
    assert len(saved) == 5
    for file in saved:
        ElementTree.fromstring(file.read_text(encoding="utf-8"))


async def test_dialogs_show_text_only(stranger):
    from facetui.tui.canvas import Canvas
    from facetui.tui.dialogs import Address, Leave

    app = FacetApp(stranger.parent, stranger, look_for_device=False, motion=False)
    async with app.run_test(size=(80, 24)) as keys:
        for dialog in (Leave(stranger.name), Address("http://127.0.0.1:1/\x1b[2J\u202e/")):
            app.push_screen(dialog)
            await keys.pause()
            lines = dialog.query_one(Canvas).lines
            assert "facetui follow" in ink.text_of(lines) and unsafe(ink.text_of(lines), "\n") == []
            app.pop_screen()


# --- columns ---------------------------------------------------------------------------------------------------------

shown = st.one_of(hostile, st.text(st.sampled_from("a日한é🔬👩🇩🇪👍🏽e\u0301\u200d\ufe0f☺✌▲ "), max_size=30)).map(
    text.clean
)


@pytest.mark.parametrize(
    ("said", "columns"),
    [
        ("👩\u200d🔬", 2),
        ("👨\u200d👩\u200d👧", 2),
        ("日本", 4),
        ("e\u0301", 1),
        ("a\u200db", 2),
        ("\u200d\ufe0fa", 1),
        ("", 0),
    ],
)
def test_a_joined_emoji_is_one_character(said, columns):
    assert ink.cells(text.clean(said)) == columns
    assert text.clean(f"\ufe0f{said}") == text.clean(said), "nothing changes what stands before it"


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.lists(hostile | shown, max_size=4), st.integers(0, 40))
def test_a_line_fits_exactly(texts, width):
    line = ink.fit([(said, "") for said in texts], width)
    assert sum(cell_len(said) for said, _ in line) == width


@settings(derandomize=True, max_examples=300, deadline=None)
@given(shown, st.integers(0, 40))
def test_what_is_cut_keeps_whole_characters(said, width):
    kept = ink.cut(said, width)
    assert ink.cells(kept) <= width
    if kept != said and width:
        rest = said[len(kept) - 1 :]
        assert said.startswith(kept[:-1]) and kept[-1] == "…"
        assert rest[0] not in "\u200d\ufe0f\u0301" and kept[-2:-1] != "\u200d", "nothing is parted that is one"
    assert cell_len(ink.left(said, width)) == cell_len(ink.right(said, width)) == width


@settings(derandomize=True, max_examples=300, deadline=None)
@given(hostile | shown, st.integers(2, 40), st.integers(1, 6))
def test_rows_are_not_wider_than_asked(said, width, rows):
    lines = ink.wrap(said, width, rows)
    assert 1 <= len(lines) <= rows and all(cell_len(line) <= width for line in lines)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 12), hostile | shown, st.booleans()), max_size=6))
def test_a_grid_keeps_its_columns(puts):
    grid = ink.Grid(10, 1)
    for x, said, under in puts:
        grid.put(x, 0, said, "", under=under)
    assert cell_len("".join(said for said, _ in grid.lines()[0])) == 10


def test_progress_and_notes_of_strangers_are_cleaned_on_a_stream(capsys):
    show = displays.Plain(sys.stdout)
    show(Progress(task="\x1b[2J", done=1, total=2, unit="\x9b"))
    show(Note(text="\x1b]0;x\x07"))
    told = capsys.readouterr()
    assert unsafe(told.out + told.err, "\n") == [] and "1 of 2" in told.err
