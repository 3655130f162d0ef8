"""Adaptive defence: the tool is public, so the trainer runs it too, and learns to see through it.

On 2021-01-28 the makers of Fawkes reported that Microsoft Azure seemed to have been trained to lower the efficacy of
their released version (news on the project's page). Radiya-Dixit et al. (ICLR 2022, arXiv 2106.14851) did the same in
the open: perturb photos of other people with the public tool, and fine-tune the extractor on both copies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facetui.engine.records.measurements import fates, in_words
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
    lab.note(
        "The trainer downloads the tool as well, runs it on photos of other people, and fine-tunes its extractor until "
        "both copies of a photo look alike. Nobody who is protected is needed for that."
    )
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
    lab.note(
        "There are other answers. A detector learns to tell perturbed photos from clean ones; whoever is flagged "
        "stands out as one who protects themselves. It is tested near balance; in a crawl few photos are perturbed."
    )
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
        "The protected people go on with the same tool: what they post now was read before it was posted. The trainer "
        "takes the best of what it has, tried out on people who are not protected."
    )
    lab.users.post(8)
    lab.trainer.scrape()
    chosen = lab.trainer.choose()
    end = lab.measure().whole
    crawl = percent(detected.base_rate_precision_low)
    lab.note(
        f"Before it adapted, the trainer failed to name {in_words(before.whole)} of the protected people's clean "
        f"photos; once it had, {in_words(after.whole)}; with the photos washed, {in_words(washed.whole)}. Its own test "
        f"picked {chosen}: it fails on {in_words(end)}, and on {percent(end.unprotected_error)} of everybody "
        f"else's. {fates(lab.measurements)} The detector flags {percent(detected.recall)} of perturbed photos and "
        f"{percent(detected.false_positive_rate)} of clean ones; where one photo in a thousand is perturbed, "
        f"{crawl} or more of what it flags is ({detected.n_clean} "
        "clean photos allow no better bound)."
    )
