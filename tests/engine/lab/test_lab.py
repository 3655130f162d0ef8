"""The game's rules, on small networks: what holds for every story."""

from __future__ import annotations

import msgspec
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facetui.engine import attacks
from facetui.engine.core.cache import Cache
from facetui.engine.lab import users
from facetui.engine.lab.trainer import training_photos
from facetui.engine.lab.world import perturb
from facetui.engine.lab.world.strength import STRENGTHS, tool_of
from facetui.engine.records.errors import Cancelled, UnknownName, UsageError
from facetui.engine.records.events import (
    WHOLE_ARCHIVE,
    DefenceApplied,
    LawPassed,
    PhotosPosted,
    Progress,
    ProtectionMeasured,
    encode,
)
from facetui.engine.records.rates import METHOD

MOVES = ["protect", "stop", "post", "friends", "scrape", "newest", "adapt", "rescan"]


def play(lab, moves) -> None:
    lab.at("2020-07")
    lab.users.protect("pgd", steps=2)
    lab.users.post(2)
    lab.trainer.scrape()
    for month, move in enumerate(moves, start=8):
        lab.at(f"{2020 + month // 13}-{(month - 1) % 12 + 1:02d}")
        match move:
            case "protect":
                lab.users.protect("pgd", steps=3, targeted=False, ensemble=True)
            case "stop":
                lab.users.protect(None)
            case "post" if lab.users.left():
                lab.users.post(1)
            case "friends" if lab.users.left():
                lab.friends.post(1)
            case "scrape":
                lab.trainer.scrape()
            case "newest":
                lab.trainer.use("newest")
            case "adapt":
                lab.trainer.adapt(steps=6)
            case "rescan":
                lab.trainer.rescan(until="2020-08")
    lab.trainer.scrape()
    lab.measure()


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(st.sampled_from(MOVES), max_size=4), seed=st.integers(0, 2))
def test_a_posted_photo_never_changes(moves, seed, make_lab, tmp_path):
    lab = make_lab(seed=seed, cache=Cache(tmp_path))
    play(lab, moves)
    assert all(post.is_intact() for post in lab.web)
    with pytest.raises(ValueError, match="read-only"):
        lab.web[0].pixels[0] = 0
    lab.web[0].photos.zero_()
    assert lab.web[0].is_intact()


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(st.sampled_from(["newest", "adapt", "rescan"]), min_size=1, max_size=3), seed=st.integers(0, 2))
def test_the_picked_model_is_the_one_that_a_rehearsal_picks(moves, seed, make_lab, tmp_path):
    lab = make_lab(seed=seed, cache=Cache(tmp_path))
    play(lab, ["protect", "post"])
    for month, move in enumerate(moves, start=1):
        lab.at(f"2022-{month:02d}")
        lab.trainer.use("newest") if move == "newest" else None
        lab.trainer.adapt(steps=6) if move == "adapt" else None
        lab.trainer.rescan(until="2020-07") if move == "rescan" else None
        measured = lab.measure()
        picked = measured.whole.best_generation
        assert lab.trainer.choose() == picked, "it never looks at the probes"
        chosen = {m.cohort: m.protection_rate for m in lab.measure()}
        assert all(m.best_protection_rate in (None, chosen.get(m.cohort)) for m in measured)


def told(events) -> list[bytes]:
    """A journal without what a clock decides."""
    steady = [e for e in events if not isinstance(e, Progress)]
    return [encode(msgspec.structs.replace(e, wall=0, seq=i)) for i, e in enumerate(steady)]


def test_same_seed_same_journal_with_and_without_cache(make_lab, tmp_path):
    journals = []
    for cache in (Cache(tmp_path), Cache(tmp_path), Cache(None)):
        events = []
        play(make_lab(emit=events.append, cache=cache), ["adapt", "newest", "post"])
        journals.append(told(events))
    assert journals[0] == journals[1] == journals[2]
    other = []
    play(make_lab(emit=other.append, seed=4), ["adapt", "newest", "post"])
    assert told(other) != journals[0]


