"""Leaked photos: what you did not take, and did not upload, names you all the same.

Whoever protects every photo they post is still on photos that others post: friends, employers, newspapers. Shan et
al. (2020, arXiv 2002.08327) claim more than 80 % protection with leaked clean photos. Here friends post clean photos
one by one, and the same trainer with the same extractor scrapes again after each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facetui.engine.records.measurements import briefly
from facetui.engine.records.rates import percent

if TYPE_CHECKING:
    from facetui.engine.lab.lab import Lab

FAWKES_03 = "fawkes-0.3"

POSTS = (8, 1)


def scenario(lab: Lab) -> None:
    lab.at("2020-07")
    lab.note("Protected people perturb everything that they post.")
    lab.users.protect(FAWKES_03)
    posted = lab.users.post(8)
    lab.trainer.scrape()
    first = lab.measure()
    start = first.whole
    curve = [(0.0, start.protection_rate)]

    lab.note("Then friends post photos of them, unasked and clean: one of each person, then another.")
    for leaked, month in enumerate(("2020-09", "2020-11", "2021-01", "2021-03", "2021-05", "2021-07"), start=1):
        if not lab.users.left():
            break
        lab.at(month)
        lab.friends.post(1)
        lab.trainer.scrape()
        end = lab.measure().whole
        curve.append((leaked / (posted + leaked), end.protection_rate))
    lab.show(cohort=first[1].cohort)
    lab.cite(
        0.80,
        attack="fawkes (paper)",
        extractor="their trackers, with leaked clean photos",
        cohort=end.cohort,
        source="Shan et al. 2020, abstract: more than 80 %",
    )
    points = ", ".join(f"{percent(rate)} with {percent(share) if share else 'none'}" for share, rate in curve)
    lab.note(
        f"The trainer failed on {briefly(start)} of their clean photos, and ends at {briefly(end)}; nothing changed "
        f"but photos that nobody asked them about. By the share of clean ones among all it has of them: {points}."
    )
