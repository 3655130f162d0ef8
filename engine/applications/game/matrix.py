"""The matrix of the game, from grids that were measured: pooled over seeds, an answer told by what it learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from facetui.engine.applications.benchmarks.cells import LEARN, Answer, Results
from facetui.engine.applications.game.dates import LAG, answer_date, released, tool_date
from facetui.engine.records.errors import UsageError
from facetui.engine.records.rates import people_interval


@dataclass(frozen=True)
class Reply:
    """What a trainer does.

    Attributes:
        extractor: with which network.
        answer: what it does with it.
        learnt: the tools that it learns from; none where it does not learn.
        date: when it is there, ISO; empty: always.
    """

    extractor: str
    answer: Answer
    learnt: tuple[str, ...] = ()
    date: str = ""

    @property
    def words(self) -> str:
        """``compact-c, adapted, learnt from fawkes-0.3 and lowkey``."""
        if not self.learnt:
            return f"{self.extractor}, {self.answer}"
        *most, last = self.learnt
        return f"{self.extractor}, {self.answer}, learnt from {', '.join(most)}{' and ' if most else ''}{last}"


@dataclass
class Outcome:
    """Of how many clean probes the trainer misses, by person.

    Attributes:
        missed: of each person.
        probes: how many there were of each.
    """

    missed: list[int] = field(default_factory=list)
    probes: list[int] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Share not named right, in [0, 1]."""
        return sum(self.missed) / max(1, sum(self.probes))

    @property
    def interval(self) -> tuple[float, float]:
        """95 %, people resampled."""
        return people_interval(self.missed, self.probes)


@dataclass(frozen=True)
class Matrix:
    """Every tool against every answer.

    Attributes:
        tools: in the order of their dates, with the date of each.
        replies: in the order of their dates.
        outcomes: by tool and reply; every one is there.
        left_out: replies that were not measured against every tool.
        people: who protected their photos, in all seeds together.
        fictional: whether nobody of them exists.
    """

    tools: dict[str, str]
    replies: tuple[Reply, ...]
    outcomes: dict[tuple[str, Reply], Outcome]
    left_out: tuple[Reply, ...] = ()
    people: int = 0
    fictional: bool = True

    def rate(self, tool: str, reply: Reply) -> float:
        """Share not named right, in [0, 1]."""
        return self.outcomes[tool, reply].rate


def matrix(grids: Sequence[Results], lag: int = LAG) -> Matrix:
    """The matrix of some grids of the same people: parts of one, and other seeds.

    Somebody who protects their photos in two seeds is one person, whose probes of both count.

    Args:
        grids: at least one.
        lag: months until a trainer has learnt.

    Raises:
        UsageError: none, grids of different people or networks, or no answer that was measured against every tool.
    """
    if not grids:
        raise UsageError("expected at least one folder that facetui bench paper made, got none")
    first = grids[0].settings
    for grid in grids[1:]:
        for name in ("people", "n_people", "n_crowd", "photos", "asked", "surrogates"):
            if (a := getattr(first, name)) != (b := getattr(grid.settings, name)):
                raise UsageError(f"these grids do not belong together: {name} is {a} in one and {b} in another")
    since, counts = released(), dict[tuple[str, Reply], dict[str, list[int]]]()
    seeds: dict[tuple[str, Reply], set[int]] = {}
    for grid in grids:
        for cell in grid.cells.values():
            learnt = tuple(grid.settings.tools) if cell.answer in LEARN else ()
            date = answer_date(since.get(cell.extractor, ""), cell.answer, learnt, lag)
            key = cell.attack, Reply(cell.extractor, cell.answer, learnt, date)
            if grid.settings.seed in seeds.setdefault(key, set()):
                raise UsageError(f"{cell.attack} against {key[1].words} is there twice with seed {grid.settings.seed}")
            seeds[key].add(grid.settings.seed)
            by_person = counts.setdefault(key, {})
            for name, missed, probes in zip(grid.settings.users, cell.missed, cell.probes, strict=True):
                known = by_person.setdefault(name, [0, 0])
                known[0], known[1] = known[0] + missed, known[1] + probes
    tools = {tool: tool_date(tool) for tool in dict.fromkeys(tool for tool, _ in counts)}
    everything = list(dict.fromkeys(reply for _, reply in counts))
    replies = [reply for reply in everything if all((tool, reply) in counts for tool in tools)]
    if not replies:
        raise UsageError("no answer was measured against every tool; measure the same attacks in every grid")
    outcomes = {
        (tool, reply): Outcome([m for m, _ in found.values()], [n for _, n in found.values()])
        for (tool, reply), found in counts.items()
        if reply in replies
    }
    return Matrix(
        dict(sorted(tools.items(), key=lambda entry: entry[1])),
        tuple(sorted(replies, key=lambda reply: reply.date)),
        outcomes,
        tuple(reply for reply in everything if reply not in replies),
        len({name for grid in grids for name in grid.settings.users}),
        first.fictional,
    )
