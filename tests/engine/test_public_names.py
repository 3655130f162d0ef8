"""What people build on: it stays where it is, and is imported when it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import facetui.engine as engine

NAMES = [
    "ATTACKS",
    "Attack",
    "Bank",
    "Budget",
    "Classifier",
    "DEFENCES",
    "Defence",
    "EXTRACTORS",
    "Extractor",
    "Lab",
    "Training",
    "cohort_table",
    "open_lab",
    "prepare",
    "read_run",
]


def test_the_public_names_are_these():
    assert sorted(engine.PUBLIC) == sorted(NAMES) == sorted(engine.__all__) and set(NAMES) <= set(dir(engine))
    for name in NAMES:
        assert getattr(engine, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'Lba'"):
        engine.Lba  # noqa: B018


def test_a_run_is_read_without_torch(tmp_path):
    from ..support.sample_run import write_sample

    write_sample(tmp_path / "run")
    program = (
        "import sys; from pathlib import Path; from facetui.engine import cohort_table, read_run\n"
        "table = cohort_table(read_run(Path(sys.argv[1])))\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules\n"
        "print(len(table.cells), *table.cohorts)"
    )
    ran = subprocess.run([sys.executable, "-c", program, str(tmp_path / "run")], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout.split()[0]) > 3 and "whole archive" in ran.stdout
