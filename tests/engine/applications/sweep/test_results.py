"""What a sweep found: seeds pooled by person, pages by gallery, curves, and rows that say what they rest on."""

from __future__ import annotations

import pytest

from facetui.engine.applications.sweep.folder import Folder
from facetui.engine.applications.sweep.results import read
from facetui.engine.records.errors import DataError
from facetui.engine.records.rates import METHOD, people_interval

from ....support.sweeps import finish, sweep_of, units_of


@pytest.fixture
def folder(tmp_path) -> Folder:
    """Two attacks, seeds and galleries; who protects their photos differs between the seeds."""
    folder = sweep_of(tmp_path / "s", units_of(), 0)
    for unit in folder.plan().units:
        missed = (0, 0, 1) if unit.task.attack == "clean" else (8, 4, 2) if unit.gallery == 40 else (8, 8, 4)
        users = ("p01", "p02", "p03") if unit.task.seed == 0 else ("p03", "p04", "p05")
        finish(folder, unit, missed, users)
    return folder


def test_who_is_asked_in_several_seeds_is_one_person(folder):
    found = read(folder)
    rows = {(row["attack"], row["among"]): row for row in found.rows()}
    row = rows["pgd", 40]
    assert (row["people"], row["probes"], row["seeds"], row["method"]) == (5, 48, "0 1", METHOD)
    # p03 is asked in both: 2 of 8, and then 8 of 8.
    assert row["not_named"] == 28 / 48
    assert (row["low"], row["high"]) == people_interval([8, 4, 10, 4, 2], [8, 8, 16, 8, 8])
    assert row["n_unprotected"] == 100 and row["unprotected_error"] == 0
    single = list(found.rows(by_seed=True))
    assert len(single) == 8 and {row["seeds"] for row in single} == {"0", "1"} and {r["people"] for r in single} == {3}


def test_a_page_a_gallery_and_a_curve_an_attack(folder):
    found = read(folder)
    pages = found.pages()
    assert [page.title for page in pages] == ["cast embedded, among 40 people", "cast embedded, among 80 people"]
    for page in pages:
        assert page.results.settings.seeds == [0, 1] and len(page.results.settings.users) == 5
        for cell in page.results.cells.values():
            assert cell.n_people == 5 and sum(cell.probes) == 48
    (panel,) = found.panels()
    curves = {curve.name: curve.points for curve in panel.curves}
    assert panel.axis == "people searched among" and [point.x for point in curves["pgd"]] == [40, 80]
    assert [point.rate for point in curves["pgd"]] == [28 / 48, 40 / 48]
    for points in curves.values():
        for point in points:
            low, high = point.interval
            assert low <= point.rate <= high and (point.people, point.probes) == (5, 48)


def test_a_sweep_that_is_not_finished_shows_what_it_has(tmp_path):
    with pytest.raises(DataError, match="no results yet: 0 of 8"):
        read(sweep_of(tmp_path / "none", units_of(), 0))
    found = read(sweep_of(tmp_path / "some", units_of(), 1))
    assert (found.finished, found.total) == (1, 8) and not found.panels()
    assert [row["seeds"] for row in found.rows()] == ["0"]
