"""Of several writers one computes: the others wait for it, and nobody waits for the dead."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from facetui.engine.core.cache import LOCKS, Cache, key
from facetui.engine.records.errors import Cancelled

NAME = key("something that takes long")

WRITER = """
import sys, time
from pathlib import Path
import torch
from facetui.engine.core.cache import Cache, key

folder, seconds = Path(sys.argv[1]), float(sys.argv[2])

def compute():
    with (folder / "computed").open("a") as file:
        print("once", file=file)
    print("computing", flush=True)
    time.sleep(seconds)
    return torch.arange(3)

found = Cache(folder / "cache").get(key("something that takes long"), compute, waiting=lambda: None)
print(found.tolist(), flush=True)
"""


def writer(folder: Path, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(folder), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def computed(folder: Path) -> int:
    return len((folder / "computed").read_text().splitlines())


@pytest.mark.slow
def test_of_several_processes_one_computes(tmp_path):
    all_of_them = [writer(tmp_path, 0.5) for _ in range(3)]
    said = [one.communicate(timeout=60)[0].splitlines()[-1] for one in all_of_them]
    assert said == ["[0, 1, 2]"] * 3 and computed(tmp_path) == 1
    assert not list((tmp_path / "cache" / LOCKS).iterdir()), "no lock is left"


def test_nobody_waits_for_the_dead(tmp_path):
    dies = writer(tmp_path, 60)
    assert dies.stdout.readline() == "computing\n"
    waited = []

    def waiting() -> None:
        waited.append(1)
        if dies.poll() is None:
            os.kill(dies.pid, signal.SIGKILL)
            dies.wait()

    found = Cache(tmp_path / "cache").get(NAME, lambda: torch.zeros(1), waiting=waiting)
    assert waited and found.tolist() == [0] and dies.returncode == -signal.SIGKILL


def test_who_waits_can_be_stopped(tmp_path):
    cache = Cache(tmp_path)

    def stop() -> None:
        raise Cancelled("stopped on request")

    with cache.alone(NAME, lambda: None), pytest.raises(Cancelled), Cache(tmp_path).alone(NAME, stop):
        raise AssertionError("somebody else has it")
    with cache.alone(NAME, stop):
        pass  # it is free again


def test_two_threads_of_one_process_wait_for_each_other(tmp_path):
    times, cache = [], Cache(tmp_path)

    def compute() -> torch.Tensor:
        times.append(time.monotonic())
        time.sleep(0.2)
        return torch.ones(1)

    def ask() -> None:
        assert cache.get(NAME, compute, waiting=lambda: None).tolist() == [1]

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert len(times) == 1


def test_without_locks_or_without_waiting_it_is_computed_all_the_same(tmp_path):
    (tmp_path / "file").write_text("no folder")
    assert Cache(tmp_path / "file").get(NAME, lambda: torch.ones(1), waiting=lambda: None).tolist() == [1]
    assert Cache(None).get(NAME, lambda: torch.ones(1), waiting=lambda: None).tolist() == [1]
    with Cache(tmp_path).alone(NAME, lambda: None):
        impatient = Cache(tmp_path, waits=False)
        assert impatient.get(NAME, lambda: torch.ones(1), waiting=lambda: None).tolist() == [1]
