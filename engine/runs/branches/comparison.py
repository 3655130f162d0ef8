"""Two runs beside each other: what differs in their settings, and by how much their figures differ; no torch."""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from facetui.engine.records.cohort_table import CohortTable, cohort_table
from facetui.engine.records.errors import JournalError
from facetui.engine.records.events import Event, PhotosPosted, ProtectionMeasured, RunBegan
from facetui.engine.records.rates import difference_interval
from facetui.engine.runs.branches.changes import moves_of

Verdict = Literal["lower", "higher", "the same", "cannot tell"]

FEWEST = 6
"""People from whom on anything is concluded: that five all differ in one direction is chance in 6 % (sign test)."""

MOST_PEOPLE = 100_000
"""People who are drawn again; a journal from elsewhere may name more, and is then not worth the time."""

UNKNOWN = "unknown"
"""What an older version did not keep."""


@dataclass(frozen=True)
class Setting:
    """Something that differs between the runs, in words."""

    name: str
    first: str
    second: str


@dataclass(frozen=True)
class Difference:
    """One cell of both runs: photos posted under one attack, asked of one model.

    Attributes:
        cohort: its name in the first run; in the second its date and strength, in a branch its tool may be others.
        model: the trainer's.
        first: measured in the first run.
        second: measured in the second.
        change: second minus first, in [-1, 1].
        interval: its 95 % interval; absent where a law decided, or the journals do not keep what it takes.
        paired: the same people were asked with the same probes, and both were drawn together.
        same: not one person's figure differs.
        people: how many people the smaller of the two figures rests on; 0: not kept.
    """

    cohort: str
    model: str
    first: ProtectionMeasured
    second: ProtectionMeasured
    change: float
    interval: tuple[float, float] | None
    paired: bool
    same: bool
    people: int

    @property
    def verdict(self) -> Verdict:
        """What the interval says; never what one would expect."""
        if self.same:
            return "the same"
        if self.interval is None or self.people < FEWEST or self.interval[0] <= 0 <= self.interval[1]:
            return "cannot tell"
        return "lower" if self.change < 0 else "higher"


@dataclass(frozen=True)
class Comparison:
    """Two runs.

    Attributes:
        names: of the runs.
        began: how each was made.
        settings: only what differs.
        unpaired: why figures cannot be compared person by person; empty: they can.
        cells: what both measured, in the order of the first run's table.
        only: what only the first measured, and what only the second did.
    """

    names: tuple[str, str]
    began: tuple[RunBegan, RunBegan]
    settings: tuple[Setting, ...]
    unpaired: str
    cells: tuple[Difference, ...]
    only: tuple[tuple[ProtectionMeasured, ...], tuple[ProtectionMeasured, ...]]

    def count(self, verdict: Verdict) -> int:
        """How many cells are of one kind."""
        return sum(cell.verdict == verdict for cell in self.cells)


def compare(names: tuple[str, str], events: tuple[Sequence[Event], Sequence[Event]]) -> Comparison:
    """Compare two runs by their events, finished or not.

    Args:
        names: what the runs are called.
        events: of each.

    Raises:
        JournalError: one of them ends before it began.
    """
    began = _began(names[0], events[0]), _began(names[1], events[1])
    tables = cohort_table(events[0]), cohort_table(events[1])
    why = unpaired_because(*began)
    twins = _twins(*tables) | _changed(began, events)
    cells: list[Difference] = []
    only: tuple[list[ProtectionMeasured], list[ProtectionMeasured]] = ([], [])
    for cohort in tables[0].cohorts:
        for model in tables[0].generations:
            first = tables[0].cells.get((cohort, model))
            second = tables[1].cells.get((twins.get(cohort, cohort), model))
            if first is not None and second is not None:
                cells.append(_difference(cohort, first, second, began, paired=not why))
            elif first is not None:
                only[0].append(first)
    back = {twin: cohort for cohort, twin in twins.items()}
    for cohort in tables[1].cohorts:
        for model in tables[1].generations:
            second = tables[1].cells.get((cohort, model))
            if second is not None and (back.get(cohort, cohort), model) not in tables[0].cells:
                only[1].append(second)
    return Comparison(names, began, tuple(_settings(*began)), why, tuple(cells), (tuple(only[0]), tuple(only[1])))


