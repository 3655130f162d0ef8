"""A lab played by hand: moves are kept, taken back, stopped without a trace, and saved as a scenario."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest
import torch

from facetui.engine.core.cache import Cache
from facetui.engine.records import journal
from facetui.engine.records.errors import Cancelled, ScenarioError, UsageError
from facetui.engine.records.events import Note, PhotosPosted, Progress, ProtectionMeasured, RunEnded
from facetui.engine.runs.scenario import Scenario
from facetui.engine.runs.session import Session
from facetui.engine.runs.setup import Setup
from facetui.tui.session.completion import begun, in_a_string
from facetui.tui.session.open_session import scope
from facetui.tui.session.script import is_own, run_script

STORY = '"""A story."""\n\n\ndef scenario(lab):\n    lab.at("2020-01")\n    lab.users.post(1)\n'


@pytest.fixture
def setup(few, tool, tiny_cast, tmp_path) -> Setup:
    return Setup(tiny_cast, few, tool, torch.device("cpu"), Cache(tmp_path / "cache"), None, 3)


@pytest.fixture
def session(setup, tmp_path) -> Session:
    return Session(setup, tmp_path / "runs")


def typed(session: Session, *lines: str) -> None:
    space = {"lab": session.lab}
    for line in lines:
        with session.cell(line):
            exec(line, space)


def facts(session: Session) -> list:
    """What happened, without what a clock decides."""
    steady = [event for event in session.events if not isinstance(event, Progress)]
    return [(e.kind, e.t, getattr(e, "protection_rate", None), getattr(e, "text", "")) for e in steady]


def test_moves_are_listed_as_they_are_called(session, capsys):
    scope(session)["moves"]()
    listed = capsys.readouterr().out
    assert (
        "lab.users.post(n=8, unnamed=False)\n    Everybody posts" in listed
        and "lab.at(t)" in listed
        and "lab.trainer.answer(" in listed
    )
    assert "self" not in listed and "restart" not in listed
    assert max(map(len, listed.splitlines())) <= 80


def test_undo_puts_the_same_lab_back(session):
    lab = session.lab
    typed(session, 'lab.at("2020-07")', 'lab.users.protect("pgd", steps=2)', "lab.users.post(2)")
    before, left, digest = facts(session), lab.users.left(), lab.web[-1].digest
    typed(session, "lab.users.post(1); lab.trainer.scrape()", "lab.measure()")
    assert session.undo() == "lab.measure()"
    assert session.undo() == "lab.users.post(1); lab.trainer.scrape()"
    assert session.lab is lab and facts(session) == before
    assert (lab.users.left(), lab.web[-1].digest, lab.trainer.archive) == (left, digest, ())
    assert journal.read(session.journal.folder) == session.events
    assert len(list(session.journal.folder.parent.iterdir())) == 1, "the abandoned journal is gone"
    typed(session, "lab.trainer.scrape()", "lab.measure()")
    assert lab.measurements and lab.measurements[-1].n_probes > 0
    for _ in range(5):
        session.undo()
    with pytest.raises(UsageError, match="no move"):
        session.undo()


def test_a_move_that_is_stopped_leaves_no_trace(session):
    typed(session, 'lab.at("2020-07")', 'lab.users.protect("pgd", steps=2000)')
    before, left = facts(session), session.lab.users.left()
    threading.Timer(1.0, session.stop).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        typed(session, "lab.users.post(4)")
    assert time.monotonic() - began < 10
    assert facts(session) == before and session.lab.users.left() == left and not len(session.lab.web)
    typed(session, 'lab.users.protect("pgd", steps=1)', "lab.users.post(1)")
    assert [e.n_photos for e in session.events if isinstance(e, PhotosPosted)] == [2]


def test_what_is_saved_plays_the_same(session, tmp_path, make_lab):
    typed(
        session,
        'lab.at("2020-07")\nn = 2',
        'text = """two\nlines"""\nlab.note(text)',
        "for _ in range(2):\n    lab.users.post(n - 1)",
        "lab.trainer.scrape()",
        "lab.measure()",
    )
    with pytest.raises(UsageError):
        typed(session, 'lab.note("kept")\nlab.users.post(1000)')
    with session.cell(""):  # a question, or a drawing
        pass
    path = session.save(tmp_path / "mine.py")
    events: list = []
    Scenario.read(path).play(make_lab(emit=events.append, keep_picture=lambda png: "kept", seed=3))
    steady = [e for e in session.events if not isinstance(e, Progress)][1:]
    assert [e.kind for e in events if not isinstance(e, Progress)] == [e.kind for e in steady]
    assert [e.protection_rate for e in events if isinstance(e, ProtectionMeasured)] == [
        e.protection_rate for e in steady if isinstance(e, ProtectionMeasured)
    ]
    assert [e.text for e in events if isinstance(e, Note)] == ["two\nlines", "kept"]
    for wrong, message in ((path, "exists"), (tmp_path / "mine.txt", r"\.py"), (tmp_path / "no" / "x.py", "cannot")):
        with pytest.raises(UsageError, match=message):
            session.save(wrong)


def test_nothing_to_save(session, tmp_path):
    with pytest.raises(UsageError, match="nothing to save"):
        session.save(tmp_path / "mine.py")


def test_a_session_goes_on_from_a_story(setup, tmp_path, make_lab):
    story = tmp_path / "story.py"
    story.write_text(STORY)
    session = Session(setup, tmp_path / "runs", story=Scenario.read(story))
    typed(session, "lab.users.post(2)")
    assert [e.n_photos // 2 for e in session.events if isinstance(e, PhotosPosted)] == [1, 2]
    again: list = []
    Scenario.read(session.save(tmp_path / "more.py")).play(make_lab(emit=again.append, seed=3))
    assert [e.n_photos // 2 for e in again if isinstance(e, PhotosPosted)] == [1, 2]
    session.undo()
    with pytest.raises(UsageError, match="no move"):
        session.undo()  # not the story itself
    session.close()
    assert isinstance(journal.read(session.journal.folder)[-1], RunEnded)


def test_a_script_stops_at_its_first_error(session, capsys):
    text = 'lab.at("2020-07")\n\nlab.users.post(1)\nundo()\nlab.users.prost(1)\nlab.note("never")\n'
    assert run_script(session, text, "play.py") == ScenarioError.exit_code
    out, err = capsys.readouterr()
    assert "taken back: lab.users.post(1)" in out
    assert err.startswith("facetui: play.py:5: AttributeError: ") and err.count("\n") == 1
    assert not any(isinstance(e, Note) for e in session.events)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("lab.at('July')", 2, "s.py:1: expected a date"),
        ("lab.at(", 1, "s.py:1: "),
        ("raise SystemExit(7)", 7, ""),
        ("lab.at('2020-07')", 0, ""),
    ],
)
def test_exit_codes_of_scripts(session, capsys, text, code, said):
    assert run_script(session, text, "s.py") == code
    assert said in capsys.readouterr().err
    assert journal.status(session.journal.folder, journal.read(session.journal.folder)) == (
        "failed" if code in (1, 2) else "finished"
    )


def test_the_lab_draws_in_the_terminal(tmp_path, capsys):
    from facetui.engine.runs.settings import Settings
    from facetui.tui.session.open_session import open_session

    session = open_session(Settings(out=tmp_path, cache=tmp_path / "cache"), None, quiet=True)
    moves = ['lab.at("2020-07")', "lab.users.post(1)", "lab.trainer.scrape()", "lab.measure()"]
    assert run_script(session, "\n".join(["lab.chart()", *moves, "lab.chart()", "lab.table()"]), "s.py") == 0
    out = capsys.readouterr().out
    assert out.startswith("nothing was measured yet") and "100%┤" in out and "clean photos" in out
    assert "photos posted under" in out and "everybody else" in out


def test_what_is_about_the_session_is_not_saved():
    assert all(map(is_own, ["undo()", "save('x.py')", "lab.table()", "help(lab)", "lab.at?", "%timeit 1"]))
    assert not any(map(is_own, ["lab.at('2020-07')", "x = 1", "undo(); lab.note('a')"]))


def test_names_are_completed_inside_strings():
    assert begun('lab.users.protect("fawk') == "fawk" and begun("protect('") == ""
    assert begun("lab.users") is None and begun('note("all done")') is None
    assert {"fawkes-0.3", "lowkey"} <= set(in_a_string("attack")) and "adapt" in in_a_string("defence")


def test_a_script_from_standard_input_is_quiet(tmp_path):
    command = [sys.executable, "-m", "facetui.tui.cli.main", "repl"]
    environment = {**os.environ, "FACETUI_RUNS": str(tmp_path)}
    script = 'lab.at("2020-07")\nlab.users.post(1)\nprint(len(lab.web))\n'
    done = subprocess.run(command, input=script, capture_output=True, text=True, env=environment, timeout=120)
    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr
    done = subprocess.run(
        [*command, "-c", "lab.at('no')"], input="", capture_output=True, text=True, env=environment, timeout=120
    )
    assert done.returncode == 2 and done.stderr.startswith("facetui: <command>:1: expected a date")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_typing_at_a_terminal(tmp_path):
    """Completion inside a string, Ctrl-C stops the move and keeps the session, Ctrl-D leaves, history stays."""
    socket = f"facetui-{os.getpid()}"

    def tmux(*args: str) -> str:
        return subprocess.run(["tmux", "-L", socket, *args], capture_output=True, text=True, check=True).stdout

    def wait(text: str, seconds: float = 60) -> str:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            screen = tmux("capture-pane", "-p", "-t", "repl")
            if text in screen:
                return screen
            time.sleep(0.1)
        raise AssertionError(f"{text!r} never came:\n{screen}")

    shell = f"trap : INT; {sys.executable} -m facetui.tui.cli.main repl; echo left with $?; sleep 60"
    folders = [f"FACETUI_RUNS={tmp_path}/runs", f"FACETUI_CACHE={tmp_path}/cache", f"XDG_STATE_HOME={tmp_path}/state"]
    tmux("new-session", "-d", "-s", "repl", "-x", "100", "-y", "40", f"env {' '.join(folders)} sh -c '{shell}'")
    try:
        wait("lab>")
        tmux("send-keys", "-t", "repl", 'lab.users.protect("opo', "Tab")
        wait('lab.users.protect("opom')
        tmux("send-keys", "-t", "repl", "C-u")
        tmux("send-keys", "-t", "repl", 'lab.users.protect("pgd", steps=2000)', "Enter")
        tmux("send-keys", "-t", "repl", "lab.users.post(8)", "Enter")
        wait("image-steps")
        tmux("send-keys", "-t", "repl", "C-c")
        wait("stopped on request")
        tmux("send-keys", "-t", "repl", "len(lab.web) + 40", "Enter")
        wait("\n40\n\nlab>")
        tmux("send-keys", "-t", "repl", "C-d")
        assert "left with 0" in wait("left with")
    finally:
        subprocess.run(["tmux", "-L", socket, "kill-server"], capture_output=True)
    assert (tmp_path / "state" / "facetui" / "history.sqlite").stat().st_size > 0


def test_control_c_outside_of_a_move_is_an_ordinary_one(session, capsys):
    text = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nwhile True: pass\n"
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run_script(session, text, "s.py")
    assert signal.getsignal(signal.SIGINT) is before
    assert journal.status(session.journal.folder, journal.read(session.journal.folder)) == "stopped"
