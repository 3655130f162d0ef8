"""Retroactive model: what was posted cannot be taken back, so one later model undoes the past.

A new attack protects new photos only. The trainer keeps the old ones, waits for an extractor that the old attack does
not fool, and recognises today's face by yesterday's photos (Radiya-Dixit et al., ICLR 2022, arXiv 2106.14851: users of
Fawkes 0.3 could not regain privacy by switching to a later attack). MagFace and CLIP appeared within a year of the
attacks they withstand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facetui.engine.records.events import WHOLE_ARCHIVE
from facetui.engine.records.measurements import briefly, fates

if TYPE_CHECKING:
    from facetui.engine.lab.lab import Lab

FAWKES_03 = "fawkes-0.3"
LOWKEY = "lowkey"

POSTS = (8, 8)


def scenario(lab: Lab) -> None:
    lab.at("2020-07")
    lab.note("Protected people post half of their albums under the first tool.")
    lab.users.protect(FAWKES_03)
    lab.users.post(8)
    lab.trainer.scrape()
    first = lab.measure()

    lab.at("2021-01")
    lab.note("A stronger tool appears, which attacks several extractors. They switch to it at once.")
    lab.users.protect(LOWKEY)
    lab.users.post(8)
    lab.trainer.scrape()
    lab.measure()

    lab.at("2021-03")
    lab.note("The trainer takes a newer extractor, which knows no tool, and re-embeds what it has kept.")
    lab.trainer.use("newest")
    then = lab.measure()
    lab.show(cohort=first[1].cohort)

    lab.note("It need not even use the new photos: those from before the switch are enough.")
    lab.trainer.rescan(until="2020-12")
    old = lab.measure().cohort(WHOLE_ARCHIVE)
    lab.cite(
        0.16,
        attack="fawkes-0.3 and 1.0, half and half",
        extractor="CLIP",
        cohort=WHOLE_ARCHIVE,
        source="third-party reproduction (mashalbhatti/AI_and_Cybersecurity_Project_FaceCure), one user",
    )

    lab.at("2022-03")
    lab.trainer.use("newest")
    end = lab.measure()
    cohorts = " and ".join(f"under {m.attack} alone on {briefly(m)}" for m in end if m.cohort != WHOLE_ARCHIVE)
    lab.note(
        f"{fates(lab.measurements)} In 2020 the trainer failed on {briefly(first.whole)}; after one newer extractor "
        f"on {briefly(then.whole)}, with the photos from before the switch alone on {briefly(old)}. Today it fails "
        f"{cohorts}, with both on {briefly(end.whole)}. What was posted before the switch stays as it was."
    )
