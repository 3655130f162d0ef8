"""What the literature leads one to expect (order and wide bands, never decimals), on both casts.

Numbered as its summary has them: clean, naive, transfer, adaptive, oblivious, retroactive, detector, decoys, reporting.
Decoys (8) have a file of their own, ``test_decoys``. Networks, tools and settings are those of ``arms_race``.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import mean

import pytest

from facetui.engine.core.cache import Cache
from facetui.engine.lab.lab import Lab
from facetui.engine.people import casts
from facetui.engine.people import identities as peoples
from facetui.engine.people.persons import EMBEDDED
from facetui.engine.records.events import DefenceApplied, DetectionMeasured
from facetui.engine.records.measurements import Measurements

from ..support.builders import SHARED

TOOLS = ("fawkes-0.3", "lowkey", "fawkes-1.0")
REAL = pytest.param(
    "real",
    marks=[
        pytest.mark.real,
        pytest.mark.skipif(
            not (SHARED / "models").is_dir(), reason="real faces and networks are not beside the checkout"
        ),
    ],
)

pytestmark = pytest.mark.slow


def make(kind: str, cache: Cache, emit=lambda event: None, **more) -> Lab:
    """A lab on the embedded cast at release strength, or, weakened, on seventeen real people and two real networks."""
    if kind == "embedded":
        everybody, tool = peoples.tool_faces(peoples.load(EMBEDDED))
        return Lab(everybody, casts.load("embedded"), tool=tool, cache=cache, emit=emit, **more)
    everybody, tool = peoples.tool_faces(peoples.load(str(SHARED / "faces" / "glint"), cache=cache))
    users = tuple(f"g{i:02d}" for i in range(1, 17, 2))
    return Lab(
        everybody, casts.load("real-mobilefacenet"), tool=tool, users=users, cache=cache, emit=emit, strength="workshop"
    )


@dataclass
class Played:
    """One archive under all tools, and what each of the trainer's models makes of it."""

    lab: Lab
    clean: list[Measurements]
    by: dict[str, Measurements]
    events: list

    def rate(self, tool: str, generation: str) -> float:
        return self.by[generation].cohort(tool).protection_rate


def post_under_all(lab: Lab) -> None:
    """Let users post four photos under each tool."""
    for date, tool in zip(("2020-07", "2021-01-21", "2021-04"), TOOLS, strict=True):
        lab.at(date)
        lab.users.protect(tool)
        lab.users.post(4)


@pytest.fixture(scope="module", params=["embedded", REAL])
def played(request, common) -> Played:
    cache = Cache(common / "cache")  # never the user's: code under test may be wrong
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "real":
            patch.setenv("FACETUI_MODELS", str(SHARED / "models"))
        before = make(request.param, cache)
        before.at("2019-01")
        before.users.post(8)
        before.trainer.scrape()
        clean = []
        for generation in before.cast.generations:
            before.trainer.use(generation.extractor)
            clean.append(before.measure())
        events: list = []
        lab = make(request.param, cache, events.append)
        by = {}
        post_under_all(lab)
        first = lab.cast.generations[0].extractor
        lab.trainer.use(first)
        lab.trainer.scrape()
        by[first] = lab.measure()
        lab.trainer.detect(action="flag")
        lab.trainer.adapt()
        by["adapted"] = lab.measure()
        if request.param == "embedded":
            lab.trainer.use(first)
            lab.trainer.adapt(objective="shared-label")
            by["adapted by labels"] = lab.measure()
        for generation in lab.cast.generations[1:]:
            lab.trainer.use(generation.extractor)
            by[generation.extractor] = lab.measure()
        return Played(lab, clean, by, events)


def test_1_clean_users_are_named_by_every_extractor(played):
    for measured in played.clean:
        assert measured.whole.protection_rate <= 0.1 and measured.whole.unprotected_error <= 0.05


