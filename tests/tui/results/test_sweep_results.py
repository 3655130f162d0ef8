"""A sweep shown and written: every grid, curves with bands, rows for programs, and how it stands."""

from __future__ import annotations

import asyncio
import csv
import io
import json

import pytest
from textual.widgets import DataTable, Static

from facetui.engine.applications.sweep.folder import Failure, Folder
from facetui.engine.applications.sweep.results import Found, read
from facetui.engine.applications.sweep.status import Line, Status, status
from facetui.engine.records.errors import DataError, UsageError
from facetui.tui.cli.machine.bench_screens import Pty
from facetui.tui.figures.drawing import Area, Words, svg
from facetui.tui.results import curves, sweep

from ...support.commands import MAIN, facetui
from ...support.sweeps import finish, sweep_of, units_of


@pytest.fixture
def folder(tmp_path) -> Folder:
    return sweep_of(tmp_path / "s", units_of(attacks=("clean", "pgd", "lowkey")))


@pytest.fixture
def found(folder) -> Found:
    return read(folder)


def test_every_format_has_the_same_figures(found, tmp_path):
    for kind in (".html", ".md", ".svg", ".png", ".csv", ".json"):
        sweep.write(found, tmp_path / f"r{kind}")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "r.csv").read_text())))
    assert len(rows) == 3 * 2 and json.loads((tmp_path / "r.json").read_text())[0]["attack"] == rows[0]["attack"]
    for row in rows:
        assert row["people"] == "3" and row["probes"] == "48" and row["seeds"] == "0 1" and row["method"]
        assert float(row["low"]) <= float(row["not_named"]) <= float(row["high"])
    sweep.write(found, tmp_path / "each.csv", by_seed=True)
    assert len((tmp_path / "each.csv").read_text().splitlines()) == 1 + 3 * 2 * 2
    page = (tmp_path / "r.html").read_text()
    for text in ("Made up", "among 40 people", "among 80 people", "people resampled", "seeds 0, 1", "The plan"):
        assert text in page, text
    assert "<polygon" in page and "<script" not in page
    with pytest.raises(UsageError, match=r"\.html"):
        sweep.write(found, tmp_path / "r.pdf")
    with pytest.raises(DataError, match="cannot be written"):
        sweep.write(found, tmp_path / "none" / "r.csv")


def test_parquet_where_pyarrow_is_there(found, tmp_path):
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        with pytest.raises(UsageError, match="pyarrow"):
            sweep.write(found, tmp_path / "r.parquet")
        return
    sweep.write(found, tmp_path / "r.parquet")
    assert parquet.read_table(tmp_path / "r.parquet").num_rows == 6


def test_a_curve_has_its_band_and_stays_on_its_page(found):
    page = curves.draw(found.panels())
    bands = [shape for shape in page.shapes if isinstance(shape, Area)]
    assert len(bands) == 3 and svg(page.shapes, page.size).count("<polygon") == 3
    for shape in page.shapes:
        points = ((shape.x, shape.y),) if not hasattr(shape, "points") else shape.points
        assert all(0 <= x <= page.size[0] and 0 <= y <= page.size[1] for x, y in points)
    assert any(isinstance(shape, Words) and shape.text == "people searched among" for shape in page.shapes)
    said = curves.lines(found.panels())
    assert sum("48 probes of 3 people" in line for line in said) == 6
    assert all("[" in line and "o" in line for line in said if "probes" in line)
    shapes, (width, height) = sweep.drawing(found)
    assert height > page.size[1] and width >= page.size[0] and sum(isinstance(shape, Area) for shape in shapes) == 3


def test_the_screen_goes_from_grid_to_grid(found):
    async def look(size):
        app = sweep.SweepBrowser(found)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            assert app.query_one("#grid", DataTable).row_count == 3
            assert "among 40 people (grid 1 of 2)" in str(app.query_one("#title", Static).content)
            await pilot.press("down", "right")
            detail = str(app.query_one("#detail", Static).content)
            assert "48 probes of 3 people" in detail and "among 40" in detail
            await pilot.press("g")
            assert "among 80 people (grid 2 of 2)" in str(app.query_one("#title", Static).content)
            assert "among 80" in str(app.query_one("#detail", Static).content), "the same cell of another grid"
            await pilot.press("c")
            assert "people searched among" in str(app.query_one("#detail", Static).content)
            await pilot.press("a")
            assert "seeds 0, 1" in str(app.query_one("#detail", Static).content)
            assert len(str(app.query_one("#keys", Static).content)) <= size[0] - 2, "the keys fit"
            await pilot.press("q")

    for size in ((80, 24), (120, 40)):
        asyncio.run(look(size))


def test_foreign_figures_command_no_terminal(tmp_path):
    units = units_of(seeds=1, crowds=(40,), attacks=("\x1b]0;x\x07", "=1+1"))
    hostile = sweep_of(tmp_path / "s", units, 0)
    for unit in units:
        finish(hostile, unit, about="\x1b[2J", users=("\x1b[31m", "b", "c"))
    hostile.fail(Failure(name=units[0].name, error="\x1b[2J"))
    for shown in (facetui("results", hostile.path), facetui("sweep", hostile.path)):
        assert shown.returncode == 0 and "\x1b" not in shown.stdout + shown.stderr
    sweep.write(read(hostile), tmp_path / "r.csv")
    assert "'=1+1" in (tmp_path / "r.csv").read_text() and "\x1b" not in (tmp_path / "r.csv").read_text()


def test_how_it_stands(folder, tmp_path):
    said = facetui("sweep", folder.path)
    assert said.returncode == 0 and "12 of 12 units are finished" in said.stdout and "measure lowkey" in said.stdout
    for wrong, what in ((tmp_path, "holds no sweep"), (tmp_path / "none.toml", "cannot be read")):
        ran = facetui("sweep", wrong)
        assert ran.returncode in (2, 4) and what in ran.stderr and len(ran.stderr.splitlines()) == 1
    part = sweep_of(tmp_path / "part", units_of(), 2)
    held = part.claim(units_of()[3].name)
    try:
        (*_, last) = sweep.status_lines(status(part))
        assert last == "2 of 8 units are finished, 1 are computed now; about 12 s left"
    finally:
        held.release()


def test_a_table_that_is_too_long_shows_what_is_not_finished():
    lines = [Line(f"measure {i}", total=2, finished=2 if i < 50 else 1) for i in range(60)]
    shown = sweep.status_lines(Status("", lines), height=10)
    assert len(shown) <= 10 and "measure 50" in shown[1] and "and 54 more" in shown[-2]
    for seconds, words in ((5, "5 s"), (600, "10 min"), (4 * 3600 + 120, "4 h 2 min")):
        assert sweep.time_words(seconds) == words


def test_the_table_changes_in_a_terminal(tmp_path):
    units = units_of()
    part = sweep_of(tmp_path / "part", units, 2)
    shown = Pty([*MAIN, "sweep", str(part.path), "--live"], (100, 30), {"FACETUI_DISPLAY": ""})
    shown.read_until(b"2 of 8 units", 20)
    for unit in units:
        finish(part, unit)
    shown.read_until(b"8 of 8 units", 20)
    assert shown.close() == 0
