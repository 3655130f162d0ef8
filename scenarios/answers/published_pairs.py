"""Before and after: whoever shows what a tool does teaches the trainer to see through it.

A closed service protects photos; nobody else can run it, so a trainer cannot make copies to learn from. But people who
use it, or sell it, publish a photo beside its protected copy to show how little can be seen. A passive trainer scrapes
such pairs as it scrapes everything else, and learns from them. How many does it take?
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facetui.engine.records.measurements import briefly, fates
from facetui.engine.records.rates import difference_interval, percent

if TYPE_CHECKING:
    from facetui.engine.lab.lab import Lab

POSTS = (8,)

SHOWN = (5, 10, 20, 40)
"""People who show a pair by then, those before included."""


def scenario(lab: Lab, attack: str = "lowkey") -> None:
    lab.at("2021-04")
    lab.note(f"Protected people use {attack} as a closed service. The trainer cannot run it.")
    lab.users.protect(attack, public=False)
    lab.users.post(8)
    lab.trainer.use("newest")
    extractor = lab.trainer.pipelines[-1].extractor
    lab.trainer.scrape()
    first = lab.measure().whole

    shown = 0
    measured = []
    months = ("2021-05", "2021-06", "2021-07", "2021-08")
    for month, wanted in zip(months, SHOWN, strict=True):
        more = min(wanted - shown, lab.users.left_to_show())
        if not more:
            break
        lab.at(month)
        shown += more
        lab.note(
            f"{shown} other people have shown a photo beside its protected copy by now. The trainer learns from these."
        )
        lab.users.publish_pairs(attack, people=more)
        lab.trainer.scrape()
        lab.trainer.use(extractor)
        lab.trainer.adapt(pairs="published")
        measured.append((shown, lab.measure().whole))
    lab.show()

    _, last = measured[-1]
    low, high = difference_interval(first.missed, last.missed, first.people)
    found = "They teach it to see through the tool" if low > 0 else "What they taught it cannot be told from chance"
    counts, points = (
        ", ".join(column) for column in zip(*((str(n), briefly(event)) for n, event in measured), strict=True)
    )
    lab.note(
        f"Before anybody showed a pair the trainer failed on {briefly(first)} of the protected people's clean photos; "
        f"once {counts} had, on {points}. "
        f"{found} ({100 * low:.0f} to {100 * high:.0f} points fewer by person). Everybody else's: "
        f"{percent(last.unprotected_error)}, {percent(first.unprotected_error)} before. {fates(lab.measurements)}"
    )
