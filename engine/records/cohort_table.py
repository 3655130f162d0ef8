"""What displays show, as folds over the events so far; no torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from facetui.engine.records.events import WHOLE_ARCHIVE, Event, ProtectionMeasured


@dataclass
class CohortTable:
    """Cohorts by the trainer's generations: reads like a retention table.

    Attributes:
        cohorts: rows in the order in which they were posted; the whole archive comes last.
        generations: columns in the order in which the trainer had them.
        cells: the latest measurement of a cohort under a generation.
        cited: figures that others reported.
    """

    cohorts: list[str] = field(default_factory=list)
    generations: list[str] = field(default_factory=list)
    cells: dict[tuple[str, str], ProtectionMeasured] = field(default_factory=dict)
    cited: list[ProtectionMeasured] = field(default_factory=list)

    def add(self, event: Event) -> None:
        """Take one more event into account."""
        if not isinstance(event, ProtectionMeasured):
            return
        if event.basis == "cited":
            self.cited.append(event)
            return
        if event.generation not in self.generations:
            self.generations.append(event.generation)
        if event.cohort not in self.cohorts:
            place = len(self.cohorts) - (WHOLE_ARCHIVE in self.cohorts)
            self.cohorts.insert(place, event.cohort)
        self.cells[event.cohort, event.generation] = event

    def rises(self, cohort: str, generation: str) -> bool:
        """Whether protection is higher than with the generation before it under which the cohort was measured."""
        before = self._before(cohort, generation)
        return before is not None and self.cells[cohort, generation].protection_rate > before.protection_rate

    def rises_by_law(self, cohort: str, generation: str) -> bool:
        """Whether it is higher because a law came into force, and not by a model's fault."""
        before, law = self._before(cohort, generation), self.cells[cohort, generation].law
        return self.rises(cohort, generation) and before is not None and law not in ("", before.law)

    def _before(self, cohort: str, generation: str) -> ProtectionMeasured | None:
        """The measurement of a cohort under the generation before, which need not be the next one to the left."""
        names = self.generations[: self.generations.index(generation)]
        measured = [self.cells[cohort, name] for name in names if (cohort, name) in self.cells]
        return measured[-1] if measured else None

    def unprotected(self, generation: str) -> ProtectionMeasured | None:
        """The measurement that tells how often everybody else was not named."""
        return self.cells.get((WHOLE_ARCHIVE, generation))


def cohort_table(events: Iterable[Event]) -> CohortTable:
    """The table of a whole run."""
    table = CohortTable()
    for event in events:
        table.add(event)
    return table
