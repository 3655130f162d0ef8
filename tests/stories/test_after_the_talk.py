"""The strongest tools against the newest answers, at release strength on the embedded cast: order and wide bands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from facetui.engine.core.cache import Cache
from facetui.engine.lab.lab import Lab
from facetui.engine.people import casts
from facetui.engine.people import identities as peoples
from facetui.engine.people.persons import EMBEDDED

pytestmark = pytest.mark.slow

EARLIER = ("lowkey", "opom")
TOOLS = {"lowkey": {}, "opom": {}, "strongest": {}, "strongest, who anticipates": {"anticipate": True}}
STEPS = 320
"""Of training: less than at release strength, and enough for the order."""


@pytest.fixture(scope="module")
def left(common) -> dict[tuple[str, str], float]:
    """What is left of each tool, by it and the trainer's answer, four people who protect their photos."""
    everybody, tool = peoples.tool_faces(peoples.load(EMBEDDED))
    cast = replace(casts.load("embedded"), surrogates=("compact-a",), training_steps=STEPS)
    cache = Cache(common / "cache")
    found = {}
    lab = Lab(everybody, cast, tool=tool, users=["4"], cache=cache)
    for month, (name, settings) in enumerate(TOOLS.items(), 1):
        lab.at(f"2026-{month:02d}")
        lab.users.protect(name.partition(",")[0], **settings)
        lab.users.post(4)
    cohorts = dict(zip(TOOLS, [post.cohort for post in lab.web if post.cohort], strict=True))
    lab.trainer.use("compact-c")
    lab.trainer.scrape()

    def ask(answer: str) -> None:
        measured = lab.measure()
        for name, cohort in cohorts.items():
            found[name, answer] = measured.cohort(cohort).protection_rate

    ask("as it is")
    lab.trainer.subtract()
    ask("subtracted")
    lab.trainer.use("compact-c")
    lab.trainer.adapt(EARLIER)
    ask("adapted")
    return found


def test_a_mask_is_subtracted_and_nothing_else_is(left):
    assert left["opom", "as it is"] >= left["opom", "subtracted"] + 0.2 and left["opom", "subtracted"] <= 0.25
    for name in ("lowkey", "strongest"):
        assert abs(left[name, "as it is"] - left[name, "subtracted"]) <= 0.1, name


def test_the_strongest_transfers_like_lowkey(left):
    assert left["strongest", "as it is"] >= max(0.5, left["lowkey", "as it is"] - 0.15)


def test_who_anticipates_survives_a_trainer_who_adapted_to_earlier_tools(left):
    ahead = left["strongest, who anticipates", "adapted"]
    assert left["strongest, who anticipates", "as it is"] >= 0.5
    assert ahead >= max(left["strongest", "adapted"], left["lowkey", "adapted"]) + 0.15
    assert left["lowkey", "adapted"] <= 0.35 and left["opom", "adapted"] <= 0.35
