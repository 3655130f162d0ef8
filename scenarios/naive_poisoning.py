"""Naive poisoning: people perturb the photos they post, a trainer scrapes them, and for a moment it works.

In July 2020 the first public tool, Fawkes 0.3, let people perturb the photos they post (Shan et al., USENIX Security
2020; the release is tagged 2020-07-29). A tool attacks the extractors its makers can run, and the trainer of this story
happens to use just that one, trained before the tool existed: the best case for the users, and the case in which the
papers measured protection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facetui.engine.records.measurements import briefly, fates
from facetui.engine.records.rates import percent

if TYPE_CHECKING:
    from facetui.engine.lab.lab import Lab

FAWKES_03 = "fawkes-0.3"

POSTS = (8, 8)


def scenario(lab: Lab) -> None:
    lab.at("2020-07")
    lab.note("A tool appears. Protected people run it on every photo that they post.")
    lab.users.protect(FAWKES_03)
    lab.users.post(8)

    lab.note("A trainer scrapes it all, uses the extractor that the tool attacks, and is shown clean photos.")
    lab.trainer.scrape()
    now = lab.measure()
    lab.show()
    lab.cite(
        0.97,
        attack="fawkes-1.0",
        extractor="WebFace",
        cohort=now.whole.cohort,
        source="FaceCure README (Radiya-Dixit et al. 2021): one user, nearest neighbour",
    )

    lab.note("Half a year later they post again. The trainer has learnt nothing meanwhile.")
    lab.at("2021-01")
    lab.users.post(8)
    lab.trainer.scrape()
    end = lab.measure().whole
    lab.note(
        f"{fates(lab.measurements)} The trainer fails on {briefly(end)} of the protected people's clean photos, and on "
        f"{percent(end.unprotected_error)} of everybody else's. But the trainer of this story stands still."
    )
