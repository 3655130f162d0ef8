"""Two runs compared in the app: one is marked, the key on another opens both."""

from __future__ import annotations

import pytest

from facetui.tui.app.app import FacetApp
from facetui.tui.app.canvas import Canvas
from facetui.tui.cli.runs.diff import compared
from facetui.tui.text.spans import length, text_of

from ...support.sample_run import write_sample


def shown(app: FacetApp) -> str:
    return text_of(app.screen.query_one(Canvas).lines)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (40, 12)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_one_run_is_marked_and_another_compared_with_it(size, tmp_path):
    for name in ("first", "second"):
        write_sample(tmp_path / name)
    app = FacetApp(tmp_path, look_for_device=False, motion=False)
    async with app.run_test(size=size, notifications=True) as keys:
        await keys.pause(0.2)
        await keys.press("pagedown", "pagedown", "pagedown")
        assert app.stage.chosen.folder.name in ("first", "second")
        await keys.press("d")
        marked = app.stage.selection.marked
        assert marked.endswith(app.stage.chosen.folder.name) and "◉" in shown(app)
        await keys.press("d")
        assert app.stage.selection.marked == "" and "◉" not in shown(app), "once more forgets it"
        await keys.press("d", "up", "d")
        assert len(app.screen_stack) == 2 and app.stage.selection.marked == ""
        told = shown(app)
        assert "two runs compared" in told and "first" in told and "second" in told
        assert all(length(line) == size[0] for line in app.screen.query_one(Canvas).lines)
        await keys.press("down", "down")
        assert app.screen.at == 2
        await keys.press("G")
        assert app.screen.at == 7
        await keys.resize_terminal(80, 24)
        await keys.pause()
        assert "▸2021-03 lowkey" in shown(app) or "▸whole archive" in shown(app)
        await keys.press("e")
        saved = {path.name for path in (tmp_path / "exports").iterdir()}
        assert saved == {"diff.html", "diff.md", "diff.csv"}
        await keys.press("escape")
        assert len(app.screen_stack) == 1 and app.stage.view == "home"


async def test_a_recording_is_compared_like_a_run_and_a_damaged_one_says_so(tmp_path):
    write_sample(tmp_path / "first")
    app = FacetApp(tmp_path, look_for_device=False, motion=False)
    async with app.run_test(size=(80, 24), notifications=True) as keys:
        await keys.pause(0.2)
        await keys.press("d")
        assert app.stage.selection.marked == "demo:arms_race"
        await keys.press("pagedown", "pagedown", "d")
        assert "demo:arms_race: arms_race, seed 0" in shown(app)
        await keys.press("escape", "d")
        events = tmp_path / "first" / "events.jsonl"
        events.write_bytes(events.read_bytes().replace(b'"kind":"note"', b'"kind":}', 1))
        await keys.press("pageup", "pageup", "d")
        await keys.pause(0.2)
        assert len(app.screen_stack) == 1
        assert any("cannot be compared" in notice.message for notice in app._notifications)


async def test_the_command_opens_the_comparison(tmp_path):
    for name in ("first", "second"):
        write_sample(tmp_path / name)
    app = FacetApp(tmp_path, look_for_device=False, motion=False)
    app.compared = compared(str(tmp_path / "first"), str(tmp_path / "second"))
    async with app.run_test(size=(80, 24)) as keys:
        await keys.pause(0.2)
        assert "two runs compared" in shown(app)
        await keys.press("escape", "q")
    assert app.return_code == 0
