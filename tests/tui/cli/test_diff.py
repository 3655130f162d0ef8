"""``facetui diff``, as people use it."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import pytest

from facetui.tui.runs import named

from ...support.commands import facetui
from ...support.sample_run import write_sample


@pytest.fixture
def runs(monkeypatch, tmp_path) -> Path:
    folder = tmp_path / "runs"
    monkeypatch.setenv("FACETUI_RUNS", str(folder))
    write_sample(folder / "sample-20210101-000000")
    write_sample(folder / "other-20210101-000000", upto=20)
    return folder


def test_two_runs_as_lines_as_json_and_as_files(runs, tmp_path):
    told = facetui("diff", "sample", "other", "--display", "plain")
    assert told.returncode == 0, told.stderr
    assert "photos posted under" in told.stdout and "only in a: 2020-07 pgd on model-b" in told.stdout
    data = json.loads(facetui("diff", "sample", "other", "--json").stdout)
    assert (data["a"], data["b"], data["settings"]) == ("sample", "other", [])
    kinds = [row["measured_in"] for row in data["figures"]]
    assert kinds == ["both"] * 5 + ["a"] * 3 and data["figures"][0]["rate_b"] is not None
    for kind in ("html", "md", "csv"):
        out = tmp_path / f"diff.{kind}"
        assert facetui("diff", "sample", "other", "-o", out).returncode == 0
        assert "2021-03 lowkey" in out.read_text(encoding="utf-8").replace("\\", "")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "diff.csv").read_text(encoding="utf-8"))))
    assert len(rows) == 8 and {row["verdict"] for row in rows} <= {"cannot tell", "the same", ""}
    wrong = facetui("diff", "sample", "other", "-o", tmp_path / "diff.pdf")
    assert wrong.returncode == 2 and wrong.stderr.count("\n") == 1 and ".html, .md, .csv" in wrong.stderr


def test_archives_recordings_and_names_that_mean_nothing(runs, tmp_path):
    packed = tmp_path / "packed.tar.zst"
    assert facetui("runs", "export", "sample", "-o", packed).returncode == 0
    told = facetui("diff", packed, "sample", "--display", "plain")
    assert told.returncode == 0 and "a  packed.tar.zst: sample, seed 0" in told.stdout
    told = facetui("diff", "demo:arms_race", "retroactive_model", "--display", "plain")
    assert "paired by person" in told.stdout and "lower" in told.stdout, told.stderr
    for name in ("nothing", "demo:nothing", tmp_path / "nothing.tar.zst", tmp_path / "x.tar.zst"):
        (tmp_path / "x.tar.zst").write_bytes(b"no archive")
        wrong = facetui("diff", "sample", name)
        assert wrong.returncode in (2, 4) and wrong.stderr.count("\n") == 1 and "bug" not in wrong.stderr


def test_a_story_played_here_goes_before_its_recording(runs):
    write_sample(runs / "needle-20210101-000000")
    with named.opened("needle") as folder:
        assert folder == runs / "needle-20210101-000000"
    with named.opened("demo:needle") as folder:
        assert folder.parent != runs and (folder / "events.jsonl").is_file()
    assert not folder.exists()
    write_sample(runs / "needle-20210101-000001")
    wrong = facetui("diff", "needle", "sample", FACETUI_RUNS=os.fspath(runs))
    assert wrong.returncode == 2 and "the recording is demo:needle" in wrong.stderr
