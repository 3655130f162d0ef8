"""What people build on: it stays where it is, is imported when it is asked for, and shows itself in a notebook."""

from __future__ import annotations

import subprocess
import sys

import pytest

import facetui.engine as engine
from facetui.engine.core.interfaces import Attack, Defence
from facetui.engine.records.errors import UsageError

from ..support.builders import tiny_extractor
from ..support.sample_run import write_sample

NAMES = [
    *("ATTACKS", "Attack", "Bank", "Budget", "Classifier", "Combining", "DEFENCES", "Defence", "Detecting"),
    *("EXTRACTORS", "Estimating", "Extractor", "Lab", "Purifying", "Run", "Settings", "Training"),
    *("cohort_table", "in_words", "open_lab", "percent", "prepare", "read_run", "register"),
]


def test_the_public_names_are_these():
    assert sorted(engine.PUBLIC) == sorted(NAMES) == sorted(engine.__all__) and set(NAMES) <= set(dir(engine))
    for name in NAMES:
        assert getattr(engine, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'Lba'"):
        engine.Lba  # noqa: B018


def test_a_run_is_read_without_torch(tmp_path):
    write_sample(tmp_path / "run")
    program = (
        "import sys; from facetui.engine import read_run\n"
        "run = read_run(sys.argv[1])\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules\n"
        "assert [e.protection_rate for e in run.figures] and run.began.scenario\n"
        "print(len(run.table.cells), *run.table.cohorts); print(run._repr_html_())"
    )
    ran = subprocess.run([sys.executable, "-c", program, str(tmp_path / "run")], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    first, *shown = ran.stdout.splitlines()
    assert int(first.split()[0]) > 3 and "whole archive" in first
    html = "\n".join(shown)
    assert html.startswith("<h3>") and html.count("<table>") == 1 and "everybody else" in html


def test_a_lab_shows_where_it_stands(make_lab):
    lab = make_lab()
    assert "no model yet" in lab._repr_html_() and "<table>" not in lab._repr_html_()
    lab.at("2020-07")
    lab.users.post(2)
    lab.trainer.scrape()
    found = lab.measure()
    for shown in (lab._repr_html_(), found._repr_html_()):
        assert shown.count("<table>") == 1 and "2020-07 clean" in shown and "tiny-x" in shown
    assert "16 photos are posted, the trainer holds 16" in lab._repr_html_()


class Mine(Attack):
    name = "mine"

    def _optimise(self, album, surrogates):
        return album.photos

    def passes(self, n_surrogates):
        return 0


class Shrug(Defence):
    name = "shrug"
    source = "nobody"


def test_what_one_defines_can_be_registered_and_defined_again():
    try:
        engine.register("mine", Mine, "does nothing")
        engine.register("shrug", Shrug)
        engine.register("mine-net", tiny_extractor)
        assert engine.ATTACKS.get("mine") is Mine and engine.ATTACKS.entry("mine").summary == "does nothing"
        assert engine.DEFENCES.get("shrug") is Shrug and engine.EXTRACTORS.get("mine-net") is tiny_extractor
        again = type("Mine", (Mine,), {})
        with pytest.raises(UsageError, match="taken"):
            engine.register("mine", again)
        engine.register("mine", again, again=True)
        assert engine.ATTACKS.get("mine") is again
        with pytest.raises(UsageError, match="taken"):
            engine.register("pgd", Mine, again=True)  # ours stay
        for wrong in (int, "mine", 3):
            with pytest.raises(UsageError, match="expected a class of attacks"):
                engine.register("wrong", wrong)
    finally:
        for registry, name in ((engine.ATTACKS, "mine"), (engine.DEFENCES, "shrug"), (engine.EXTRACTORS, "mine-net")):
            registry.forget(name)
    assert "mine" not in engine.ATTACKS and "pgd" in engine.ATTACKS
