"""How busy a machine was with others while something was timed: such figures are not the machine's."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from facetui.engine import system

OTHERS_MOST = 0.1
"""Share of the processors' time from which on others who take it spoil a timing."""

STOLEN_MOST = 0.02
"""Share of the processors' time from which on what a host gives to other machines spoils a timing."""

LOAD_MOST = 0.5
"""Processes that wait or run, a processor, from which on a machine counts as busy before anything is timed."""


@dataclass(frozen=True)
class Processors:
    """Seconds of the processors that this process may use, since the machine began.

    Attributes:
        whole: of all kinds.
        busy: in which they worked for somebody here.
        stolen: in which the host let them wait.
    """

    whole: float
    busy: float
    stolen: float


def processors(stat: Path = Path("/proc/stat")) -> Processors | None:
    """What the system counts; ``None`` where it does not tell (other systems than Linux)."""
    allowed, setting = getattr(os, "sched_getaffinity", None), getattr(os, "sysconf", None)
    if allowed is None or setting is None:
        return None
    try:
        mine = {f"cpu{number}" for number in allowed(0)}
        lines = [line.split() for line in stat.read_text().splitlines()]
        # user, nice, system, idle, iowait, irq, softirq, steal: man 5 proc
        counted = [[int(field) for field in line[1:9]] for line in lines if line and line[0] in mine]
        ticks = float(setting("SC_CLK_TCK"))
    except (OSError, ValueError):
        return None
    if not counted or any(len(fields) < 8 for fields in counted):
        return None
    whole, idle, stolen = (sum(map(of, counted)) for of in (sum, lambda f: f[3] + f[4], lambda f: f[7]))
    return Processors(whole / ticks, (whole - idle - stolen) / ticks, stolen / ticks)


@dataclass(frozen=True)
class Load:
    """What others took meanwhile, as shares of the processors' time in [0, 1]; ``None``: the system does not tell.

    Attributes:
        others: of processes beside this one.
        stolen: of other machines on the same host.
    """

    others: float | None = None
    stolen: float | None = None

    @property
    def busy(self) -> bool:
        """Whether it was enough to spoil a timing."""
        return (self.others or 0.0) > OTHERS_MOST or (self.stolen or 0.0) > STOLEN_MOST

    def __str__(self) -> str:
        parts = [f"others took {self.others:.0%}"] if (self.others or 0.0) > OTHERS_MOST else []
        parts += [f"the host took {self.stolen:.0%}"] if (self.stolen or 0.0) > STOLEN_MOST else []
        return f"{' and '.join(parts)} of the processors meanwhile" if parts else ""


class Meter:
    """Measures what others take from when it is made.

    Args:
        counted: the processors' seconds so far.
        own: this process's seconds of processors so far.
    """

    def __init__(
        self,
        counted: Callable[[], Processors | None] = processors,
        own: Callable[[], float] = time.process_time,
    ) -> None:
        self._counted, self._own = counted, own
        self._before, self._own_before = counted(), own()

    def load(self) -> Load:
        """What others took since."""
        before, after = self._before, self._counted()
        if before is None or after is None or after.whole <= before.whole:
            return Load()
        whole = after.whole - before.whole
        others = after.busy - before.busy - (self._own() - self._own_before)
        return Load(min(1.0, max(0.0, others / whole)), (after.stolen - before.stolen) / whole)


def busy_before() -> str:
    """What is to be said of a machine before anything is timed there; empty: it is quiet, or does not tell."""
    running, there = system.load(), os.cpu_count() or 1
    busy = running is not None and running > LOAD_MOST * there
    return f"load {running:.1f} on {there} processors before this began" if busy else ""
