"""Several runs as one: pooled person by person, differences paired."""

from __future__ import annotations

import msgspec
import pytest

from facetui.engine.records.cohort_table import CohortTable, falls, pooled
from facetui.engine.records.events import ProtectionMeasured
from facetui.engine.records.rates import difference_interval, people_interval
from facetui.tui.text.table import pooled_lines


def seed_table(users: list[str], missed: dict[tuple[str, str], list[int]], probes: int = 8) -> CohortTable:
    table = CohortTable(users=users)
    for (cohort, model), each in missed.items():
        table.add(invented(cohort, model, each, probes))
    return table


def invented(cohort: str, model: str, each: list[int], probes: int) -> ProtectionMeasured:
    asked = [probes] * len(each)
    return ProtectionMeasured(
        cohort=cohort,
        attack="pgd",
        extractor=model,
        defence=None,
        classifier="nearest",
        protection_rate=sum(each) / sum(asked),
        n_probes=sum(asked),
        interval=people_interval(each, asked),
        people=asked,
        missed=each,
    )


def test_runs_are_pooled_person_by_person():
    old, new = ("2020 pgd", "x"), ("2020 pgd", "y")
    first = seed_table(["ada", "bob"], {old: [8, 0], new: [2, 0]})
    second = seed_table(["bob", "eve"], {old: [4, 8], new: [0, 2]})
    cell = pooled([first, second])[old]
    assert cell.missed == {"ada": 8, "bob": 4, "eve": 8} and cell.probes == {"ada": 8, "bob": 16, "eve": 8}
    assert cell.rate == 20 / 32
    assert cell.interval == people_interval([8, 4, 8], [8, 16, 8]), "bob is one person, not two"
    (row,) = falls([first, second])
    assert row[:3] == ("2020 pgd", "x", "y") and row[3][0] == pytest.approx(16 / 32)
    assert row[3][1:] == difference_interval([8, 4, 8], [2, 0, 2], [8, 16, 8])


def test_a_model_that_only_some_runs_asked_is_paired_within_these():
    x, y, z = (("c", name) for name in "xyz")
    first = seed_table(["ada", "bob"], {x: [8, 8], y: [4, 4], z: [0, 0]})
    second = seed_table(["ada", "bob"], {y: [8, 0], z: [8, 0]})
    found = {(before, later): figures[0] for _, before, later, figures in falls([first, second])}
    assert found == {("y", "z"): 8 / 32}
    found = {(before, later): figures[0] for _, before, later, figures in falls([second, first])}
    assert found == {("y", "z"): 8 / 32}
    only = seed_table(["ada", "bob"], {x: [8, 8], z: [0, 0]})
    assert {(b, a): f[0] for _, b, a, f in falls([first, only])} == {("x", "y"): 0.5, ("x", "z"): 1.0}


def test_people_whose_names_are_not_known_are_not_taken_for_the_same():
    tables = [seed_table([], {("c", "x"): [8, 0]}), seed_table([], {("c", "x"): [0, 8]})]
    assert sorted(pooled(tables)["c", "x"].missed.values()) == [0, 0, 8, 8]


def test_what_a_law_decided_is_not_pooled():
    table = seed_table(["ada"], {("c", "x"): [8]})
    table.cells["c", "x"] = msgspec.structs.replace(table.cells["c", "x"], interval=None, law="moratorium")
    assert pooled([table]) == {} and pooled_lines([table])[-2].split() == ["c"]
