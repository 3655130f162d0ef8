"""The trainer's answers, on small networks and real gradients."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from facetui.engine.cache import Cache, Checkpoint
from facetui.engine.defences.adapt import OBJECTIVES, Adapt
from facetui.engine.defences.detector import Detector, spectrum
from facetui.engine.defences.hybrid import Hybrid, threshold_of
from facetui.engine.defences.purifier import CANDIDATES, KINDS, Purifier
from facetui.engine.device import batch_size
from facetui.engine.end_to_end import EndToEnd
from facetui.engine.errors import Cancelled, UnknownName, UsageError
from facetui.engine.events import WHOLE_ARCHIVE, DefenceApplied, DetectionMeasured, PhotosPosted
from facetui.engine.inference import embed, fold_batch_norm
from facetui.engine.interfaces import Bank
from facetui.engine.metrics import precision_at
from facetui.engine.pairs import may_train_on
from facetui.engine.rehearsal import COHORT, errors, rehearse

from .conftest import tiny_extractor


def noisy(photos: torch.Tensor, seed: int = 1, size: float = 8) -> torch.Tensor:
    """Photos (N, 3, 112, 112) uint8 with every pixel moved by so many grey levels, up or down."""
    coin = torch.rand(photos.shape, generator=torch.Generator().manual_seed(seed)) < 0.5
    return (photos.float() + torch.where(coin, size, -size)).clamp(0, 255).round().to(torch.uint8)


def photos_of(people, each: int) -> Bank:
    photos = torch.cat([person.photos[:each] for person in people])
    return Bank(photos, torch.arange(len(people)).repeat_interleave(each))


# --- the detector -------------------------------------------------------------------------------------------------


def test_a_detector_flags_what_people_it_never_saw_perturbed(embedded):
    known, unseen = photos_of(embedded.persons[:8], 3).photos, photos_of(embedded.persons[8:20], 3).photos
    detector = Detector().fit(known, noisy(known))
    recall, alarms = detector.flags(noisy(unseen, 2)).float().mean(), detector.flags(unseen).float().mean()
    assert (recall + 1 - alarms) / 2 >= 0.95
    assert detector.flags(noisy(unseen, 2, size=0.4)).float().mean() <= alarms + 0.2, "nothing changed, yet flagged"
    assert detector.flags(unseen[:0]).shape == (0,)


def test_a_detector_needs_both_kinds_of_photos_and_training(embedded):
    photos = embedded.persons[0].photos[:2]
    with pytest.raises(UsageError, match="one kind"):
        Detector().fit(photos, photos[:0])
    with pytest.raises(UsageError, match="not trained"):
        Detector().flags(photos)
    with pytest.raises(UsageError, match="regularisation"):
        Detector(0)
    with pytest.raises(UsageError, match="expected photos"):
        spectrum(photos[:, :, :50])


def test_a_spectrum_does_not_depend_on_the_batch_or_the_number_format(embedded):
    photos = embedded.persons[0].photos[:3]
    assert spectrum(photos).shape == (3, 768)
    assert torch.allclose(spectrum(photos)[1:2], spectrum(photos[1:2]), atol=1e-4)
    assert torch.allclose(spectrum(photos), spectrum(photos / 255), atol=1e-3)


@given(rate=st.floats(0.0001, 0.5), recall=st.floats(0.01, 1), alarms=st.floats(0.0001, 1))
def test_precision_falls_with_the_base_rate(rate, recall, alarms):
    here, at_balance = precision_at(rate, recall, alarms), precision_at(0.5, recall, alarms)
    assert 0 < here <= at_balance + 1e-12 and at_balance == pytest.approx(recall / (recall + alarms))


def test_precision_in_a_crawl():
    # The paper's rates where one photo in a thousand is perturbed: one third.
    assert precision_at(0.001, 0.998, 0.002) == pytest.approx(1 / 3, abs=0.01)
    assert precision_at(0.5, 0, 0) is None
    with pytest.raises(ValueError, match="shares"):
        precision_at(0.5, 1.2, 0)


# --- the purifier -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", [*CANDIDATES, "resize 72, jpeg 75"])
def test_a_purifier_washes_the_same_way_each_time(recipe, embedded):
    photos = embedded.persons[0].photos[:3]
    original, washed = photos.clone(), Purifier(recipe)(photos)
    assert washed.dtype == torch.uint8 and washed.shape == photos.shape and not torch.equal(washed, photos)
    assert torch.equal(photos, original)
    assert torch.equal(washed, Purifier(recipe)(photos))
    assert torch.equal(washed[1:2], Purifier(recipe)(photos[1:2])), "a photo's result depends on its batch"
    assert (washed.float() - photos.float()).abs().mean() < 16, "the face should still be there"
    assert Purifier(recipe)(photos[:0]).shape == (0, 3, 112, 112)


def test_every_kind_of_purifier_is_a_candidate():
    assert {recipe.split()[0] for recipe in CANDIDATES} == set(KINDS)


@pytest.mark.parametrize("wrong", ["", "soap", "jpeg", "jpeg 0", "jpeg 101", "blur many", "resize 300", "blur nan"])
def test_a_purifier_that_is_none(wrong):
    with pytest.raises(UsageError, match="expected"):
        Purifier(wrong)


# --- two extractors -----------------------------------------------------------------------------------------------


def test_hybrids_answer_with_one_name_or_two():
    accurate, robust, similarity = torch.tensor([1, 2, 3]), torch.tensor([4, 5, 6]), torch.tensor([0.9, 0.5, 0.1])
    assert Hybrid("threshold", 0.5).answers(accurate, similarity, robust).tolist() == [[1], [2], [6]]
    assert Hybrid("top-2").answers(accurate, similarity, robust).tolist() == [[1, 4], [2, 5], [3, 6]]
    assert threshold_of(torch.linspace(0, 1, 101)) == pytest.approx(0.05, abs=0.01)
    for wrong in (lambda: Hybrid("vote"), lambda: Hybrid("threshold", 2), lambda: threshold_of(torch.empty(0))):
        with pytest.raises(UsageError):
            wrong()


# --- training -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_training_that_was_stopped_goes_on_to_the_same_bytes(objective, embedded, tmp_path):
    clean = photos_of(embedded.persons[:4], 3)
    network, training = tiny_extractor("tiny-x"), Adapt(steps=8, batch=4, objective=objective)

    def train(checkpoint=None, stop_at=None):
        def progress(done, total):
            if done == stop_at:
                raise Cancelled("enough")

        generator = torch.Generator().manual_seed(1)
        return training.train(
            network,
            clean,
            noisy(clean.photos),
            anchors=clean,
            generator=generator,
            progress=progress,
            checkpoint=checkpoint,
        )

    at_once = train()
    checkpoint = Checkpoint(Cache(tmp_path), "training")
    with pytest.raises(Cancelled):
        train(checkpoint, stop_at=20)
    assert int(checkpoint.load()["step"]) == 5
    steps_left = []
    resumed = training.train(
        network,
        clean,
        noisy(clean.photos),
        anchors=clean,
        generator=torch.Generator().manual_seed(1),
        progress=lambda done, total: steps_left.append(done),
        checkpoint=checkpoint,
    )
    assert [done for done in steps_left if done] == [24, 28, 32], "after nought, while photos are embedded"
    assert resumed.weights_hash() == at_once.weights_hash() != network.weights_hash()
    checkpoint.clear()
    assert checkpoint.load() is None


def test_a_checkpoint_is_due_after_a_while_only(tmp_path):
    assert not Checkpoint(Cache(tmp_path), "x").due()
    assert Checkpoint(Cache(tmp_path), "x", seconds=0).due()


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_adapting_pulls_copies_together(objective, embedded):
    clean = photos_of(embedded.persons[:4], 4)
    poisoned = noisy(clean.photos, size=40)
    network = tiny_extractor("tiny-x")
    robust = Adapt(steps=40, objective=objective, learning_rate=2e-3).train(
        network, clean, poisoned, anchors=clean, generator=torch.Generator().manual_seed(0)
    )

    def agreement(extractor):
        with torch.no_grad():
            return float((extractor(clean.photos / 255) * extractor(poisoned / 255)).sum(1).mean())

    assert agreement(robust) > agreement(network) + 0.02
    with pytest.raises(UsageError, match="objective"):
        Adapt(objective="hope")


@pytest.mark.parametrize(
    ("settings", "learning"), [({}, 0.3), ({"share": 0.6}, 0.6), ({"objective": "shared-label", "share": 1}, 1)]
)
def test_only_the_layers_nearest_to_the_photo_learn(settings, learning, embedded):
    clean = photos_of(embedded.persons[:3], 2)
    network = tiny_extractor("tiny-x")
    training = Adapt(steps=2, batch=4, learning_rate=1e-2, **settings)
    robust = training.train(
        network, clean, noisy(clean.photos), anchors=clean, generator=torch.Generator().manual_seed(0)
    )
    pairs = zip(network.parameters(), robust.parameters(), strict=True)
    changed = [not torch.equal(before, after) for before, after in pairs]
    early = round(learning * len(changed) + 0.49)
    assert all(changed[:early]) and not any(changed[early:])


def test_a_network_learns_at_the_rate_it_bears():
    normalised = tiny_extractor("tiny-x")
    folded = fold_batch_norm(normalised)
    assert not any("BatchNorm" in type(layer).__name__ for layer in folded.modules())
    rates = [Adapt().suited(network).learning_rate for network in (normalised, folded)]
    assert rates[0] > rates[1] == Adapt(share=1).suited(normalised).learning_rate
    assert Adapt(learning_rate=0.5).suited(folded).learning_rate == 0.5


@pytest.mark.parametrize("share", [0, -0.1, 1.1])
def test_a_share_of_layers_is_above_0_and_at_most_1(share):
    with pytest.raises(UsageError, match="share of layers"):
        Adapt(share=share)


def test_end_to_end_learns_who_is_who(embedded):
    seen = photos_of(embedded.persons[:4], 8)
    asked = torch.cat([person.photos[8:12] for person in embedded.persons[:4]])
    truth = torch.arange(4).repeat_interleave(4)

    def learn(people=seen.people, **settings):
        classifier = EndToEnd(tiny_extractor("tiny-x"), torch.Generator().manual_seed(0), steps=30, batch=16)
        return classifier.fit(seen.photos, people, **settings).predict(asked)

    named = learn()
    assert (named == truth).float().mean() >= 0.6 and torch.equal(named, learn())
    assert torch.equal(learn(seen.people + 50), named + 50), "people keep their own numbers"
    classifier = EndToEnd(tiny_extractor("tiny-x"), torch.Generator())
    for call in (
        lambda: classifier.predict(asked),
        lambda: classifier.fit(seen.photos[:2], seen.people[:2]),
        lambda: classifier.fit(seen.photos, seen.people[:2]),
    ):
        with pytest.raises(UsageError):
            call()


def test_an_end_to_end_classifier_goes_on_after_a_stop(embedded, tmp_path):
    seen = photos_of(embedded.persons[:3], 4)
    checkpoint = Checkpoint(Cache(tmp_path), "end-to-end")

    def learn(progress=lambda done, total: None, **settings):
        classifier = EndToEnd(tiny_extractor("tiny-x"), torch.Generator().manual_seed(0), steps=6, batch=4)
        classifier.fit(seen.photos, seen.people, progress, **settings)
        return classifier._head

    def stop(done, total):
        if done == 16:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        learn(stop, checkpoint=checkpoint)
    left = []
    resumed = learn(lambda done, total: left.append(done), checkpoint=checkpoint)
    assert [done for done in left if done] == [20, 24]
    assert torch.equal(resumed, learn()), "to the same bytes"


def test_a_stop_need_not_wait_until_everything_is_embedded(embedded):
    clean, batches = photos_of(embedded.persons[:8], 10), []

    def stop_at_the_second_batch(*_):
        batches.append(1)
        if len(batches) == 2:
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        embed(tiny_extractor("tiny-x"), clean.photos, stop_at_the_second_batch)
    assert len(batches) == 2 and len(clean.photos) > 2 * batch_size(torch.device("cpu"))

    def stop_before_the_first_step(done, total):
        assert done == 0 < total
        raise Cancelled("enough")

    generator = torch.Generator().manual_seed(0)
    with pytest.raises(Cancelled):
        Adapt(steps=2, batch=4).train(
            tiny_extractor("tiny-x"),
            clean,
            noisy(clean.photos),
            anchors=clean,
            generator=generator,
            progress=stop_before_the_first_step,
        )
    with pytest.raises(Cancelled):
        EndToEnd(tiny_extractor("tiny-x"), generator).fit(clean.photos, clean.people, stop_before_the_first_step)


# --- in the lab ---------------------------------------------------------------------------------------------------


@pytest.fixture
def posted(make_lab, tmp_path):
    """A lab in which protected people have posted two photos each under an attack, and everything was scraped."""
    events: list = []
    lab = make_lab(emit=events.append, cache=Cache(tmp_path))
    lab.at("2020-07")
    lab.users.protect("pgd", steps=3, budget="linf 16/255")
    lab.users.post(2)
    lab.trainer.scrape()
    return lab, events


def test_a_detector_drops_or_flags(posted):
    lab, events = posted
    (own, other) = lab.trainer.detect(also=["filters"], action="flag", base_rate=0.01)
    assert (own.attack, other.attack, own.against) == ("pgd", "filters", ["pgd"])
    assert own.recall == 1 and own.false_positive_rate == 0 and own.base_rate_precision == 1
    assert own.base_rate_precision_low < 0.2, "few clean photos say little about a crawl"
    assert lab.trainer.pipelines[-1].steps == []
    lab.trainer.detect()
    dropped = [e for e in events if isinstance(e, DefenceApplied)][-1]
    n = sum(e.n_photos for e in events if isinstance(e, PhotosPosted))
    assert dropped.detail.startswith(f"drops {n} of {n} photos of protected people and 0 of ")
    measured = lab.measure()
    assert [m.cohort for m in measured] == [WHOLE_ARCHIVE] and measured.whole.protection_rate == 1
    assert measured.whole.generation == "tiny-x + drop flagged"
    assert len([e for e in events if isinstance(e, DetectionMeasured)]) == 3
    for wrong, message in ((dict(action="ban"), "drop or flag"), (dict(base_rate=0), "base rate")):
        with pytest.raises(UsageError, match=message):
            lab.trainer.detect(**wrong)


def test_a_purifier_is_chosen_on_other_people(posted):
    lab, _ = posted
    lab.trainer.purify("jpeg 75")
    assert lab.measure().whole.generation == "tiny-x + jpeg 75"
    lab.trainer.use("tiny-y")
    assert lab.trainer.pipelines[-1].purifier == "", "a new extractor comes bare"
    lab.trainer.purify()
    assert lab.trainer.pipelines[-1].purifier in CANDIDATES
    with pytest.raises(UsageError, match="soap"):
        lab.trainer.purify("soap")


def test_two_extractors_err_no_more_than_one_as_top_2(posted):
    lab, _ = posted
    alone = lab.measure().whole
    with pytest.raises(UsageError, match="adapt first"):
        lab.trainer.combine()
    with pytest.raises(UnknownName, match="tiny-q"):
        lab.trainer.combine("tiny-q")
    lab.trainer.combine("tiny-y", rule="top-2")
    both = lab.measure().whole
    assert both.generation == "tiny-x + tiny-y as top-2"
    assert both.protection_rate <= alone.protection_rate and both.unprotected_error <= alone.unprotected_error
    lab.trainer.use("tiny-x")
    for threshold, same_as in ((-1.0, "tiny-x"), (1.0, "tiny-y")):
        lab.trainer.combine("tiny-y", threshold=threshold)
        combined = lab.measure().whole
        lab.trainer.use(same_as)
        assert combined.protection_rate == lab.measure().whole.protection_rate
        lab.trainer.use("tiny-x")
    lab.trainer.combine("tiny-y")
    assert -1 <= lab.trainer.pipelines[-1].hybrid.threshold <= 1
    lab.trainer.classify_by("linear")
    with pytest.raises(UsageError, match="nearest"):
        lab.trainer.combine("tiny-y")


def test_the_end_to_end_recogniser_is_trained_once(posted):
    lab, _ = posted
    lab.trainer.classify_by("end-to-end")
    first = lab.measure().whole
    assert first.generation == "tiny-x, end-to-end" and 0 <= first.protection_rate <= 1
    tasks = []
    lab.progress = lambda actor, task, unit="": tasks.append(task) or (lambda done, total: None)
    assert lab.measure().whole.protection_rate == first.protection_rate
    assert not tasks, "measuring again trains nothing"


def test_the_trainer_picks_by_people_it_may_use_and_never_by_probes(posted, monkeypatch):
    lab, events = posted
    lab.trainer.use("tiny-y")
    lab.trainer.purify("blur 2")
    lab.trainer.adapt(steps=4)
    trained, held_out = may_train_on(lab)
    trial = rehearse(lab, held_out)
    assert set(trial.truth.tolist()) == set(trial.people) <= set(held_out) - set(trained) - set(lab.protected)
    assert {post.cohort for post in trial.posts} == {COHORT} and {post.attack for post in trial.posts} == {"pgd"}
    probes = {photo.numpy().tobytes() for photo in lab.probes(range(len(lab.people)))[0]}
    assert not probes & {photo.numpy().tobytes() for photo in trial.queries}
    own = {photo.numpy().tobytes() for post in trial.posts for photo in post.photos}
    assert not own & {photo.numpy().tobytes() for photo in trial.queries}

    def refuse(people):
        raise AssertionError("it looked at probes")

    monkeypatch.setattr(lab, "probes", refuse)
    had = lab.trainer.pipelines
    chosen = lab.trainer.choose()
    counts = {pipeline.generation: errors(lab, trial, pipeline)[0] for pipeline in had}
    assert counts[chosen] == min(counts.values()) and lab.trainer.pipelines[-1].generation == chosen
    applied = [e for e in events if isinstance(e, DefenceApplied)][-1]
    assert applied.defence == "best-of" and f"picks {chosen}" in applied.detail


def test_a_rehearsal_needs_an_archive_and_people(make_lab):
    lab = make_lab()
    with pytest.raises(UsageError, match="posted nothing"):
        lab.trainer.choose()
    with pytest.raises(UsageError, match="add people"):
        rehearse(lab, [])


def test_adapting_goes_on_after_a_stop(make_lab, tmp_path):
    def play(stop_after=None, cache=None):
        ticks = []
        stop = lambda: stop_after is not None and len(ticks) >= stop_after  # noqa: E731
        lab = make_lab(cache=cache, cancelled=stop)
        lab.at("2020-07")
        lab.users.protect("pgd", steps=2)
        lab.users.post(2)
        progress = lab.progress

        def counted(actor, task, unit="image-steps"):
            tick = progress(actor, task, unit)
            return lambda done, total: (ticks.append(done) if unit == "pairs" and done else None, tick(done, total))

        lab.progress = counted
        lab.trainer.adapt(steps=10)
        return lab.networks.weights("tiny-x robust"), len(ticks)

    cache = Cache(tmp_path)
    with pytest.raises(Cancelled):
        play(stop_after=4, cache=cache)
    resumed, steps = play(cache=cache)
    assert steps == 10 - 4, "what was trained before the stop is not trained again"
    assert resumed == play(cache=Cache(None))[0]
    assert play(cache=cache) == (resumed, 0)
