"""A run as it was kept: its events, its table and its figures; no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from facetui.engine.records import journal
from facetui.engine.records.cohort_table import CohortTable, cohort_table
from facetui.engine.records.events import Event, Note, ProtectionMeasured, RunBegan
from facetui.engine.records.text import html


@dataclass(frozen=True)
class Run:
    """A journal, read.

    Attributes:
        folder: where it lies.
        events: all of them, in order.
    """

    folder: Path
    events: tuple[Event, ...]

    @property
    def began(self) -> RunBegan | None:
        """What it depends on; ``None`` where it has not begun."""
        first = self.events[0] if self.events else None
        return first if isinstance(first, RunBegan) else None

    @property
    def table(self) -> CohortTable:
        """Cohorts by the trainer's models, and what was cited."""
        return cohort_table(self.events)

    @property
    def figures(self) -> list[ProtectionMeasured]:
        """Every measurement of protection, measured or cited, in the order in which it was made."""
        return [event for event in self.events if isinstance(event, ProtectionMeasured)]

    def __repr__(self) -> str:
        return f"<run {self.folder.name}: {len(self.events)} events, {len(self.figures)} figures>"

    def _repr_html_(self) -> str:
        """The run in a notebook: what it is, its table, and its last caption."""
        began = self.began
        title = f"{began.scenario}: {began.title}" if began else self.folder.name
        about = f"{began.n_people} people ({began.people}), cast {began.cast}, seed {began.seed}" if began else ""
        said = next((event.text for event in reversed(self.events) if isinstance(event, Note)), "")
        paragraphs = "".join(f"<p>{html(text)}</p>\n" for text in (about, said) if text)
        return f"<h3>{html(title)}</h3>\n{self.table._repr_html_()}{paragraphs}"


def read_run(folder: str | Path) -> Run:
    """Read a run's folder, finished or not.

    Args:
        folder: as ``facetui runs`` lists them, or the name of one of them.

    Raises:
        JournalError: there is no journal, or it is damaged; names file and line.
    """
    path = journal.find(str(folder), [journal.runs_folder()])
    return Run(path, tuple(journal.read(path)))