def test_2_naive_poisoning_works_against_the_attacked_extractor(played):
    naive = played.by[played.lab.cast.generations[0].extractor]
    for tool in TOOLS:
        assert naive.cohort(tool).protection_rate >= max(0.5, played.clean[0].whole.protection_rate + 0.4)


def test_3_and_5_one_extractor_away_fawkes_03_is_the_weakest_and_lowkey_transfers(played):
    unseen = [g.extractor for g in played.lab.cast.generations[1:]]
    rates = {tool: mean(played.rate(tool, name) for name in unseen) for tool in TOOLS}
    assert rates["fawkes-0.3"] <= rates["fawkes-1.0"] + 0.05
    assert rates["fawkes-0.3"] <= 0.35, "near clean error on an extractor outside its ensemble's family"
    if played.lab.cast.name == "embedded":  # on real networks LowKey needs more than the ten of its fifty steps
        assert rates["fawkes-0.3"] <= rates["lowkey"] + 0.05
        assert rates["lowkey"] >= rates["fawkes-1.0"] - 0.1


def test_4_adapted_to_the_tools_the_trainer_names_nearly_everybody(played):
    embedded = played.lab.cast.name == "embedded"
    for adapted in [name for name in played.by if name.startswith("adapted")]:
        assert played.by[adapted].whole.protection_rate <= 0.2, adapted
        for tool in TOOLS:  # on real networks LowKey alone is at the edge: four photos a person
            assert played.rate(tool, adapted) <= (0.2 if embedded else 0.25), (adapted, tool)
    applied = [e for e in played.events if isinstance(e, DefenceApplied) and e.defence == "adapt"]
    assert len(applied) == (2 if embedded else 1)
    for event in applied:
        assert event.accuracy_after >= event.accuracy_before - max(0.02, 1.01 / event.n_probes), "more than one probe"


def test_4_whatever_the_recogniser_the_tools_work_until_the_trainer_adapts(common):
    """The paper has 0.88 to 0.97 for a network trained end to end, and 0.03 once it began with a robust extractor."""
    lab = make("embedded", Cache(common / "cache"), asked="together")  # one classifier for everybody, not one a person
    post_under_all(lab)
    lab.trainer.use(lab.cast.generations[0].extractor)
    lab.trainer.scrape()
    for adapted in (False, True):
        if adapted:
            lab.trainer.classify_by("nearest")
            lab.trainer.adapt()
        for classifier in ("linear", "end-to-end"):
            lab.trainer.classify_by(classifier)
            measured = lab.measure()
            assert measured.whole.unprotected_error <= 0.05, (classifier, adapted)
            for tool in TOOLS:
                rate = measured.cohort(tool).protection_rate
                assert (rate <= 0.25) if adapted else (rate >= 0.5), (classifier, adapted, tool)


def test_6_a_mixed_album_falls_to_the_level_of_its_weaker_half(played):
    for generation in played.lab.cast.generations[1:]:
        measured = played.by[generation.extractor]
        weakest = min(measured.cohort(tool).protection_rate for tool in TOOLS)
        assert measured.whole.protection_rate <= weakest + 0.15


def test_7_a_detector_tells_photos_of_people_it_never_saw(played):
    detected = [e for e in played.events if isinstance(e, DetectionMeasured)]
    assert [e.attack for e in detected] == list(TOOLS)
    for event in detected:
        assert (event.recall + 1 - event.false_positive_rate) / 2 >= 0.95, event.attack
        assert event.base_rate_precision_low < (event.precision or 0), "a crawl is not balanced"


def test_9_every_number_has_n_and_an_interval_and_every_network_its_input(played):
    for measured in [*played.clean, *played.by.values()]:
        for event in measured:
            low, high = event.interval
            assert event.n_probes >= 60 and 0 <= low <= event.protection_rate <= high <= 1
    for generation in played.lab.cast.generations:
        assert "RGB" in played.lab.world.networks.get(generation.extractor).preprocessing
