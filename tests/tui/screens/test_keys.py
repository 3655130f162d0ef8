"""The bottom of every screen names every key that does something there, and no other."""

from __future__ import annotations

import itertools

import pytest

from facetui.tui.app.app import FacetApp
from facetui.tui.runs.cues import Cue
from facetui.tui.screens import frame
from facetui.tui.screens.keys import KEYS, footer, help_lines
from facetui.tui.screens.pages import PAGES
from facetui.tui.state.app_state import Stage
from facetui.tui.text import spans

from ...support.sample_run import write_sample

VIEWS = tuple(page.name for page in PAGES)
ROOMY = ((80, 24), (120, 40), (160, 50))
LIBRARY = {"app.focus_next", "app.focus_previous", "screen.copy_text", "quit"}
"""What the screen library binds by itself: there is one thing to focus, and Ctrl+Q does what q does."""


def bottom(app: FacetApp) -> list[spans.Line]:
    """The lines at the bottom, as they stand on the screen."""
    return app.canvas.lines[-len(footer(app.stage, *app.canvas.size)) - (app.stage.run.cue is not None) :]


def named(lines: list[spans.Line]) -> set[str]:
    """The keys that some lines name."""
    keys = {text.strip() for line in lines for text, role in line if role.split("@")[0].strip() == "key"}
    return keys - {"0-5"} | (set("012345") if "0-5" in keys else set())


def active(app: FacetApp) -> dict[str, set[str]]:
    """What can be done by keys on the screen as it stands, as the screen library tells: by action, its keys."""
    shown = {name: token for key in KEYS for name, token in zip(key.keys.split(","), key.shown.split(), strict=False)}
    found: dict[str, set[str]] = {}
    for name, bound in app.screen.active_bindings.items():
        if bound.binding.action not in LIBRARY:
            found.setdefault(bound.binding.action.removeprefix("app."), set()).add(shown.get(name, name))
    return found


@pytest.mark.parametrize("size", ROOMY, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_key_that_does_something_is_named_at_the_bottom_and_no_other(size, tmp_path):
    write_sample(tmp_path / "run")
    app = FacetApp(tmp_path, tmp_path / "run", look_for_device=False, motion=False)
    async with app.run_test(size=size) as keys:
        await keys.press("G")
        told = 0
        for view, slot, cue in itertools.product(VIEWS, (None, 1), (None, Cue(3, "timeline", "look"))):
            if view == "console" or (slot is not None and view != "timeline"):
                continue
            app.stage.view, app.stage.selection.slot, app.stage.run.cue = view, slot, cue
            app.draw()
            lines, can = bottom(app), active(app)
            at_bottom = named(lines)
            assert "…" not in spans.text_of(lines)
            for action, its in can.items():
                assert its & at_bottom, f"{view}: {action} by {its} is not named in {at_bottom}"
                told += 1
            assert at_bottom <= {key for its in can.values() for key in its}, f"{view}: named, but does nothing"
        assert told > 100
        app.stage.run.cue = None
        await keys.press("4", "slash", "a")
        assert named(bottom(app)) == {"enter", "backspace", "esc"}
        await keys.press("escape", "5")
        assert {"enter", "tab", "↑", "↓", "PgUp", "PgDn", "^C", "^P", "esc"} == named(bottom(app))


async def test_each_key_in_the_footer_is_clicked_for_itself(tmp_path):
    write_sample(tmp_path / "run")
    app = FacetApp(tmp_path, tmp_path / "run", look_for_device=False, motion=False)
    async with app.run_test(size=(80, 24)) as keys:
        await keys.press("g")
        at = {}
        for row, line in enumerate(bottom(app)):
            x = 0
            for text, role in line:
                if "key" in role.split("@")[0]:
                    at[text.strip()] = (x + len(text) - 1, 24 - len(bottom(app)) + row)
                x += spans.cells(text)
        head = app.stage.player.head
        await keys.click(offset=at["]"])
        assert app.stage.player.head > head
        await keys.click(offset=at["["])
        assert app.stage.player.head == head
        speed = app.stage.player.speed
        await keys.click(offset=at["+"])
        assert app.stage.player.speed > speed


@pytest.mark.parametrize("view", VIEWS)
def test_a_small_screen_says_where_more_keys_are(view, tmp_path):
    stage = Stage()
    stage.view = view
    for size in ((40, 12), (63, 30), (80, 15), (79, 50)):
        lines = footer(stage, *size)
        told = spans.text_of(lines)
        assert len(lines) == 1 and "…" not in told and len(told) <= size[0]
        assert told.endswith("esc back" if view == "console" else "? more"), told
    assert spans.text_of(frame.paint(stage, 40, 12)).endswith("back" if view == "console" else "? more")


def test_every_key_is_in_the_help():
    for width in (60, 80, 120):
        told = " ".join(spans.text_of(help_lines(width)).split())
        assert "…" not in told, "nothing is cut off"
        if width < 100:
            assert all(" ".join(key.help.split()) in told for key in KEYS)
        assert "esc close" in told