def test_nobody_evaluated_is_trained_on_and_nobody_in_the_gallery_is_aimed_at(make_lab, monkeypatch):
    events = []
    lab = make_lab(emit=events.append)
    seen = []

    def noted(world, attack, budget, photos, people, *, actor, **rest):
        seen.append((people, actor))
        return perturb.perturb(world, attack, budget, photos, people, actor=actor, **rest)

    for caller in (users, training_photos):
        monkeypatch.setattr(caller, "perturb", noted)
    play(lab, ["adapt"])
    run_on = {int(p) for people, actor in seen if actor == "trainer" for p in people}
    trained = run_on - set(lab.world.kept)  # with those it only rehearses
    assert not run_on & set(lab.protected)
    assert trained and not trained & set(lab.protected)
    assert (lab.world.aims.people < 0).all()
    applied = next(e for e in events if isinstance(e, DefenceApplied))
    assert applied.n_people == len(trained) and applied.n_probes > 0


def test_several_tools_share_out_each_users_photos(make_lab):
    events = []
    lab = make_lab(emit=events.append)
    lab.at("2021-04")
    lab.users.protect(["pgd", "filters"], share=0.75)
    lab.users.post(4)
    posts = {post.attack: post for post in lab.web if post.cohort}
    assert set(posts) == {"pgd", "filters", None}
    for attack, n in (("pgd", 2), ("filters", 1), (None, 1)):
        for person in lab.protected:
            assert int((posts[attack].people == person).sum()) == n
    taken = [(int(p), int(i)) for post in posts.values() for p, i in zip(post.who, post.source, strict=True)]
    assert len(taken) == len(set(taken)) == 4 * len(lab.protected)
    assert sum(e.n_others for e in events if isinstance(e, PhotosPosted)) == 4 * len(lab.others)
    lab.users.protect(["pgd", "filters"])
    lab.users.post(1)  # one photo: one tool
    assert [post.attack for post in lab.web][-1] == "pgd"
    for wrong in ([], ["pgd", "pgd"]):
        with pytest.raises(UsageError, match="one attack or several different ones"):
            lab.users.protect(wrong)


def test_probes_are_never_posted(make_lab):
    lab = make_lab()
    for probes, pool in lab.world.split:
        assert probes and pool and not set(probes) & set(pool)
    lab.at("2020-07")
    lab.users.post(lab.users.left())
    for post in lab.web:
        for person, index in zip(post.who.tolist(), post.source.tolist(), strict=True):
            assert index in lab.world.split[person][1]
    with pytest.raises(UsageError, match="post fewer"):
        lab.users.post(1)


def test_cohorts_and_shares(make_lab):
    events = []
    lab = make_lab(emit=events.append)
    lab.at("2020-07")
    lab.users.protect("pgd", steps=2, share=0.5)
    lab.users.post(4)
    posted = [e for e in events if isinstance(e, PhotosPosted)]
    assert [(e.cohort, e.n_photos) for e in posted] == [("2020-07 pgd", 4), ("2020-07 clean", 4)]
    assert sum(e.n_others for e in posted) == 4 * len(lab.others)
    assert 0 < posted[0].linf <= 8 / 255 + 1e-4
    lab.trainer.scrape()
    found = lab.measure()
    assert [m.cohort for m in found] == [WHOLE_ARCHIVE, "2020-07 pgd", "2020-07 clean"]
    assert found.cohort("pgd").n_probes == found.whole.n_probes == len(lab.world.probes(lab.protected)[0])


def test_the_lab_says_what_is_wrong(make_lab):
    lab = make_lab()
    for call, message in [
        (lambda: lab.at("July"), "expected a date"),
        (lambda: lab.measure(), "archive is empty"),
        (lambda: lab.trainer.adapt(), "no attack"),
        (lambda: lab.trainer.rescan(), "archive is empty"),
        (lambda: lab.users.protect("pgd", share=2), "share"),
        (lambda: lab.users.protect("pgd", stepps=2), "settings"),
        (lambda: lab.users.protect("pgd", budget="much"), "budget"),
        (lambda: lab.trainer.classify_by("tarot"), "nearest"),
        (lambda: lab.cite(0.5, attack="a", extractor="b", source=""), "source"),
    ]:
        with pytest.raises(UsageError, match=message):
            call()
    lab.at("2020-07")
    with pytest.raises(UsageError, match="cannot go back"):
        lab.at("2020-06")
    with pytest.raises(UnknownName, match="pgd"):
        lab.users.protect("pdg")
    with pytest.raises(UnknownName, match="did you mean"):
        make_lab(users=["p0l"])


