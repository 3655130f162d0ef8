"""A needle in a haystack: the more people a search engine knows, the harder everybody is to find.

The paper searches among 530 people, a face search engine among millions. The same photos are searched here in
galleries of growing size. Whoever reads that a tool protects should ask among how many, and how often the same search
fails for people who protect nothing; and what happens where the engine may answer "nobody", as face search does in
practice: then a stranger is rarely misnamed, and more people stay unnamed, protected or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facetui.engine.records.measurements import briefly, fates
from facetui.engine.records.rates import difference_interval, percent

if TYPE_CHECKING:
    from facetui.engine.lab.lab import Lab

FAWKES_10 = "fawkes-1.0"

POSTS = (8,)

ENOUGH = 490
"""People of a crowd from which on a false alarm in a thousand searches can be told."""


def scenario(lab: Lab) -> None:
    lab.at("2021-04")
    lab.note("Protected people post under Fawkes 1.0. The trainer's extractor is not the one it attacks.")
    lab.users.protect(FAWKES_10)
    lab.users.post(8)
    lab.trainer.use("newest")
    lab.trainer.scrape()

    sizes = sorted({0, *(lab.n_crowd // part for part in (8, 4, 2, 1))})
    lab.note("It searches among few people, and then among more and more; the photos stay the same.")
    measured = []
    for size in sizes:
        lab.trainer.search_among(size)
        measured.append(lab.measure().whole)
    first, last = measured[0], measured[-1]
    low, high = difference_interval(last.missed, first.missed, last.people)
    change = "protection grows" if low > 0 else "protection shrinks" if high < 0 else "that cannot be told from chance"
    lab.note(
        f"Among {first.n_gallery} people it fails on {briefly(first)}, among {last.n_gallery} on {briefly(last)}: "
        f"{100 * low:.0f} to {100 * high:.0f} points more by person, {change}. For everybody else it fails on "
        f"{percent(first.unprotected_error)}, and then on {percent(last.unprotected_error)}."
    )

    if lab.n_crowd:
        lab.note("And where it may say nobody, so that few strangers are named?")
        for share in (0.01, 0.001) if lab.n_crowd >= ENOUGH else (0.01,):
            lab.identify(share)
        lab.note(
            "And among millions, and billions? That cannot be searched here. It can be foretold, and is no measurement."
        )
        lab.forecast()
    lab.show()
    lab.note(
        f"{fates(lab.measurements)} Among {first.n_gallery} people it was {briefly(first)}, among {last.n_gallery} "
        f"{briefly(last)}. Ask of every figure: among how many people?"
    )
