"""What is run elsewhere, by a public service, in containers and on clusters: it names what there is, and it runs."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from facetui.engine import system
from facetui.engine.records import journal
from facetui.engine.records.events import Progress

from .test_documents import parsed

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[1]
WORKFLOW = ROOT / ".github" / "workflows" / "test.yml"
CONTAINERS = [ROOT / "packaging" / name for name in ("Containerfile", "facetui.def", "facetui.slurm")]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def jobs() -> dict:
    return yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]


def lines(job: str) -> list[str]:
    return [line.strip() for step in jobs()[job]["steps"] for line in step.get("run", "").splitlines()]


def test_every_system_tests_every_python_with_and_without_the_lab():
    matrix = jobs()["test"]["strategy"]["matrix"]
    assert matrix["system"] == ["ubuntu-latest", "macos-latest", "windows-latest"]
    assert matrix["parts"] == ["core", "lab"]
    named = [word.rpartition(" ")[2] for word in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", word)]
    assert matrix["python"] == named


def test_the_wheels_are_built_once_and_nothing_else_is_installed():
    built = [line for job in jobs() for line in lines(job) if "build --wheel" in line]
    assert built == [line for line in lines("wheels") if "build --wheel" in line] and len(built) == 2
    assert all("dist/" in line for line in lines("test") if "pip install" in line)


def test_the_service_checks_what_make_test_checks():
    made = re.findall(r"^\t\$\(BIN\)/((?:ruff|lint-imports|mypy)[^\n]*)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    made = [re.sub(r" --cache-dir \S+", "", line) for line in made]
    assert len(made) == 6 and [line for line in lines("check") if not line.startswith("python -m pip")] == made


def test_paths_and_commands_of_the_service_are_ones_that_exist():
    words = [word for job in jobs() for line in lines(job) for word in shlex.split(line)]
    paths = {word for word in words if re.match(r"(packaging|tests|docs|tools)(/|$)", word)}
    if PROJECT["name"] == "facetui":  # in one piece: the second distribution is not there yet
        paths.discard("packaging/facetui")
    assert paths and [path for path in paths if not (ROOT / path).exists()] == []
    commands = [line for job in jobs() for line in lines(job) if line.startswith("facetui ")]
    assert len(commands) > 3
    for line in commands:
        parsed(line)


def test_the_tools_that_run_the_tests_are_those_of_the_project():
    wanted = {Requirement(line).name: line for line in PROJECT["optional-dependencies"]["dev"]}
    for line in (ROOT / "packaging" / "test-tools.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            assert wanted[Requirement(line).name] == line


@pytest.mark.parametrize("path", CONTAINERS, ids=lambda path: path.name)
def test_containers_set_what_facetui_reads_and_take_wheels(path):
    text = path.read_text(encoding="utf-8")
    sources = "\n".join(p.read_text(encoding="utf-8") for top in ("engine", "tui") for p in (ROOT / top).rglob("*.py"))
    for name in set(re.findall(r"\bFACETUI_[A-Z]+", text)):
        assert f'"{name}"' in sources, name
    for line in re.findall(r"(?:-v \S+|--env \S+) (?:facetui\S*) ((?:run|demo)[^\n]*)", text):
        parsed(f"facetui {line}")
    assert not re.search(r"^(COPY|ADD) +\.|pip install[^\n]* (-e|--editable|\.)( |$)", text, re.MULTILINE)
    if path.suffix != ".slurm":
        assert "/wheels/*.whl" in text and "--index-url https://download.pytorch.org/whl/" in text


# --- the example of a job, run as the cluster would ---------------------------------------------------------------

STORY = '''"""A story for tests."""


def scenario(lab):
    """One."""
    lab.users.protect("pgd", steps={steps})
    lab.users.post(1)
'''
"""Of few steps, or of many."""

JOB = ROOT / "packaging" / "facetui.slurm"
ON_POSIX = pytest.mark.skipif(system.WINDOWS, reason="clusters run POSIX")


def submitted(tmp_path: Path, steps: int, **more: str) -> subprocess.Popen[str]:
    """The job, without a home and with no other variables than a cluster's."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "facetui").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m facetui.tui.cli.main "$@"\n')
    (programs / "facetui").chmod(0o755)
    (tmp_path / "story.py").write_text(STORY.format(steps=steps), encoding="utf-8")
    for name in ("kept", "scratch", "elsewhere"):
        (tmp_path / name).mkdir()
    environment = {
        "PATH": f"{programs}:/usr/bin:/bin",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "HOME": "/proc/nobody",
        "TMPDIR": str(tmp_path / "scratch"),
        "SLURM_SUBMIT_DIR": str(tmp_path / "kept"),
        "SLURM_ARRAY_TASK_ID": "3",
        "STORY": str(tmp_path / "story.py"),
        **more,
    }
    return subprocess.Popen(
        ["bash", str(JOB)],
        env=environment,
        cwd=tmp_path / "elsewhere",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@ON_POSIX
def test_the_example_of_a_job_is_a_shell_program():
    assert subprocess.run(["bash", "-n", str(JOB)]).returncode == 0
    assert re.search(r"^#SBATCH --signal=B:TERM@\d+$", JOB.read_text(encoding="utf-8"), re.MULTILINE)


@ON_POSIX
@pytest.mark.slow
def test_a_job_writes_nothing_but_where_it_may(tmp_path):
    job = submitted(tmp_path, steps=2)
    out, _ = job.communicate(timeout=120)
    assert job.returncode == 0, out
    (folder,) = journal.runs(tmp_path / "kept" / "facetui-runs")
    assert journal.began(journal.read(folder), folder).seed == 3
    assert not list((tmp_path / "elsewhere").iterdir())
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["facetui-runs"]
    made = {path.name for path in (tmp_path / "scratch").iterdir()}
    assert {"facetui-cache", "facetui-data"} <= made and all(name.startswith("facetui-") for name in made)


@ON_POSIX
@pytest.mark.slow
def test_a_job_whose_time_is_over_closes_its_journal(tmp_path):
    job = submitted(tmp_path, steps=20_000)
    end = time.monotonic() + 60
    while not any(
        isinstance(event, Progress)
        for folder in journal.runs(tmp_path / "kept" / "facetui-runs")
        for event in journal.read(folder)
    ):
        assert job.poll() is None and time.monotonic() < end
        time.sleep(0.2)
    job.send_signal(signal.SIGTERM)
    out, _ = job.communicate(timeout=60)
    assert job.returncode == 128 + signal.SIGTERM, out
    (folder,) = journal.runs(tmp_path / "kept" / "facetui-runs")
    assert journal.status(folder, journal.read(folder)) == "stopped"
