"""Processes on this machine, each with its own memory: one that is killed costs the unit that it computed."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from facetui.engine import system
from facetui.engine.applications.sweep.executors.base import Executor
from facetui.engine.applications.sweep.outcome import Asked, Outcome
from facetui.engine.records.errors import UsageError

MOST = 256
"""Processes at a time."""

LOG = "workers.log"
"""In the sweep's folder: what processes say on standard error."""

COMMAND = [sys.executable, "-m", "facetui.engine.applications.sweep.worker"]


class _Worker:
    """A process and the unit that it computes."""

    def __init__(self, log: Path, threads: int) -> None:
        # Set before torch is loaded: libraries beside it read nothing else.
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        with log.open("ab") as said:
            self.process = subprocess.Popen(
                COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                env=environment,
                start_new_session=True,
                creationflags=system.DETACHED,
            )
        self.unit = ""

    def end(self, *, hard: bool) -> None:
        system.end_group(self.process, hard=hard)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)


class Local(Executor):
    """So many processes of this machine.

    Args:
        rest: how many, in digits; empty: as many as there are cores.
        folder: of the sweep.
        options: none.

    Raises:
        UsageError: no number of processes.
    """

    def __init__(self, rest: str, folder: Path, options: Mapping[str, Any]) -> None:
        super().__init__()
        count = rest or str(os.cpu_count() or 1)
        if not count.isdecimal() or not 1 <= int(count) <= MOST:
            raise UsageError(f"expected --on local:N with N from 1 to {MOST}, got local:{rest}")
        self._count = int(count)
        self._log = folder / LOG
        self._workers: list[_Worker] = []
        self._lock = threading.Lock()

    @property
    def at_once(self) -> int:
        """As many as were asked for: one that dies is replaced."""
        return self._count

    def start(self, name: str, asked: Asked) -> None:
        """Hand a unit to a process that has none, or to a new one."""
        with self._lock:
            worker = next((w for w in self._workers if not w.unit and w.process.poll() is None), None)
            if worker is None:
                worker = _Worker(self._log, asked.threads)
                self._workers.append(worker)
                threading.Thread(target=self._listen, args=(worker,), daemon=True).start()
            worker.unit = name
        try:
            assert worker.process.stdin is not None
            worker.process.stdin.write(msgspec.json.encode(asked) + b"\n")
            worker.process.stdin.flush()
        except OSError:
            pass  # it died: whoever listens to it says so

    def _listen(self, worker: _Worker) -> None:
        assert worker.process.stdout is not None
        for line in worker.process.stdout:
            with self._lock:
                worker.unit = ""
            self.ended.put(msgspec.json.decode(line, type=Outcome))
        code = worker.process.wait()
        with self._lock:
            lost, worker.unit = worker.unit, ""
            if worker in self._workers:
                self._workers.remove(worker)
        if lost:
            how = f"by {system.name_of_signal(-code)}" if code < 0 else f"with exit code {code}"
            error = f"its process ended {how}; {LOG} has what it said"
            self.ended.put(Outcome(name=lost, state="died", error=error, again=True))

    def cancel(self, name: str) -> None:
        """End the processes that still compute a unit."""
        with self._lock:
            late = [worker for worker in self._workers if worker.unit == name]
            for worker in late:
                worker.unit = ""
                self._workers.remove(worker)
        for worker in late:
            worker.end(hard=True)

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            ending, self._workers = self._workers, []
            for worker in ending:
                worker.unit = ""
        for worker in ending:
            worker.end(hard=True)
