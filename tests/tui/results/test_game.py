"""The game in words and on a screen: what survives is said first, and the date of posting moves."""

from __future__ import annotations

import json

import pytest
from textual.widgets import DataTable, Static

from facetui.engine.applications.benchmarks.cells import Store
from facetui.engine.applications.game.matrix import matrix
from facetui.tui.results import game
from facetui.tui.results.game_screen import GameBrowser

from ...engine.applications.test_game import ADAPTED, NEAREST, grid
from ...support.commands import facetui


@pytest.fixture
def falls():
    return matrix([grid(lowkey={NEAREST: 8, ADAPTED: 0}, clean={NEAREST: 0, ADAPTED: 0})])


def test_what_survives_everything_is_the_first_line(falls):
    assert game.headline(matrix([grid(lowkey={NEAREST: 8, ADAPTED: 7})])).startswith("LOWKEY SURVIVES every answer")
    text = list(game.lines(falls))
    assert text[0].startswith(
        "Nothing survives every answer. The best is lowkey: compact-b, adapted, learnt from lowkey"
    )
    assert "SURVIVED" not in text[0], "the network came after the tool: there was no answer"
    assert any("lowkey" in line and "since 2021-04" in line for line in text)
    assert any("at once: lowkey 100 %" in line and "for ever: lowkey 0 %" in line for line in text)
    found = json.loads(game.as_json(falls))
    assert found["survivors"] == [] and len(found["cells"]) == 4 and found["an_attack_for_all_models"] == 0


def test_the_command(tmp_path):
    measured = grid(lowkey={NEAREST: 8, ADAPTED: 0}, clean={NEAREST: 0, ADAPTED: 0})
    store = Store(tmp_path / "grid", measured.settings)
    for cell in measured.cells.values():
        store.add(cell)
    said = facetui("bench", "game", tmp_path / "grid")
    assert said.returncode == 0 and said.stdout.startswith("Nothing survives"), said.stderr
    assert json.loads(facetui("bench", "game", tmp_path / "grid", "--json").stdout)["values"]
    wrong = facetui("bench", "game", tmp_path / "nowhere")
    assert wrong.returncode == 4 and "holds no results" in wrong.stderr


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_one_walks_it(falls, size):
    app = GameBrowser(falls)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        title, detail = (app.query_one(f"#{name}", Static) for name in ("title", "detail"))
        assert "Nothing survives" in str(detail.render()) and "the trainer waits" in str(title.render())
        await pilot.press("right", "down")
        assert "lowkey: 2021-01" in str(detail.render()) and "learnt from lowkey" in str(detail.render())
        await pilot.press("w")
        assert "searched at once" in str(title.render())
        while app.posted != "2021-03":
            await pilot.press("p")
        assert "Not both were there" in str(detail.render()), "the trainer learns a month later"
        assert "lowkey leaves 100 %" in str(title.render())
        table = app.query_one("#grid", DataTable)
        assert table.row_count == 2 and "▸" in str(table.get_cell_at((1, 1)))
        await pilot.press("q")
