"""Drives a sweep: hands units to whoever computes them, in the queue's order, until all are finished. No torch."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from facetui.engine.applications.sweep.executors.base import Executor
from facetui.engine.applications.sweep.folder import Folder
from facetui.engine.applications.sweep.outcome import Asked, Outcome
from facetui.engine.applications.sweep.queue import Queue
from facetui.engine.applications.sweep.units import Unit
from facetui.engine.records.errors import Cancelled

WAIT = 0.5
"""Seconds for which something is waited for to end, between two looks at everything else."""


@dataclass(frozen=True)
class How:
    """How units are computed.

    Attributes:
        cache: folder of results; ``None``: none.
        device: as for ``device.choose``.
        threads: of each.
    """

    cache: Path | None
    device: str = "auto"
    threads: int = 1


def drive(
    folder: Folder,
    units: Sequence[Unit],
    executor: Executor,
    how: How,
    *,
    tell: Callable[[Queue, int], None] = lambda queue, at_once: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Queue:
    """Compute what is not finished; returns the queue at its end, which knows what failed.

    Args:
        folder: the sweep's; its plan is there.
        units: of the plan.
        executor: who computes; it is closed at the end, however that comes.
        how: for every unit.
        tell: called after every change, with how many units are computed at a time.
        stopped: whether somebody asked to stop.

    Raises:
        Cancelled: somebody did; what is finished stays finished.
    """
    there = folder.finished()
    queue = Queue(units, {unit.name: folder.seconds(unit.name) for unit in units if unit.name in there})
    try:
        while not queue.over:
            if stopped():
                left = f"{len(queue.done_names)} of {len(units)} units are finished, and stay so"
                raise Cancelled(f"stopped; {left}; the same command goes on from here")
            _begin(folder, queue, executor, how)
            tell(queue, executor.at_once)
            for outcome in executor.wait(WAIT):
                _take_in(queue, executor, outcome)
            for name in queue.asked_elsewhere:
                if folder.is_finished(name):
                    queue.done(name, folder.seconds(name))
        tell(queue, executor.at_once)
        return queue
    finally:
        with contextlib.suppress(OSError):
            executor.close()


def _begin(folder: Folder, queue: Queue, executor: Executor, how: How) -> None:
    """Begin as many units as can be computed at a time."""
    while queue.n_running < executor.at_once:
        now = time.monotonic()
        found = queue.next(now)
        if found is None:
            return
        unit, again = found
        if not again and folder.is_claimed(unit.name):
            queue.elsewhere(unit.name, now)  # asking a cluster, whose answer would be the same, takes longer
            continue
        asked = Asked(
            folder=str(folder.path),
            unit=msgspec.json.encode(unit),
            cache=str(how.cache or ""),
            device=how.device,
            threads=how.threads,
            again=again,
        )
        executor.start(unit.name, asked)


def _take_in(queue: Queue, executor: Executor, outcome: Outcome) -> None:
    match outcome.state:
        case "done":
            twice = queue.copies(outcome.name) > 1
            queue.done(outcome.name, outcome.seconds)
            if twice:
                executor.cancel(outcome.name)
        case "taken":
            queue.elsewhere(outcome.name, time.monotonic())
        case _:
            queue.failing(outcome.name, outcome.error, again=outcome.again)
