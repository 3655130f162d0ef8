"""A run in which every text is hostile: what is printed of it, and what the screens show."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from facetui.engine.records import text
from facetui.engine.records.cohort_table import cohort_table
from facetui.engine.records.events import Event, decode, encode
from facetui.tui.app.app import FacetApp
from facetui.tui.cli import main, names
from facetui.tui.runs import cues
from facetui.tui.runs.recent import Recent, Story
from facetui.tui.screens import frame
from facetui.tui.screens.pages import PAGES
from facetui.tui.session import messages
from facetui.tui.sharing.reports import export
from facetui.tui.state.app_state import Stage
from facetui.tui.text import plain, spans, table
from facetui.tui.text.sentences import words

from ...support.hostile_run import ROUNDS, hostile, runs, unsafe

VIEWS = tuple(page.name for page in PAGES)

# --- what is printed -------------------------------------------------------------------------------------------------


@ROUNDS
@given(runs, st.sampled_from(["utf-8", "ascii", "latin-1"]))
def test_lines_command_no_terminal(run, encoding):
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding, newline="")
    show = plain.Plain(out, 80)
    for event in run:
        show(event)
        assert unsafe(words(event)) == []
    told = raw.getvalue().decode(encoding)
    assert unsafe(told, "\n") == [] and "98 %" in told
    assert max(map(len, told.split("\n"))) < 10 * 4000, "at most ten characters spell one out"
    assert unsafe("".join(table.table_lines(cohort_table(run)))) == []


@ROUNDS
@given(runs, st.booleans())
def test_json_is_the_same_for_programs_and_harmless_to_a_terminal(run, ascii_only):
    for event in run:
        line = text.json(event, ascii_only=ascii_only)
        assert unsafe(line.decode()) == [] and line.isascii() >= ascii_only
        whole = re.sub("[\ud800-\udfff]", "\ufffd", json.dumps(msgspec.to_builtins(event), ensure_ascii=False))
        assert json.loads(line) == json.loads(whole)
        assert encode(event) == text.json(event) and decode(encode(event)) == decode(whole)
    told = cues.encode([cues.Cue(1, text="\udce9\x7f", options=["\x1b"])])
    assert b'"text":"\xef\xbf\xbd\\u007f","when":"","question":"","options":["\\u001b"],' in told
    assert messages.answer(messages.line(messages.Said("\ud800"))) == messages.Said("\ufffd")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize(
    "arguments",
    [
        ["runs"],
        ["runs", "show", "RUN"],
        ["replay", "RUN", "--display", "plain"],
        ["replay", "RUN", "--display", "json"],
        ["diff", "RUN", "RUN", "--display", "plain"],
        ["diff", "RUN", "RUN", "--json"],
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
        main.main()
    sys.stdout.flush()
    sys.stderr.flush()
    out, err = (part.decode(encoding) for part in capfdbinary.readouterr())
    assert unsafe(out + err, "\n") == [] and "bug" not in err
    assert "owned" in out + err or ".html" in out + err or "\\n" in err or "no run" in err


def test_every_error_is_one_line_without_commands(monkeypatch, capfd, tmp_path):
    cast = tmp_path / "\x1b[31mcast.toml"
    cast.write_text('surrogates = []\ngenerations = []\n"\\u001b]0;owned\\u0007\\n" = 1\n')
    for raised in (ValueError("\x1b[2J\nfacetui: all is well"), None):
        if raised:
            monkeypatch.setattr(main, "app", lambda args, error=raised: (_ for _ in ()).throw(error))
        else:
            from facetui.engine.people import casts

            monkeypatch.setattr(main, "app", lambda args: casts.load(str(cast)))
        with pytest.raises(SystemExit) as left:
            main.main()
        err = capfd.readouterr().err
        assert left.value.code in (1, 4) and unsafe(err, "\n") == [] and err.count("\n") == 1


def test_what_other_packages_say_of_themselves_is_listed_as_text(monkeypatch, capsys):
    from facetui.engine.records.registry import Entry
    from facetui.tui.cli.machine.list import list_names

    evil = "\x1b[2J\x9b1m\u202e"
    monkeypatch.setitem(
        names.REGISTRIES["attacks"]._entries, evil, Entry("a:b", evil, {"licence": evil, "source": evil})
    )
    list_names("attacks")
    told = capsys.readouterr().out
    assert unsafe(told, "\n") == [] and "licence" in told and "source" in told


def test_a_saved_session_is_no_program_of_somebody_elses(make_lab):
    from facetui.engine.runs.session import Session

    class Played(Session):
        def __init__(self) -> None:
            self._setup = msgspec.defstruct("Setup", [("seed", int), ("cast", Any)])(0, Named('x"""\nimport os#\\'))
            self._story = Named("s\nimport os#")
            self.cells = [type("Cell", (), {"moves": [], "source": ""})(), type("Cell", (), {"source": "lab.at(1)"})()]

    class Named:
        def __init__(self, name: str) -> None:
            self.name = name

    body = ast.parse(Played().as_scenario()).body
    assert [type(node).__name__ for node in body] == ["Expr", "FunctionDef"]
    assert not any(isinstance(node, ast.Import) for node in ast.walk(ast.Module(body, [])))


# --- what is drawn ---------------------------------------------------------------------------------------------------


def staged(run: list[Event], view: str, head: int, name: str) -> Stage:
    stage = Stage()
    stage.open(Path(name or "x"), live=False)
    stage.extend(run)
    stage.player.jump(head)
    stage.fold()
    stage.view, stage.device, stage.run.recorded = view, name, name
    stage.stories = [Story(name, name, 41.0)]
    stage.recent = [Recent(Path(name or "x"), name, "finished", 28.0, "2021-01-01 00:00")]
    stage.run.cue = cues.Cue(1, text=name)
    stage.selection.event = stage.player.head
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
            assert all(spans.length(line) == 80 for line in lines)
            assert unsafe(spans.text_of(lines), "\n") == []
            await keys.press("y")
            assert unsafe(app.clipboard, "\n") == [] and app.clipboard == spans.text_of(lines)
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
    from facetui.tui.app.canvas import Canvas
    from facetui.tui.app.dialogs.address import Address
    from facetui.tui.app.dialogs.leave import Leave

    app = FacetApp(stranger.parent, stranger, look_for_device=False, motion=False)
    async with app.run_test(size=(80, 24)) as keys:
        for dialog in (Leave(stranger.name), Address("http://127.0.0.1:1/\x1b[2J\u202e/")):
            app.push_screen(dialog)
            await keys.pause()
            lines = dialog.query_one(Canvas).lines
            assert "facetui follow" in spans.text_of(lines) and unsafe(spans.text_of(lines), "\n") == []
            app.pop_screen()
