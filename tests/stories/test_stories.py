"""The stories, told for real; order and wide bands, never decimals."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from facetui import scenarios
from facetui.engine.core.cache import default_folder
from facetui.engine.lab.world.strength import WORKSHOP
from facetui.engine.records import journal
from facetui.engine.records.cohort_table import cohort_table
from facetui.engine.records.events import (
    WHOLE_ARCHIVE,
    DefenceApplied,
    DetectionMeasured,
    Note,
    OpenSetMeasured,
    ProtectionMeasured,
    SearchMeasured,
    VerificationMeasured,
)
from facetui.engine.runs.run import run
from facetui.engine.runs.scenario import Scenario
from facetui.engine.runs.settings import Settings
from facetui.tui.runs import recordings


def told(name: str, tmp_path: Path, **settings):
    quick = Settings(out=tmp_path, cache=default_folder(), strength="workshop", **settings)
    outcome = run(Scenario.read(scenarios.path_of(name)), quick)
    assert outcome.error is None
    return as_measured(journal.read(outcome.folder), weakened=True)


def as_measured(events, *, weakened: bool):
    assert [e for e in events if isinstance(e, Note)][-1].text.count("%") >= 2, "a story ends with what it measured"
    for event in events:
        if isinstance(event, ProtectionMeasured):
            if event.basis == "cited":
                assert event.source
            else:
                low, high = event.interval or (0, 1)
                assert (event.interval is None) == bool(event.law)
                assert sum(event.missed) == round(event.protection_rate * event.n_probes)
                clean = event.attack is None and event.cohort.endswith(("clean", "friends", "archive", "unnamed"))
                untouched = clean or event.attack not in (None, *WORKSHOP)
                said = bool(event.weakened) is weakened
                assert said or untouched, "the quick strength is said of every figure made with it, and of no other"
                assert low <= event.protection_rate <= high and event.n_probes > 0
                # Two photos of everybody among 530 people are few: ten per cent are not named then.
                assert event.unprotected_error <= 0.15 or event.law == "moratorium", "everybody else is recognised"
    return events, cohort_table(events)


@pytest.mark.slow
@pytest.mark.parametrize("name", scenarios.SCENARIOS.names())
def test_every_story_on_the_embedded_cast(name, tmp_path):
    in_order(*told(name, tmp_path))


@pytest.mark.parametrize("name", scenarios.SCENARIOS.names())
def test_every_story_as_it_was_recorded_at_release_strength(name):
    with recordings.unpacked(name) as (folder, _):
        in_order(*as_measured(journal.read(folder), weakened=False))


def in_order(events, table) -> None:
    cells = {key: event.protection_rate for key, event in table.cells.items()}
    attacked = [cohort for cohort in table.cohorts if "fawkes-0.3" in cohort]
    if attacked and (attacked[0], "compact-a") in cells:
        assert cells[attacked[0], "compact-a"] >= 0.9, "naive poisoning works against the attacked extractor"
    if attacked and "compact-a robust" in table.generations:
        assert cells[attacked[0], "compact-a robust"] <= 0.3
    if attacked and "compact-b" in table.generations:
        assert cells[attacked[0], "compact-b"] <= 0.5, "an attack on one extractor hardly transfers"
        # A broken cohort stays broken, and drags the whole archive down with it.
        assert cells["whole archive", "compact-b"] <= cells[attacked[0], "compact-b"] + 0.15
        for cohort in table.cohorts:
            if "lowkey" in cohort:
                assert cells[cohort, "compact-b"] > cells[attacked[0], "compact-b"], "an ensemble transfers better"
    for event in events:
        if isinstance(event, DefenceApplied) and event.accuracy_before is not None:
            assert event.accuracy_after >= event.accuracy_before - 0.02


def whole(events) -> list[ProtectionMeasured]:
    return [
        e for e in events if isinstance(e, ProtectionMeasured) and e.basis == "measured" and e.cohort == WHOLE_ARCHIVE
    ]


@pytest.mark.slow
def test_leaked_photos_undo_protection(tmp_path):
    curve = [e.protection_rate for e in whole(told("leaked_photos", tmp_path)[0])]
    assert curve[0] >= 0.9 and curve[-1] <= 0.2
    assert all(after <= before for before, after in itertools.pairwise(curve)), "every further photo only helps"


@pytest.mark.slow
def test_what_was_posted_before_the_tools_names_people_today(tmp_path):
    events, table = told("clean_era", tmp_path)
    assert whole(events)[-1].generation.endswith("rescan until 2019-12")
    assert whole(events)[-1].protection_rate <= 0.2
    later = [table.cells[cohort, "compact-a"] for cohort in table.cohorts if "fawkes" in cohort or "lowkey" in cohort]
    assert all(event.protection_rate >= 0.6 for event in later)


@pytest.mark.slow
def test_only_forgetting_protects(tmp_path):
    measured = {e.law: e for e in whole(told("retention_law", tmp_path)[0])}
    months = [measured[f"{n} months' retention"].protection_rate for n in (60, 24, 12, 6)]
    assert all(shorter >= longer - 0.1 for longer, shorter in itertools.pairwise(months)), "but for a probe or two"
    assert months[0] <= 0.2 and months[-1] >= 0.6
    assert measured["moratorium"].protection_rate == measured["moratorium"].unprotected_error == 1
    assert measured[""].protection_rate <= 0.2, "after the moratorium everything is as before"


def test_a_ban_on_scraping_changes_nothing_and_deletion_does():
    """At release strength: weakened tools do not survive the newest extractor, whatever is deleted."""
    with recordings.unpacked("law_today") as (folder, _):
        before, banned, *deleted = whole(journal.read(folder))
    assert before.missed == banned.missed and before.protection_rate <= 0.2
    assert all(event.protection_rate >= before.protection_rate + 0.3 for event in deleted)


@pytest.mark.slow
def test_comparing_two_photos_is_not_a_search(tmp_path):
    events, _ = told("false_security", tmp_path)
    own, theirs = [e for e in events if isinstance(e, VerificationMeasured)]
    assert own.match_clean >= 0.8 and own.match_posted <= 0.2, "the tool's own check promises safety"
    assert whole(events)[-1].protection_rate <= 0.3 and theirs.match_posted > own.match_posted


@pytest.mark.slow
def test_decoys_crowd_a_search_until_the_extractor_changes(tmp_path):
    events, _ = told("collective_decoys", tmp_path)
    searches = [e for e in events if isinstance(e, SearchMeasured)]
    *crowded, newer = searches
    assert [e.n_decoys for e in crowded] == sorted(e.n_decoys for e in crowded)
    assert crowded[-1].recall < crowded[0].recall <= newer.recall + 0.1


@pytest.mark.slow
def test_a_larger_gallery_hides_more_and_so_does_a_trainer_that_may_say_nobody(tmp_path):
    events, _ = told("needle", tmp_path)
    grown = [e for e in whole(events) if "crowd of" in e.generation]
    assert [e.n_gallery for e in grown] == sorted({e.n_gallery for e in grown}) and grown[-1].n_gallery == 530
    for smaller, larger in itertools.pairwise(grown):
        assert all(a <= b for a, b in zip(smaller.missed, larger.missed, strict=True)), "strangers can only hide her"
        assert smaller.unprotected_error <= larger.unprotected_error
    often, rarely = [e for e in events if isinstance(e, OpenSetMeasured)]
    assert (often.false_alarms, rarely.false_alarms) == (0.01, 0.001)
    assert grown[-1].protection_rate <= often.false_negatives <= rarely.false_negatives
    assert often.unprotected_error <= rarely.unprotected_error


@pytest.mark.slow
def test_every_recogniser_is_asked(tmp_path):
    events, _ = told("recognisers", tmp_path)
    asked = {e.generation: e for e in whole(events)}
    assert list(asked) == ["compact-b", "compact-b + euclidean", "compact-b, linear", "compact-b, end-to-end"]
    assert [e.asked for e in asked.values()] == ["alone", "alone", "alone", "together"]


@pytest.mark.slow
def test_pairs_that_people_publish_are_enough_to_learn_from(tmp_path):
    events, table = told("published_pairs", tmp_path)
    assert table.generations == ["compact-b", *(f"compact-b from {n} pairs" for n in (5, 10, 20, 40))]
    adapted = [e for e in events if isinstance(e, DefenceApplied)]
    assert [(e.n_people, e.n_photos) for e in adapted] == [(n, n) for n in (5, 10, 20, 40)]
    first, *taught = whole(events)
    assert taught[-1].protection_rate <= first.protection_rate - 0.2
    assert taught[-1].protection_rate <= taught[0].protection_rate
    assert all(e.best_generation is None or e is first for e in [first, *taught]), "nobody rehearses with a closed tool"


@pytest.mark.slow
def test_whoever_has_the_tool_sees_through_it_and_picks_well(tmp_path):
    events, table = told("adaptive_defence", tmp_path)
    (detected,) = [e for e in events if isinstance(e, DetectionMeasured)]
    assert (detected.recall + 1 - detected.false_positive_rate) / 2 >= 0.95
    assert detected.base_rate_precision_low < 0.5, "a few dozen clean photos promise nothing about a crawl"
    naive, *answers = whole(events)
    assert naive.protection_rate >= 0.9
    assert all(answer.protection_rate <= 0.2 for answer in answers), "each answer is enough by itself"
    assert "compact-a robust" in table.generations
    assert any(name.startswith("compact-a + compact-a robust under 0.") for name in table.generations)
    picked = [e for e in events if isinstance(e, DefenceApplied) and e.defence == "best-of"]
    assert len(picked) == 1 and f"picks {answers[-1].generation}: " in picked[0].detail


@pytest.mark.slow
def test_the_arms_race_ends_with_the_model_that_the_trainer_picked(tmp_path):
    events, table = told("arms_race", tmp_path)
    picked = [e for e in events if isinstance(e, DefenceApplied) and e.defence == "best-of"][-1]
    end = whole(events)[-1]
    assert f"picks {end.generation}: " in picked.detail
    others = [table.cells[WHOLE_ARCHIVE, name].protection_rate for name in table.generations]
    assert end.protection_rate <= min(others) + 0.15, "picked without probes, and nearly the best by them"
    news = [e for e in table.cells.values() if e.is_news]
    assert {(e.attack, e.extractor) for e in news} == {("lowkey", "compact-a robust")}
