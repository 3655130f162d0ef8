"""The app in a screen library's pilot."""

from __future__ import annotations

from pathlib import Path

import pytest

from facetui.engine.records.events import RunEnded
from facetui.engine.records.journal import Journal
from facetui.tui.app.app import FacetApp
from facetui.tui.text.spans import text_of

from ...support.sample_run import sample_events


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
        assert player.head == 4, "a date and progress change nothing that is seen"
        await keys.press("[")
        assert player.head == 2
        await keys.press("end")
        assert player.at_end
        await keys.press("home")
        assert player.head == 0
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
        assert app.stage.kept
        await keys.press("m")
        assert app.stage.motion
        before = app.theme
        await keys.press("t")
        assert app.theme != before
        await keys.press("?")
        assert len(app.screen_stack) == 2
        await keys.press("escape")
        await keys.press("2", "down", "right")
        assert app.stage.selection.cell == (1, 1)
        await keys.press("s", "e")
        saved = {path.name for path in (run / "exports").iterdir()}
        assert {"cohorts.svg", "table.csv", "table.json", "chart.svg", "chart.png"} <= saved
        assert "font-face" not in (run / "exports" / "cohorts.svg").read_text(), "nothing is loaded from anywhere"
        await keys.press("y")
        assert app.clipboard == screen(app) and "2020-07 lowkey"[:7] in app.clipboard and "%" in app.clipboard
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
        assert app.stage.selection.words == ""


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
        app.stage.player.fast = True
        for event in events[9:14]:
            book.append(event)
        app.read_journal()
        assert app.stage.player.head == 13
        await keys.press("g")
        for event in events[14:-1]:
            book.append(event)
        app.read_journal()
        assert app.stage.player.head == 0 and len(app.stage.player.events) == len(events) - 1
        app.draw()
        assert f"{len(events) - 2} behind" in screen(app)
        await keys.press("G")
        assert app.stage.player.live
        book.append(events[-1])
        app.read_journal()
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
        assert app.stage.run.folder == run and app.stage.view == "timeline"