def test_a_cancelled_run_stops_between_two_steps_and_keeps_what_it_has(make_lab, tmp_path):
    calls = []
    lab = make_lab(cache=Cache(tmp_path), cancelled=lambda: len(calls) > 3 or calls.append(1))
    lab.at("2020-07")
    lab.users.protect("pgd", steps=50)
    with pytest.raises(Cancelled):
        lab.users.post(4)
    assert len(lab.web) <= 1


def test_cited_figures_are_marked(make_lab):
    events = []
    make_lab(emit=events.append).cite(0.97, attack="fawkes-1.0", extractor="WebFace", source="README")
    (cited,) = [e for e in events if isinstance(e, ProtectionMeasured)]
    assert cited.basis == "cited" and cited.source == "README" and cited.interval is None


def test_a_torch_generator_depends_on_what_it_is_for(make_lab):
    lab = make_lab()
    first, again, other = (torch.rand(3, generator=lab.world.generator(*k)) for k in (("a", 1), ("a", 1), ("a", 2)))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_a_law_makes_the_trainer_forget(make_lab):
    events = []
    lab = make_lab(emit=events.append)
    lab.at("2019-06")
    lab.users.post(1)
    lab.at("2020-07")
    lab.users.protect("pgd", steps=2)
    lab.users.post(1)
    lab.trainer.scrape()
    free = lab.measure()
    lab.law.retention(12)
    short = lab.measure()
    assert [m.cohort for m in free] == ["whole archive", "2019-06 clean", "2020-07 pgd"]
    assert [m.cohort for m in short] == ["whole archive", "2020-07 pgd"]
    assert short.whole.generation == "tiny-x + 12 months' retention"
    assert short.whole.protection_rate == free[2].protection_rate == short[1].protection_rate
    lab.law.retention(0)
    lab.at("2021-07")
    with pytest.raises(UsageError, match="longer retention"):
        lab.measure()
    lab.law.retention(None)
    lab.law.moratorium("2021-06", "2021-12")
    (banned,) = lab.measure()
    assert banned.protection_rate == 1 and banned.unprotected_error == 1
    with pytest.raises(UsageError, match="moratorium"):
        lab.search()
    lab.at("2022-01")
    assert lab.measure().whole.law == ""
    assert [e.law for e in events if isinstance(e, LawPassed)] == ["retention"] * 3 + ["moratorium"]
    for wrong in (
        lambda: lab.law.retention(-1),
        lambda: lab.law.moratorium("2022", "2023"),
        lambda: lab.law.moratorium("2022-02", "2022-01"),
    ):
        with pytest.raises(UsageError):
            wrong()


def test_a_ban_on_scraping_leaves_what_was_scraped(make_lab):
    lab = make_lab()
    for t in ("2024-06", "2025-01"):
        lab.at(t)
        lab.users.post(2)
    lab.trainer.scrape()
    had = lab.trainer.archive
    before = lab.measure().whole
    lab.at("2025-03")
    lab.law.no_scraping("2025-02-02")
    lab.users.post(2)
    lab.trainer.scrape()
    assert lab.trainer.archive == had and lab.measure().whole.missed == before.missed
    lab.law.no_scraping(None)
    lab.trainer.scrape()
    assert lab.trainer.archive == tuple(lab.web), "it was still there"
    lab.trainer.scrape()
    assert len(lab.trainer.archive) == len(lab.web)
    with pytest.raises(UsageError, match="date"):
        lab.law.no_scraping("soon")


