"""The workers of a Ray cluster: its scheduler places what it is given (``facetui[ray]``)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facetui.engine.applications.sweep.executors.base import Executor
from facetui.engine.applications.sweep.outcome import Asked, Outcome
from facetui.engine.records.errors import DataError, MissingExtra, UsageError

LOCAL = "local"
"""As an address: start Ray here, for this sweep alone."""


class Ray(Executor):
    """A Ray cluster.

    Args:
        rest: its address, ``HOST:6379``, ``ray://HOST:10001`` or ``auto``; ``local`` starts one here.
        folder: of the sweep, which every worker sees.
        options: of a task: ``num_cpus`` and ``num_gpus`` that a unit takes.

    Raises:
        UsageError: no address, or an option that Ray does not take.
        MissingExtra: Ray is not installed.
        DataError: nobody answers there.
    """

    def __init__(self, rest: str, folder: Path, options: Mapping[str, Any]) -> None:
        super().__init__()
        if not rest:
            raise UsageError("expected --on ray:ADDRESS, e.g. ray:auto, ray:HOST:6379 or ray:local")
        unknown = set(options) - {"num_cpus", "num_gpus"}
        if unknown:
            raise UsageError(f"ray: expected num_cpus and num_gpus, got {', '.join(sorted(unknown))}")
        try:
            import ray
        except ImportError:
            raise MissingExtra("ray", "ray") from None
        self._ray = ray
        try:
            address = None if rest == LOCAL else rest
            ray.init(
                address=address,
                log_to_driver=False,
                logging_level="ERROR",
                include_dashboard=False if not address else None,
            )
        except (ConnectionError, OSError, RuntimeError, ValueError, TimeoutError) as error:
            raise DataError(f"no Ray cluster answers at {rest} ({error}); start one with: ray start --head") from None
        self._needs = {"num_cpus": 1, **options}
        self._tasks: dict[Any, str] = {}
        self._remote: Any = None

    @property
    def at_once(self) -> int:
        """As many as the cluster's processors and graphics processors suffice for."""
        there = self._ray.cluster_resources()
        names = {"num_cpus": "CPU", "num_gpus": "GPU"}
        each = [there.get(names[key], 0) / need for key, need in self._needs.items() if need]
        return int(min(each, default=0))

    def start(self, name: str, asked: Asked) -> None:
        """Submit a unit."""
        if self._remote is None:
            from facetui.engine.applications.sweep.compute import compute

            # Whether it is tried again after a death, our own queue says: it knows which other units wait for it.
            self._remote = self._ray.remote(compute).options(max_retries=0, **self._needs)
        self._tasks[self._remote.remote(asked)] = name

    def wait(self, seconds: float) -> list[Outcome]:
        """As of ``Executor``."""
        if not self._tasks:
            return super().wait(seconds)
        try:
            ended, _ = self._ray.wait(list(self._tasks), num_returns=1, timeout=seconds)
            more, _ = self._ray.wait(list(self._tasks), num_returns=len(self._tasks), timeout=0)
        except (self._ray.exceptions.RayError, ConnectionError) as error:
            why = f"the Ray cluster is no more ({type(error).__name__})"
            raise DataError(f"{why}; what is finished stays so, the same command goes on") from None
        found = []
        for task in dict.fromkeys([*ended, *more]):
            name = self._tasks.pop(task)
            try:
                found.append(self._ray.get(task))
            except self._ray.exceptions.RayError as error:
                said = f"its worker is no more ({type(error).__name__})"
                found.append(Outcome(name=name, state="died", error=said, again=True))
        return found

    def cancel(self, name: str) -> None:
        """Stop whoever still computes a unit."""
        for task in [task for task, of in self._tasks.items() if of == name]:
            del self._tasks[task]
            self._ray.cancel(task, force=True)

    def close(self) -> None:
        """Stop everything of this sweep, and leave the cluster."""
        for name in set(self._tasks.values()):
            self.cancel(name)
        self._ray.shutdown()
