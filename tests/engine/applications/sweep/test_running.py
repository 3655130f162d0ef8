"""Sweeps that are really computed: killed and gone on with, two at once, and by the schedulers of clusters."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest

from facetui.engine.applications.benchmarks import cells
from facetui.engine.applications.sweep.compute import compute
from facetui.engine.applications.sweep.executors import start
from facetui.engine.applications.sweep.folder import JOURNAL, Folder
from facetui.engine.applications.sweep.outcome import Asked
from facetui.engine.applications.sweep.results import read
from facetui.engine.applications.sweep.status import status
from facetui.engine.records import journal
from facetui.engine.records.errors import DataError, MissingExtra, UsageError

from ....support.commands import MAIN, facetui
from ....support.sweeps import TINY

LONG = """\
attacks = ["pgd:steps=40", "pgd:steps=41", "pgd:steps=42", "pgd:steps=43"]
extractors = ["compact-a"]
crowds = [0]
users = 4
photos = 3
"""


@pytest.fixture
def plan(tmp_path, monkeypatch) -> Path:
    """A small plan and a cache of its own, so that everything is computed here."""
    monkeypatch.setenv("FACETUI_CACHE", str(tmp_path / "cache"))
    (tmp_path / "tiny.toml").write_text(TINY)
    return tmp_path / "tiny.toml"


def begun(folder: Path) -> Counter[str]:
    """How often each unit was begun."""
    lines = (folder / JOURNAL).read_text().splitlines()
    return Counter(entry["unit"] for entry in map(json.loads, lines) if entry["what"] == "begun")


def figures(folder: Path) -> list[tuple]:
    """What was measured, without times."""
    found = read(Folder(folder)).rows(by_seed=True)
    return sorted((r["attack"], r["extractor"], r["among"], r["not_named"], r["people"], r["probes"]) for r in found)


@pytest.mark.slow
def test_the_plan_in_the_documents_is_computed_once_and_goes_on(plan, tmp_path):
    page = (Path(__file__).parents[4] / "docs" / "sweeps.md").read_text(encoding="utf-8")
    first, second = re.findall(r"^```toml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    plan.write_text(first)
    ran = facetui("sweep", plan, "--on", "local:2")
    assert ran.returncode == 0, ran.stderr
    folder = tmp_path / "tiny.sweep"
    assert "16 of 16 units are finished" in ran.stdout and set(begun(folder).values()) == {1}
    shown = facetui("results", folder)
    assert shown.returncode == 0 and "among 80 people" in shown.stdout and "seeds 0, 1 pooled" in shown.stdout
    plan.write_text(first.replace("[0, 40] ", "[0, 40, 30] "))
    more = facetui("sweep", plan)
    assert more.returncode == 0 and "16 of them finished before" in more.stdout
    assert set(begun(folder).values()) == {1} and len(begun(folder)) == 22, "only what is new"
    paper = ("--attacks", "clean,pgd:steps=2", "--extractors", "compact-a,compact-b", "--answers", "nearest")
    grid = facetui("bench", "paper", *paper, "--users", 3, "--photos", 2, "--crowd", 40, "-o", tmp_path / "grid")
    assert grid.returncode == 0, grid.stderr
    rows = [row for row in read(Folder(folder)).rows(by_seed=True) if (row["among"], row["seeds"]) == (80, "0")]
    there = {(row["attack"], row["extractor"]): row for row in rows}
    for cell in cells.read(tmp_path / "grid").cells.values():
        row = there[cell.attack, cell.extractor]
        assert (row["not_named"], (row["low"], row["high"])) == (cell.rate, cell.interval), "as bench paper measures it"
    plan.write_text(second)
    counted = facetui("sweep", plan, "--dry")
    assert counted.returncode == 0 and counted.stdout.startswith("20 units (20 stories)"), counted.stderr


@pytest.mark.slow
def test_kill_costs_one_unit_and_the_rest_stays(plan, tmp_path):
    plan.write_text(LONG)
    folder = Folder(tmp_path / "tiny.sweep")
    sweep = subprocess.Popen([*MAIN, "sweep", str(plan)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until and not (len(folder.finished()) >= 2 and folder.claimed()):
            time.sleep(0.02)
        (name,) = folder.claimed()
        killed = int((folder.path / "claims" / f"{name}.lock").read_text().split()[-1])
        os.kill(killed, signal.SIGKILL)  # whoever computes it
        assert sweep.wait(timeout=120) == 0, "another process took its place"
    finally:
        sweep.kill()
    found = status(folder)
    assert (found.total, found.finished, found.failed) == (8, 8, 0)
    assert {unit: n for unit, n in begun(folder.path).items() if n > 1} in ({name: 2}, {}), "one unit at most"


@pytest.mark.slow
def test_a_sweep_that_is_killed_goes_on_where_it_was(plan, tmp_path):
    plan.write_text(LONG)
    folder = Folder(tmp_path / "tiny.sweep")
    sweep = subprocess.Popen([*MAIN, "sweep", str(plan)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while sweep.poll() is None and len(folder.finished()) < 2:
        time.sleep(0.02)
    sweep.kill()
    sweep.wait()
    again = facetui("sweep", plan)
    assert again.returncode == 0 and "8 of 8 units are finished" in again.stdout
    assert set(begun(folder.path).values()) == {1}, "its process finished what it had begun"


@pytest.mark.slow
def test_it_stops_when_asked_and_says_what_stays(plan, tmp_path):
    plan.write_text(LONG)
    folder = Folder(tmp_path / "tiny.sweep")
    sweep = subprocess.Popen([*MAIN, "sweep", str(plan)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while sweep.poll() is None and not folder.claimed():
        time.sleep(0.02)
    sweep.send_signal(signal.SIGINT)
    _, said = sweep.communicate(timeout=30)
    assert sweep.returncode == 130 and "are finished, and stay so; the same command goes on" in said
    until = time.monotonic() + 10
    while folder.claimed() and time.monotonic() < until:
        time.sleep(0.05)
    assert not folder.claimed(), "nobody computes any more"


@pytest.mark.slow
def test_two_sweeps_at_once_compute_nothing_twice(plan, tmp_path):
    command = [*MAIN, "sweep", str(plan), "--on", "local:2"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for one in both:
        out, said = one.communicate(timeout=120)
        assert one.returncode == 0 and "8 of 8 units are finished" in out, said
    assert len(begun(tmp_path / "tiny.sweep")) == 8 and set(begun(tmp_path / "tiny.sweep").values()) == {1}


@pytest.mark.slow
def test_a_story_is_played_as_facetui_run_plays_it(plan, tmp_path):
    story = tmp_path / "mine.py"
    story.write_text(
        '"""Mine."""\n\n\ndef scenario(lab, photos: int = 2):\n    lab.at("2020-07")\n'
        '    lab.users.protect("pgd", steps=2)\n    lab.users.post(photos)\n    lab.trainer.scrape()\n'
        "    lab.measure()\n"
    )
    plan.write_text(f'stories = ["{story}"]\nseeds = [0, 1]\nset = {{photos = [2]}}\ncrowds = [0]\nusers = 3\n')
    ran = facetui("sweep", plan, "--on", "local:2")
    assert ran.returncode == 0, ran.stderr
    folder = Folder(tmp_path / "tiny.sweep")
    runs = sorted((folder.path / "runs").iterdir())
    assert [run.name for run in runs] == sorted(folder.finished()) and all(
        journal.status(run, journal.read(run)) == "finished" for run in runs
    )
    (page,) = read(folder).pages()
    assert page.title.startswith("mine, photos=2") and page.results.settings.seeds == [0, 1]


def asked(folder: Folder, plan: Path, **more) -> list[Asked]:
    from facetui import scenarios
    from facetui.engine.applications.sweep import plan as plans
    from facetui.engine.applications.sweep.expand import expand
    from facetui.engine.core.cache import Cache

    cache = plan.parent / "cache"
    units = expand(plans.read(plan), Cache(cache), scenarios.path_of)
    folder.begin("", plan.read_text(), units)
    how = {"folder": str(folder.path), "cache": str(cache), **more}
    return [Asked(unit=msgspec.json.encode(unit), **how) for unit in units]


@pytest.mark.slow
def test_what_goes_wrong_is_said_and_what_somebody_computes_is_left_to_them(plan, tmp_path):
    folder = Folder(tmp_path / "s")
    first, *_ = asked(folder, plan, device="cuda:99")
    outcome = compute(first)
    assert (outcome.state, outcome.again) == ("failed", False) and "cuda:99" in outcome.error
    assert folder.failures() == {outcome.name: outcome.error}
    held = folder.claim(outcome.name)
    assert compute(first).state == "taken"
    held.release()
    elsewhere = Asked(folder=str(tmp_path / "none"), unit=first.unit, cache="")
    assert "all machines see" in compute(elsewhere).error


@pytest.mark.slow
def test_a_process_that_hangs_is_replaced_by_one_that_does_not_wait_for_it(plan, tmp_path):
    folder = Folder(tmp_path / "s")
    one = asked(folder, plan)[0]
    local = start("local:2", folder.path, {})
    try:
        name = msgspec.json.decode(one.unit)["name"]
        local.start(name, one)
        until = time.monotonic() + 60
        while not folder.claimed() and not folder.is_finished(name) and time.monotonic() < until:
            time.sleep(0.001)
        (hanging,) = (worker.process for worker in local._workers)
        os.kill(hanging.pid, signal.SIGSTOP)
        (folder.path / "units" / f"{name}.json").unlink(missing_ok=True)  # should it have been so quick
        local.start(name, msgspec.structs.replace(one, again=True))
        ended = []
        while not ended and time.monotonic() < until:
            ended = [outcome for outcome in local.wait(1) if folder.is_finished(name)]
        assert [outcome.state for outcome in ended] == ["done"]
        local.cancel(name)
        assert hanging.wait(timeout=10) == -signal.SIGKILL, "the one that came second is ended"
    finally:
        local.close()


def test_who_computes_is_checked(tmp_path):
    for wrong in ("pbs", "local:0", "local:x", "dask", "ray", "slurm:0"):
        with pytest.raises(UsageError, match="expected"):
            start(wrong, tmp_path, {})
    for kind, package in (("dask:tcp://127.0.0.1:1", "distributed"), ("ray:auto", "ray"), ("slurm", "submitit")):
        if find_spec(package) is None:
            with pytest.raises(MissingExtra, match=f"facetui\\[{kind.partition(':')[0]}\\]"):
                start(kind, tmp_path, {})


# --- clusters -----------------------------------------------------------------------------------------------------


def lacks(package: str, extra: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(find_spec(package) is None, reason=f"{package} is not installed (facetui[{extra}])")


def as_computed_here(plan: Path, tmp_path: Path, *on: str) -> None:
    """Whoever computes, the same comes out, each unit once."""
    there = facetui("sweep", plan, *on, "-o", tmp_path / "there")
    assert there.returncode == 0 and "8 of 8 units are finished" in there.stdout, there.stderr
    assert set(begun(tmp_path / "there").values()) == {1}
    here = facetui("sweep", plan, "-o", tmp_path / "here", FACETUI_CACHE=str(tmp_path / "another"))
    assert here.returncode == 0, here.stderr
    assert figures(tmp_path / "there") == figures(tmp_path / "here")


@pytest.mark.slow
@lacks("distributed", "dask")
def test_dask_computes_the_same_and_survives_a_killed_worker(plan, tmp_path):
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        as_computed_here(plan, tmp_path, "--on", f"dask:{cluster.scheduler_address}")
        plan.write_text(LONG)
        folder = Folder(tmp_path / "killed")
        command = [*MAIN, "sweep", str(plan), "--on", f"dask:{cluster.scheduler_address}", "-o", str(folder.path)]
        sweep = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        until = time.monotonic() + 60
        while not folder.claimed() and time.monotonic() < until and sweep.poll() is None:
            time.sleep(0.02)
        for name in list(folder.claimed())[:1]:
            os.kill(int((folder.path / "claims" / f"{name}.lock").read_text().split()[-1]), signal.SIGKILL)
        said, _ = sweep.communicate(timeout=120)
        assert sweep.returncode == 0 and "8 of 8 units are finished" in said, said


@pytest.mark.slow
@lacks("ray", "ray")
def test_ray_computes_the_same(plan, tmp_path):
    as_computed_here(plan, tmp_path, "--on", "ray:local")


@pytest.mark.slow
@lacks("submitit", "slurm")
def test_submitit_computes_the_same_in_jobs_of_this_machine(plan, tmp_path):
    plan.write_text(f'{TINY}[slurm]\ncluster = "local"\ntimeout_min = 5\n')
    as_computed_here(plan, tmp_path, "--on", "slurm:2")
    plan.write_text(f'{TINY}[slurm]\nslurm_partitoin = "long"\n')
    wrong = facetui("sweep", plan, "--on", "slurm", "-o", tmp_path / "none")
    assert wrong.returncode in (2, 4) and len(wrong.stderr.splitlines()) == 1


@lacks("submitit", "slurm")
def test_without_slurm_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match="no Slurm here"):
        start("slurm", tmp_path, {})


def test_the_worker_prints_nothing_but_answers(tmp_path):
    line = json.dumps({"folder": str(tmp_path / "none"), "unit": "", "cache": ""})
    command = [sys.executable, "-m", "facetui.engine.applications.sweep.worker"]
    ran = subprocess.run(command, input=f"{line}\n", capture_output=True, text=True, timeout=60)
    assert ran.stdout == "" and ran.returncode != 0, "what is no unit ends it; whoever asked sees that it died"
