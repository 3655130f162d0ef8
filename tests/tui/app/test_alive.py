"""A real run at 120x40, computed while one looks: nearly every second shows something new, and never too often."""

from __future__ import annotations

import itertools
import time

import pytest

from facetui.tui.app.app import FacetApp
from facetui.tui.runs import engine_process
from facetui.tui.text.spans import text_of


@pytest.mark.slow
async def test_nearly_every_second_of_a_cold_run_changes_what_is_seen(tmp_path, monkeypatch):
    monkeypatch.setenv("FACETUI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    engine = engine_process.start("arms_race", ["--strength", "workshop"], tmp_path, "arms_race")
    app = FacetApp(tmp_path, engine.folder, live=True, engine=engine, look_for_device=False)
    painted = []
    async with app.run_test(size=(120, 40)) as keys:
        paint = app.canvas.paint
        app.canvas.paint = lambda lines: (painted.append(lines), paint(lines))[1]  # type: ignore[method-assign]
        seconds, began = [], time.monotonic()
        while app.stage.running and time.monotonic() - began < 300:
            await keys.pause(1.0)
            seconds.append((text_of(app.canvas.lines), [role for line in app.canvas.lines for _, role in line]))
        took = time.monotonic() - began
        app.engine = None
    changed = sum(one != other for one, other in itertools.pairwise(seconds))
    assert len(seconds) >= 10 and changed >= 0.9 * (len(seconds) - 1), f"{changed} of {len(seconds) - 1}"
    differing = sum(one != other for one, other in itertools.pairwise(painted))
    assert differing <= 5.5 * took + 5, "five updates a second at most"