def _began(name: str, events: Sequence[Event]) -> RunBegan:
    found = next((event for event in events if isinstance(event, RunBegan)), None)
    if found is None:
        raise JournalError(f"{name} ends before the run began; there is nothing to compare")
    return found


# --- which cells belong together -----------------------------------------------------------------------------------


def kind_of(cohort: str) -> str:
    """A cohort without its date and without what says that its tool was weakened: ``lowkey``."""
    return re.sub(r"^\d{4}-\d\d(-\d\d)? ", "", cohort).removesuffix(" weakened")


def label(cohort: str, cohorts: Sequence[str]) -> str:
    """A cohort as sentences call it: by its kind, where no other is of it."""
    return kind_of(cohort) if [kind_of(other) for other in cohorts].count(kind_of(cohort)) == 1 else cohort


def _twins(first: CohortTable, second: CohortTable) -> dict[str, str]:
    """Cohorts of the first run and those of the second that are the same, if not by name then as the only of a kind."""
    twins = {cohort: cohort for cohort in first.cohorts if cohort in second.cohorts}
    left = [[cohort for cohort in table.cohorts if cohort not in twins] for table in (first, second)]
    kinds = [Counter(map(kind_of, cohorts)) for cohorts in left]
    for cohort in left[0]:
        kind = kind_of(cohort)
        if kinds[0][kind] == kinds[1][kind] == 1:
            twins[cohort] = next(other for other in left[1] if kind_of(other) == kind)
    return twins


def _changed(began: tuple[RunBegan, RunBegan], events: tuple[Sequence[Event], Sequence[Event]]) -> dict[str, str]:
    """Cohorts of one post that a branch makes with another tool than the run beside it: by the number of the move."""
    changed = {text.partition(":")[0] for run in began for text in run.changes if ": attack=" in text}
    if not changed or began[0].scenario != began[1].scenario:
        return {}
    posts = [
        {str(m.number): m.event.cohort for m in moves_of(its) if isinstance(m.event, PhotosPosted) and m.event.attack}
        for its in events
    ]
    twins = {posts[0][number]: posts[1][number] for number in changed if number in posts[0] and number in posts[1]}
    return twins if len(set(twins.values())) == len(twins) else {}


# --- pairs ---------------------------------------------------------------------------------------------------------


def unpaired_because(first: RunBegan, second: RunBegan) -> str:
    """Why two runs' figures cannot be compared person by person; empty where they can.

    Which photos of a person are probes is drawn by the seed, of those that were read.
    """
    if (first.people, first.fictional) != (second.people, second.fictional):
        return f"their people come from elsewhere: {_people(first)}, and {_people(second)}"
    names = set(first.users), set(second.users)
    if min(map(len, names)) < min(len(first.users), len(second.users)) or not all(names):
        return "the journals do not say whose figures are whose"
    if names[0] != names[1]:
        both = len(names[0] & names[1])
        counts = f"{len(names[0])} in the first run, {len(names[1])} in the second, {both or 'none'} in both"
        return f"other people protect their photos: {counts}"
    if first.seed != second.seed:
        return f"the people are the same, but seeds {first.seed} and {second.seed} keep other photos of them as probes"
    if first.per_person != second.per_person:
        return "the people are the same, but of some other photos were read, and so others are probes"
    return ""


def _people(began: RunBegan) -> str:
    return "fictional ones" if began.fictional else f"the folder {began.people}"


