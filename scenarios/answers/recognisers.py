"""One archive, four recognisers: what fools a search need not fool a classifier that is trained, nor the other way.

The paper asks three recognisers: the nearest neighbour, a linear classifier on the same embeddings, and a network whose
layers are all trained on the scraped photos, end to end. A tool that moves a few embeddings far away can fool the
nearest neighbour; a classifier that is trained sees all photos of a person together, the tool's copies among them, and
learns them as one more way in which that person looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facetui.engine.records.measurements import briefly, fates
from facetui.engine.records.rates import difference_interval, percent

if TYPE_CHECKING:
    from facetui.engine.lab.lab import Lab

POSTS = (8,)


def scenario(lab: Lab, attack: str = "fawkes-1.0") -> None:
    lab.at("2021-04")
    lab.note(f"Protected people post under {attack}. The trainer's extractor is not the one it attacks.")
    lab.users.protect(attack)
    lab.users.post(8)
    lab.trainer.use("newest")
    lab.trainer.scrape()
    first = lab.measure().whole

    lab.note("The same photos and embeddings, compared in other ways: by distance, and by a linear classifier.")
    lab.trainer.classify_by("nearest", metric="euclidean")
    lab.measure()
    lab.trainer.classify_by("linear")
    linear = lab.measure().whole

    lab.note("And a network whose layers are all trained on what was scraped. Here everybody protects at once.")
    lab.trainer.classify_by("end-to-end")
    trained = lab.measure().whole

    lab.trainer.classify_by("nearest")
    low, high = difference_interval(first.missed, linear.missed, first.people)
    change = "better" if low > 0 else "worse" if high < 0 else "neither better nor worse, as far as can be told"
    lab.note(
        f"The nearest neighbour fails on {briefly(first)}, a linear classifier on {briefly(linear)}: {change} "
        f"({100 * low:.0f} to {100 * high:.0f} points by person); a network trained end to end on "
        f"{briefly(trained)}. Of everybody else's photos they fail on {percent(first.unprotected_error)}, "
        f"{percent(linear.unprotected_error)} and {percent(trained.unprotected_error)}. {fates(lab.measurements)}"
    )
