"""Which unit comes next: what others wait for and what takes longest first. Pure: it knows nobody who computes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from facetui.engine.applications.sweep.units import Unit

TRIES = 3
"""Times that a unit is begun whose process dies."""

LATE, LATE_SECONDS = 2.0, 60.0
"""So many times as long as expected, and so long at least: then somebody who is free computes it, too."""

LEARNT = 1.3
"""The order is made anew when so many times as many units are finished as last time."""

AGAIN = 1.0
"""Seconds before a unit that somebody else computes is asked for again."""


class Estimate:
    """How long units take, from those that are finished."""

    def __init__(self) -> None:
        self._like: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._kind: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])

    def add(self, unit: Unit, seconds: float) -> None:
        """Learn from a finished unit."""
        for sums, weight in ((self._like[unit.like], 1.0), (self._kind[unit.task.kind], unit.work)):
            sums[0] += seconds
            sums[1] += weight

    def of(self, unit: Unit) -> float | None:
        """Seconds; ``None`` while no unit of its kind is finished."""
        seconds, n = self._like.get(unit.like, (0.0, 0.0))
        if n:
            return seconds / n
        seconds, work = self._kind.get(unit.task.kind, (0.0, 0.0))
        return seconds / work * unit.work if work else None


@dataclass
class _Running:
    since: float
    copies: int = 1


@dataclass
class Queue:
    """The units of a sweep that are not finished.

    Args:
        units: all of them.
        finished: seconds that finished ones took, by name; ``None``: not known.

    Attributes:
        failed: why units did not come out, by name.
        estimate: of how long units take.
    """

    units: Sequence[Unit]
    finished: Mapping[str, float | None]
    failed: dict[str, str] = field(default_factory=dict, init=False)
    estimate: Estimate = field(default_factory=Estimate, init=False)

    def __post_init__(self) -> None:
        self._units = {unit.name: unit for unit in self.units}
        self._done: set[str] = set()
        self._running: dict[str, _Running] = {}
        self._tries: dict[str, int] = defaultdict(int)
        self._elsewhere: dict[str, float] = {}
        self._followers: dict[str, list[str]] = defaultdict(list)
        self._lacks = {unit.name: sum(need in self._units for need in unit.needs) for unit in self.units}
        self._ready: list[str] = []
        self._ordered = 0
        for unit in self.units:
            for need in unit.needs:
                self._followers[need].append(unit.name)
        for unit in self.units:
            if unit.name in self.finished:
                seconds = self.finished[unit.name]
                if seconds is not None:
                    self.estimate.add(unit, seconds)
                self._leave(unit.name)
        self._ready = [name for name, lacks in self._lacks.items() if not lacks and name not in self._done]
        self._order()

    # --- what is next -------------------------------------------------------------------------------------------

    def next(self, now: float) -> tuple[Unit, bool] | None:
        """The next unit to begin, and whether somebody computes it already; ``None``: nothing is to be begun now.

        Args:
            now: seconds, of any clock.
        """
        if (unit := self.late(now, idle=False)) is not None:
            return unit, True
        if (unit := self.take(now)) is not None:
            return unit, False
        return (unit, True) if (unit := self.late(now, idle=True)) is not None else None

    def take(self, now: float) -> Unit | None:
        """The next unit to begin that nobody computes; ``None``: there is none now."""
        if not self._ready and self._elsewhere:
            due = [name for name, at in self._elsewhere.items() if at <= now]
            for name in due:
                del self._elsewhere[name]
            self._ready += due
        if not self._ready:
            return None
        name = self._ready.pop()
        self._running[name] = _Running(now)
        return self._units[name]

    def late(self, now: float, *, idle: bool) -> Unit | None:
        """A unit that is computed for much longer than expected, to be computed a second time; the first one counts.

        Args:
            now: as of ``take``.
            idle: nothing else can be begun; otherwise it is worth it only where others wait for the unit.
        """
        found = None
        for name, running in self._running.items():
            if running.copies > 1 or now - running.since < LATE_SECONDS or not (idle or self._awaited(name)):
                continue
            expected = self.estimate.of(self._units[name])
            if expected is None or now - running.since < LATE * expected:
                continue
            if found is None or running.since < self._running[found].since:
                found = name
        if found is None:
            return None
        self._running[found].copies += 1
        return self._units[found]

    def _awaited(self, name: str) -> bool:
        return any(follower not in self._done for follower in self._followers[name])

    # --- what became of it --------------------------------------------------------------------------------------

    def done(self, name: str, seconds: float | None) -> None:
        """A unit is finished, here or elsewhere."""
        if name in self._done or name not in self._units:
            return
        if seconds is not None:
            self.estimate.add(self._units[name], seconds)
        self._running.pop(name, None)
        self._elsewhere.pop(name, None)
        self.failed.pop(name, None)
        if name in self._ready:
            self._ready.remove(name)
        self._leave(name)
        for follower in self._followers[name]:
            if not self._lacks[follower] and follower not in self._done and follower not in self.failed:
                self._ready.append(follower)
        if len(self._done) >= LEARNT * self._ordered or self._followers[name]:
            self._order()

    def elsewhere(self, name: str, now: float) -> None:
        """Somebody else computes a unit: it is asked for again later."""
        if self._stops(name):
            self._elsewhere[name] = now + AGAIN

    def failing(self, name: str, error: str, *, again: bool) -> bool:
        """A unit did not come out.

        Args:
            name: of the unit.
            error: why.
            again: whether it may come out another time.

        Returns:
            Whether it is tried again.
        """
        if not self._stops(name):
            return True
        self._tries[name] += 1
        if again and self._tries[name] < TRIES:
            self._ready.append(name)
            self._order()
            return True
        self.failed[name] = error
        self._give_up(name)
        return False

    def _stops(self, name: str) -> bool:
        """One who computed a unit does so no more; whether nobody does now."""
        running = self._running.get(name)
        if running is None or name in self._done:
            return False
        running.copies -= 1
        if running.copies:
            return False
        del self._running[name]
        return True

    def _give_up(self, name: str) -> None:
        for follower in self._followers[name]:
            if follower not in self.failed and follower not in self._done:
                self.failed[follower] = f"{name}, which it needs, did not come out"
                self._give_up(follower)

    def _leave(self, name: str) -> None:
        self._done.add(name)
        for follower in self._followers[name]:
            self._lacks[follower] -= 1

    # --- how it stands ------------------------------------------------------------------------------------------

    @property
    def over(self) -> bool:
        """Whether every unit is finished or failed."""
        return len(self._done) + len(self.failed) >= len(self._units)

    @property
    def asked_elsewhere(self) -> list[str]:
        """Units that somebody else computes."""
        return list(self._elsewhere)

    @property
    def done_names(self) -> set[str]:
        """Units that are finished."""
        return set(self._done)

    @property
    def running(self) -> dict[str, float]:
        """Units that are computed now, and since when."""
        return {name: running.since for name, running in self._running.items()}

    @property
    def n_running(self) -> int:
        """How many are computed now, those twice that are computed twice."""
        return sum(running.copies for running in self._running.values())

    def copies(self, name: str) -> int:
        """How often a unit is computed now."""
        return self._running[name].copies if name in self._running else 0

    def _order(self) -> None:
        """Sort what can be begun, the most urgent last: by how long it and the longest that waits for it take."""
        self._ordered = max(1, len(self._done))
        known: dict[str, float] = {}
        for name in self._ready:
            self._urgency(name, known)
        self._ready.sort(key=known.__getitem__)

    def _urgency(self, name: str, known: dict[str, float]) -> float:
        if name not in known:
            unit = self._units[name]
            expected = self.estimate.of(unit)
            after = [self._urgency(f, known) for f in self._followers[name] if f not in self._done]
            known[name] = (unit.work if expected is None else expected) + max(after, default=0.0)
        return known[name]


def time_left(estimate: Estimate, units: Iterable[Unit], at_once: int) -> float | None:
    """Seconds until units are finished, so many at a time; ``None`` while it cannot be told.

    Args:
        estimate: of each.
        units: that are not finished.
        at_once: at least 1.
    """
    each = [estimate.of(unit) for unit in units]
    if not each or any(seconds is None for seconds in each):
        return 0.0 if not each else None
    known = [seconds for seconds in each if seconds is not None]
    return max(sum(known) / at_once, max(known))
