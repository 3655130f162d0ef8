"""False security: a user compares two photos, sees them differ, and believes.

The most repeated request to the makers of Fawkes is a way to check whether it works (issues 82, 134, 192 of its
repository), and what users try is the wrong threat: they compare an original with its perturbed copy, one to one
(issues 36, 59, 67, 85, 125, 138). A search engine asks something else: of all the people it knows, who is nearest to
this clean face?
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facetui.engine.records.measurements import briefly, fates
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
        f"{percent(checked.match_posted)} once one is perturbed: that looks safe."
    )

    lab.at("2021-03")
    lab.note("Meanwhile the trainer has another extractor, which never heard of the tool, and searches with it.")
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
        f"{fates(lab.measurements)} By the users' comparison {percent(1 - checked.match_posted)} of pairs no longer "
        f"match, by the trainer's extractor {percent(1 - again.match_posted)}. Yet its search fails on only "
        f"{briefly(found)}, and has the right person among ten answers in {percent(searched.discovery)}: a search "
        "needs the nearest face, not a match."
    )
