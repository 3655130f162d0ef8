"""The app on pseudo-terminals and in tmux: how it starts, is followed, stopped, cut off and left."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from facetui.engine import system
from facetui.engine.records import journal
from facetui.engine.records.events import Note, Progress, RunFailed
from facetui.tui.app.terminal.driver import RESTORE
from facetui.tui.cli.machine import bench_screens
from facetui.tui.cli.machine.bench_screens import MAIN, Pty

from ...support import tmux
from ...support.tmux import Tmux

STORY = '''"""A story for tests.

Nothing else.
"""


def scenario(lab):
    lab.at("2020-07")
    lab.note("It begins.")
    lab.users.protect("pgd", steps={steps})
    lab.users.post(2)
    lab.trainer.scrape()
    lab.measure()
    lab.show()
    lab.note("It ends.")
'''


@pytest.fixture
def places(tmp_path):
    yield {"FACETUI_RUNS": str(tmp_path / "runs"), "FACETUI_DISPLAY": "tui", "CI": ""}
    for folder in journal.runs(tmp_path / "runs"):  # an engine survives its terminal, also that of a failed test
        if journal.is_locked(folder):
            began = journal.read(folder)[0]
            os.kill(began.pid, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_restores_the_terminal_and_tells_its_number(number, run, places):
    terminal = Pty([*MAIN, "replay", str(run)], (80, 24), places)
    terminal.read_until(b"quit", 20)
    os.kill(terminal.process.pid, number)
    seen, end = b"", time.monotonic() + 10
    while b"\x1b[?1049l" not in seen and time.monotonic() < end:
        seen += terminal.read(0.1)
    assert b"\x1b[?1049l" in seen and b"\x1b[?25h" in seen, "the alternate screen and the cursor"
    assert terminal.process.wait(10) == 128 + number
    terminal.close()


def test_a_closed_terminal_ends_the_app(run, places):
    terminal = Pty([*MAIN, "replay", str(run)], (80, 24), places)
    terminal.read_until(b"quit", 20)
    os.close(terminal.master)
    assert terminal.process.wait(10) == 128 + signal.SIGHUP


@pytest.mark.parametrize(
    ("environment", "wanted", "unwanted"),
    [
        ({"NO_COLOR": "1"}, b"whole archive", b"\x1b[38;2"),
        ({"FACETUI_ASCII": "1"}, b"whole archive", "━".encode()),
        ({"TERM": "screen"}, b"whole archive", b"\x1b[38;2"),
    ],
    ids=["no colour", "ascii", "sixteen colours"],
)
def test_poor_terminals_get_what_they_can_show(environment, wanted, unwanted, run, places):
    terminal = Pty([*MAIN, "replay", str(run)], (80, 24), {**places, "COLORTERM": "", **environment})
    terminal.read_until(b"quit", 20)
    terminal.type("G")
    seen, end = b"", time.monotonic() + 10
    while wanted not in seen and time.monotonic() < end:
        seen += terminal.read(0.1)
    terminal.type("q")
    terminal.close()
    assert wanted in seen and unwanted not in seen


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"TERM": ""}, {"CI": "true"}], ids=str)
def test_without_a_screen_lines_are_plain(environment, run, places):
    settings = {**places, "FACETUI_DISPLAY": "auto", **environment}
    terminal = Pty([*MAIN, "replay", str(run)], (80, 24), settings)
    seen, end = b"", time.monotonic() + 20
    while b"done in" not in seen and time.monotonic() < end:
        seen += terminal.read(0.1)
    terminal.close()
    assert b"done in" in seen and b"\x1b[?1049h" not in seen


def test_a_screen_that_is_asked_for_where_there_is_none():
    done = subprocess.run([*MAIN, "list", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    done = subprocess.run([*MAIN, "run", "arms_race", "--display", "tui"], capture_output=True, text=True, input="")
    assert done.returncode == 2 and "--display plain" in done.stderr


@pytest.mark.slow
@pytest.mark.alone
def test_keys_answer_at_full_load_and_frames_come_soon():
    speed = bench_screens.measure(rounds=3, keys=20)
    assert speed.home < 2.0 and speed.replay < 2.0, "wide: the bar is 0.6 s on a quiet machine"
    assert speed.idle[0] < 100 and speed.loaded[0] < 200, "wide: the bar is 50 ms"
    assert speed.rate < 60 and speed.updates <= 5


@pytest.mark.slow
def test_a_stalled_link_holds_nothing_up_and_the_screen_catches_up(tmp_path, places):
    story = tmp_path / "long.py"
    story.write_text(STORY.format(steps=4000))
    terminal = Pty([*MAIN, "run", str(story)], (80, 24), places)
    terminal.read_until(b"s left", 90)
    (folder,) = journal.runs(Path(places["FACETUI_RUNS"]))
    tail = journal.Tail(folder)
    before = sum(isinstance(e, Progress) for e in tail.more())
    time.sleep(5)  # nobody reads the terminal meanwhile
    during = [e for e in tail.more() if isinstance(e, Progress)]
    assert before and len(during) >= 2, "the engine went on"
    newest = f"{during[-1].done // 1000}".encode()
    assert newest
    began = time.monotonic()
    terminal.drain(quiet=0.3, longest=1.0)
    terminal.type("2")
    terminal.read_until(b"nothing was measured", 5)
    assert time.monotonic() - began < 4
    terminal.type("1q")
    terminal.read_until(b"stop it", 10)
    time.sleep(5)  # nobody reads it when the app is left, either
    terminal.type("s")
    assert terminal.process.wait(30) == 130
    terminal.read_until(RESTORE, 5)
    terminal.close()
    last = journal.read(folder)[-1]
    assert isinstance(last, RunFailed) and last.exit_code == 130 and "request" in last.error


@pytest.mark.slow
def test_a_signal_over_a_stalled_link_leaves_nothing_behind_the_restored_screen(tmp_path, places):
    story = tmp_path / "long.py"
    story.write_text(STORY.format(steps=4000))
    terminal = Pty([*MAIN, "run", str(story)], (200, 60), places)
    terminal.read_until(b"s left", 90)
    time.sleep(15)  # enough of its frames for every buffer between
    os.kill(terminal.process.pid, signal.SIGTERM)
    assert terminal.process.wait(10) == 128 + signal.SIGTERM
    seen = b""
    while data := terminal.read(0.3):
        seen += data
    assert seen.endswith(RESTORE)
    terminal.close()


@pytest.mark.slow
def test_a_story_that_raises_is_shown_and_the_app_lives(tmp_path, places):
    story = tmp_path / "broken.py"
    story.write_text('"""Broken."""\n\n\ndef scenario(lab):\n    lab.at("2020-07")\n    1 / 0\n')
    terminal = Pty([*MAIN, "run", str(story)], (120, 40), places)
    terminal.read_until(b"ZeroDivisionError", 60)
    terminal.type("0")
    terminal.read_until(b"stories", 10)
    terminal.type("q")
    assert terminal.process.wait(20) == 1
    terminal.close()


@pytest.mark.slow
def test_a_detached_run_survives_and_can_be_followed(tmp_path):
    story = tmp_path / "story.py"
    story.write_text(STORY.format(steps=4))
    environment = {**os.environ, "FACETUI_RUNS": str(tmp_path / "runs")}
    began = subprocess.run([*MAIN, "run", str(story), "--detach"], capture_output=True, text=True, env=environment)
    assert began.returncode == 0, began.stderr
    folder = Path(began.stdout.strip())
    assert folder.parent == tmp_path / "runs"
    followed = subprocess.run(
        [*MAIN, "follow", folder.name, "--display", "plain"],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
    )
    assert followed.returncode == 0 and "It begins." in followed.stdout and "It ends." in followed.stdout
    assert [e.text for e in journal.read(folder) if isinstance(e, Note)] == ["It begins.", "It ends."]
    assert "finished" in subprocess.run([*MAIN, "runs"], capture_output=True, text=True, env=environment).stdout


@pytest.mark.slow
def test_a_detached_run_that_cannot_begin_says_why(tmp_path):
    done = subprocess.run(
        [*MAIN, "run", "arms_race", "--people", str(tmp_path / "nobody"), "--detach"],
        capture_output=True,
        text=True,
        env={**os.environ, "FACETUI_RUNS": str(tmp_path / "runs")},
    )
    assert done.returncode == 4 and "there is no folder" in done.stderr
    assert not journal.runs(tmp_path / "runs")


def test_the_memory_of_a_process_is_known_here_or_nowhere():
    memory = system.memory_of(os.getpid())
    assert memory is None or memory > 10_000_000
    assert system.memory_of(2**30) is None


# --- in tmux ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_arms_race_in_a_real_terminal(size, tmp_path):
    pace = "" if size == (80, 24) else " --pace fast"  # once with the time that captions are given to be read: minutes
    terminal = Tmux(f"{' '.join(MAIN)} run arms_race --strength workshop{pace}", size, tmux.places(tmp_path))
    try:
        assert "arms_race" in terminal.wait("users +▲ fawkes-0.3", 240)
        terminal.wait("trainer +■")
        terminal.press("g")
        assert "behind" in terminal.wait("paused")
        terminal.press("G")
        terminal.wait("live|at the end")
        text = terminal.wait("the story is over", 400)
        assert "whole archive" in text and "100%" in text
        if size[0] >= 110:
            assert "named right" in text or "named wrong" in text, f"a face stands beside the chart\n{text}"
        terminal.press("2")
        table = terminal.wait("photos posted under")
        assert "compact-a" in table and "fawkes-0.3" in table
        terminal.press("3")
        assert "▀▀▀" in terminal.wait(r"the trainer\s+names")
        terminal.press(".")
        terminal.wait("person 2 of 8")
        terminal.press("4")
        terminal.wait("events +/ filter")
        terminal.press("/", "lowkey", "Enter", "Enter")
        terminal.wait("paused")
        terminal.press("{")
        terminal.press("?")
        terminal.wait("previous move")
        terminal.press("Escape")
        terminal.wait(r"(?s)\A(?!.*previous move)")
        terminal.press("0")
        assert "finished" in terminal.wait("stories")
        terminal.press("q")
        assert "left with 0" in terminal.wait("left with")
    finally:
        terminal.close()
    (folder,) = journal.runs(tmp_path / "runs")
    assert journal.status(folder, journal.read(folder)) == "finished"
