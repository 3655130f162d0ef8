"""The law as of 2026: a ban on building new databases does not delete the old one.

In the European Union scraping faces untargeted, to build or expand a database, is prohibited since 2025-02-02 (AI Act,
Regulation (EU) 2024/1689, Art. 5(1)(e)). This story passes such a law, and asks what the trainer still does with what
it has; then what a duty to delete would change. Dates and sources are in docs/law.md. It is no legal advice: check with
a lawyer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facetui.engine.records.measurements import briefly

if TYPE_CHECKING:
    from facetui.engine.lab.lab import Lab

AI_ACT = "2025-02-02"
MONTHS = (84, 48, 24)

POSTS = (2, 4, 4, 4)


def scenario(lab: Lab) -> None:
    lab.at("2019-06")
    lab.note("Everybody posts photos as they are.")
    lab.users.post(2)
    lab.at("2021-01-21")
    lab.note("Protected people run a tool on what they post: LowKey, and from 2025 the strongest there is here.")
    lab.users.protect("lowkey")
    lab.users.post(4)
    lab.at("2025-01")
    lab.users.protect("strongest")
    lab.users.post(4)
    lab.trainer.use("newest")
    lab.trainer.scrape()
    before = lab.measure().whole

    lab.at(AI_ACT)
    lab.note("Now nobody may scrape faces any more to build or expand a database.")
    lab.law.no_scraping(AI_ACT)
    lab.at("2026-11")
    lab.users.post(4)
    lab.trainer.scrape()
    banned = lab.measure().whole

    lab.note("The law says nothing of what was scraped before. What if it had to be deleted after so many months?")
    kept = []
    for months in MONTHS:
        lab.law.retention(months)
        kept.append((months, lab.measure().whole))
    lab.law.retention(None)

    table = ", ".join(f"{months} months, on {briefly(m)}" for months, m in kept)
    lab.note(
        f"Before the ban the trainer fails on {briefly(before)}; under it, with nothing new, on {briefly(banned)}. "
        f"Had it to delete whatever is older than {table}. No published figures are known."
    )
