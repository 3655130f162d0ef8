"""A sweep's folder: whole files only, damage is no disaster, who computes what, and 1,000 units at a glance."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from facetui.engine.applications.sweep.folder import CLAIMS, PLAN, UNITS, Failure, Folder, is_sweep
from facetui.engine.applications.sweep.results import read
from facetui.engine.applications.sweep.status import status
from facetui.engine.core import claims
from facetui.engine.records.errors import DataError

from ....support.sweeps import finish, sweep_of, units_of


def test_what_is_kept_is_read_again_and_what_is_damaged_counts_as_not_there(tmp_path):
    units = units_of()
    folder = sweep_of(tmp_path / "s", units, 3)
    assert is_sweep(folder.path) and folder.plan().units == units
    assert folder.finished() == {unit.name for unit in units[:3]}
    path = folder.path / UNITS / f"{units[0].name}.json"
    whole = path.read_bytes()
    for damaged in (b"", whole[:50], whole.replace(b'"missed":[8,4,0]', b'"missed":[9,4,0]'), b"[]"):
        path.write_bytes(damaged)
        assert folder.record(units[0].name) is None
    assert read(folder).damaged == [units[0].name] and read(folder).finished == 2
    for text, said in ((b"{}", "damaged"), (b"nonsense", "damaged"), (b'{"facetui_sweep": 9}', "newer facetui")):
        (folder.path / PLAN).write_bytes(text)
        with pytest.raises(DataError, match=said):
            folder.plan()
    with pytest.raises(DataError, match="holds no sweep"):
        Folder(tmp_path).plan()


def test_status_tells_finished_running_failed_and_the_time_left(tmp_path):
    units = units_of()
    folder = sweep_of(tmp_path / "s", units, 4)
    held = folder.claim(units[4].name)
    folder.fail(Failure(name=units[5].name, error="no such photo"))
    found = status(folder)
    assert (found.total, found.finished, found.running, found.failed) == (8, 4, 1, 1)
    assert found.left == 6.0, "three units; of their kind each took two seconds, and one computes"
    finish(folder, units[6])
    found = status(folder)
    assert found.left == 4.0, "two units of two seconds, one at a time"
    held.release()
    assert status(folder).running == 0 and status(folder).left is None
    finish(folder, units[5])
    assert not status(folder).failures and not (folder.path / "failed" / f"{units[5].name}.json").exists()


def test_the_status_of_a_thousand_units_takes_half_a_second_at_most(tmp_path):
    units = units_of(seeds=250, crowds=(40, 80))
    assert len(units) == 1000
    folder = sweep_of(tmp_path / "s", units, 900)
    best = 9.0
    for _ in range(3):
        began = time.perf_counter()
        found = status(folder)
        best = min(best, time.perf_counter() - began)
    assert (found.total, found.finished) == (1000, 900)
    assert best <= 0.5, f"{best:.2f} s"


def test_status_and_results_need_no_torch(tmp_path):
    sweep_of(tmp_path / "s", units_of())
    program = (
        "import sys; from pathlib import Path\n"
        "from facetui.engine.applications.sweep import drive, executors, plan, results, status\n"
        "from facetui.engine.applications.sweep.folder import Folder\n"
        "folder = Folder(Path(sys.argv[1]))\n"
        "assert status.status(folder).finished == 8 and len(results.read(folder).pages()) == 2\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    ran = subprocess.run([sys.executable, "-c", program, str(tmp_path / "s")], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


# --- claims -------------------------------------------------------------------------------------------------------

HOLD = "import sys, time; from pathlib import Path; from facetui.engine.core import claims\n"
HOLD += "held = claims.claim(Path(sys.argv[1])); print(held is not None, flush=True); time.sleep(60)"


def test_of_several_one_has_it_until_it_lets_go_or_dies(tmp_path):
    path = tmp_path / CLAIMS / "x.lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "True\n"
        assert claims.claim(path) is None and claims.is_claimed(path)
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    assert not claims.is_claimed(path), "the dead hold nothing"
    mine = claims.claim(path)
    assert mine is not None and claims.claim(path) is None, "not even this process twice"
    mine.say("somebody\n")
    assert path.read_text() == "somebody\n"
    mine.release()
    assert not path.exists() and not claims.is_claimed(path)


RACE = """
import sys, time
from pathlib import Path
from facetui.engine.core import claims
count, path = Path(sys.argv[1]) / "count", Path(sys.argv[1]) / "x.lock"
done = 0
while done < 100:
    held = claims.claim(path)
    if held is None:
        continue
    number = int(count.read_text())
    count.write_text(str(number + 1))
    held.release()
    done += 1
"""


def test_never_two_at_once(tmp_path):
    (tmp_path / "count").write_text("0")
    racers = [subprocess.Popen([sys.executable, "-c", RACE, str(tmp_path)]) for _ in range(3)]
    assert [racer.wait(timeout=60) for racer in racers] == [0, 0, 0]
    assert (tmp_path / "count").read_text() == "300", "a file that its owner removed is no lock"
