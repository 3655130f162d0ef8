"""The clean era: only pictures from before the tools existed.

A trainer who kept what was posted before 2020 has photos that no tool ever touched, and needs no idea of any attack:
it recognises today's face by them. What limits it is that faces age, which the people of this story do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facetui.engine.records.events import WHOLE_ARCHIVE
from facetui.engine.records.measurements import briefly, fates

if TYPE_CHECKING:
    from facetui.engine.lab.lab import Lab

FAWKES_03 = "fawkes-0.3"
LOWKEY = "lowkey"

POSTS = (2, 5, 5)


def scenario(lab: Lab) -> None:
    lab.at("2019-06")
    lab.note("Nobody has heard of poisoning. Everybody posts photos as they are; a trainer scrapes and keeps them.")
    lab.users.post(2)
    lab.trainer.scrape()
    lab.measure()

    lab.at("2020-07")
    lab.note("Fawkes appears. From now on the protected people perturb whatever they post, and post a lot.")
    lab.users.protect(FAWKES_03)
    lab.users.post(5)
    lab.at("2021-01")
    lab.users.protect(LOWKEY)
    lab.users.post(5)
    lab.trainer.scrape()
    poisoned = lab.measure()

    lab.at("2021-03")
    lab.note(
        "The trainer searches only what was posted before 2020. It has the same extractor, which every tool attacks."
    )
    lab.trainer.rescan(until="2019-12")
    early = lab.measure().cohort(WHOLE_ARCHIVE)
    lab.show(cohort="2019-06 clean")
    without = [m for m in poisoned if m.attack and m.cohort != WHOLE_ARCHIVE]
    alone = " and ".join(f"{m.attack} {briefly(m)}" for m in without)
    lab.note(
        f"By the photos of one tool alone the trainer fails on {alone}; with everything it kept on "
        f"{briefly(poisoned.whole)}, with only pictures from before 2020 on {briefly(early)}. "
        f"{fates(lab.measurements)} What was posted clean cannot be taken back. No published figures are known."
    )
