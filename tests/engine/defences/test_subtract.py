"""A mask that a person's photos share: found, and taken off, with nobody else's photos changed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from facetui.engine.core.inference import embed
from facetui.engine.core.interfaces import Bank
from facetui.engine.defences.subtract import FINE, Subtract, alike, fine
from facetui.engine.lab.recognition.pipeline import Pipeline
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import DefenceApplied

from ...support.builders import photos_of, tiny_extractor


def masks(n: int, size: float = 8) -> torch.Tensor:
    """Random masks (n, 3, 112, 112), every pixel moved by so many grey levels up or down."""
    coin = torch.rand(n, 3, 112, 112, generator=torch.Generator().manual_seed(4)) < 0.5
    return torch.where(coin, size, -size)


def masked(bank: Bank, size: float = 8) -> torch.Tensor:
    """Photos under one mask a person."""
    mask = masks(int(bank.people.max()) + 1, size)
    return (bank.photos + mask[bank.people]).round().clamp(0, 255).to(torch.uint8)


@pytest.fixture(scope="module")
def estimate(embedded):
    return Subtract().fit(photos_of(embedded.persons[20:36], 8))


@pytest.fixture(scope="module")
def posted(embedded):
    return photos_of(embedded.persons[:4], 8)


def correlation(found: torch.Tensor, true: torch.Tensor) -> float:
    return float(torch.corrcoef(torch.stack([found.flatten(), true.flatten()]))[0, 1])


def fine_in_numpy(photos: np.ndarray) -> np.ndarray:
    radius = round(3 * FINE)
    at = np.arange(-radius, radius + 1)
    bell = np.exp(-0.5 * (at / FINE) ** 2)
    bell /= bell.sum()
    soft = photos
    for axis in (2, 3):
        ends = [(0, 0)] * 4
        ends[axis] = (radius, radius)
        wide = np.pad(soft, ends, mode="reflect")
        soft = sum(weight * np.take(wide, np.arange(112) + i, axis) for i, weight in enumerate(bell))
    return photos - soft


def test_what_is_found_is_what_numpy_finds(estimate, posted, embedded):
    photos = masked(posted)[:3]
    common = np.mean([fine_in_numpy(p.photos[:8].double().numpy()).mean(0) for p in embedded.persons[20:36]], axis=0)
    parts = fine_in_numpy(photos.double().numpy()) - common
    pairs = [2 * (parts[i] * parts[j]).sum() for i in range(3) for j in range(i)]
    assert float(alike(fine(photos) - estimate._common)) == pytest.approx(sum(pairs) / (2 * (parts**2).sum()), rel=1e-3)
    mean = parts.mean(0)
    bound = np.quantile(np.abs(mean), 0.9)
    expected = np.clip(2 * mean, -bound, bound)
    found = estimate.estimate(photos)
    assert found is not None and np.abs(found.numpy() - expected).max() < 0.02
    cleaned = estimate.clean(photos, torch.zeros(3, dtype=torch.int64)).int().numpy()
    assert np.abs(cleaned - np.clip(np.round(photos.numpy() - expected), 0, 255)).max() <= 1, "but for rounding"


def test_a_mask_is_found_better_in_more_photos(estimate, posted):
    photos, true = masked(posted), masks(4)
    found = []
    for n in (2, 4, 8):
        each = [estimate.estimate(photos[posted.people == person][:n]) for person in range(4)]
        assert all(mask is not None for mask in each)
        found.append(sum(correlation(mask, true[person]) for person, mask in enumerate(each)) / 4)
    assert 0.7 < found[0] < found[1] < found[2]


def test_without_a_mask_nothing_is_changed(estimate, posted):
    assert torch.equal(estimate.clean(posted.photos, posted.people), posted.photos)
    alone = (posted.photos + masks(len(posted.photos))).round().clamp(0, 255).to(torch.uint8)
    assert torch.equal(estimate.clean(alone, posted.people), alone), "every photo has another mask"
    some = torch.arange(0, len(posted.photos), 8)
    assert torch.equal(estimate.clean(masked(posted)[some], posted.people[some]), masked(posted)[some]), "one each"
    assert estimate.clean(posted.photos[:0], posted.people[:0]).shape == (0, 3, 112, 112)


def test_a_cleaned_photo_is_seen_as_its_original(estimate, posted):
    photos, network = masked(posted, 24), tiny_extractor("tiny-x")
    seen, before, after = (
        embed(network, some) for some in (posted.photos, photos, estimate.clean(photos, posted.people))
    )
    assert (seen * after).sum(1).mean() > (seen * before).sum(1).mean() + 0.02


@given(order=st.permutations(range(12)))
def test_the_order_of_photos_is_nothing(order, estimate, posted):
    photos, people = masked(posted)[4:16], posted.people[4:16]
    whole = estimate.clean(photos, people)
    assert (estimate.clean(photos[order], people[order]).int() - whole[order].int()).abs().max() <= 1


def test_what_an_estimate_needs(embedded):
    alone = photos_of(embedded.persons[:4], 1)
    with pytest.raises(UsageError, match="two clean photos"):
        Subtract().fit(alone)
    with pytest.raises(UsageError, match="not trained"):
        Subtract().clean(embedded.persons[0].photos[:2], torch.zeros(2))
    for wrong in (dict(gain=0), dict(margin=2)):
        with pytest.raises(UsageError, match="expected a gain"):
            Subtract(**wrong)
    assert Subtract() == Subtract() != Subtract(gain=3)
    assert len({Subtract(), Subtract(), Subtract(margin=0.2)}) == 2


# --- in the lab ---------------------------------------------------------------------------------------------------


def test_the_trainer_subtracts_masks_from_what_it_scraped_and_not_from_probes(make_lab):
    events = []
    lab = make_lab(emit=events.append)
    lab.at("2020-07")
    with pytest.raises(UsageError, match="archive is empty"):
        lab.trainer.subtract()
    lab.users.protect("opom", steps=8, budget="linf 32/255")
    lab.users.post(4)
    lab.trainer.scrape()
    before = lab.measure().whole
    lab.trainer.answer("subtract")
    after = lab.measure().whole
    assert after.generation == "tiny-x + mask subtracted"
    assert after.protection_rate < before.protection_rate and after.unprotected_error == before.unprotected_error
    applied = next(e for e in events if isinstance(e, DefenceApplied))
    n = sum(len(post.who) for post in lab.web if post.cohort)
    assert f"takes it off {n} of {n} photos of protected people and 0 of" in applied.detail
    state, pipeline = lab.trainer.state, lab.trainer.pipelines[-1]
    probes, _ = lab.world.probes(lab.protected)
    assert torch.equal(pipeline.purified(probes), probes)
    for post in state.archive:
        photos = state.photos(pipeline, post)
        assert torch.equal(photos, pipeline.estimator.clean(post.photos, post.people))
        seen = lab.world.networks.embeddings("tiny-x", photos)
        assert torch.allclose(state.seen(pipeline, "tiny-x", post), seen, atol=1e-5)
        assert torch.equal(state.photos(Pipeline("tiny-x"), post), post.photos) and post.is_intact()
    lab.trainer.purify("jpeg 75")
    assert lab.measure().whole.generation == "tiny-x + mask subtracted + jpeg 75"
    lab.trainer.use("tiny-y")
    assert lab.trainer.pipelines[-1].estimator is None, "a new extractor comes bare"
