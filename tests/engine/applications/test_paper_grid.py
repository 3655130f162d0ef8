"""The paper's grid: what a cell is, that it goes on where it stopped, damaged files, and how bands are judged."""

from __future__ import annotations

import itertools
from dataclasses import replace

import msgspec
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from facetui.engine.applications.benchmarks import cells as store
from facetui.engine.applications.benchmarks.bands import judge
from facetui.engine.applications.benchmarks.cells import ANSWERS, Cell, Results, Store
from facetui.engine.applications.benchmarks.cited import CITED, MIX
from facetui.engine.applications.benchmarks.grid import Row
from facetui.engine.applications.benchmarks.paper import Plan, measure
from facetui.engine.core.cache import Cache
from facetui.engine.lab.lab import Lab
from facetui.engine.records.errors import Cancelled, DataError, UsageError
from facetui.engine.records.events import Progress

from ...support.cells import SETTINGS, cell, grid


@pytest.fixture
def plan(few, tool, tiny_cast, tmp_path):
    names = [generation.extractor for generation in tiny_cast.generations]
    surrogates = tiny_cast.surrogates
    texts = ("clean", "pgd:steps=2", "pgd+filters")
    return Plan(
        rows=[Row.parse(text, surrogates) for text in texts],
        extractors=names,
        answers=["nearest", "adapted", "combined"],
        people=few,
        tool=tool,
        crowd=None,
        surrogates=surrogates,
        users=["3"],
        photos=2,
        training_steps=3,
        seed=3,
        device=torch.device("cpu"),
        cache=Cache(tmp_path / "cache"),
        versions={"facetui": "0"},
    )


def test_every_cell_is_what_a_lab_measures(plan):
    found = {one.key: one for one in measure(plan)}
    assert len(found) == len(plan.rows) * len(plan.extractors) * len(plan.answers)
    world = plan.lab(plan.surrogates).world
    for one in found.values():
        assert one.probes == [len(world.split[person][0]) for person in world.protected]
        assert one.asked == "alone" and one.n_gallery == len(plan.people)
    lab: Lab = plan.lab(plan.surrogates)
    lab.at("2020-01")
    lab.users.protect("pgd", steps=2)
    lab.users.post(2)
    lab.trainer.use(plan.extractors[0])
    lab.trainer.scrape()
    assert lab.measure().whole.missed == found["pgd steps=2", plan.extractors[0], "nearest"].missed
    mixed = found["pgd+filters", plan.extractors[0], "nearest"]
    assert mixed.linf and found["clean", plan.extractors[0], "nearest"].linf is None


def test_it_goes_on_where_it_stopped(plan, tmp_path):
    whole = list(measure(plan))
    folder = tmp_path / "grid"
    kept = Store(folder, plan.settings())
    for one in itertools.islice(measure(plan), 7):
        kept.add(one)
    with (folder / store.FILE).open("ab") as file:
        file.write(b'{"attack": "cut o')  # stopped in the middle of a write
    again = Store(folder, plan.settings())
    assert list(again.results.cells) == [one.key for one in whole[:7]]
    for one in measure(plan, set(again.results.cells)):
        again.add(one)
    read = store.read(folder)
    timeless = [msgspec.structs.replace(one, seconds=0) for one in whole]
    assert [msgspec.structs.replace(one, seconds=0) for one in read.cells.values()] == timeless
    assert read.attacks == [row.words for row in plan.rows] and read.extractors == list(plan.extractors)
    assert list(measure(plan, set(read.cells))) == []

    def stop(event):
        if isinstance(event, Progress):
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        long = replace(plan, cache=Cache(None), rows=[Row.parse("pgd:steps=400", plan.surrogates)])
        list(measure(long, emit=stop))


def test_cells_of_other_settings_are_never_mixed(tmp_path):
    Store(tmp_path, SETTINGS).add(cell())
    other = msgspec.structs.replace(SETTINGS, seed=1, photos=2)
    with pytest.raises(UsageError, match="other photos, seed"):
        Store(tmp_path, other)
    Store(tmp_path, msgspec.structs.replace(SETTINGS, device="cuda", versions={"facetui": "9"}))


