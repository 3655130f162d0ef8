"""What the app sends over a link while the recording plays, with faces beside the chart, in all colours."""

from __future__ import annotations

import time

import pytest

from facetui.tui.app.app import FacetApp
from facetui.tui.cli.machine.bench_screens import MAIN, Pty

from ...support.sample_run import write_sample

LIMIT, UPDATES = 60_000, 5
"""Bytes and updates a second at most."""

PAUSE = 0.05
"""Seconds without a byte after which something is another update: one may come in several pieces."""


@pytest.mark.slow
@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_recording_stays_within_what_a_link_carries(size, tmp_path):
    places = {
        "FACETUI_RUNS": str(tmp_path),
        "FACETUI_DISPLAY": "tui",
        "CI": "",
        "COLORTERM": "truecolor",
        "SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22",
    }
    terminal = Pty([*MAIN, "demo"], size, places)
    terminal.read_until(b"quit", 20)
    terminal.drain(quiet=0.1, longest=1.0)  # the first frame comes once
    seen: list[tuple[float, int]] = []
    faces, end = 0, time.perf_counter() + 25  # the first tool's work, with its pictures, and the first measurement
    while time.perf_counter() < end:
        data = terminal.read(0.2)
        if data:
            seen.append((time.perf_counter(), len(data)))
            faces += data.count("▀".encode())
    terminal.type("q")
    terminal.drain()
    terminal.close()
    times = [at for at, _ in seen]
    updates = [at for at, before in zip(times, [0.0, *times], strict=False) if at - before > PAUSE]
    assert len(updates) > 8 and (faces > 500) == (size[0] >= 110), "it played, with faces where there is room"
    for begin in updates:
        assert sum(count for at, count in seen if begin <= at < begin + 1) < LIMIT
        assert sum(begin <= at < begin + 5 for at in updates) / 5 <= UPDATES


async def test_what_a_full_link_held_back_is_drawn_once_it_is_free(tmp_path):
    write_sample(tmp_path / "run")
    app = FacetApp(tmp_path, tmp_path / "run", look_for_device=False, motion=False)
    async with app.run_test(size=(80, 24)):
        app.stage.player.latest()
        app.stage.fold()
        drawn: list[bool] = []
        app.draw = lambda: drawn.append(True)  # type: ignore[method-assign]
        app._rested = False
        app._driver.congested = True  # type: ignore[union-attr]
        app.tick()
        app.tick()
        assert app.stage.rests and not drawn
        app._driver.congested = False  # type: ignore[union-attr]
        app.tick()
        assert drawn, "also where nothing will change any more"