def test_a_linear_classifier_is_a_pipeline_of_its_own(make_lab):
    lab = make_lab()
    lab.at("2020-07")
    lab.users.post(3)
    lab.trainer.scrape()
    nearest = lab.measure().whole
    lab.trainer.classify_by("linear")
    linear = lab.measure().whole
    assert (nearest.classifier, linear.classifier) == ("nearest", "linear")
    assert linear.generation == "tiny-x, linear"
    with pytest.raises(UsageError, match="nearest, linear, end-to-end"):
        lab.trainer.classify_by("forest")


def test_comparison_needs_something_posted(make_lab):
    lab = make_lab()
    with pytest.raises(UsageError, match="posted under an attack"):
        lab.compare()
    lab.at("2020-07")
    lab.users.protect("pgd", steps=6, targeted=False, budget="linf 24/255")
    lab.users.post(2)
    seen = lab.compare()
    assert seen.n_pairs == 2 * sum(len(lab.world.split[p][0]) for p in lab.protected)
    assert seen.similarity_posted < seen.similarity_clean and 0 <= seen.match_posted <= seen.match_clean <= 1


def test_nobody_among_everybody_else_was_trained_on_and_targets_are_not_shared(make_lab):
    lab = make_lab()
    world = lab.world
    assert not set(world.trainable) & set(world.kept) and set(world.trainable) | set(world.kept) == set(world.others)
    lab.at("2020-07")
    lab.users.protect("pgd", steps=2)
    lab.users.post(2)
    lab.trainer.scrape()
    lab.trainer.adapt(steps=4)
    whole = lab.measure().whole
    assert whole.n_unprotected == sum(len(world.split[person][0]) for person in world.kept)
    assert whole.people == [len(world.split[person][0]) for person in world.protected]
    assert sum(whole.missed) == round(whole.protection_rate * whole.n_probes)
    ours, theirs = ({photo.numpy().tobytes() for photo in bank.photos} for bank in (world.aims, world.trainers_aims))
    assert ours and theirs and not ours & theirs, "a trainer does not know at whom the users' copies aim"


@pytest.mark.parametrize("attack", ["fawkes-0.3", "fawkes-1.0", "lowkey", "foggysight"])
def test_a_tool_is_run_as_released_unless_the_run_is_a_workshops(attack):
    release, workshop = (tool_of(strength, attack) for strength in STRENGTHS)
    assert release.attack.steps == attacks.make(attack).steps and release.budget == release.attack.default_budget
    assert workshop.attack.steps < release.attack.steps
    assert workshop.weakened.startswith(f"weakened, {workshop.attack.steps} of {workshop.attack.release_steps:,} steps")
    if attack != "foggysight":  # its release takes 2,000 steps, of which ours makes fewer, longer ones
        assert release.weakened == ""
    asked = tool_of("workshop", attack, steps=7)
    assert asked.attack.steps == 7 and asked.budget == asked.attack.default_budget, "what is asked for is done"


def test_weakened_tools_stand_in_the_names_of_cohorts_and_in_every_figure(make_lab):
    events: list = []
    lab = make_lab(strength="workshop", emit=events.append)
    lab.at("2021-01")
    lab.users.protect("lowkey", steps=2)
    lab.users.post(2)
    lab.trainer.scrape()
    measured = lab.measure()
    (posted,) = [e for e in events if isinstance(e, PhotosPosted)]
    assert posted.cohort == "2021-01 lowkey weakened" == measured.cohort("lowkey").cohort
    assert {posted.weakened, *(m.weakened for m in measured)} == {"weakened, 2 of 50 steps"}
    with pytest.raises(UsageError, match="release or workshop"):
        make_lab(strength="strong")


def test_what_a_law_decides_has_no_interval(make_lab):
    lab = make_lab()
    lab.at("2020-07")
    lab.users.post(2)
    lab.trainer.scrape()
    free = lab.measure().whole
    lab.law.retention(6)
    kept = lab.measure().whole
    lab.law.moratorium("2020-07", "2020-08")
    banned = lab.measure().whole
    assert free.interval is not None and free.method == METHOD
    assert kept.interval is None and banned.interval is None and kept.method == banned.method == "by law"
    assert banned.protection_rate == 1
