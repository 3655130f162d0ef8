"""The app in a screen library's pilot, on pseudo-terminals, and in tmux."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from facetui.engine import journal
from facetui.engine.events import Note, Progress, RunEnded, RunFailed
from facetui.engine.journal import Journal
from facetui.tui import detached, uibench
from facetui.tui.app import FacetApp
from facetui.tui.ink import text_of
from facetui.tui.terminal import RESTORE
from facetui.tui.uibench import Pty

from .sample_run import sample_events, write_sample

MAIN = [sys.executable, "-m", "facetui.tui.cli"]
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
def run(tmp_path) -> Path:
    write_sample(tmp_path / "sample-20210101-000000")
    return tmp_path / "sample-20210101-000000"


def screen(app: FacetApp) -> str:
    return text_of(app.canvas.lines)


def pilot(run: Path | None, size=(80, 24), **more):
    runs = run.parent if run else more.pop("runs")
    app = FacetApp(runs, run, look_for_device=False, motion=False, **more)
    return app, app.run_test(size=size)


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 12)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_key_does_what_the_help_says(size, run):
    app, test = pilot(run, size)
    async with test as keys:
        await keys.press("G")
        player = app.stage.player
        assert player.at_end
        await keys.press("g")
        assert player.head == 0
        await keys.press("]", "]")
        assert player.head == 2
        await keys.press("[")
        assert player.head == 1
        await keys.press("}", "}")
        head = player.head
        assert head > 2 and "2020-07" in app.stage.now.t
        await keys.press("{")
        assert player.head < head
        await keys.press("space")
        assert player.playing
        await keys.press("space")
        assert not player.playing
        await keys.press("+", "+", "-")
        assert player.speed == 2
        for key, view in (("2", "cohorts"), ("3", "faces"), ("4", "events"), ("0", "home"), ("1", "timeline")):
            await keys.press(key)
            assert app.stage.view == view
        await keys.press("G", "b")
        assert not app.stage.kept
        await keys.press("m")
        assert app.stage.motion
        before = app.theme
        await keys.press("t")
        assert app.theme != before
        await keys.press("?")
        assert len(app.screen_stack) == 2
        await keys.press("escape")
        await keys.press("2", "down", "right")
        assert app.stage.cell == (1, 1)
        await keys.press("s", "e")
        saved = {path.name for path in (run / "exports").iterdir()}
        assert {"cohorts.svg", "table.csv", "table.json", "chart.svg", "chart.png"} <= saved
        assert "font-face" not in (run / "exports" / "cohorts.svg").read_text(), "nothing is loaded from anywhere"
        await keys.press("y")
        assert "whole archive" in app.clipboard or size == (40, 12)
        await keys.press("q")
    assert app.return_code == 0


async def test_filter_and_jump(run):
    app, test = pilot(run, (120, 40))
    async with test as keys:
        await keys.press("4", "/")
        await keys.press(*"adapt")
        assert "adapt" in screen(app) and "lowkey" not in screen(app).replace("adapts to pgd", "")
        await keys.press("enter", "enter")
        assert app.stage.view == "timeline"
        assert app.stage.player.events[app.stage.player.head].kind == "defence_applied"
        await keys.press("4", "/")
        await keys.press(*"nothing like it")
        assert "no event has these words" in screen(app)
        await keys.press("escape")
        assert app.stage.words == ""


async def test_resizing_at_any_moment_is_harmless(run):
    app, test = pilot(run, (120, 40))
    async with test as keys:
        for size in ((80, 24), (40, 12), (10, 3), (200, 60), (1, 1), (80, 24)):
            await keys.resize_terminal(*size)
            for key in ("1", "2", "3", "4", "0", "1", "G", "g"):
                await keys.press(key)
        await keys.press("G")
        assert "whole archive" in screen(app)


async def test_a_journal_that_grows_is_followed_and_scrubbing_back_loses_nothing(tmp_path):
    folder = tmp_path / "live"
    folder.mkdir()
    book, events = Journal(folder), sample_events()
    for event in events[:9]:
        book.append(event)
    app, test = pilot(folder, live=True)
    async with test as keys:
        await keys.pause(0.3)
        app.stage.player.growing = app.stage.player.live = True  # the lock is this process's own
        for event in events[9:14]:
            book.append(event)
        app._read()
        assert app.stage.player.head == 13
        await keys.press("g")
        for event in events[14:-1]:
            book.append(event)
        app._read()
        assert app.stage.player.head == 0 and len(app.stage.player.events) == len(events) - 1
        assert "behind" in screen(app) or app.draw() or "behind" in screen(app)
        await keys.press("G")
        assert app.stage.player.live
        book.append(events[-1])
        app._read()
        assert isinstance(app.stage.known.ended, RunEnded) and not app.stage.running
    book.close()


async def test_home_lists_stories_and_runs(run):
    app, test = pilot(None, (80, 24), runs=run.parent)
    async with test as keys:
        await keys.pause(0.2)
        text = screen(app)
        assert "arms_race" in text and "retention_law" in text and "finished" in text
        await keys.press(*["down"] * 40)
        await keys.press("enter")
        assert app.stage.folder == run and app.stage.view == "timeline"


# --- on pseudo-terminals ------------------------------------------------------------------------------------------


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
def test_keys_answer_at_full_load_and_frames_come_soon():
    speed = uibench.measure(rounds=3, keys=20)
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
    assert before and len(during) >= 8, "the engine went on"
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
    memory = detached.memory_of(os.getpid())
    assert memory is None or memory > 10_000_000
    assert detached.memory_of(2**30) is None


# --- in tmux ------------------------------------------------------------------------------------------------------


class Tmux:
    """One program in a tmux of its own."""

    def __init__(self, command: str, size: tuple[int, int], environment: dict[str, str]) -> None:
        self.socket = f"facetui-{os.getpid()}-{time.monotonic_ns()}"
        settings = " ".join(f"{key}='{value}'" for key, value in environment.items())
        shell = f"trap : INT; env {settings} {command}; echo left with $?; sleep 60"
        self.call("-u", "new-session", "-d", "-x", str(size[0]), "-y", str(size[1]), shell)

    def call(self, *arguments: str) -> str:
        done = subprocess.run(["tmux", "-L", self.socket, *arguments], capture_output=True, text=True, check=True)
        return done.stdout

    def press(self, *keys: str) -> None:
        self.call("send-keys", *keys)

    def wait(self, pattern: str, seconds: float = 90) -> str:
        end, text = time.monotonic() + seconds, ""
        while time.monotonic() < end:
            text = self.call("capture-pane", "-p")
            if re.search(pattern, text):
                return text
            time.sleep(0.1)
        raise AssertionError(f"{pattern!r} never came:\n{text}")

    def close(self) -> None:
        subprocess.run(["tmux", "-L", self.socket, "kill-server"], capture_output=True)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_arms_race_in_a_real_terminal(size, tmp_path):
    places = {
        "FACETUI_RUNS": str(tmp_path / "runs"),
        "FACETUI_CACHE": os.environ["FACETUI_CACHE"],
        "TERM": "tmux-256color",
        "CI": "",
    }
    terminal = Tmux(f"{' '.join(MAIN)} run arms_race", size, places)
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
            assert "▸" in text and "lab.note(" in text, f"the running line of the source is marked\n{text}"
        terminal.press("2")
        table = terminal.wait("photos posted under")
        assert "compact-a" in table and "fawkes-0.3" in table
        terminal.press("3")
        assert "▀▀▀" in terminal.wait("the trainer names")
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
