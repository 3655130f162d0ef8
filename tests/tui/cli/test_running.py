"""Runs as people run them: over links that end, in the background, into pipes and full disks, stopped and killed."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from facetui.engine.records import journal
from facetui.engine.records.events import RunEnded, RunFailed
from facetui.tui.runs.recent import recent
from facetui.tui.screens import frame, home
from facetui.tui.state.app_state import Stage
from facetui.tui.text import sentences
from facetui.tui.text.spans import text_of

from ...support.commands import MAIN, SHORT, facetui, rates
from ...support.sample_run import write_sample

LONG = SHORT.replace("steps=4", "steps=4000")


@pytest.fixture
def story(tmp_path) -> Path:
    path = tmp_path / "short.py"
    path.write_text(SHORT)
    return path


def the_run() -> tuple[Path, list]:
    (folder,) = journal.runs(Path(os.environ["FACETUI_RUNS"]))
    return folder, journal.read(folder)


def started(story: Path, before: str = "", *options: str) -> subprocess.Popen[bytes]:
    """A run begun by a shell that does something about signals first; answers once it computes."""
    command = f'{before} exec "$@"'
    arguments = [*MAIN, "run", str(story), "--display", "json", *options]
    process = subprocess.Popen(["sh", "-c", command, "sh", *arguments], stdout=subprocess.PIPE)
    for line in process.stdout:
        if json.loads(line)["kind"] == "progress":
            break
    return process


@pytest.mark.slow
@pytest.mark.parametrize(("name", "number"), [("HUP", signal.SIGHUP), ("INT", signal.SIGINT)])
def test_what_was_ignored_when_a_run_began_stays_ignored(name, number, tmp_path):
    path = tmp_path / "longer.py"
    path.write_text(SHORT.replace("steps=4", "steps=40"))
    process = started(path, f"trap '' {name};")
    process.send_signal(number)
    process.stdout.read()
    assert process.wait(timeout=120) == 0
    assert isinstance(the_run()[1][-1], RunEnded)


@pytest.mark.slow
def test_a_run_that_ignores_ctrl_c_is_stopped_from_the_app_all_the_same(tmp_path):
    path = tmp_path / "long.py"
    path.write_text(LONG)
    program = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from pathlib import Path\nfrom facetui.tui.runs import engine_process as detached\n"
        "engine = detached.start(sys.argv[1], ['--no-cache'], Path(sys.argv[2]), 'long')\n"
        "detached.wait_until_begun(engine)\nengine.stop()\nengine.process.wait(30)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(path), os.environ["FACETUI_RUNS"]], check=True, timeout=120)
    folder, events = the_run()
    assert journal.status(folder, events) == "stopped"


@pytest.mark.slow
def test_whoever_reads_only_the_beginning_does_not_stop_a_run(story):
    command = '{ "$@"; echo "code $?" >&2; } | head -n 2'
    ran = subprocess.run(
        ["sh", "-c", command, "sh", *MAIN, "run", str(story)], capture_output=True, text=True, timeout=120
    )
    assert ran.stdout.startswith("short: A short story.") and "code 141" in ran.stderr
    assert "BrokenPipe" not in ran.stderr and isinstance(the_run()[1][-1], RunEnded)


@pytest.mark.parametrize(
    "arguments", [["list"], ["runs"], ["--help"], ["doctor"], ["demo", "--display", "plain"], ["run", "--help"], []]
)
def test_a_command_whose_reader_left_says_nothing_and_ends_as_others_do(arguments):
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run([*MAIN, *arguments], stdout=writing, stderr=subprocess.PIPE, text=True, timeout=120)
    os.close(writing)
    assert ran.returncode == 141 and "Broken" not in ran.stderr and "Traceback" not in ran.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_output_that_reaches_no_disk_is_said_and_the_run_goes_on(story):
    with open("/dev/full", "wb") as full:
        ran = subprocess.run([*MAIN, "run", str(story)], stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
    assert ran.returncode == 4 and "standard output could not be written (No space left on device)" in ran.stderr
    assert isinstance(the_run()[1][-1], RunEnded)


def test_closed_streams_are_nobody_elses_file(story):
    ran = subprocess.run(["sh", "-c", '"$@" <&- >&- 2>&-', "sh", *MAIN, "run", str(story)], timeout=120)
    folder, events = the_run()
    assert ran.returncode == 0 and isinstance(events[-1], RunEnded)
    assert (folder / journal.EVENTS).read_bytes().startswith(b'{"facetui_journal"')


# --- stopped is not failed ----------------------------------------------------------------------------------------


def stopped(folder: Path) -> Path:
    """A sample run that its user stopped, as the engine notes it."""
    write_sample(folder, upto=12)
    from facetui.engine.records.events import encode

    path = folder / journal.EVENTS
    path.write_bytes(
        path.read_bytes() + encode(RunFailed(seq=12, wall=3.0, error="stopped on request", exit_code=130)) + b"\n"
    )
    return folder


def test_a_run_that_its_user_stopped_is_stopped_everywhere(tmp_path):
    runs = Path(os.environ["FACETUI_RUNS"])
    folder = stopped(runs / "mine")
    events = journal.read(folder)
    assert journal.status(folder, events) == "stopped" and "stopped" in journal.OVER
    assert recent(runs)[0].state == "stopped" and home.SIGNS["stopped"] not in ("×", home.SIGNS["running"])
    assert sentences.words(events[-1]).startswith("stopped after")
    assert " stopped " in facetui("runs").stdout and "mine: stopped" in facetui("runs", "show", "mine").stdout
    assert facetui("replay", "mine", "--display", "plain").returncode == 0
    told = tmp_path / "told.md"
    assert facetui("report", "mine", "--out", told).returncode == 0
    text = told.read_text()
    assert "The run was stopped" in text and "failed" not in text
    stage = Stage()
    stage.open(folder, live=False)
    stage.extend(events)
    stage.player.latest()
    stage.fold()
    screen = text_of(frame.paint(stage, 100, 30))
    assert "■ stopped" in screen and "its user stopped the run" in screen and "failed" not in screen


def test_a_run_that_raised_is_failed(tmp_path):
    folder = stopped(Path(os.environ["FACETUI_RUNS"]) / "mine")
    path = folder / journal.EVENTS
    path.write_bytes(path.read_bytes().replace(b'"exit_code":130', b'"exit_code":1'))
    assert journal.status(folder, journal.read(folder)) == "failed"
    assert sentences.words(journal.read(folder)[-1]).startswith("failed after")


# --- killed at any moment -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_kills_at_random_moments_change_no_number(tmp_path):
    path = tmp_path / "longer.py"
    path.write_text(SHORT.replace("steps=4", "steps=12").replace("steps=6", "steps=10"))
    runs, dice = Path(os.environ["FACETUI_RUNS"]), random.Random(20)
    began = time.monotonic()
    assert facetui("run", path, "--no-cache").returncode == 0
    whole = time.monotonic() - began
    (fresh,) = journal.runs(runs)
    environment = {**os.environ, "FACETUI_CACHE": str(tmp_path / "cache")}
    for kind in ("KILL", "STOP", "TERM", "HUP", "INT", "KILL"):
        detach = dice.random() < 0.5
        before = set(journal.runs(runs))
        command = [*MAIN, "run", str(path), *(["--detach"] if detach else ["--display", "none"])]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if detach:
            assert process.wait(60) == 0
        else:
            time.sleep(1.5)
        (folder,) = set(journal.runs(runs)) - before or {None}
        time.sleep(dice.uniform(0, whole / 2))
        pid = process.pid if not detach else journal.began(journal.read(folder), folder).pid
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, getattr(signal, f"SIG{kind}"))
            if kind == "STOP":
                time.sleep(0.5)
                os.kill(pid, signal.SIGCONT)
        if not detach:
            process.wait(120)
        while folder is not None and journal.is_locked(folder):
            time.sleep(0.05)
        if folder is not None:
            events = journal.read(folder)
            assert journal.status(folder, events) in journal.OVER
            assert rates(folder) == rates(fresh)[: len(rates(folder))]
    resumed = facetui("run", path, FACETUI_CACHE=str(tmp_path / "cache"))
    assert resumed.returncode == 0, resumed.stderr
    assert rates(journal.runs(runs)[0]) == rates(fresh)


@pytest.mark.parametrize(("given", "said"), [({}, "1000 rounds"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "active")])
def test_threads_that_wait_spin_briefly_unless_the_user_says_otherwise(given, said):
    asked = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    environment = {name: value for name, value in os.environ.items() if name not in asked} | given
    found = subprocess.run(
        [sys.executable, "-m", "facetui.tui.cli.main", "doctor"], capture_output=True, text=True, env=environment
    )
    (line,) = [line for line in found.stdout.splitlines() if line[4:].startswith("threads")]
    assert f"waiting {said}" in line and "processors" in line


def test_a_busy_machine_is_said(monkeypatch):
    from facetui.tui.cli.machine import doctor

    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    for load, busy in ((0.2, False), (3.0, True)):
        monkeypatch.setattr(os, "getloadavg", lambda load=load: (load, load, load))
        good, _, said = doctor._load(2)
        assert (good is None) == busy == ("takes longer" in said)
