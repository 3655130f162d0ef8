"""The grid written down and browsed: the same figures everywhere, survivors first."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from textual.widgets import DataTable, Static

from facetui.engine.applications.benchmarks.cells import Results, Store, shipped
from facetui.engine.applications.benchmarks.cited import CITED
from facetui.engine.applications.benchmarks.from_run import results_of
from facetui.engine.records import journal
from facetui.engine.records.errors import DataError, JournalError, UsageError
from facetui.engine.records.events import ProtectionMeasured
from facetui.tui.figures import heatmap
from facetui.tui.figures.drawing import Box, Words
from facetui.tui.results import report
from facetui.tui.results.browse import Browser, described

from ...support.cells import SETTINGS, cell

MANY = msgspec.structs.replace(SETTINGS, users=[f"p{i:02d}" for i in range(20)])
ALL, NONE, SOME = (8,) * 20, (0,) * 20, (8, 0) * 10


@pytest.fixture
def results() -> Results:
    """LowKey survives model-b, and nothing survives adapting; model-a is the one that is attacked."""
    cells = [
        cell("clean", "model-a", missed=NONE),
        cell("clean", "model-b", missed=NONE),
        cell("lowkey", "model-a", missed=ALL, linf=0.13, dssim=0.02, about="no LPIPS"),
        cell("lowkey", "model-b", missed=ALL, linf=0.13, dssim=0.02, about="no LPIPS"),
        cell("fawkes-0.3", "model-b", missed=SOME),
        cell("lowkey", "model-b", "adapted", missed=NONE, unprotected_error=0.01),
    ]
    return Results(MANY, {one.key: one for one in cells})


def test_what_survives_is_what_no_tool_attacked_and_whose_interval_lies_above_a_half(results):
    assert [one.key for one in report.survivors(results)] == [("lowkey", "model-b", "nearest")]
    text = report.document.markdown(report.blocks(results, "Title"))
    assert text.index("lowkey survives model-b") < text.index("Per cent not named."), "survivors come first"
    nothing = Results(MANY, {k: v for k, v in results.cells.items() if v.attack != "lowkey"})
    assert "Nothing that was measured survives" in report.document.markdown(report.blocks(nothing, "Title"))


def test_every_format_has_the_same_cells(results, tmp_path):
    for kind in (".html", ".md", ".svg", ".png", ".csv", ".json"):
        report.write(results, tmp_path / f"r{kind}", "Title")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "r.csv").read_text())))
    assert [(row["attack"], row["extractor"], row["answer"]) for row in rows] == list(results.cells)
    assert json.loads((tmp_path / "r.json").read_text())[3]["not_named"] == float(rows[3]["not_named"]) == 1
    page = (tmp_path / "r.html").read_text()
    for text in ("lowkey survives model-b", "facetui bench paper", "no LPIPS", CITED[0].source, "cannot be told"):
        assert text in page, text
    assert "<script" not in page and (tmp_path / "r.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(UsageError, match=r"\.html"):
        report.write(results, tmp_path / "r.pdf", "Title")
    with pytest.raises(DataError, match="cannot be written"):
        report.write(results, tmp_path / "missing" / "r.csv", "Title")


def test_parquet_where_pyarrow_is_there(results, tmp_path):
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        with pytest.raises(UsageError, match="pyarrow"):
            report.write(results, tmp_path / "r.parquet", "Title")
        return
    report.write(results, tmp_path / "r.parquet", "Title")
    assert parquet.read_table(tmp_path / "r.parquet").num_rows == len(results.cells)


def test_the_heatmap_is_darker_where_more_is_hidden_and_stays_on_its_page(results):
    page = heatmap.draw(results)
    assert sum(isinstance(shape, Box) for shape in page.shapes) == len(results.cells)
    for shape in page.shapes:
        assert 0 <= shape.x <= page.size[0] and 0 <= shape.y <= page.size[1]
    shades = [sum(int(heatmap.colour(rate / 10)[i : i + 2], 16) for i in (1, 3, 5)) for rate in range(11)]
    assert shades == sorted(shades, reverse=True) and shades[0] > shades[-1]
    said = {shape.text for shape in page.shapes if isinstance(shape, Words)}
    assert {"100 %", "0 %", "50 %", "lowkey", "model-b"} <= said


def test_the_screen_shows_survivors_first_and_then_what_a_cell_was_measured_from(results):
    async def look(size):
        app = Browser(results)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            table = app.query_one("#grid", DataTable)
            assert table.row_count == 3 and len(table.columns) == 3
            assert "lowkey survives model-b" in str(app.query_one("#detail", Static).content)
            await pilot.press("down", "right")
            chosen = app.chosen
            assert chosen is not None and chosen.key == ("lowkey", "model-b", "nearest")
            detail = str(app.query_one("#detail", Static).content)
            assert "160 probes of 20 people" in detail and "p00 8 of 8" in detail and "× reported" in detail
            await pilot.press("n")
            assert app.chosen is not None and app.chosen.answer == "adapted", "the same cell, another answer"
            await pilot.press("b")
            assert "cannot be told" in str(app.query_one("#detail", Static).content)
            await pilot.press("a")
            assert "20 of 8" in str(app.query_one("#detail", Static).content)
            keys = str(app.query_one("#keys", Static).content)
            assert len(keys) <= size[0] - 2, "the keys fit"
            await pilot.press("q")

    for size in ((80, 24), (120, 40)):
        asyncio.run(look(size))


def test_foreign_results_command_no_terminal(results):
    hostile = msgspec.structs.replace(results.at("lowkey", "model-b", "nearest"), about="\x1b]0;x\x07 [red]no[/red]")
    text = described(results, hostile)
    assert "\x1b" not in text and "\x07" not in text and "[red]no[/red]" in text


def test_a_run_is_browsed_like_a_grid(run):
    events = journal.read(run)
    found = results_of(events, run.name)
    last = {(e.cohort, e.generation): e for e in events if isinstance(e, ProtectionMeasured) and e.people}
    assert found.cells and len(found.cells) <= len(last)
    for one in found.cells.values():
        event = last[one.attack, one.generation]
        assert (one.missed, one.probes, one.interval) == (event.missed, event.people, event.interval)
    assert found.at("2020-07 pgd", "model-a", "nearest") and found.at("2020-07 pgd", "model-a", "adapted")
    with pytest.raises(JournalError, match="no measurement"):
        results_of(events[:2], run.name)


def test_the_commands(results, tmp_path):
    store = Store(tmp_path / "grid", MANY)
    for one in results.cells.values():
        store.add(one)

    def facetui(*arguments):
        line = [sys.executable, "-m", "facetui.tui.cli.main", *map(str, arguments)]
        return subprocess.run(line, capture_output=True, text=True, timeout=120)

    said = facetui("results", tmp_path / "grid")
    assert said.returncode == 0 and "lowkey survives model-b" in said.stdout and "100 % 83-100" in said.stdout
    some = facetui("results", tmp_path / "grid", "--users", "p01", "-o", tmp_path / "one.csv")
    assert some.returncode == 0 and next(csv.DictReader((tmp_path / "one.csv").open()))["people"] == "1"
    for arguments, code, words in [
        (("results", tmp_path / "none"), 2, "no run is called"),
        (("results", tmp_path / "grid", "--users", "p99"), 2, "expected some of"),
        (("bench", "paper", "--out", tmp_path / "new", "--answers", "prayer"), 2, "expected some of nearest"),
        (("bench", "paper", "--out", tmp_path / "new", "--attacks", "lowkey+foggysight:steps=2"), 2, "a mix of tools"),
        (
            ("bench", "paper", "--out", tmp_path / "grid", "--attacks", "clean", "--answers", "nearest"),
            2,
            "other users",
        ),
    ]:
        failed = facetui(*arguments)
        assert failed.returncode == code and words in failed.stderr, (arguments, failed.stderr)
        assert "Traceback" not in failed.stderr


def test_the_results_that_come_along_are_complete_and_stand_in_the_documents():
    found = shipped()
    assert not found.settings.fictional and len(found.extractors) >= 6
    assert len(found.cells) == len(found.attacks) * len(found.extractors) * len(found.answers)
    assert {"nearest", "adapted"} <= set(found.answers)
    assert any(cell.attack == "lowkey" for cell in report.survivors(found)), "an instrument that can say: it survived"
    page = (Path(__file__).parents[3] / "docs" / "RESULTS.md").read_text(encoding="utf-8")
    assert page == report.document.markdown(report.blocks(found, report.TITLE)), "facetui results -o docs/RESULTS.md"
