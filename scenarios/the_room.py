"""The room decides: two votes and a guess, on what people post under, and what a trainer answers.

Those who follow vote (``facetui run the_room --publish HOST:PORT --votes``): under which tool people post, and what the
trainer does about it. Before it is measured they guess how much is left. Without an audience the first option is taken
at once, and the journal says that nobody was asked; ``--answers 2,1,40`` plays any other way through it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facetui.engine.records.measurements import briefly, fates
from facetui.engine.records.rates import percent

if TYPE_CHECKING:
    from facetui.engine.lab.lab import Lab

TOOLS = {"Fawkes 0.3, the first tool": "fawkes-0.3", "LowKey, made against several models": "lowkey"}
LEARN, WAIT = "learn to see through the tool", "wait for a newer model"

POSTS = (8,)


def scenario(lab: Lab, seconds: int = 30) -> None:
    lab.at("2021-02")
    lab.note("People want to post eight photos each, and not to be found by them. Two tools are there to be had.")
    tool = TOOLS[lab.ask("What should they post under?", list(TOOLS), seconds)]
    lab.users.protect(tool)
    lab.users.post(8)
    lab.trainer.scrape()
    first = lab.measure().whole
    lab.show()
    lab.note(f"The trainer uses a model that the tool was made against, and fails on {briefly(first)}.")

    lab.at("2022-03")
    lab.note("A year later. The tool is public, and the photos are still there. Now the trainer moves.")
    answer = lab.ask("What should the trainer answer?", [LEARN, WAIT], seconds)
    guessed = lab.guess("Of 100 new, clean photos of them, on how many will the trainer fail now?", seconds)
    if answer == LEARN:
        lab.trainer.adapt()
    else:
        lab.trainer.use("newest")
    left = lab.measure().whole
    lab.show()
    room = f"The room guessed {percent(guessed)}; measured" if guessed is not None else "Nobody guessed; measured"
    lab.note(f"{room} was {briefly(left)}, after {briefly(first)} before. {fates(lab.measurements)}")
