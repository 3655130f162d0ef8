"""A learned purifier: what it is, that it learns, survives a stop and a cache, and can be stacked."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facetui.engine.core.cache import Cache, Checkpoint
from facetui.engine.core.inference import embed, folded_in_passes, frozen
from facetui.engine.core.interfaces import Bank
from facetui.engine.defences.adapt import Adapt
from facetui.engine.defences.learned_purifier import LearnedPurifier, Purified, Wash
from facetui.engine.records.errors import Cancelled, UsageError
from facetui.engine.records.events import DefenceApplied
from facetui.tui.text.sentences import words

from ...support.builders import noisy, photos_of, tiny_extractor


@pytest.fixture(scope="module")
def pairs(embedded):
    clean = photos_of(embedded.persons[:8], 2)
    return clean, noisy(clean.photos, size=24)


def trained(pairs: tuple[Bank, torch.Tensor], network=None, **settings) -> Purified:
    clean, poisoned = pairs
    training = LearnedPurifier(**{"steps": 30, "batch": 6, "anchors": 2, "width": 8, "depth": 3, **settings})
    made = training.train(
        network or tiny_extractor("tiny-x"),
        clean,
        poisoned,
        anchors=clean,
        generator=torch.Generator().manual_seed(0),
    )
    assert isinstance(made, Purified)
    return made


def washed_in_numpy(wash: Wash, photo: np.ndarray) -> np.ndarray:
    """A photo (3, 112, 112) in [0, 1] through the purifier, by plain sums."""
    x = photo * 2 - 1
    x = np.stack([x[c, i::2, j::2] for c in range(3) for i in range(2) for j in range(2)])
    convolutions = [layer for layer in wash.layers if isinstance(layer, torch.nn.Conv2d)]
    for number, layer in enumerate(convolutions):
        weight, bias = layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()
        wide = np.pad(x, ((0, 0), (1, 1), (1, 1)))
        side = x.shape[-1]
        x = bias[:, None, None] + sum(
            np.einsum("oc,chw->ohw", weight[:, :, i, j], wide[:, i : i + side, j : j + side])
            for i in range(3)
            for j in range(3)
        )
        if number < len(convolutions) - 1:
            x = np.maximum(x, 0)
    residual = np.empty_like(photo)
    for c in range(3):
        for i in range(2):
            for j in range(2):
                residual[c, i::2, j::2] = x[4 * c + 2 * i + j]
    return np.clip(photo - residual, 0, 1)


def test_a_purifier_is_what_numpy_computes(pairs, embedded):
    network = trained(pairs)
    photo = embedded.persons[9].photos[0] / 255
    with torch.no_grad():
        found = network.wash(photo[None])[0]
        assert torch.allclose(network(photo[None]), network.inner(found[None]), atol=1e-6)
    expected = washed_in_numpy(network.wash, photo.double().numpy())
    assert np.abs(found.numpy() - expected).max() < 1e-4 and (found - photo).abs().max() > 1e-3


def test_before_it_has_learnt_it_changes_nothing(embedded):
    wash = Wash(8, 3)
    wash.begin(torch.Generator().manual_seed(0))
    photos = embedded.persons[0].photos[:2] / 255
    assert torch.equal(wash(photos), photos)


def test_it_takes_perturbations_off_photos_of_people_it_never_saw(pairs, embedded):
    network = tiny_extractor("tiny-x")
    purified = trained(pairs, network, steps=60, pixels=5)
    unseen = photos_of(embedded.persons[20:28], 2).photos
    goal, copies = embed(network, unseen), noisy(unseen, 3, size=24)
    alone, behind = ((goal * embed(extractor, copies)).sum(1).mean() for extractor in (network, purified))
    assert behind > alone + 0.02
    with torch.no_grad():
        distance = (purified.wash(copies / 255) - unseen / 255).abs().mean()
    assert distance < (copies / 255 - unseen / 255).abs().mean()
    assert (goal * embed(purified, unseen)).sum(1).mean() > 0.9, "clean photos hardly change"


def test_only_the_purifier_learns_and_nothing_global_is_drawn(pairs):
    network = tiny_extractor("tiny-x")
    before, state = network.weights_hash(), torch.get_rng_state()
    first, again = trained(pairs, network, steps=3), trained(pairs, network, steps=3)
    assert torch.equal(state, torch.get_rng_state())
    assert network.weights_hash() == before == first.inner.weights_hash()
    assert first.weights_hash() == again.weights_hash() != trained(pairs, network, steps=4).weights_hash()
    assert not any(weight.requires_grad for weight in first.parameters())
    assert (first.name, first.embedding_size) == (network.name, network.embedding_size)


def test_it_survives_folding(pairs, embedded):
    network, photos = trained(pairs, steps=3), embedded.persons[3].photos[:3] / 255
    with torch.no_grad():
        seen = network(photos)
        for folded in (frozen(network, torch.device("cpu")), folded_in_passes(network)):
            assert torch.allclose(folded(photos), seen, atol=1e-4)


def test_training_that_was_stopped_goes_on_to_the_same_bytes(pairs, tmp_path):
    clean, poisoned = pairs
    network, training = tiny_extractor("tiny-x"), LearnedPurifier(steps=8, batch=4, width=6, depth=2)
    done_steps: list[int] = []

    def train(checkpoint=None, stop_at=None):
        def progress(done, total):
            done_steps.append(done)
            if done == stop_at:
                raise Cancelled("enough")

        generator = torch.Generator().manual_seed(1)
        given = dict(anchors=clean, generator=generator, progress=progress, checkpoint=checkpoint)
        return training.train(network, clean, poisoned, **given)

    at_once = train()
    checkpoint = Checkpoint(Cache(tmp_path), "training")
    with pytest.raises(Cancelled):
        train(checkpoint, stop_at=20)
    done_steps.clear()
    assert train(checkpoint).weights_hash() == at_once.weights_hash()
    assert [done for done in done_steps if done] == [24, 28, 32]


def test_purified_and_robust_can_be_stacked_in_either_order(pairs):
    clean, poisoned = pairs
    given = dict(anchors=clean, generator=torch.Generator().manual_seed(0))
    robust = Adapt(steps=2, batch=4).train(tiny_extractor("tiny-x"), clean, poisoned, **given)
    assert trained(pairs, robust, steps=2).inner.weights_hash() == robust.weights_hash()
    purified = trained(pairs, steps=2)
    on_top = Adapt(steps=2, batch=4).train(purified, clean, poisoned, **given)
    assert isinstance(on_top, Purified)
    assert on_top.wash.state_dict().keys() == purified.wash.state_dict().keys()
    assert on_top.weights_hash() != purified.weights_hash()


@pytest.mark.parametrize("wrong", [dict(steps=0), dict(depth=1), dict(pixels=-1), dict(sizes=(2, 1)), dict(width=0)])
def test_settings_that_do_not_fit(wrong):
    with pytest.raises(UsageError, match="expected"):
        LearnedPurifier(**wrong)


def test_the_lab_trains_one_once_and_names_it(make_lab, tmp_path):
    def play():
        events: list = []
        lab = make_lab(emit=events.append, cache=Cache(tmp_path))
        lab.at("2020-07")
        lab.users.protect("pgd", steps=2)
        lab.users.post(2)
        lab.trainer.scrape()
        lab.trainer.answer("learned-purifier", steps=2, width=6, depth=2)
        lab.trainer.adapt(steps=2)
        lab.trainer.use("tiny-x")
        lab.trainer.adapt(steps=2)
        lab.trainer.adapt(defence="learned-purifier", steps=2, width=6, depth=2)
        networks = [lab.world.networks.get(pipeline.extractor) for pipeline in lab.trainer.pipelines]
        return [pipeline.extractor for pipeline in lab.trainer.pipelines], networks, lab.measure().whole, events

    names, networks, measured, events = play()
    on_purified = ["tiny-x", "tiny-x purified", "tiny-x purified robust"]
    assert names == [*on_purified, "tiny-x", "tiny-x robust", "tiny-x robust purified"]
    behind = [isinstance(network, Purified) for network in networks]
    assert behind == [False, True, True, False, False, True]
    assert measured.generation == "tiny-x robust purified" and measured.against == ["pgd"]
    applied = next(e for e in events if isinstance(e, DefenceApplied))
    assert applied.accuracy_after is not None and applied.defence == "learned-purifier"
    assert words(applied).startswith("learns to purify photos of pgd on ")
    again, kept, measured_again, _ = play()
    assert again == names and measured_again.missed == measured.missed
    assert [a.weights_hash() for a in kept] == [b.weights_hash() for b in networks], "from the cache"
