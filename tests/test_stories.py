"""The stories, told for real; order and wide bands, never decimals."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from facetui import scenarios
from facetui.engine import journal
from facetui.engine.cache import default_folder
from facetui.engine.events import (
    WHOLE_ARCHIVE,
    DefenceApplied,
    Note,
    ProtectionMeasured,
    SearchMeasured,
    VerificationMeasured,
)
from facetui.engine.folds import cohort_table
from facetui.engine.runner import Scenario, Settings, run

from .conftest import SHARED


def told(name: str, tmp_path: Path, **settings):
    outcome = run(Scenario.read(scenarios.path_of(name)), Settings(out=tmp_path, cache=default_folder(), **settings))
    assert outcome.error is None
    events = journal.read(outcome.folder)
    assert [e for e in events if isinstance(e, Note)][-1].text.count("%") >= 2, "a story ends with what it measured"
    for event in events:
        if isinstance(event, ProtectionMeasured):
            if event.basis == "cited":
                assert event.source
            else:
                low, high = event.interval
                assert low <= event.protection_rate <= high and event.n_probes > 0
                assert event.unprotected_error <= 0.05 or event.law == "moratorium", "everybody else is recognised"
    return events, cohort_table(events)


@pytest.mark.slow
@pytest.mark.parametrize("name", scenarios.SCENARIOS.names())
def test_every_story_on_the_embedded_cast(name, tmp_path):
    events, table = told(name, tmp_path)
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
            assert event.accuracy_after >= event.accuracy_before - 0.03


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
    assert months == sorted(months) and months[0] <= 0.2 and months[-1] >= 0.8
    assert measured["moratorium"].protection_rate == measured["moratorium"].unprotected_error == 1
    assert measured[""].protection_rate <= 0.2, "after the moratorium everything is as before"


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
@pytest.mark.real
@pytest.mark.skipif(not (SHARED / "models").is_dir(), reason="real faces and networks are not beside the checkout")
def test_direction_on_real_faces_and_networks(tmp_path, monkeypatch):
    monkeypatch.setenv("FACETUI_MODELS", str(SHARED / "models"))
    path = tmp_path / "real.py"
    path.write_text(
        '"""Naive, adaptive, oblivious."""\n\n\ndef scenario(lab):\n'
        '    lab.at("2020-07")\n    lab.users.protect("pgd")\n    lab.users.post(8)\n    lab.trainer.scrape()\n'
        "    naive = lab.measure().whole\n    lab.trainer.adapt()\n    robust = lab.measure().whole\n"
        '    lab.trainer.use("mobilefacenet-ms1m")\n    newer = lab.measure().whole\n'
        '    lab.note(f"{naive.protection_rate:.0%} {robust.protection_rate:.0%} {newer.protection_rate:.0%}")\n'
    )
    outcome = run(
        Scenario.read(path),
        Settings(
            out=tmp_path,
            cache=default_folder(),
            cast="real-mobilefacenet",
            people=str(SHARED / "faces" / "glint"),
            users=tuple(f"g{i:02d}" for i in range(1, 17, 2)),
        ),
    )
    assert outcome.error is None
    events = [e for e in journal.read(outcome.folder) if isinstance(e, ProtectionMeasured)]
    naive, robust, newer = [e for e in events if e.cohort == "whole archive"]
    assert naive.protection_rate >= 0.9
    assert robust.protection_rate <= 0.6 * naive.protection_rate
    assert newer.protection_rate <= 0.5 * naive.protection_rate
    assert all(e.unprotected_error <= 0.06 for e in (naive, newer))