def _difference(
    cohort: str,
    first: ProtectionMeasured,
    second: ProtectionMeasured,
    began: tuple[RunBegan, RunBegan],
    *,
    paired: bool,
) -> Difference:
    counts = _counts(first, began[0].users), _counts(second, began[1].users)
    known = [len(event.people) for event in (first, second)]
    change = second.protection_rate - first.protection_rate
    if paired and counts[0] and counts[1] and _probes(counts[0]) == _probes(counts[1]):
        rows = [(counts[1][name][0] - missed, n) for name, (missed, n) in counts[0].items()]
        same = not any(more for more, _ in rows)
        total = sum(more for more, _ in rows) / sum(n for _, n in rows)
        return Difference(cohort, first.generation, first, second, total, _drawn(rows), True, same, len(rows))
    return Difference(
        cohort, first.generation, first, second, change, _apart(change, first, second), False, False, min(known)
    )


def _counts(event: ProtectionMeasured, users: Sequence[str]) -> dict[str, tuple[int, int]] | None:
    """Of each person by name, how many probes were missed and how many there are; ``None`` where that is not kept."""
    if not 0 < len(users) == len(event.people) == len(event.missed) <= MOST_PEOPLE or event.interval is None:
        return None
    counts = dict(zip(users, zip(event.missed, event.people, strict=True), strict=True))
    sound = all(missed <= n for missed, n in counts.values()) and any(n for _, n in counts.values())
    return counts if sound and len(counts) == len(users) else None


def _probes(counts: Mapping[str, tuple[int, int]]) -> dict[str, int]:
    return {name: n for name, (_, n) in counts.items()}


def _drawn(rows: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """95 % interval of a difference in pairs.

    Args:
        rows: of each person, how many probes more the second missed, and how many there are.
    """
    return difference_interval([more for more, _ in rows], [0] * len(rows), [n for _, n in rows])


def _apart(change: float, first: ProtectionMeasured, second: ProtectionMeasured) -> tuple[float, float] | None:
    """95 % interval of a difference of two independent shares, from their intervals (Newcombe 1998, method 10).

    Their own intervals are about people where people were drawn again, so this one is, too (Zou and Donner 2008).
    """
    if first.interval is None or second.interval is None:
        return None
    (low, high), (its_low, its_high) = first.interval, second.interval
    down = math.hypot(second.protection_rate - its_low, high - first.protection_rate)
    up = math.hypot(its_high - second.protection_rate, first.protection_rate - low)
    return max(-1.0, change - down), min(1.0, change + up)


# --- settings ------------------------------------------------------------------------------------------------------


def _settings(first: RunBegan, second: RunBegan) -> Iterator[Setting]:
    facts = dict(_facts(first)), dict(_facts(second))
    for name in {**facts[0], **facts[1]}:
        values = facts[0].get(name, ""), facts[1].get(name, "")
        if values[0] != values[1]:
            yield Setting(name, values[0] or "none", values[1] or "none")


def _facts(began: RunBegan) -> Iterator[tuple[str, str]]:
    """Everything that a run depends on, in words; what the machine was comes last."""
    yield "story", began.scenario
    yield "the story's text, SHA-256", hashlib.sha256(began.source.encode(errors="replace")).hexdigest()[:8]
    yield "what if", "; ".join(began.changes)
    for name, value in began.parameters.items():
        yield f"set {name}", str(value)
    yield "seed", str(began.seed)
    yield "people", f"{began.n_people}, {_people(began)}"
    yield "who protects photos", ", ".join(began.users)
    yield "photos a person, at most", str(began.per_person or UNKNOWN)
    yield "searched among", f"{began.n_crowd} more people{f' ({began.crowd})' if began.crowd else ''}"
    yield "asked", began.asked or "together"
    yield "cast", began.cast
    yield "left out of the cast", ", ".join(began.left_out)
    yield "strength of tools", began.strength or UNKNOWN
    yield "tools attack", ", ".join(began.surrogates)
    for name, weights in began.extractors.items():
        yield f"weights of {name}", weights
    for name, what in began.preprocessing.items():
        yield f"input of {name}", what
    for name, version in began.versions.items():
        yield f"version of {name}", version
    yield "device", began.device
    yield "repeats", began.repeats or UNKNOWN
