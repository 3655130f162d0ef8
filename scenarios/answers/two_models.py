"""Accuracy or robustness? A trainer who has two models need not choose.

A robust extractor sees through a tool, and may be a little worse at everything else. So the trainer keeps an accurate
one as well, and asks the robust one only where the accurate one is not sure: the nearest photo is less similar than a
threshold. The threshold goes from never asking it to always asking it; what is lost on everybody else, and what is won
on protected people, is the curve. Radiya-Dixit et al. (ICLR 2022) found that nothing need be lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facetui.engine.records.measurements import briefly, fates
from facetui.engine.records.rates import difference_interval, percent

if TYPE_CHECKING:
    from facetui.engine.lab.lab import Lab

POSTS = (8,)

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 1.0)
"""Cosine similarities below which the robust extractor is asked; at 1 it always is."""


def scenario(lab: Lab, attack: str = "lowkey") -> None:
    first, *_ = lab.cast.generations
    lab.at("2021-01-21")
    lab.note(
        f"Protected people post under {attack}; the trainer learns to see through it with the extractor of the day."
    )
    lab.users.protect(attack)
    lab.users.post(8)
    lab.trainer.scrape()
    lab.trainer.use(first.extractor)
    lab.trainer.adapt()

    lab.at("2021-06")
    lab.note("A newer extractor is more accurate, and has never heard of the tool.")
    lab.trainer.use("newest")
    newest = lab.trainer.pipelines[-1].extractor
    accurate = lab.measure().whole

    lab.note(
        "It keeps both, and asks the robust one where the newer one is not sure: seldom at first, and then always."
    )
    curve = []
    for threshold in THRESHOLDS:
        lab.trainer.use(newest)
        lab.trainer.combine(threshold=threshold)
        curve.append(lab.measure().whole)
    lab.note("Or it sets the threshold by people whom it may use; or both answer, and a human breaks the tie.")
    lab.trainer.use(newest)
    lab.trainer.combine()
    own = lab.measure().whole
    lab.trainer.use(newest)
    lab.trainer.combine(rule="top-2")
    both = lab.measure().whole
    lab.show()

    robust = curve[-1]
    low, high = difference_interval(accurate.missed, own.missed, own.people)
    won = "wins back" if low > 0 else "changes, as far as can be told, nothing:"
    lab.note(
        f"The newer extractor fails on {briefly(accurate)} of the protected people's clean photos and on "
        f"{percent(accurate.unprotected_error)} of everybody else's, the robust one on {briefly(robust)} and "
        f"{percent(robust.unprotected_error)}. Both, with a threshold of its own choice, {won} {100 * low:.0f} to "
        f"{100 * high:.0f} points by person: {briefly(own)} and {percent(own.unprotected_error)}; as two answers "
        f"{briefly(both)} and {percent(both.unprotected_error)}. {fates(lab.measurements)}"
    )
