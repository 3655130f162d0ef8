"""The axis of the story's time: where its dates stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from facetui.engine.records.fields import months_between
from facetui.tui.state.snapshot import Scene, Slot

MONTH_SHARE, MOST_MONTHS = 0.12, 12
"""How much wider a gap of a month is than one between two moves of the same date, and where that ends."""

LAST = 0.8
"""Room after the last move, in moves, so that its value is seen to hold."""


def positions(slots: Sequence[Slot], width: int, spare: int = 0) -> list[int]:
    """Columns of the slots: every move gets its place, and long gaps in the story are wider.

    Args:
        slots: all moves known.
        width: columns there are.
        spare: moves still expected, for which room is kept.
    """
    at, place = [], 1.0
    for before, slot in zip([None, *slots], slots, strict=False):
        if before is not None:
            place += 1 + MONTH_SHARE * min(MOST_MONTHS, months_between(before.t, slot.t))
        at.append(place)
    span = (at[-1] if at else 0.0) + max(LAST, spare)
    return [round(place / max(span, 1.0) * max(0, width - 1)) for place in at]


@dataclass(frozen=True)
class Geometry:
    """Where things are: the same for the chart and for the lanes.

    Attributes:
        columns: of the slots.
        width: of the plot.
        head: column of the play head.
        shown: slots at or before the play head.
    """

    columns: list[int]
    width: int
    head: int
    shown: int


def geometry(now: Scene, known: Scene, width: int, *, spare: int = 0, glide: float = 0.0) -> Geometry:
    """Lay out the axis.

    Args:
        now: up to the play head.
        known: the whole journal as far as it is known.
        width: of the plot.
        spare: moves still expected.
        glide: how far the head is on its way to the next slot, in [0, 1].
    """
    columns = positions(known.slots, width, spare)
    shown = len(now.slots)
    here = columns[shown - 1] if shown else 0
    ahead = columns[shown] if shown < len(columns) else (min(width - 1, here + width // 12) if spare else width - 1)
    return Geometry(columns, width, round(here + (ahead - here) * glide), shown)
