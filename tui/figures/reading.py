"""What stands under the chart's cursor, in words: value, people, probes, interval, model, whose photos."""

from __future__ import annotations

from facetui.engine.records.events import WHOLE_ARCHIVE
from facetui.engine.records.measurements import among, in_words
from facetui.engine.records.rates import percent, percents
from facetui.engine.records.text import clean
from facetui.tui.state.snapshot import Scene, cohort_label
from facetui.tui.text.sentences import reported


def lines_of(now: Scene) -> list[str]:
    """The lines that the cursor can stand on, the whole archive first; empty before anything was measured."""
    return [name for name in reversed(now.cohorts)]


def reading(now: Scene, slot: int, line: str, *, kept: bool) -> str:
    """The value of a line at a place on the axis, and what it rests on.

    Args:
        now: up to the play head.
        slot: a place on the axis.
        line: a cohort, or the whole archive.
        kept: with the model that the trainer's own test picks; else with the one in use.
    """
    place = now.slots[slot]
    did = ", ".join(label if label == lane else f"{lane}: {label}" for lane, label, _ in place.moves)
    cited = [c.event for c in now.cited if c.slot == slot]
    reports = "".join(f" {reported(event)}." for event in cited)
    points = [point for point in now.curves.get(line, []) if point.slot <= slot]
    name = line if line == WHOLE_ARCHIVE else cohort_label(line, now.cohorts)
    head = f"{clean(place.t)} {did}".strip()
    if not points:
        return f"{head}: {name} was not posted or not measured yet.{reports}"
    event = points[-1].event
    if kept and event.best_protection_rate is not None and event.best_interval is not None:
        value = f"{percent(event.best_protection_rate)} (95 % interval {percents(*event.best_interval)})"
        return f"{head}: {name} {value} with {event.best_generation}, which its own test picks.{reports}"
    more = f", {among(event)}" if among(event) else ""
    return f"{head}: {name} {in_words(event)} with {clean(event.generation)}{more}, measured.{reports}"
