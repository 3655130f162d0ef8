"""The strongest attacks: a step written again in NumPy, what they see, what they drop, and where photos go."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from facetui.engine.attacks.masks.opom import OPOM
from facetui.engine.attacks.masks.personal_mask import PersonalMask
from facetui.engine.attacks.optimising import views
from facetui.engine.attacks.strongest import Strongest, dropping
from facetui.engine.attacks.unlinkable import Unlinkable
from facetui.engine.core.budget import Budget, visibility
from facetui.engine.core.inference import embed
from facetui.engine.records.errors import UsageError

from ...support.builders import tiny_extractor
from ...support.networks import Linear

LINF = Budget("linf", 8 / 255)


def perturbed(attack, photos, networks, people=None, budget=LINF, seed=4):
    return attack.perturb(photos, networks, people=people, budget=budget, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def album(embedded):
    photos = torch.cat([p.photos[:4] for p in embedded.persons[:2]]).float() / 255
    return photos, torch.arange(2).repeat_interleave(4), [tiny_extractor("tiny-x")]


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


@pytest.mark.parametrize("apart", [None, 2.0], ids=["strongest", "unlinkable"])
def test_a_step_by_hand(apart, monkeypatch):
    """Cosine to the mean of one's clean photos, and to the mean of one's others; its gradient; a step against it."""
    monkeypatch.setattr(views, "KINDS", ("plain",))
    linear = Linear(1)
    photos = torch.rand(4, 3, 112, 112, generator=torch.Generator().manual_seed(9)) * 0.6 + 0.2
    people = torch.tensor([0, 1, 0, 0])
    attack = (Strongest if apart is None else Unlinkable)(
        steps=1, views=1, **({} if apart is None else {"apart": apart})
    )
    out = perturbed(attack, photos, [linear], people)
    # The same draws again: where it begins, then the view's four numbers.
    generator = torch.Generator().manual_seed(4)
    start = torch.rand(photos.shape, generator=generator).mul_(LINF.epsilon / 2).sub_(LINF.epsilon / 4)
    torch.randint(1, (1,), generator=generator), torch.rand(3, generator=generator)
    flip = bool(torch.rand(1, generator=generator) < 0.5)
    weights = linear.weights.detach().numpy().reshape(6, -1).astype(np.float64)
    clean = photos.numpy().reshape(4, -1).astype(np.float64)
    own = unit(clean @ weights.T)
    goal = np.stack([own[[0, 2, 3]].mean(0), own[1], own[[0, 2, 3]].mean(0), own[[0, 2, 3]].mean(0)])
    if apart is not None:
        others = [own[[2, 3]].mean(0), np.zeros(6), own[[0, 3]].mean(0), own[[0, 2]].mean(0)]
        goal = goal + apart * np.stack(others)
    x = (photos + start).clamp(0, 1)
    seen = (x.flip(3) if flip else x).numpy().reshape(4, -1).astype(np.float64)
    raw = seen @ weights.T
    length = np.linalg.norm(raw, axis=1, keepdims=True)
    e = raw / length
    gradient = ((goal - e * (e * goal).sum(1, keepdims=True)) / length) @ weights
    gradient = torch.from_numpy(gradient.reshape(photos.shape))
    gradient = gradient.flip(3) if flip else gradient
    expected = (photos + (x - 0.0025 * gradient.sign() - photos).clamp(-LINF.epsilon, LINF.epsilon)).clamp(0, 1)
    clear = gradient.abs() > 1e-3 * gradient.abs().mean()  # where rounding cannot turn a sign
    assert clear.float().mean() > 0.97
    assert torch.allclose(out[clear], expected[clear].float(), atol=1e-6)


def test_the_dssim_is_kept_by_the_way_not_only_at_the_end(album):
    photos, people, networks = album
    budget = Budget("dssim", 0.014, 33.15 / 255)
    out = perturbed(Strongest(steps=30, views=1), photos, networks, people, budget)
    seen = visibility(photos, out)
    assert float(seen.dssim.max()) <= 0.0141 and float(seen.dssim.mean()) > 0.006, "what is allowed is used"
    assert float(seen.linf.max()) > 10 / 255, "scaling down at the end would leave little"
    similarity = (embed(networks[0], out) * embed(networks[0], photos)).sum(1)
    assert float(similarity.mean()) < 0.5


def test_unlinkable_photos_match_each_other_less(album):
    photos, people, networks = album
    linked = {}
    for attack in (Strongest(steps=20, views=1), Unlinkable(steps=20, views=1)):
        e = embed(networks[0], perturbed(attack, photos, networks, people))
        same = (people[:, None] == people[None]) & ~torch.eye(len(people), dtype=torch.bool)
        linked[attack.name] = float((e @ e.T)[same].mean())
    assert linked["unlinkable"] < linked["strongest"] - 0.1


def test_a_personal_mask_is_one_mask_and_bears_crops(album):
    photos, people, networks = album
    photos = photos * 0.8 + 0.1  # nothing is clipped
    crop = views.random_crop(torch.Generator().manual_seed(1), 0.8)
    left = {}
    for attack in (PersonalMask(steps=24, photos_a_mask=3), OPOM("centre", steps=24, photos_a_mask=3)):
        change = perturbed(attack, photos, networks, people) - photos
        for person in (0, 1):
            mine = change[people == person]
            assert torch.allclose(mine, mine[:1].expand_as(mine), atol=1e-6), "the fourth photo, too, has the mask"
        before, after = (embed(networks[0], crop(p)) for p in (photos, photos + change))
        left[attack.name] = float((before * after).sum(1).mean())
    assert left["personal-mask"] < left["opom"] + 0.05


@pytest.mark.parametrize("kind", views.KINDS)
def test_views_are_of_the_same_shape_and_have_a_gradient(kind, monkeypatch):
    monkeypatch.setattr(views, "KINDS", (kind,))
    for seed in range(4):
        photos = torch.rand(2, 3, 112, 112, generator=torch.Generator().manual_seed(seed)).requires_grad_(True)
        seen = views.random_view(torch.Generator().manual_seed(seed))(photos)
        assert seen.shape == photos.shape and float(seen.min()) >= -1e-6 and float(seen.max()) <= 1 + 1e-6
        (gradient,) = torch.autograd.grad(seen.sum(), photos)
        assert float(gradient.abs().sum()) > 0
        again = views.random_view(torch.Generator().manual_seed(seed))(photos[:1])
        assert torch.allclose(again, seen[:1], atol=1e-6), "the same for every photo, however many there are"


def test_what_is_dropped_is_put_back_and_the_first_layer_is_kept():
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 16, 3), nn.Conv2d(16, 32, 1)).eval()
    photos = torch.rand(2, 3, 16, 16)
    whole, outputs = network(photos), []
    hook = network[0].register_forward_hook(lambda layer, given, out: outputs.append(out))
    with dropping(network, 0.5, 3):
        first, second = network(photos), network(photos[1:])
    hook.remove()
    assert torch.equal(network(photos), whole) and not torch.allclose(first, whole)
    assert torch.allclose(first[1:], second, atol=1e-6), "the same channels, whoever else is in the batch"
    assert bool((outputs[0].abs().sum((0, 2, 3)) > 0).all())
    silent = (first.abs().sum((0, 2, 3)) == 0).float().mean()
    assert 0.2 < float(silent) < 0.8
    with dropping(network, 0.0, 3):
        assert torch.equal(network(photos), whole)


@pytest.mark.parametrize(
    "settings", [{"steps": 0}, {"views": 0}, {"momentum": 1.5}, {"dropped": 1.0}, {"step_size": 0.0}]
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(UsageError):
        Strongest(**settings)


def test_other_settings_that_make_no_sense(album):
    with pytest.raises(UsageError, match="at least 0"):
        Unlinkable(apart=-1)
    with pytest.raises(UsageError, match="momentum"):
        OPOM(momentum=2)
    photos, people, networks = album
    with pytest.raises(UsageError, match="linf or dssim"):
        perturbed(Strongest(steps=1), photos, networks, people, Budget("l2", 3))
