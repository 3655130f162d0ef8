"""The arms race that is none: users move first and once, the trainer moves last and for ever.

Dates follow Tramer's talk (CVPR 2021 workshop) and Radiya-Dixit et al., ICLR 2022 (arXiv 2106.14851): Fawkes 0.3 in
2020-07 (tag of 2020-07-29); Microsoft Azure adapts, by the news page of Fawkes of 2021-01-28; LowKey in 2021-01 (ICLR
2021); Fawkes 1.0 in 2021-04 as the answer to Azure; MagFace and CLIP, newer extractors that withstand some of them, in
2021-03.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facetui.engine.records.events import WHOLE_ARCHIVE
from facetui.engine.records.measurements import briefly, fates
from facetui.engine.records.rates import percent

if TYPE_CHECKING:
    from facetui.engine.lab.lab import Lab

FAWKES_03 = "fawkes-0.3"
LOWKEY = "lowkey"
FAWKES_10 = "fawkes-1.0"

POSTS = (4, 4, 4)


def scenario(lab: Lab) -> None:
    lab.at("2020-07")
    lab.note("Fawkes 0.3, a tool against face search, is out. Protected people run it on every photo that they post.")
    lab.users.protect(FAWKES_03)
    lab.users.post(4)
    lab.trainer.scrape()
    lab.note("The trainer keeps all that is posted. Then it is shown other photos of them, unchanged: who is this?")
    start = lab.measure().whole
    lab.show()

    lab.at("2021-01")
    lab.note("The trainer runs the same public tool on other people's photos, and learns to see through it.")
    lab.trainer.adapt()
    lab.measure()

    lab.at("2021-01-21")
    lab.note("LowKey is out. New photos are posted under it; old ones stay as they are.")
    lab.users.protect(LOWKEY)
    lab.users.post(4)
    lab.trainer.scrape()
    lab.measure()

    lab.at("2021-03")
    lab.note("A newer network for faces is released. It has never heard of any tool; the trainer turns to it.")
    lab.trainer.use("newest")
    lab.measure()

    lab.at("2021-04")
    lab.note("Fawkes 1.0 is out. It protects what is posted from now on, and nothing else.")
    lab.users.protect(FAWKES_10)
    lab.users.post(4)
    lab.trainer.scrape()
    lab.measure()

    lab.at("2021-06")
    lab.note("The trainer learns to see through all three tools.")
    lab.trainer.adapt()
    lab.measure()

    lab.at("2022-03")
    lab.note("Another network for faces is released; it has never heard of any tool, either.")
    lab.trainer.use("newest")
    lab.measure()
    lab.note("Which of its models is best? The trainer tries them on other people, protected in the same way.")
    chosen = lab.trainer.choose()
    picked = lab.measure().whole
    lab.show()
    lab.cite(
        0.16,
        attack="fawkes-0.3 and 1.0, half and half",
        extractor="CLIP",
        cohort=WHOLE_ARCHIVE,
        source="third-party reproduction (mashalbhatti/AI_and_Cybersecurity_Project_FaceCure), one user",
    )

    lab.note(
        f"{fates(lab.measurements)} From all it kept, the trainer failed on {briefly(start)} of their clean photos at "
        f"first, and now, with {chosen}, on {briefly(picked)}; on {percent(picked.unprotected_error)} of everybody "
        "else's."
    )
