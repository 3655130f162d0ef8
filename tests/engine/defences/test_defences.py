"""The trainer's answers, on small networks and real gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from facetui.engine.core.cache import Cache
from facetui.engine.defences.detector import RECODINGS, Detector, spectrum
from facetui.engine.defences.hybrid import Hybrid, threshold_of
from facetui.engine.defences.purifier import BILATERAL, CANDIDATES, KINDS, Purifier
from facetui.engine.lab.trainer.rehearsal import COHORT, errors, rehearse
from facetui.engine.records.errors import Cancelled, UnknownName, UsageError
from facetui.engine.records.events import WHOLE_ARCHIVE, DefenceApplied, DetectionMeasured, PhotosPosted
from facetui.engine.records.rates import precision_at

from ...support.builders import noisy, photos_of

# --- the detector -------------------------------------------------------------------------------------------------


def test_a_detector_flags_what_people_it_never_saw_perturbed(embedded):
    known, unseen = photos_of(embedded.persons[:8], 3).photos, photos_of(embedded.persons[8:20], 3).photos
    detector = Detector().fit(known, noisy(known))
    recall, alarms = detector.flags(noisy(unseen, 2)).float().mean(), detector.flags(unseen).float().mean()
    assert (recall + 1 - alarms) / 2 >= 0.95
    assert detector.flags(noisy(unseen, 2, size=0.4)).float().mean() <= alarms + 0.2, "nothing changed, yet flagged"
    assert detector.flags(unseen[:0]).shape == (0,)


def test_a_detector_takes_no_clean_photo_for_perturbed_because_it_was_stored_again(embedded):
    known, unseen = (
        torch.cat([p.photos[:4] for p in embedded.persons[some]]) for some in (slice(0, 12), slice(12, 24))
    )
    detector = Detector().fit(known, noisy(known))
    for recipe in RECODINGS:
        again = Purifier(recipe)
        alarms = detector.flags(again(unseen)).float().mean()
        assert alarms <= 0.15, f"{recipe}: {alarms:.2f} of clean photos are flagged"
    for recipe in ("jpeg 95", "noise 1"):
        recall = detector.flags(Purifier(recipe)(noisy(unseen, 2))).float().mean()
        assert recall >= 0.7, f"{recipe}: {recall:.2f} of perturbed ones are found"


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


@pytest.mark.parametrize("recipe", [*CANDIDATES, "resize 72, jpeg 75", "median 3", "noise 8, denoise 2"])
def test_a_purifier_washes_the_same_way_each_time(recipe, embedded):
    photos = embedded.persons[0].photos[:3]
    original, washed = photos.clone(), Purifier(recipe)(photos)
    assert washed.dtype == torch.uint8 and washed.shape == photos.shape and not torch.equal(washed, photos)
    assert torch.equal(photos, original)
    assert torch.equal(washed, Purifier(recipe)(photos))
    assert torch.equal(washed[1:2], Purifier(recipe)(photos[1:2])), "a photo's result depends on its batch"
    assert (washed.float() - photos.float()).abs().mean() < 16, "the face should still be there"
    assert Purifier(recipe)(photos[:0]).shape == (0, 3, 112, 112)


def test_a_median_and_a_denoiser_are_what_numpy_computes(embedded):
    photo = embedded.persons[0].photos[:1]
    exact = photo[0].double().numpy()
    wide = np.lib.stride_tricks.sliding_window_view(
        np.pad(exact, ((0, 0), (1, 1), (1, 1)), mode="edge"), (3, 3), (1, 2)
    )
    assert np.array_equal(Purifier("median 3")(photo)[0].numpy(), np.median(wide, axis=(3, 4)))
    at = np.arange(-4, 5)
    near = np.exp(-(at[:, None] ** 2 + at[None] ** 2) / (2 * 2.0**2))
    around = np.pad(exact, ((0, 0), (4, 4), (4, 4)), mode="reflect")
    around = np.lib.stride_tricks.sliding_window_view(around, (9, 9), (1, 2))
    alike = np.exp(-(np.abs(around - exact[..., None, None]).sum(0) ** 2) / (2 * BILATERAL**2))
    weight = near * alike
    smooth = (around * weight).sum((3, 4)) / weight.sum((2, 3))
    found = Purifier("denoise 2")(photo)[0].double().numpy()
    assert np.abs(found - smooth).max() <= 0.51, "but for rounding"


def test_noise_and_then_a_denoiser_leave_less_noise(embedded):
    photos = embedded.persons[1].photos[:2]
    washed, noised = Purifier("noise 8, denoise 2")(photos).float(), Purifier("noise 8")(photos).float()
    assert (washed - photos).abs().mean() < 0.7 * (noised - photos).abs().mean()


def test_every_candidate_is_a_purifier():
    assert {recipe.split()[0] for recipe in CANDIDATES} <= set(KINDS)


@pytest.mark.parametrize(
    "wrong", ["", "soap", "jpeg", "jpeg 0", "jpeg 101", "blur many", "resize 300", "blur nan", "median 4", "denoise 9"]
)
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
    assert lab.trainer.pipelines[-1].purifier is None, "a new extractor comes bare"
    lab.trainer.purify()
    assert lab.trainer.pipelines[-1].purifier.recipe in CANDIDATES
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
    lab.recorder.progress = lambda actor, task, unit="": tasks.append(task) or (lambda done, total: None)
    assert lab.measure().whole.protection_rate == first.protection_rate
    assert not any(task.startswith("train") for task in tasks), "measuring again trains nothing"


def test_the_trainer_picks_by_people_it_may_use_and_never_by_probes(posted, monkeypatch):
    lab, events = posted
    lab.trainer.use("tiny-y")
    lab.trainer.purify("blur 2")
    lab.trainer.adapt(steps=4)
    trained, held_out = lab.world.trainable, lab.world.kept
    trial = rehearse(lab.trainer.state, held_out)
    assert set(trial.truth.tolist()) == set(trial.people) <= set(held_out) - set(trained) - set(lab.protected)
    assert {post.cohort for post in trial.posts} == {COHORT} and {post.attack for post in trial.posts} == {"pgd"}
    probes = {photo.numpy().tobytes() for photo in lab.world.probes(range(len(lab.people)))[0]}
    assert not probes & {photo.numpy().tobytes() for photo in trial.queries}
    own = {photo.numpy().tobytes() for post in trial.posts for photo in post.photos}
    assert not own & {photo.numpy().tobytes() for photo in trial.queries}

    def refuse(people):
        raise AssertionError("it looked at probes")

    monkeypatch.setattr(lab.world, "probes", refuse)
    had = lab.trainer.pipelines
    chosen = lab.trainer.choose()
    counts = {pipeline.generation: errors(lab.trainer.state, trial, pipeline)[0] for pipeline in had}
    assert counts[chosen] == min(counts.values()) and lab.trainer.pipelines[-1].generation == chosen
    applied = [e for e in events if isinstance(e, DefenceApplied)][-1]
    assert applied.defence == "best-of" and f"picks {chosen}" in applied.detail


def test_a_rehearsal_needs_an_archive_and_people(make_lab):
    lab = make_lab()
    with pytest.raises(UsageError, match="posted nothing"):
        lab.trainer.choose()
    with pytest.raises(UsageError, match="add people"):
        rehearse(lab.trainer.state, [])


def test_adapting_goes_on_after_a_stop(make_lab, tmp_path):
    def play(stop_after=None, cache=None):
        ticks = []
        stop = lambda: stop_after is not None and len(ticks) >= stop_after  # noqa: E731
        lab = make_lab(cache=cache, cancelled=stop)
        lab.at("2020-07")
        lab.users.protect("pgd", steps=2)
        lab.users.post(2)
        progress = lab.recorder.progress

        def counted(actor, task, unit="image-steps"):
            tick = progress(actor, task, unit)
            return lambda done, total, **seen: (
                ticks.append(done) if unit == "pairs" and done else None,
                tick(done, total),
            )

        lab.recorder.progress = counted
        lab.trainer.adapt(steps=10)
        return lab.world.networks.weights("tiny-x robust"), len(ticks)

    cache = Cache(tmp_path)
    with pytest.raises(Cancelled):
        play(stop_after=4, cache=cache)
    resumed, steps = play(cache=cache)
    assert steps == 10 - 4, "what was trained before the stop is not trained again"
    assert resumed == play(cache=Cache(None))[0]
    assert play(cache=cache) == (resumed, 0)
