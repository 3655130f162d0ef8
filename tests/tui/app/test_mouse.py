"""What a click leads to: rows, cells, keys in the footer, places on the chart, events; and the wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from facetui.tui.app.app import FacetApp
from facetui.tui.text.spans import cells

from ...support.sample_run import write_sample


@pytest.fixture
def app(tmp_path):
    write_sample(tmp_path / "sample-20210101-000000")
    return FacetApp(tmp_path, tmp_path / "sample-20210101-000000", look_for_device=False, motion=False)


def place_of(app: FacetApp, target: str) -> tuple[int, int]:
    """Where on the screen something stands that leads there."""
    for y, line in enumerate(app.canvas.lines):
        x = 0
        for text, role in line:
            if role.partition("@")[2] == target and text.strip():
                return x + (len(text) - len(text.lstrip())), y
            x += cells(text)
    raise AssertionError(f"nothing leads to {target}")


async def test_the_chart_the_table_the_events_and_keys_can_be_clicked(app):
    async with app.run_test(size=(120, 40)) as keys:
        await keys.press("G")
        await keys.click(offset=place_of(app, "slot:1"))
        assert app.stage.selection.slot == 1 and "◉ 2021-01" in "".join(t for line in app.canvas.lines for t, _ in line)
        await keys.click(offset=place_of(app, "slot:1"))
        assert app.stage.now.t == "2021-01" and app.stage.selection.slot is None, "the second click goes there"
        await keys.press("G")
        await keys.click(offset=place_of(app, "move:2"))
        assert len(app.stage.now.slots) == 3, "a mark of a move leads there at once"
        await keys.press("G")
        await keys.click(offset=place_of(app, "key:view('timeline')"))
        await keys.press("2")
        await keys.click(offset=place_of(app, "cell:1,1"))
        assert app.stage.selection.cell == (1, 1)
        await keys.press("4")
        event = app.stage.selection.event - 3
        await keys.click(offset=place_of(app, f"event:{event}"))
        assert app.stage.selection.event == event
        await keys.click(offset=place_of(app, f"event:{event}"))
        assert app.stage.view == "timeline" and app.stage.player.head == event


async def test_home_is_clicked_and_the_wheel_scrolls(app):
    async with app.run_test(size=(120, 40)) as keys:
        await keys.press("0")
        await keys.pause(0.2)
        await keys.click(offset=place_of(app, "entry:2"))
        assert app.stage.selection.entry == 2 and app.stage.view == "home"
        app.on_canvas_scrolled(app.canvas.Scrolled(3))
        assert app.stage.selection.entry == 3
        last = len(app.stage.entries) - 1
        await keys.click(offset=place_of(app, f"entry:{last}"))
        await keys.click(offset=place_of(app, f"entry:{last}"))
        assert app.stage.view == "timeline", "a run is opened by a second click"
        await keys.press("G", "4")
        before = app.stage.selection.event
        app.on_canvas_scrolled(app.canvas.Scrolled(-3))
        assert app.stage.selection.event < before
        assert Path(app.stage.run.folder or "").is_dir()
