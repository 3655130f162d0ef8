"""False security: a user compares two photos, sees them differ, and believes.

The most repeated request to the makers of Fawkes is a way to check whether it works (issues 82, 134, 192 of its
repository), and what users try is the wrong threat: they compare an original with its perturbed copy, one to one
(issues 36, 59, 67, 85, 125, 138). A search engine asks something else: of all the people it knows, who is nearest to
this clean face?
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facetui.engine.records.measurements import fates, in_words
from facetui.engine.records.rates import percent

if TYPE_CHECKING:
    from facetui.engine.lab.lab import Lab

FAWKES_03 = "fawkes-0.3"

POSTS = (8,)


def scenario(lab: Lab) -> None:
    lab.at("2021-02")
    lab.note("Protected people perturb their photos, and one of them wants to know whether it works.")
    lab.users.protect(FAWKES_03)
    lab.users.post(8)
    checked = lab.compare()
    lab.note(
        f"Compared one to one, {percent(checked.match_clean)} of pairs of clean photos match, and "
        f"{percent(checked.match_posted)} once one of the two is perturbed. A user who "
        "sees a pair differ believes, and posts on."
    )

    lab.at("2021-03")
    lab.note("Meanwhile the trainer has another extractor. It has never heard of the tool, and searches its gallery.")
    lab.trainer.use("newest")
    lab.trainer.scrape()
    found = lab.measure().whole
    searched = lab.search(10)
    lab.show()
    lab.cite(
        0.20,
        attack="a cloak after which 71 % of photos fell below a match",
        extractor="InsightFace buffalo_l",
        cohort=found.cohort,
        source="a fork of Fawkes, decisions file of 2026-09-12: 10 protected people, linear probe",
    )
    again = lab.compare(lab.trainer.pipelines[-1].extractor)
    lab.note(
        f"The comparison that users can run said that {percent(1 - checked.match_posted)} of pairs no longer "
        f"match. The trainer fails to name {in_words(found)}; among ten answers a right photo is in "
        f"{percent(searched.discovery)} of searches. One to one, by the trainer's extractor, "
        f"{percent(again.match_posted)} of the pairs match. A comparison asks one model about two photos; a search "
        f"needs only the nearest face, not a match. {fates(lab.measurements)}"
    )
