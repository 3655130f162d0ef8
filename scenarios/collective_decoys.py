"""Collective decoys: others crowd a person out of a face search.

FoggySight (Evtimov et al., PETS 2021, arXiv 2012.08588, 2020-12-15) protects photos that were scraped long ago: *other*
people post photos of themselves that an extractor takes for the protected person, so that a search for her finds them
first. It needs many helpers, and an extractor that the decoys were not made for is not fooled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facetui.engine.records.rates import percent, percents

if TYPE_CHECKING:
    from facetui.engine.lab.lab import Lab

FOGGYSIGHT = "foggysight"
ANSWERS = 5

POSTS = (3,)


def scenario(lab: Lab) -> None:
    lab.at("2020-11")
    lab.note("Everybody posts photos as they are, the protected people too. A face search engine scrapes them.")
    lab.trainer.use(lab.cast.generations[0].extractor)
    lab.users.post(3)
    lab.trainer.scrape()
    lab.measure()
    curve = [(0, lab.search(ANSWERS, people=1))]

    lab.note("For one of them others post decoys: first five for each photo she has on the web, then more.")
    decoys = 0
    for month, more in (("2020-12", 5), ("2021-01", 5), ("2021-02", 10)):
        lab.at(month)
        lab.users.decoy(more, people=1)
        decoys += more
        lab.trainer.scrape()
        curve.append((decoys, lab.search(ANSWERS, people=1)))
    lab.measure()
    helped = curve[-1][1]

    lab.at("2021-03")
    lab.note("A newer extractor is released. The decoys were not made for it.")
    lab.trainer.use("newest")
    lab.measure()
    newer = lab.search(ANSWERS, people=1)
    lab.cite(
        1 - 0.207,
        attack="36 decoys a clean photo, bound 0.50",
        extractor="Azure Face",
        source="FoggySight's notebooks: recall at 1 of 0.207, against 0.769 without decoys",
    )
    low, high = newer.discovery_interval
    points = ", ".join(f"{count} a photo: {percent(search.recall)}" for count, search in curve[1:])
    lab.note(
        f"Among its first {ANSWERS} answers a search had {percent(curve[0][1].recall)} of her photos; with {points}. "
        f"The newer extractor has {percent(newer.recall)}, and any photo of her in {percent(newer.discovery)} of "
        f"searches ({percents(low, high)}), the old one in {percent(helped.discovery)}. Each of {helped.n_decoys} "
        "decoys is a photo that somebody else had to perturb and post."
    )
