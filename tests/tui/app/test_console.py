"""The app's console: what is typed, the process that runs it, and both together in the app."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facetui.engine.records import journal
from facetui.engine.records.events import Note, PhotosPosted, ProtectionMeasured, RunBegan, RunEnded
from facetui.engine.records.journal import Journal
from facetui.tui.app.app import FacetApp
from facetui.tui.screens import console
from facetui.tui.session import messages
from facetui.tui.state.transcript import Console, completed, indented, is_whole
from facetui.tui.text.spans import length, text_of

from ...support.sample_run import write_sample

# --- what is typed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("", True),
        ("lab.measure()", True),
        ("lab.measure(", False),
        ('lab.note("""two', False),
        ("for i in range(2):", False),
        ("for i in range(2):\n    lab.users.post(1)", False),
        ("for i in range(2):\n    lab.users.post(1)\n", True),
        ("for i in range(2): lab.users.post(1)", False),
        ("a = 1\nb = 2", False),
        ("a = 1\nb = 2\n", True),
        ("lab.at?", True),
        ("%timeit 1", True),
        ("a b", True),
    ],
)
def test_enter_runs_what_is_whole(text, whole):
    assert is_whole(text) is whole


def test_the_next_line_is_indented_and_completions_add_what_is_sure():
    assert [indented(text) for text in ("a", "if a:", "if a:\n    b", "if a:\n    if b:  ")] == [
        "",
        " " * 4,
        " " * 4,
        " " * 8,
    ]
    assert completed('adapt("faw', "faw", ["fawkes-0.3", "fawkes-1.0"]) == 'adapt("fawkes-'
    assert completed("lab.tr", ".tr", [".trainer"]) == "lab.trainer"
    assert completed("lab.", ".", [".at", ".note"]) == "lab." and completed("x", "x", []) == "x"


def test_earlier_text_comes_back_and_what_was_begun_is_kept():
    state = Console()
    state.submit("b = 2")
    state.remember(["a = 1"])
    assert [state.recall(-1, now) for now in ("dra", "b = 2")] == ["b = 2", "a = 1"]
    assert state.recall(-1, "a = 1") is None
    assert [state.recall(1, "") for _ in range(3)] == ["b = 2", "dra", None]
    state.submit("b = 2")
    assert state.typed == ["a = 1", "b = 2"], "the same text twice is remembered once"


@given(
    st.lists(st.text(max_size=300), max_size=30),
    st.integers(40, 160),
    st.integers(10, 50),
    st.integers(0, 100),
    st.lists(st.text(max_size=9), max_size=9),
)
def test_the_page_always_has_its_size(said, width, height, back, matches):
    state = Console(matches=matches)
    for text in said:
        state.say(text)
    state.back = back
    state.prompt = console.rows("\n" * back, height)
    lines = console.paint(state, width, height)
    assert len(lines) == height and all(length(line) == width for line in lines)
    assert not any(ord(character) < 32 for character in text_of(lines).replace("\n", ""))


# --- the process --------------------------------------------------------------------------------------------------


