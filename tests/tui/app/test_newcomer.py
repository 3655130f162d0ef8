"""The first start and the next ones: cards, the demo first, what is remembered, words, and what one would want next."""

from __future__ import annotations

import contextlib
import errno

import pytest

from facetui.engine.records import journal
from facetui.tui.app import config
from facetui.tui.app.app import FacetApp
from facetui.tui.app.remembered import FILE, Remembered, keep, recall
from facetui.tui.runs import recordings
from facetui.tui.runs.recordings import unpacked as demo
from facetui.tui.screens import frame, welcome
from facetui.tui.state.app_state import Stage
from facetui.tui.text.spans import text_of, wrap

from ...support.sample_run import write_sample


def screen(app: FacetApp) -> str:
    return text_of(app.canvas.lines)


async def test_cards_come_once_and_the_demo_is_first(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for visit in (1, 2):
        theme = str(config.settings()["theme"].value or "")
        app = FacetApp(tmp_path, look_for_device=False, motion=False, remembered=recall(), theme=theme)
        async with app.run_test(size=(80, 24)) as keys:
            await keys.pause(0.3)
            assert len(app.screen_stack) == (2 if visit == 1 else 1)
            if visit == 1:
                for number, (title, _) in enumerate(welcome.CARDS):
                    told = text_of(app.screen.query_one("Canvas").lines)
                    assert title in told and f"{number + 1} of 4" in told
                    await keys.press("enter")
                assert len(app.screen_stack) == 1
            assert screen(app).index("demo") < screen(app).index("arms_race")
            await keys.press("t")
            await keys.press("enter")
            assert app.stage.run.recorded and app.stage.view == "timeline"
            folder = app.stage.run.folder
            assert folder is not None and folder.is_dir()
        assert not folder.exists(), "what was unpacked for now is gone"
        assert config.settings()["theme"].value == app.theme == ("facetui-light", "facetui-contrast")[visit - 1]
    assert recall() == Remembered(welcomed=True)


async def test_w_plays_the_recording_of_the_chosen_story_or_says_why_not(tmp_path, monkeypatch):
    app = FacetApp(tmp_path, look_for_device=False, motion=False)
    async with app.run_test(size=(80, 24), notifications=True) as keys:
        await keys.pause(0.3)
        await keys.press("w")  # the demo is no story: its enter plays it
        assert app.stage.view == "home" and "recording" not in screen(app).splitlines()[-2]
        app.stage.selection.entry = next(i for i, story in enumerate(app.stage.stories) if story.name == "needle")

        @contextlib.contextmanager
        def full(name):
            raise OSError(errno.ENOSPC, "No space left on device")
            yield

        with monkeypatch.context() as patch:
            patch.setattr(recordings, "unpacked", full)
            await keys.press("w")
            await keys.pause(0.2)
            told = [notice.message for notice in app._notifications]
            assert app.stage.view == "home" and any("cannot be unpacked: " in text for text in told)
        await keys.press("w")
        began = app.stage.known.began
        assert app.stage.view == "timeline" and app.stage.run.recorded and began.scenario == "needle"


@pytest.mark.parametrize("damage", [b"", b"{", b'{"theme": 3}', b"\xff\xfe", b"[" * 70_000])
def test_what_is_remembered_may_be_damaged(damage, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    keep(Remembered(theme="facetui-light", motion=False, welcomed=True))
    assert recall() == Remembered(theme="facetui-light", motion=False, welcomed=True)
    (path,) = tmp_path.rglob(FILE)
    path.write_bytes(damage)
    assert recall() == Remembered()


async def test_the_palette_finds_stories_runs_people_and_moves(tmp_path):
    write_sample(tmp_path / "sample-20210101-000000")
    app = FacetApp(tmp_path, tmp_path / "sample-20210101-000000", look_for_device=False, motion=False)
    async with app.run_test(size=(80, 24)) as keys:
        await keys.press("G")
        found = {command.title: command for command in app.get_system_commands(app.screen)}
        assert {"story needle", "run sample-20210101-000000", "person p01", "move 2021-01 adapts"} <= set(found)
        found["move 2021-01 adapts"].callback()
        assert app.stage.now.t == "2021-01"
        found["person p01"].callback()
        assert app.stage.view == "faces"
        await keys.press("?")
        told = text_of(app.screen.query_one("Canvas").lines)
        assert all(word in told for word, _ in welcome.GLOSSARY)


def test_captions_of_the_recording_are_short_and_its_conclusion_is_whole_everywhere():
    with demo() as (folder, _):
        events = journal.read(folder)
        stage = Stage(motion=False)
        stage.open(folder, live=False)
        stage.extend(events)
        captions = []
        for index in range(len(events)):
            stage.player.jump(index)
            stage.fold()
            if stage.now.caption not in captions:
                captions.append(stage.now.caption)
        assert len(captions) > 10 and all(len(wrap(text, 78, 9)) <= 2 for text in captions[:-1]), "two lines at 80"
        assert captions[-1].count("%") >= 3
        for size in ((160, 50), (120, 40), (80, 24), (40, 12)):
            shown = " ".join(text_of(frame.paint(stage, *size)).split())
            assert captions[-1].split()[-1] in shown, size
            assert all(word in shown for word in captions[-1].split()), size
        for text in captions:
            assert shown.count(text) <= 1


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_a_toast_never_covers_a_caption(size, tmp_path):
    write_sample(tmp_path / "run")
    app = FacetApp(tmp_path, tmp_path / "run", look_for_device=False, motion=False)
    async with app.run_test(size=size, notifications=True) as keys:
        await keys.press("G")
        app.notify("saved something somewhere, with a long name that takes two lines of the toast")
        await keys.pause(0.3)
        (toast,) = app.screen.query("Toast")
        said = next(y for y, line in enumerate(app.canvas.lines) if "It began at 98" in "".join(t for t, _ in line))
        assert toast.region.height and toast.region.bottom <= said


def test_what_stands_still_is_not_drawn_again(tmp_path):
    write_sample(tmp_path / "run")
    app = FacetApp(tmp_path, tmp_path / "run", look_for_device=False, motion=False)
    app.stage.player.latest()
    drawn = []
    app.draw = lambda: drawn.append(1)  # type: ignore[method-assign]
    for _ in range(50):
        app.stage.tick(1.0)
        app.tick()
    assert app.stage.rests and len(drawn) <= 2
