"""What the fields of events may hold.

A journal may come from elsewhere: what does not fit is damage, said with its line where it is read, so that no view has
to look again.
"""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta

DATE_PATTERN = r"([0-9]{4})-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?"
DATE = re.compile(DATE_PATTERN)

MOST = 2**53
"""Larger whole numbers are not the same in every reader of JSON."""

Date = Annotated[str, Meta(pattern=rf"^({DATE_PATTERN})?\Z", max_length=10)]
"""ISO date in the story, ``2020-07`` or ``2020-07-29``; empty before there is one."""

Count = Annotated[int, Meta(ge=0, le=MOST)]
Position = Annotated[int, Meta(ge=-1, le=MOST)]
Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""A whole number that can be written as JSON again."""

Rate = Annotated[float, Meta(ge=0, le=1)]
"""A share, in [0, 1]."""

Similarity = Annotated[float, Meta(ge=-1e6, le=1e6)]
Seconds = Annotated[float, Meta(ge=0, le=1e12)]
Amount = Annotated[float, Meta(ge=-1e15, le=1e15)]
Interval = tuple[Rate, Rate]
"""Both ends of an interval of a share."""

Name = Annotated[str, Meta(max_length=100_000)]
Text = Annotated[str, Meta(max_length=8_000_000)]


def months_between(earlier: str, later: str) -> float:
    """Months from one ISO date of the story to another, 30 days each; at least 0, and 0 where one is no date.

    A date without a day is the first of its month.
    """
    dates = [DATE.fullmatch(date) for date in (earlier, later)]
    days = [360 * int(d[1]) + 30 * (int(d[2]) - 1) + int(d[4] or 1) for d in dates if d is not None]
    return max(0.0, (days[1] - days[0]) / 30) if len(days) == 2 else 0.0
