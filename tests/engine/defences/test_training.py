"""Training: what learns, at which rate, and that a stop loses nothing."""

from __future__ import annotations

import pytest
import torch

from facetui.engine.core.cache import Cache, Checkpoint
from facetui.engine.core.device import batch_size
from facetui.engine.core.inference import embed, fold_batch_norm, folded_in_passes
from facetui.engine.defences.adapt import OBJECTIVES, Adapt
from facetui.engine.extractors import load
from facetui.engine.lab.recognition.end_to_end import EndToEnd
from facetui.engine.records.errors import Cancelled, UsageError

from ...support.builders import noisy, photos_of, tiny_extractor


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


@pytest.mark.parametrize("make", [tiny_extractor, load], ids=["tiny-x", "compact-a"])
def test_a_network_folded_in_passes_has_the_gradients_of_the_network_itself(make, embedded):
    network = make("compact-a" if make is load else "tiny-x").eval().double()
    photos = embedded.persons[0].photos[:4].double() / 255
    folded = folded_in_passes(network)
    found = []
    for passing in (network, folded):
        network.zero_grad()
        out = passing(photos)
        (out[0] @ out[1] - out[2] @ out[3]).backward()
        found.append([out.detach(), *(weight.grad for weight in network.parameters())])
    for mine, own in zip(*found, strict=True):
        assert torch.allclose(mine, own, rtol=1e-9, atol=1e-12)
    passes = []
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.register_forward_hook(lambda *_: passes.append(1))
    folded_in_passes(network)(photos)
    assert not passes, "no batch norm that follows a convolution is a pass of its own"


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
