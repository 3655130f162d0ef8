"""A gallery that learns: what the trainer recognises, it enrols.

Here protected people post from accounts that do not say who they are. The trainer has one clean photo of each, from a
friend; what it recognises by that, it enrols under the name it found, and searches what is left again (DynTracker,
arXiv 2501.06533). One mask a person makes photos alike; photos that match nothing are the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facetui.engine.records.measurements import briefly
from facetui.engine.records.rates import percent

if TYPE_CHECKING:
    from facetui.engine.lab.lab import Lab

TOOLS = {
    "2020-09": None,
    "2021-01-21": "lowkey",
    "2022-05": "opom",
    "2024-10": "personal-mask",
    "2026-11": "unlinkable",
}

POSTS = (1, 3, 3, 3, 3, 3)


def scenario(lab: Lab) -> None:
    lab.at("2020-07")
    lab.note("A friend posts one clean photo of each protected person; everybody else posts photos as always.")
    lab.friends.post(1)
    lab.trainer.use("newest")
    lab.trainer.scrape()
    said = []
    for date, tool in TOOLS.items():
        lab.at(date)
        lab.note(f"From accounts without their names protected people post {f'under {tool}' if tool else 'as it is'}.")
        lab.users.protect(tool)
        lab.users.post(3, unnamed=True)
        lab.trainer.use("newest")
        lab.trainer.scrape()
        found = lab.trainer.enrol()
        n, enrolled, right = next(of for name, of in found.by_cohort.items() if name.startswith(date))
        said.append(f"{tool or 'clean'} {percent(enrolled / n)} ({percent(right / n)} rightly)")
    after = lab.measure().whole
    lab.note("Do the photos of one person match each other? Fifty per cent is chance.")
    linked = ", ".join(f"{one.attack or 'clean'} {percent(one.auc)}" for one in lab.trainer.link())
    lab.note("And the same trainer, had it enrolled nothing:")
    lab.trainer.use("newest")
    without = lab.measure().whole
    lab.note(
        f"Of the photos without a name the trainer enrolled, as soon as they were posted: {', '.join(said)}. Two "
        f"photos of one person are more alike than two of two people: {linked}. By the friend's photo alone the "
        f"trainer fails on {briefly(without)} of new clean photos, with all it enrolled on {briefly(after)}."
    )
