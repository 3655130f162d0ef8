"""Adaptive defence: the tool is public, so the trainer runs it too, and learns to see through it.

On 2021-01-28 the makers of Fawkes reported that Microsoft Azure seemed to have been trained to lower the efficacy of
their released version (news on the project's page). Radiya-Dixit et al. (ICLR 2022, arXiv 2106.14851) did the same in
the open: perturb photos of other people with the public tool, and fine-tune the extractor on both copies.
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
    lab.note("Protected people run the new tool on everything they post.")
    lab.users.protect(FAWKES_03)
    lab.users.post(8)
    lab.trainer.scrape()
    before = lab.measure()

    lab.at("2021-01")
    lab.note("The trainer runs the same tool on photos of other people, and learns to see through it.")
    lab.trainer.adapt(against=[FAWKES_03])
    after = lab.measure()
    lab.cite(
        0.03,
        attack="fawkes-1.0",
        extractor="robust WebFace",
        cohort=after.whole.cohort,
        source="FaceCure README (Radiya-Dixit et al. 2021): one user, nearest neighbour",
    )
    lab.show()

    lab.at("2021-02")
    lab.note("Another answer: a detector learns to tell perturbed photos from clean ones.")
    detected = lab.trainer.detect(action="flag")[0]
    lab.note("Or every photo is washed before the extractor sees it: JPEG, blur, resizing, noise.")
    lab.trainer.use(lab.cast.generations[0].extractor)
    lab.trainer.purify()
    washed = lab.measure()
    lab.note("Or two extractors answer: the old one, and the robust one wherever the old one is not sure.")
    lab.trainer.use(lab.cast.generations[0].extractor)
    lab.trainer.combine()
    lab.measure()

    lab.at("2021-03")
    lab.note(
        "The protected people go on with the same tool. The trainer picks the best of what it has by its own test."
    )
    lab.users.post(8)
    lab.trainer.scrape()
    chosen = lab.trainer.choose()
    end = lab.measure().whole
    crawl = percent(detected.base_rate_precision_low)
    lab.note(
        f"{fates(lab.measurements)} The trainer failed on {briefly(before.whole)} of their clean photos, adapted on "
        f"{briefly(after.whole)}, with photos washed on {briefly(washed.whole)}, with {chosen}, which its test picked, "
        f"on {briefly(end)}. Of perturbed photos the detector flags {percent(detected.recall)}, of clean ones "
        f"{percent(detected.false_positive_rate)}; where one in a thousand is perturbed, {crawl} or more of what it "
        "flags is."
    )