def test_damaged_results_are_said_with_their_line(tmp_path):
    with pytest.raises(DataError, match="bench paper"):
        store.read(tmp_path)
    good = [msgspec.json.encode({"facetui_cells": 1, "settings": SETTINGS}), msgspec.json.encode(cell()), b""]
    assert list(store.parse(good, "x").cells) == [("lowkey", "model-b", "nearest")]
    for wrong, message in [
        ([b"", b""], "no file of results"),
        ([b'{"facetui_cells": 99, "settings": ' + msgspec.json.encode(SETTINGS) + b"}", b""], "newer facetui"),
        ([good[0], b"nonsense", good[1], b""], "line 2"),
        ([good[0], good[1].replace(b"[8,8,8,7]", b"[8,8,8]"), b""], "figures of 4 users"),
        ([good[0], good[1].replace(b"[8,8,8,7]", b"[9,8,8,7]"), b""], "misses more"),
        ([good[0], good[1].replace(b'"nearest"', b'"guess"'), b""], "line 2"),
    ]:
        with pytest.raises(DataError, match=message):
            store.parse(wrong, "x")


def test_some_of_the_users(tmp_path):
    results = grid(cell())
    assert results.only(["p04"]).at("lowkey", "model-b", "nearest").missed == [7]
    assert results.only(["p04"]).settings.users == ["p04"]
    for wrong in (["p09"], []):
        with pytest.raises(UsageError, match="p01, p02"):
            results.only(wrong)


ALL, NONE, HALF = (8, 8, 8, 8), (0, 0, 0, 0), (8, 8, 0, 0)
FEW = "cannot be told"  # four people who all differ alike: one time in eight that is chance


def eighty(*measured: Cell) -> Results:
    return Results(msgspec.structs.replace(SETTINGS, users=[f"p{i}" for i in range(80)]), grid(*measured).cells)


def judged(results: Results) -> dict[str, str]:
    return {band.expected: band.judged for band in judge(results)}


def test_bands_are_judged_by_intervals():
    expected = "lowkey protects against extractors of others that know no tool"
    for missed, verdict in ((ALL, "cannot be told"), (NONE, "cannot be told"), (HALF, "cannot be told")):
        # Of four people all or none leave an interval of more than a half.
        assert judged(grid(cell(missed=missed)))[expected] == verdict
    for missed, verdict in ((ALL, "holds"), (NONE, "does not hold"), (HALF, "cannot be told")):
        assert judged(eighty(cell(missed=missed * 20)))[expected] == verdict


def test_the_order_of_tools_is_paired_by_person():
    for weak, strong, verdict in ((NONE, ALL, "holds"), (ALL, NONE, "does not hold"), (HALF, HALF, "cannot be told")):
        expected = "fawkes-0.3 transfers worse than lowkey"
        assert judged(grid(cell("fawkes-0.3", missed=weak), cell("lowkey", missed=strong)))[expected] == FEW
        results = eighty(cell("fawkes-0.3", missed=weak * 20), cell("lowkey", missed=strong * 20))
        assert judged(results)[expected] == verdict


def test_a_mix_is_compared_with_its_weaker_half():
    expected = "half and half of two tools protects no more than the weaker one"
    for mixed, verdict in ((NONE, "holds"), (ALL, "does not hold")):
        rows = {"fawkes-0.3": NONE, "fawkes-1.0": ALL, MIX: mixed}
        assert judged(grid(*(cell(attack, missed=missed) for attack, missed in rows.items())))[expected] == FEW
        results = eighty(*(cell(attack, missed=missed * 20) for attack, missed in rows.items()))
        assert judged(results)[expected] == verdict
    assert judged(grid(cell(MIX)))[expected] == "not measured"


def test_what_adapting_costs_everybody_else():
    expected = "adapting costs everybody else at most 2 points"
    for after, verdict in ((0.0, "holds"), (0.02, "holds"), (0.2, "does not hold")):
        results = grid(cell(), cell(answer="adapted", missed=NONE, unprotected_error=after))
        assert judged(results)[expected] == verdict


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["clean", "lowkey", "fawkes-0.3", MIX]),
            st.sampled_from(ANSWERS),
            st.lists(st.integers(0, 8), min_size=4, max_size=4),
        ),
        max_size=12,
    )
)
def test_every_grid_can_be_judged(drawn):
    results = grid(*(cell(attack, "model-b", answer, missed) for attack, answer, missed in drawn))
    for band in judge(results):
        assert band.judged in ("holds", "does not hold", "cannot be told", "not measured")
        assert bool(band.because) == (band.judged != "not measured")


def test_what_others_report_has_a_source_and_is_a_share():
    assert len(CITED) == len({(c.attack, c.trainer, c.source) for c in CITED})
    for one in CITED:
        assert 0 <= one.low <= one.high <= 1 and one.source