@pytest.fixture
def places(tmp_path, monkeypatch) -> Path:
    """The runs' folder; history and state are the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "78")
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


class Kernel:
    """The console's process, spoken to as the app does."""

    def __init__(self, *arguments: Path) -> None:
        command = [sys.executable, "-m", "facetui.tui.session", *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.said: list[str] = []

    def until(self, kind: type) -> messages.Answer:
        for text in self.process.stdout:
            answer = messages.answer(text)
            if isinstance(answer, messages.Said):
                self.said.append(answer.text)
            if isinstance(answer, kind):
                return answer
        raise AssertionError(f"it ended without {kind.__name__}: {self.said}")

    def ask(self, message: messages.Question, kind: type) -> messages.Answer:
        self.process.stdin.write(messages.line(message))
        self.process.stdin.flush()
        return self.until(kind)

    def run(self, text: str) -> messages.Done:
        return self.ask(messages.Run(text, 78), messages.Done)

    def close(self) -> int:
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(20)


def began(**more) -> RunBegan:
    given = {"scenario": "story", "title": "A story.", "source": "", "seed": 5, "device": "cpu", "cast": "embedded"}
    given |= {"n_people": 40, "users": ["p01", "p02"], "surrogates": [], "extractors": {}, "versions": {}}
    return RunBegan(**(given | more))


def test_the_process_runs_completes_undoes_and_closes_its_journal(places):
    kernel = Kernel(places)
    ready = kernel.until(messages.Ready)
    assert ready.history == []
    assert kernel.ask(messages.Complete('x\nlab.trainer.adapt("faw'), messages.Completed).matches == [
        "fawkes-0.3",
        "fawkes-1.0",
    ]
    assert ".trainer" in kernel.ask(messages.Complete("lab.tr"), messages.Completed).matches
    assert kernel.run("1 + 1").ok and kernel.said == ["2"]
    assert not kernel.run("1 / 0").ok and "ZeroDivisionError" in kernel.said[-2]
    assert not kernel.run("lab.users.post(1000)").ok and kernel.said[-1].startswith("facetui: p")
    assert kernel.run("print(input())").ok is False, "nothing that is typed reads the messages"
    assert kernel.run("import os; os.system('echo loud')").ok
    assert kernel.run("lab.at?").ok and any("Move the clock" in line for line in kernel.said)
    first = kernel.run('lab.at("2020-07"); lab.note("one")')
    second = kernel.run('lab.note("two")')
    undone = kernel.run("undo()")
    assert first.folder == second.folder != undone.folder and not Path(first.folder).exists()
    assert kernel.close() == 0
    events = journal.read(Path(undone.folder))
    assert [e.text for e in events if isinstance(e, Note)] == ["one"] and isinstance(events[-1], RunEnded)
    again = Kernel(places)
    assert again.until(messages.Ready).history[-2:] == ['lab.note("two")', "undo()"]
    assert again.run("exit").ok and again.until(messages.Left).problem == "" and again.close() == 0


def test_the_process_goes_on_from_the_end_of_a_run(places):
    source = (
        '"""A story."""\n\n\ndef scenario(lab, photos: int = 1):\n    lab.at("2020-07")\n    lab.users.post(photos)\n'
    )
    folder = places / "story"
    folder.mkdir()
    book = Journal(folder)
    book.append(began(source=source, people="embedded", fictional=True, parameters={"photos": 2}))
    book.close()
    kernel = Kernel(places, folder)
    own = Path(kernel.until(messages.Ready).folder)
    kernel.run("lab.users.post(1)")
    assert kernel.close() == 0
    events = journal.read(own)
    assert [e.n_photos for e in events if isinstance(e, PhotosPosted)] == [4, 2]
    assert (events[0].seed, events[0].users, events[0].scenario) == (5, ["p01", "p02"], "story")


def test_people_of_a_folder_cannot_be_found_again_and_that_is_said(places):
    folder = places / "friends"
    folder.mkdir()
    book = Journal(folder)
    book.append(began(people="friends"))
    book.close()
    kernel = Kernel(places, folder)
    assert "facetui repl" in kernel.until(messages.Left).problem and kernel.close() == 0


# --- in the app ---------------------------------------------------------------------------------------------------


def screen(app: FacetApp) -> str:
    return text_of(app.canvas.lines)


async def until(keys, wanted, seconds: float = 60) -> None:
    for _ in range(int(seconds / 0.1)):
        await keys.pause(0.1)
        if wanted():
            return
    raise AssertionError("it never came")


async def enter(keys, app: FacetApp, text: str, wanted) -> None:
    app.prompt.load_text(text)
    app.prompt.move_cursor(app.prompt.document.end)
    await keys.press("enter")
    await until(keys, wanted)


async def test_moves_typed_in_the_app_are_on_the_timeline_at_once(places):
    app = FacetApp(places, look_for_device=False, motion=False)
    async with app.run_test(size=(80, 24)) as keys:
        await keys.press("colon")
        assert app.stage.view == "console" and app.focused is app.prompt and "lab>" in screen(app)
        await keys.press(*"q1?")
        assert app.prompt.text == "q1?", "letters are letters"
        await keys.press("ctrl+u")
        idle = lambda: app.session.process is not None and not app.stage.console.doing  # noqa: E731
        await enter(keys, app, 'lab.at("2020-07"); lab.users.post(1)', idle)
        assert "people post 8 photos" in screen(app)
        await enter(keys, app, "for _ in range(2):\n    lab.users.post(1)\n", idle)
        await keys.press("ctrl+u", *"lab.trai", "tab")
        await until(keys, lambda: app.prompt.text == "lab.trainer")
        await keys.press("ctrl+u", *"lab.c", "tab")
        await until(keys, lambda: "cite" in screen(app) and "compare" in screen(app))
        assert app.prompt.text == "lab.c", "of several nothing is sure"
        await keys.press("ctrl+u", "up")
        assert app.prompt.text.startswith("for _ in")
        await enter(keys, app, "lab.trainer.scrape(); lab.measure()", idle)
        posted = [e for e in app.stage.player.events if isinstance(e, PhotosPosted)]
        assert len(posted) == 3 and any(isinstance(e, ProtectionMeasured) for e in app.stage.player.events)
        await keys.press("ctrl+u", "escape")
        assert app.stage.view == "timeline" and app.focused is app.canvas and not app.prompt.display
        assert "whole archive" in screen(app) and "live" in screen(app)
        await keys.press("colon")
        await enter(keys, app, 'lab.users.protect("pgd", steps=5000)', idle)
        await enter(keys, app, "lab.users.post(4)", lambda: app.stage.known.progress is not None)
        await keys.press("ctrl+c")
        await until(keys, idle)
        assert "stopp" in screen(app)
        count = len([e for e in app.stage.player.events if isinstance(e, PhotosPosted)])
        assert count == 3, "a move that was stopped leaves no trace"
        app.session.process.kill()
        await until(keys, lambda: app.session.process is None)
        assert "ended with exit code -9" in screen(app).replace("\n", " ")
        assert app.is_running


async def test_what_is_typed_while_something_works_waits_for_its_turn(places):
    app = FacetApp(places, look_for_device=False, motion=False)
    async with app.run_test(size=(80, 24)) as keys:
        await keys.press("colon")
        for text in ("import time; time.sleep(2); print('fi' + 'rst')", "print('sec' + 'ond')", "print('thi' + 'rd')"):
            app.prompt.load_text(text)
            app.prompt.move_cursor(app.prompt.document.end)
            await keys.press("enter")
        assert app.stage.console.waiting == 2 and "2 more wait" in screen(app)
        await until(keys, lambda: "third" in screen(app) and not app.stage.console.doing)
        told = screen(app)
        assert told.index("first") < told.index("second") < told.index("third") and not app.stage.console.waiting
        app.prompt.load_text("time.sleep(60)")
        app.prompt.move_cursor(app.prompt.document.end)
        await keys.press("enter")
        app.prompt.load_text("print('nev' + 'er')")
        app.prompt.move_cursor(app.prompt.document.end)
        await keys.press("enter", "ctrl+c")
        await until(keys, lambda: not app.stage.console.doing)
        assert "not run: 1 that waited" in screen(app) and "never" not in screen(app)


async def test_where_there_is_no_console(places, tmp_path):
    write_sample(places / "sample")
    app = FacetApp(places, places / "sample", look_for_device=False, motion=False)
    app.has_console = False
    async with app.run_test(size=(80, 24)) as keys:
        await keys.press("colon", "5")
        assert app.stage.view == "timeline" and app.prompt is None


async def test_a_run_that_goes_on_is_not_gone_on_from(places):
    (places / "growing").mkdir()
    book = Journal(places / "growing")
    app = FacetApp(places, places / "growing", live=True, look_for_device=False, motion=False)
    async with app.run_test(size=(80, 24)) as keys:
        await keys.press("5", *"1+1", "enter")
        assert "still goes on" in screen(app) and app.session.process is None
    book.close()
