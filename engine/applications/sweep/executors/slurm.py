"""Jobs of Slurm, through submitit: a unit is a job, and Slurm says when it begins (``facetui[slurm]``)."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facetui.engine.applications.sweep.executors.base import Executor
from facetui.engine.applications.sweep.outcome import Asked, Outcome
from facetui.engine.records.errors import DataError, MissingExtra, UsageError
from facetui.engine.records.text import brief

JOBS = 64
"""Jobs that stand in Slurm's queue at a time, unless asked otherwise."""

LOOK = 2.0
"""Seconds between two looks at files of Slurm's jobs; more often, its controller would have no rest."""

PROGRAMS = ("srun", "sbatch")


class Slurm(Executor):
    """Slurm, or what submitit has in its place for trying it out.

    Args:
        rest: how many jobs at a time, in digits; empty: ``JOBS``.
        folder: of the sweep, which every node sees; jobs' logs lie in its ``slurm``.
        options: of submitit (``slurm_partition``, ``timeout_min``, ``mem_gb``, ``gpus_per_node``, …), and ``cluster``:
            ``local`` runs jobs here, ``debug`` in this process.

    Raises:
        UsageError: no number of jobs, or an option that submitit does not take.
        MissingExtra: submitit is not installed.
        DataError: there is no Slurm here.
    """

    def __init__(self, rest: str, folder: Path, options: Mapping[str, Any]) -> None:
        super().__init__()
        if rest and not (rest.isdecimal() and int(rest)):
            raise UsageError(f"expected --on slurm or slurm:JOBS, got slurm:{rest}")
        try:
            import submitit
        except ImportError:
            raise MissingExtra("slurm", "slurm") from None
        given = dict(options)
        cluster = given.pop("cluster", "slurm")
        if cluster not in ("slurm", "local", "debug"):
            raise UsageError(f"slurm: expected cluster slurm, local or debug, got {cluster!r}")
        if cluster == "slurm" and not all(map(shutil.which, PROGRAMS)):
            raise DataError(f"there is no Slurm here ({' and '.join(PROGRAMS)}); sweep on a node that submits jobs")
        self._submit = submitit.AutoExecutor(folder=folder / "slurm", cluster=cluster)
        try:
            self._submit.update_parameters(name="facetui", **given)
        except (NameError, TypeError, ValueError) as error:
            raise UsageError(f"slurm: {error}") from None
        self._count = int(rest or JOBS)
        self._pause = LOOK if cluster == "slurm" else 0.1
        self._jobs: list[tuple[str, Any]] = []

    @property
    def at_once(self) -> int:
        """How many jobs are submitted at a time."""
        return self._count

    def start(self, name: str, asked: Asked) -> None:
        """Submit a job.

        Raises:
            DataError: Slurm takes none.
        """
        from facetui.engine.applications.sweep.compute import compute

        try:
            self._jobs.append((name, self._submit.submit(compute, asked)))
        except Exception as error:  # submitit has no kind for what sbatch says
            why = f"Slurm takes no job ({brief(error)})"
            raise DataError(f"{why}; what is finished stays so, the same command goes on") from error

    def wait(self, seconds: float) -> list[Outcome]:
        """As of ``Executor``; looks at least ``LOOK`` seconds apart."""
        if not self._jobs:
            return super().wait(seconds)
        ended = [(name, job) for name, job in self._jobs if job.done()]
        if not ended:
            time.sleep(min(seconds, self._pause))
        self._jobs = [entry for entry in self._jobs if entry not in ended]
        return [self._outcome(name, job) for name, job in ended]

    def _outcome(self, name: str, job: Any) -> Outcome:
        try:
            found: Outcome = job.result()
        except Exception as error:  # noqa: BLE001  whatever a job ends with, the others go on
            said = f"its job {job.job_id} ended without a result ({type(error).__name__}); slurm/ has its log"
            return Outcome(name=name, state="died", error=said, again=True)
        return found

    def cancel(self, name: str) -> None:
        """Cancel the jobs that still compute a unit."""
        for of, job in self._jobs:
            if of == name:
                job.cancel()
        self._jobs = [entry for entry in self._jobs if entry[0] != name]

    def close(self) -> None:
        """Cancel all jobs."""
        for name in {of for of, _ in self._jobs}:
            self.cancel(name)
