"""What is said of a result, fed with invented measurements: attacks that survive, that fall, and too few people."""

from __future__ import annotations

import pytest

from facetui.engine.records.events import WHOLE_ARCHIVE, ProtectionMeasured
from facetui.engine.records.measurements import briefly, fates, in_words, verdict
from facetui.engine.records.rates import METHOD, people_interval


def invented(cohort: str, missed: list[int], *, model: str = "a", attack: str | None = "lowkey", **more):
    probes = [8] * len(missed)
    return ProtectionMeasured(
        cohort=cohort,
        attack=attack,
        extractor=model,
        defence=None,
        classifier="nearest",
        protection_rate=sum(missed) / sum(probes),
        n_probes=sum(probes),
        **{"interval": people_interval(missed, probes), "method": METHOD, "people": probes, "missed": missed, **more},
    )


ALL, MOST, HALF, FEW, NONE = [8] * 8, [8, 7, 8, 6, 8, 8, 5, 8], [8, 0] * 4, [1, 0, 0, 0, 2, 0, 0, 0], [0] * 8


@pytest.mark.parametrize(
    ("missed", "expected"),
    [
        (ALL, "protected"),
        (MOST, "protected"),
        (HALF, "cannot tell"),
        (FEW, "not protected"),
        (NONE, "not protected"),
        ([8, 8], "cannot tell"),
        ([0, 0, 0], "cannot tell"),
        ([8], "cannot tell"),
    ],
)
def test_a_verdict_needs_an_interval_on_one_side_of_a_half(missed, expected):
    assert verdict(invented("x", missed)) == expected


def test_who_survives_is_said_first():
    said = fates(
        [
            invented("2020-07 fawkes-0.3", ALL, attack="fawkes-0.3"),
            invented("2020-07 fawkes-0.3", NONE, model="b", attack="fawkes-0.3"),
            invented("2021-01 lowkey", ALL),
            invented("2021-01 lowkey", MOST, model="b"),
            invented("2021-04 fawkes-1.0", HALF, attack="fawkes-1.0"),
            invented(WHOLE_ARCHIVE, NONE, attack=None),
        ]
    )
    survives, open_, fallen = (said.index(name) for name in ("lowkey", "fawkes-1.0", "fawkes-0.3"))
    assert said.startswith("Survives every model so far: lowkey 91 %.") and survives < open_ < fallen
    assert "Cannot be told with so few people: fawkes-1.0 50 %." in said
    assert "No longer protected: fawkes-0.3 0 % (still hides from 1 of 2 models)." in said


def test_where_all_survive_or_all_fail_nothing_else_is_said():
    cohorts = ("2020-07 fawkes-0.3", "2021-01 lowkey")
    survived = fates([invented(cohort, ALL, attack=cohort[8:]) for cohort in cohorts])
    fell = fates([invented(cohort, NONE, attack=cohort[8:]) for cohort in cohorts])
    assert "No longer" not in survived and "Cannot" not in survived and survived.count("100 %") >= 2
    assert "Survives" not in fell and "Cannot" not in fell


def picked(missed: list[int], model: str) -> dict[str, object]:
    probes = [8] * len(missed)
    rate = sum(missed) / sum(probes)
    return {"best_protection_rate": rate, "best_interval": people_interval(missed, probes), "best_generation": model}


def test_the_model_that_the_trainers_test_picked_counts_and_not_the_best_by_the_probes():
    low = invented("2021-01 lowkey", NONE, model="a", **picked(NONE, "a"))
    said = fates([low, invented("2021-01 lowkey", ALL, model="b", **picked(ALL, "b"))])
    assert said.startswith(
        "Survives the model that the trainer's own test picks: lowkey 100 % (still hides from 1 of 2 models)."
    )
    said = fates([low, invented("2021-01 lowkey", ALL, model="b", **picked(NONE, "a"))])
    assert said.startswith("No longer protected: lowkey 0 % (still hides from 1 of 2 models).")


def test_the_latest_figure_of_a_model_counts():
    said = fates([invented("2021-01 lowkey", NONE), invented("2021-01 lowkey", ALL)])
    assert said.startswith("Survives")


def test_what_a_law_decides_or_others_report_is_no_result():
    assert "Nothing was posted" in fates(
        [
            invented("2021-01 lowkey", ALL, interval=None, law="moratorium"),
            invented("2021-01 lowkey", ALL, basis="cited", source="somebody"),
            invented(WHOLE_ARCHIVE, ALL, attack=None),
        ]
    )
    assert in_words(invented("x", ALL, interval=None, law="moratorium")) == "100 % by law"


def test_two_cohorts_under_one_tool_are_told_apart():
    cohorts = ("2020-07 lowkey", "2021-01 lowkey")
    said = fates([invented(cohort, missed) for cohort, missed in zip(cohorts, (ALL, NONE), strict=True)])
    assert said.startswith("Survives every model so far: 2020-07 lowkey 100 %. No longer protected: 2021-01 lowkey 0 %")


def test_a_weakened_tool_is_said_with_its_figure():
    weak = invented("2021-01 lowkey weakened", ALL, weakened="weakened, 10 of 50 steps")
    assert "lowkey weakened 100 %" in fates([weak]) and briefly(weak) == "100 % (weakened)"
    assert briefly(invented("x", ALL, interval=None, law="moratorium")) == "100 % by law"
    said = in_words(invented("2021-01 lowkey weakened", MOST, weakened="weakened, 10 of 50 steps"))
    assert said == "91 % (58 of 64 probes of 8 people, 95 % interval 81-98 %; weakened, 10 of 50 steps)"
