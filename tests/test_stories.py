"""The stories, told for real; order and wide bands, never decimals."""

from __future__ import annotations

from pathlib import Path

import pytest

from facetui import scenarios
from facetui.engine import journal
from facetui.engine.cache import default_folder
from facetui.engine.events import DefenceApplied, Note, ProtectionMeasured
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
                assert event.unprotected_error <= 0.05, "everybody else is recognised"
    return events, cohort_table(events)


@pytest.mark.slow
@pytest.mark.parametrize("name", scenarios.SCENARIOS.names())
def test_every_story_on_the_embedded_cast(name, tmp_path):
    events, table = told(name, tmp_path)
    cells = {key: event.protection_rate for key, event in table.cells.items()}
    first = table.cohorts[0]
    assert cells[first, "compact-a"] >= 0.9, "naive poisoning works against the attacked extractor"
    if "compact-a robust" in table.generations:
        assert cells[first, "compact-a robust"] <= 0.3
    for event in events:
        if isinstance(event, DefenceApplied) and event.accuracy_before is not None:
            assert event.accuracy_after >= event.accuracy_before - 0.03
    if "compact-b" in table.generations:
        assert cells[first, "compact-b"] <= 0.5 * cells[first, "compact-a"]
        # A broken cohort stays broken, and drags the whole archive down with it.
        assert cells["whole archive", "compact-b"] <= cells[first, "compact-b"] + 0.15
        stronger = cells[table.cohorts[1], "compact-b"]
        assert stronger > cells[first, "compact-b"], "an attack on several extractors transfers better"


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
