"""A retention law: what would change if the trainer had to forget?

Radiya-Dixit et al. (ICLR 2022, arXiv 2106.14851) end where technology does: the trainer keeps what it scraped, so a
later model undoes an earlier attack, and they recommend legislation. This story tries two laws on the same archive:
one that makes the trainer forget photos after some months, and a moratorium on identification.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facetui.engine.records.measurements import briefly

if TYPE_CHECKING:
    from facetui.engine.lab.lab import Lab

FAWKES_03 = "fawkes-0.3"
LOWKEY = "lowkey"
MONTHS = (60, 24, 12, 6)

POSTS = (2, 4, 6)


def scenario(lab: Lab) -> None:
    lab.at("2019-06")
    lab.note("Everybody posts photos as they are.")
    lab.users.post(2)
    lab.at("2020-07")
    lab.note("Protected people perturb what they post, from 2020-07 with Fawkes, from 2021-01 with LowKey.")
    lab.users.protect(FAWKES_03)
    lab.users.post(4)
    lab.at("2021-01-21")
    lab.users.protect(LOWKEY)
    lab.users.post(6)

    lab.at("2021-06")
    lab.note("A trainer who has kept everything names whom it can, with the extractor that the tools attack.")
    lab.trainer.use(lab.cast.generations[0].extractor)
    lab.trainer.scrape()
    free = lab.measure().whole

    lab.note("Now a law: photos that are older than so many months must be forgotten.")
    kept = []
    for months in MONTHS:
        lab.law.retention(months)
        kept.append((months, lab.measure().whole))
    lab.law.retention(None)

    lab.note("And another: from 2021-07 to 2021-12 nobody may be identified at all.")
    lab.law.moratorium("2021-07", "2021-12")
    lab.at("2021-09")
    banned = lab.measure().whole
    lab.at("2022-03")
    lab.trainer.use("newest")
    after = lab.measure().whole
    table = ", ".join(f"{months} months {briefly(m)}" for months, m in kept)
    lab.note(
        f"Without a law the trainer fails on {briefly(free)}; where photos may be kept for {table}. Under the "
        f"moratorium it names nobody ({briefly(banned)}); after it, with a newer extractor, it fails on "
        f"{briefly(after)}. What was forgotten cannot be searched; what was only forbidden can, later. No published "
        "figures are known."
    )
