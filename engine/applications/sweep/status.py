"""How far a sweep is, from its folder alone: whoever computes it need not be asked. No torch."""

from __future__ import annotations

from dataclasses import dataclass, field

from facetui.engine.applications.sweep.folder import Folder
from facetui.engine.applications.sweep.queue import Estimate, time_left
from facetui.engine.applications.sweep.units import KINDS, Unit


@dataclass
class Line:
    """Units that have an attack or a story in common.

    Attributes:
        words: of it.
        total: how many there are.
        finished: of these.
        running: somebody computes them now.
        failed: did not come out.
        seconds: that finished ones took, all together.
    """

    words: str
    total: int = 0
    finished: int = 0
    running: int = 0
    failed: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Status:
    """A sweep as it stands.

    Attributes:
        title: of the plan.
        lines: by kind and words.
        failures: why units did not come out, by name.
        left: seconds until it is finished if as many go on as now; ``None``: nobody computes, or it cannot be told.
    """

    title: str
    lines: list[Line]
    failures: dict[str, str] = field(default_factory=dict)
    left: float | None = None

    def _sum(self, what: str) -> int:
        return sum(getattr(line, what) for line in self.lines)

    @property
    def total(self) -> int:
        """Units of the plan."""
        return self._sum("total")

    @property
    def finished(self) -> int:
        """Of these."""
        return self._sum("finished")

    @property
    def running(self) -> int:
        """Somebody computes them now."""
        return self._sum("running")

    @property
    def failed(self) -> int:
        """Did not come out."""
        return self._sum("failed")


def words_of(unit: Unit) -> str:
    """What a unit belongs to in the table."""
    task = unit.task
    if task.kind == "story":
        values = " ".join(f"{name}={value}" for name, value in task.values.items())
        return f"story {task.story} {values}".strip()
    return f"{task.kind} {task.words}"


def status(folder: Folder) -> Status:
    """How far a sweep is.

    Raises:
        DataError: the folder holds none, or it is damaged.
    """
    plan = folder.plan()
    there, running = folder.finished(), folder.claimed()
    lines: dict[str, Line] = {}
    estimate, left = Estimate(), []
    names = {unit.name for unit in plan.units}
    failures = {name: why for name, why in folder.failures().items() if name in names - there - running}
    for unit in sorted(plan.units, key=lambda unit: KINDS.index(unit.task.kind)):
        line = lines.setdefault(words_of(unit), Line(words_of(unit)))
        line.total += 1
        seconds = folder.seconds(unit.name) if unit.name in there else None
        if seconds is not None:
            estimate.add(unit, seconds)
            line.finished += 1
            line.seconds += seconds
            continue
        line.running += unit.name in running
        line.failed += unit.name in failures
        if unit.name not in failures:
            left.append(unit)
    at_once = len(running & names)
    until = time_left(estimate, left, at_once) if at_once or not left else None
    return Status(plan.title, list(lines.values()), failures, until)
