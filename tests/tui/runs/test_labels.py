"""Names and notes of runs: kept beside the journal, found by, listed, packed, shown; a stranger's is cleaned."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facetui.engine.records import installation, journal
from facetui.engine.records.errors import JournalError, UsageError
from facetui.engine.records.text import clean
from facetui.tui.app.app import FacetApp
from facetui.tui.cli.runs.listing import Wanted, wanted
from facetui.tui.runs import archive, labels, recent
from facetui.tui.runs.labels import Label
from facetui.tui.text.spans import text_of

from ...support.commands import facetui
from ...support.hostile_run import PIECES
from ...support.sample_run import write_sample


@pytest.fixture
def runs() -> Path:
    """Three runs; the last is the newest."""
    parent = Path(os.environ["FACETUI_RUNS"])
    for number, name in enumerate(("arms_race-20210101-000000", "sample-20210102-000000", "sample-20210103-000000")):
        write_sample(parent / name)
        moment = time.time() - (30 - 10 * number) * 86400
        os.utime(parent / name / journal.EVENTS, (moment, moment))
    return parent


def test_a_run_is_named_noted_found_and_its_folder_stays(runs):
    before = (runs / "sample-20210102-000000" / journal.EVENTS).read_bytes()
    assert "is called “Tuesday's lesson”" in facetui("runs", "rename", "sample-20210102", "Tuesday's lesson").stdout
    ran = facetui("runs", "note", "Tuesday's lesson", "with the loud\x1b[2J projector")
    assert ran.returncode == 0 and ran.stdout == "sample-20210102-000000: with the loud [2J projector\n"
    assert labels.find("Tuesday's lesson") == runs / "sample-20210102-000000"
    (line,) = (line for line in facetui("runs").stdout.splitlines() if "Tuesday" in line)
    assert line.startswith("sample-20210102-000000 ") and line.endswith(
        "“Tuesday's lesson”  with the loud [2J projector"
    )
    shown = facetui("runs", "show", "Tuesday's lesson").stdout
    assert "name        Tuesday's lesson\n" in shown and "note        with the loud" in shown
    assert facetui("replay", "Tuesday's lesson", "--display", "plain").returncode == 0
    assert (runs / "sample-20210102-000000" / journal.EVENTS).read_bytes() == before
    assert facetui("runs", "rename", "Tuesday's lesson", "").returncode == 0
    assert facetui("replay", "Tuesday's lesson").returncode == 2
    assert labels.read(runs / "sample-20210102-000000").note, "the note is another matter"


def test_two_runs_of_one_name_and_names_that_are_too_long_are_said(runs):
    for folder in journal.runs(runs)[:2]:
        labels.write(folder, name="twice")
    ran = facetui("runs", "show", "twice")
    assert ran.returncode == 2 and "2 runs are called 'twice': sample-20210103" in ran.stderr
    ran = facetui("runs", "rename", "arms_race", "x" * 61)
    assert ran.returncode == 2 and "at most 60 characters, got 61" in ran.stderr
    labels.write(runs / "arms_race-20210101-000000", name="sample-20210102-000000")
    assert labels.find("sample-20210102-000000").name == "sample-20210102-000000", "a folder's own name goes first"


def test_a_run_under_way_is_named_and_stays_what_it_is(tmp_path):
    book = journal.Journal(tmp_path)
    assert installation.made_here(tmp_path)
    labels.write(tmp_path, name="live", note="now")
    assert journal.is_locked(tmp_path) and installation.made_here(tmp_path)
    assert labels.read(tmp_path) == Label("live", "now")
    book.close()


def test_name_and_note_go_along_in_an_archive(runs, tmp_path):
    folder = runs / "sample-20210103-000000"
    labels.write(folder, name="mine", note="a line")
    ran = facetui("runs", "export", "mine", "-o", tmp_path / "mine.tar.zst")
    assert ran.stdout.endswith("with its name, with its note\n")
    (tmp_path / "there").mkdir()
    assert labels.read(archive.unpack(tmp_path / "mine.tar.zst", tmp_path / "there")) == Label("mine", "a line")
    shown = facetui("runs", "show", tmp_path / "mine.tar.zst")
    assert "note        a line" in shown.stdout and "folder " not in shown.stdout


@pytest.mark.parametrize(
    "data", [b"", b"{", b'{"name": 3}', b"[" * 9000, b"\xff\xfe", b'{"name": "' + b"x" * labels.MOST + b'"}']
)
def test_a_label_may_be_damaged(data, run):
    (run / labels.FILE).write_bytes(data)
    assert labels.read(run) == Label() == recent.recent(run.parent)[0].label
    assert labels.write(run, name="again") == labels.read(run) == Label("again")


def test_a_label_is_neither_read_nor_written_through_a_link(run, tmp_path):
    (tmp_path / "secret").write_text('{"name": "secret"}')
    (run / labels.FILE).symlink_to(tmp_path / "secret")
    assert labels.read(run) == Label()
    with pytest.raises(JournalError, match="symbolic link"):
        labels.write(run, name="x")
    assert (tmp_path / "secret").read_text() == '{"name": "secret"}'


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.text(max_size=80) | st.sampled_from(list(PIECES)))
def test_whatever_it_says_is_one_clean_line(run, said):
    try:
        label = labels.write(run, name=said, note=said)
    except UsageError:
        assert len(said.strip()) > labels.NAME_MOST
        return
    assert label == labels.read(run) == Label(clean(label.name), clean(label.note))
    assert "\n" not in label.note and "\x1b" not in label.note


# --- which are wanted ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--state", "finished"), {"arms_race", "sample-20210102", "sample-20210103"}),
        (("--state", "failed"), set()),
        (("--story", "sample"), {"arms_race", "sample-20210102", "sample-20210103"}),
        (("--cast", "networks"), set()),
        (("--since", "15d"), {"sample-20210103"}),
        (("--since", "25d", "--text", "arms"), set()),
        (("--text", "arms race mine"), {"arms_race"}),
        (("--text", "a line"), {"arms_race"}),
        (("--since", "2001-01"), {"arms_race", "sample-20210102", "sample-20210103"}),
        (("--since", "2999-12-31"), set()),
    ],
)
def test_options_choose(options, names, runs):
    labels.write(runs / "arms_race-20210101-000000", name="the arms race", note="mine, a line")
    for words in (("runs", *options), ("runs", "list", *options)):
        ran = facetui(*words)
        listed = {line.split(" ")[0].removesuffix("-000000") for line in ran.stdout.splitlines()}
        assert ran.returncode == 0 and {name.replace("-20210101", "") for name in listed} == (names or {"none"})
    assert "none of 3 runs is like that" in ran.stdout or names


def test_sizes_are_said_with_their_sum(runs):
    first, *_, last = facetui("runs", "--sizes").stdout.splitlines()
    assert " MB" in first and last.startswith("3 runs, ") and last.endswith(" MB")


@pytest.mark.parametrize(
    "words",
    [
        ("--state", "fine"),
        ("--since", "yesterday"),
        ("--since", "2021-13"),
        ("--since", "0001-01"),
        ("--text", "x", "show", "sample"),
    ],
)
def test_what_cannot_be_meant_is_said(words, runs):
    ran = facetui("runs", *words)
    assert (ran.returncode == 2 and ran.stderr.count("\n") == 1) or (words[1] == "0001-01" and ran.returncode == 0)


def test_a_damaged_run_is_listed_where_it_is_wanted(runs):
    folder = runs / "sample-20210102-000000"
    (folder / journal.EVENTS).write_bytes(b"nonsense\n")
    assert Wanted(state="damaged").has(folder, "damaged", []) and not Wanted(story="sample").has(folder, "damaged", [])
    ran = facetui("runs", "--state", "damaged")
    assert ran.stdout.startswith("sample-20210102") and ran.stdout.count("\n") == 1 and "line 1" in ran.stderr
    assert facetui("runs", "--state", "finished").stderr == ""
    assert wanted(None, None, None, None, None) == Wanted()


# --- in the app ---------------------------------------------------------------------------------------------------


async def test_the_app_names_notes_and_finds_runs(runs):
    app = FacetApp(runs, look_for_device=False, motion=False)

    def screen() -> str:
        return text_of(app.canvas.lines)

    async with app.run_test(size=(100, 40)) as keys:
        await keys.pause(0.2)
        app.refresh_home()
        assert "r n name" not in screen(), "a story has no name of one's own"
        await keys.press("r")
        assert len(app.screen_stack) == 1
        app.stage.selection.entry = app.stage.entries.index(app.stage.recent[0])
        app.draw()
        assert "r n name" in screen()
        await keys.press("r", *"mine", "enter")
        await keys.press("n", *"loud", "enter")
        await keys.pause()
        assert labels.read(runs / "sample-20210103-000000") == Label("mine", "loud")
        assert " mine " in screen() and "loud" in screen() and "sample-20210103-000000" not in screen()
        await keys.press("r", "escape")
        assert labels.read(runs / "sample-20210103-000000").name == "mine"
        await keys.press("slash", *"loud")
        assert app.stage.listed_runs == [app.stage.chosen] and "/ loud▌   1 found" in screen()
        assert "arms_race" not in screen() and "enter keep these" in screen()
        await keys.press("enter", "r", *["backspace"] * 4, "enter")
        await keys.pause()
        assert labels.read(runs / "sample-20210103-000000") == Label("", "loud")
        assert "/ loud   1 found" in screen()
        await keys.press("slash", "x")
        assert "nothing has these words" in screen()
        await keys.press("escape")
        assert "arms_race" in screen() and "found" not in screen()
        await keys.press("slash", *"loud", "enter", "enter")
        assert app.stage.view == "timeline" and app.stage.run.folder == runs / "sample-20210103-000000"


async def test_a_run_that_cannot_be_named_is_said(runs):
    folder = runs / "sample-20210103-000000"
    (folder / labels.FILE).mkdir()
    app = FacetApp(runs, look_for_device=False, motion=False)
    async with app.run_test(size=(100, 40)) as keys:
        await keys.pause(0.2)
        app.stage.selection.entry = app.stage.entries.index(app.stage.recent[0])
        await keys.press("r", "x", "enter")
        await keys.pause()
        assert any("cannot be written" in note.message for note in app._notifications)
