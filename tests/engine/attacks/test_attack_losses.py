"""Every loss written again in NumPy, on a linear extractor, with its values and one step compared."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d
from scipy.optimize import nnls

from facetui.engine.attacks import fawkes03, fawkes10, foggysight
from facetui.engine.attacks.lowkey import LowKey
from facetui.engine.attacks.masks import opom
from facetui.engine.attacks.optimising.tanh import Mode, penalty_term
from facetui.engine.attacks.pgd import PGD
from facetui.engine.core.budget import Budget, dssim
from facetui.engine.core.interfaces import Bank
from facetui.engine.core.ssim import Dissimilarity
from facetui.engine.records.errors import UsageError

from ...support.networks import Linear

RHO = 0.95


@pytest.fixture
def linear():
    return [Linear(1), Linear(2)]


@pytest.fixture
def photos():
    return torch.rand(3, 3, 112, 112, generator=torch.Generator().manual_seed(9)) * 0.6 + 0.2


@pytest.fixture
def bank():
    return Bank(torch.rand(2, 3, 112, 112, generator=torch.Generator().manual_seed(8)), torch.tensor([-1, -1]))


def matrix(network):
    return network.weights.detach().numpy().reshape(6, -1).astype(np.float64)


def flat(x):
    return x.detach().numpy().reshape(len(x), -1).astype(np.float64)


def like_photos(x):
    return torch.from_numpy(x.reshape(-1, 3, 112, 112)).float()


def unit(e):
    return e / np.linalg.norm(e, axis=1, keepdims=True)


def through_unit(raw, upstream):
    """The gradient by raw embeddings, given the one by unit-length ones."""
    length = np.linalg.norm(raw, axis=1, keepdims=True)
    e = raw / length
    return (upstream - e * (upstream * e).sum(1, keepdims=True)) / length


def adadelta_first_step(m, gradient, rate, eps):
    return m - rate * np.sqrt(eps) / np.sqrt((1 - RHO) * gradient**2 + eps) * gradient


def numpy_ssim(x, y):
    window = np.exp(-((np.arange(11) - 5.0) ** 2) / (2 * 1.5**2))
    window /= window.sum()

    def blur(a):
        return correlate1d(correlate1d(a, window, axis=-1), window, axis=-2)[..., 5:-5, 5:-5]

    x, y = x.numpy().astype(np.float64), y.numpy().astype(np.float64)
    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx**2, blur(y * y) - my**2, blur(x * y) - mx * my
    s = (2 * mx * my + 1e-4) * (2 * cov + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))
    return s.mean((1, 2, 3))


def test_dssim_and_its_gradient(photos):
    other = (photos + 0.05 * torch.randn(photos.shape, generator=torch.Generator().manual_seed(1))).clamp(0, 1)
    measure, expected = Dissimilarity(photos), (1 - numpy_ssim(photos, other)) / 2
    assert measure(other).numpy() == pytest.approx(expected, rel=1e-4)
    assert dssim(photos, other).numpy() == pytest.approx(expected, rel=1e-4), "the measuring instrument disagrees"
    x = other.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad((measure(x) * torch.tensor([1.0, 2.0, -1.0])).sum(), x)
    y = other.clone().requires_grad_(True)
    (reference,) = torch.autograd.grad((dssim(photos, y) * torch.tensor([1.0, 2.0, -1.0])).sum(), y)
    assert (gradient - reference).abs().max() < 1e-3 * reference.abs().max()
    assert measure(photos).abs().max() < 1e-6


def test_fawkes_03(linear, photos, bank, monkeypatch):
    network, w = linear[0], matrix(linear[0])
    monkeypatch.setitem(fawkes03.MODES, "min", Mode(0.002, 2, 2))
    out = fawkes03.Fawkes03("min").perturb(
        photos, [network], bank=bank, budget=Budget("dssim", 0.4), generator=torch.Generator().manual_seed(4)
    )
    x, aims = flat(photos), flat(bank.photos) @ w.T
    own = x @ w.T
    origin = np.arctanh((x - 0.5) * (2 - 1e-6))
    best = None
    for choice in np.ndindex(2, 2, 2):  # which photo of the target each photo drew
        goal = 2 * aims[list(choice)] - own
        m = np.full_like(x, 1e-6)
        photo = np.tanh(origin + m) / (2 - 1e-6) + 0.5
        away = goal - photo @ w.T
        length = np.linalg.norm(goal, axis=1, keepdims=True)
        gradient = -(away / np.linalg.norm(away, axis=1, keepdims=True) / length) @ w
        gradient *= (1 - np.tanh(origin + m) ** 2) / (2 - 1e-6)
        m = adadelta_first_step(m, gradient, 2, 1e-8)
        after = np.tanh(origin + m) / (2 - 1e-6) + 0.5
        error = np.abs(after - flat(out)).max()
        best = error if best is None else min(best, error)
        embedded, wanted = [torch.from_numpy(after @ w.T)], [torch.from_numpy(goal)]
        value = np.linalg.norm(goal - after @ w.T, axis=1) / length[:, 0]
        assert fawkes03.feature_term(embedded, wanted).numpy() == pytest.approx(value)
    assert best < 1e-4
    over = penalty_term(torch.tensor([0.001, 0.004]), 0.002, 1e6)
    assert over.numpy() == pytest.approx([0, 4.0], rel=1e-4)


def test_fawkes_10(linear, photos, monkeypatch):
    monkeypatch.setitem(fawkes10.MODES, "mid", Mode(0.4, 2, 20))
    out = fawkes10.Fawkes10("mid").perturb(photos, linear, generator=torch.Generator().manual_seed(4))
    x, clip = flat(photos), 15 / 255
    origin = np.arctanh((x - 0.5) * (2 - 1e-6))
    noise = torch.rand(photos.shape, generator=torch.Generator().manual_seed(4)) * 2e-4 - 1e-4
    m = flat(noise)
    photo = np.tanh(origin + m) / (2 - 1e-6) + 0.5
    assert np.abs(photo - x).max() < clip
    gradient, value = np.zeros_like(x), np.zeros(3)
    for w in map(matrix, linear):
        raw, before = photo @ w.T, unit(x @ w.T)
        value += ((unit(raw) - before) ** 2).sum(1)
        gradient -= through_unit(raw, 2 * (unit(raw) - before)) @ w  # the balance is 1 at first, the penalty 0
    embedded = [n(like_photos(photo)) for n in linear]
    ours = fawkes10.feature_term(embedded, [n(photos) for n in linear])
    assert ours.detach().numpy() == pytest.approx(value, rel=0.05, abs=1e-9)
    gradient *= (1 - np.tanh(origin + m) ** 2) / (2 - 1e-6)
    m = adadelta_first_step(m - 0.01 * np.sign(gradient), gradient, 20, 1e-7)
    after = x + np.clip(np.tanh(origin + m) / (2 - 1e-6) + 0.5 - x, -clip, clip)
    # So near the clean photo a difference of embeddings is mostly rounding: now and then it turns a sign.
    assert (np.abs(after - flat(out)) < 1e-3).mean() > 0.97


@pytest.mark.parametrize(
    ("balance", "dssim_of_limit", "expected"),
    [
        (1, 0.5, 2),
        (128, 0.5, 256),
        (256, 0.5, 1),
        (0.5, 0.5, 1),
        (4, 1.0, 1),
        (1, 1.5, 0.5),
        (1 / 128, 1.5, 1 / 256),
        (1 / 256, 1.5, 1),
        (8, 1.5, 1),
    ],
)
def test_fawkes_10_balance(balance, dssim_of_limit, expected):
    after = fawkes10.rebalance(torch.tensor([float(balance)]), torch.tensor([dssim_of_limit * 0.01]), 0.01)
    assert after.item() == pytest.approx(expected)


def test_lowkey(linear, photos):
    attack = LowKey(steps=1, weight=0, perceptual="ssim")
    out = attack.perturb(photos, linear, generator=torch.Generator().manual_seed(4))
    window = np.exp(-((np.arange(7) - 3.0) ** 2) / 18)
    window /= window.sum()
    start = photos + torch.rand(photos.shape, generator=torch.Generator().manual_seed(4)) * 0.01 - 0.005

    def blur(a):  # symmetric and, with reflection at the edges, nearly its own adjoint away from them
        a = a.reshape(-1, 3, 112, 112)
        return correlate1d(correlate1d(a, window, axis=-1, mode="mirror"), window, axis=-2, mode="mirror").reshape(
            len(a), -1
        )

    def flip(a):
        return a.reshape(-1, 3, 112, 112)[..., ::-1].reshape(len(a), -1)

    x, clean, gradient = flat(start), flat(photos), np.zeros((3, 37632))
    for w in map(matrix, linear):
        both = w + flip(w)  # f(x) + f(flip x) of a linear f
        reference = unit(clean @ both.T)
        for view in (lambda a: a, blur):
            raw = view(x) @ both.T
            gradient += view(through_unit(raw, 2 * (unit(raw) - reference)) @ both)
    after = np.clip(x + 0.0025 * np.sign(gradient), 0, 1)
    inner = np.zeros((112, 112), bool)
    inner[7:-7, 7:-7] = True
    same = np.abs(after - flat(out)).reshape(3, 3, 112, 112)[..., inner] < 1e-5
    assert same.mean() > 0.99


def test_lowkey_pays_for_what_is_seen(linear, photos):
    """With nothing but the penalty in its objective the photo comes back towards the clean one."""
    free = LowKey(steps=8, weight=0, perceptual="ssim")
    paying = LowKey(steps=8, weight=1e6, perceptual="ssim")
    seen = [
        dssim(photos, a.perturb(photos, linear, generator=torch.Generator().manual_seed(4))).mean()
        for a in (paying, free)
    ]
    assert seen[0] < 0.5 * seen[1]


def test_foggysight(linear, photos, bank):
    embedded, goals = [n(photos) for n in linear], [n(bank.photos[:1]).expand(3, -1) for n in linear]
    noise = torch.full_like(photos, 0.5)
    value = sum(1 - (e.detach().numpy() * g.detach().numpy()).sum(1) for e, g in zip(embedded, goals, strict=True))
    value = value + 1e-6 * 0.5 * 0.5**2 * 37632
    assert foggysight.decoy_loss(embedded, goals, noise).detach().numpy() == pytest.approx(value, rel=1e-5)


def test_foggysight_shows_views_within_the_budget(photos, bank):
    seen, radius = [], 20 / 255

    class Watching(Linear):
        def features(self, photos):
            seen.append(photos.detach().clone())
            return super().features(photos)

    attack = foggysight.FoggySight(steps=3)
    attack.perturb(
        photos, [Watching(1)], bank=bank, budget=Budget("linf", radius), generator=torch.Generator().manual_seed(4)
    )
    views = [view for view in seen if len(view) == len(photos)]
    assert len(views) == 3
    for view in views:
        assert (view - photos).abs().max() <= radius + 1e-6
        assert (view - photos).abs().mean() > radius / 2, "most of the view's noise is beyond the budget"


@pytest.mark.parametrize("strategy", foggysight.STRATEGIES)
def test_foggysight_goals(strategy, linear, photos, bank):
    attack = foggysight.FoggySight(strategy)
    album = foggysight.Album(photos, torch.arange(3), bank, Budget("linf", 0.1), torch.Generator().manual_seed(2))
    (goal,) = attack._goals(album, bank, linear[:1])
    known = linear[0](bank.photos).detach()
    near = torch.cdist(goal, known)
    assert goal.norm(dim=1).detach().numpy() == pytest.approx(np.ones(3), abs=1e-5)
    if strategy == "same":
        assert (near.min(1).values < 1e-5).all() and len(goal.unique(dim=0)) == 1
    elif strategy == "random":
        assert (near.min(1).values < 1e-5).all()
    elif strategy == "mean":
        assert torch.allclose(goal, torch.nn.functional.normalize(known.mean(0, keepdim=True)).expand(3, -1), atol=1e-5)
    else:
        assert len(goal.unique(dim=0)) == 3


def test_opom_finds_the_nearest_point_of_the_hull():
    rng = np.random.default_rng(3)
    points, e = rng.standard_normal((7, 5)), rng.standard_normal((4, 5))
    asked = torch.from_numpy(e)[None], torch.from_numpy(points)[None]
    ours, centre = opom.NEAREST["convex"](*asked)[0].numpy(), opom.NEAREST["centre"](*asked)[0].numpy()
    assert centre == pytest.approx(np.tile(points.mean(0), (4, 1)))
    for at, wanted in zip(ours, e, strict=True):
        # Weights that are not negative and sum to one: least squares with a heavy row of ones.
        weights, _ = nnls(np.vstack([points.T, np.full(7, 1e4)]), np.append(wanted, 1e4))
        exact, found = np.linalg.norm(wanted - points.T @ weights), np.linalg.norm(wanted - at)
        assert exact - 1e-3 <= found <= exact * 1.05 + 1e-3


def test_opom_finds_the_nearest_point_of_the_flat():
    rng = np.random.default_rng(4)
    points, e = rng.standard_normal((3, 5)), rng.standard_normal((4, 5))
    points = np.vstack([points, points[:1]])  # a photo twice: a direction less than there are photos
    found = opom.NEAREST["affine"](torch.from_numpy(e)[None], torch.from_numpy(points)[None])[0].numpy()
    spans = (points[1:3] - points[0]).T
    exact = points[0] + (spans @ np.linalg.lstsq(spans, (e - points[0]).T, rcond=None)[0]).T
    assert found == pytest.approx(exact, abs=1e-9)
    with pytest.raises(UsageError, match="centre, affine, convex"):
        opom.OPOM("hull")


def test_opom_one_step(linear, photos):
    radius = 8 / 255
    out = opom.OPOM("centre", steps=1).perturb(photos, linear[:1], generator=torch.Generator().manual_seed(4))
    start = torch.rand(photos.shape, generator=torch.Generator().manual_seed(4)) * 2 * radius - radius
    w = matrix(linear[0])
    raw = flat((photos + start).clamp(0, 1)) @ w.T
    centre = unit(flat(photos) @ w.T).mean(0)
    inside = flat(((photos + start) > 0) & ((photos + start) < 1))
    gradient = (through_unit(raw, 2 * (unit(raw) - centre)) @ w * inside).sum(0)
    expected = radius / 8 * np.sign(gradient)  # the release's 1/255 of 8/255
    changes = flat(out) - flat(photos)
    assert np.abs(changes - changes[0]).max() < 1e-6, "one mask a person"
    assert (np.abs(changes[0] - expected) < 1e-5).mean() > 0.99


def test_pgd_l2_one_step(linear, photos):
    budget = Budget("l2", 2.0)
    out = PGD(targeted=False, steps=1, step_size=0.5).perturb(
        photos, linear[:1], budget=budget, generator=torch.Generator().manual_seed(4)
    )
    noise = torch.rand(photos.shape, generator=torch.Generator().manual_seed(4)) * 2 - 1
    start = photos + noise * (1.0 / noise.flatten(1).norm(dim=1)).view(-1, 1, 1, 1)
    x, w = flat(start), matrix(linear[0])
    gradient = through_unit(x @ w.T, unit(flat(photos) @ w.T)) @ w
    expected = x - 0.5 * gradient / np.linalg.norm(gradient, axis=1, keepdims=True)
    assert np.abs(expected - flat(out)).max() < 1e-3
    assert (out - photos).flatten(1).norm(dim=1).max() <= 2.0 + 1e-4


def test_pgd_finished_photos_leave_the_batch(linear, photos):
    """Stopping early costs fewer passes and keeps what was reached; it never takes more steps than allowed."""
    taken, told = {}, {}
    for stop in (None, -0.5, -0.999):
        out = PGD(targeted=False, steps=40, stop_at=stop).perturb(
            photos,
            linear[:1],
            budget=Budget("linf", 0.2),
            generator=torch.Generator().manual_seed(4),
            watch=lambda rows, _, stop=stop: taken.update({stop: taken.get(stop, 0) + len(rows)}),
            progress=lambda n, total, stop=stop: told.__setitem__(stop, (n, total)),
        )
        if stop == -0.5:
            assert ((linear[0](out) * linear[0](photos)).sum(1) < -0.4).all()
    assert taken[None] == 120 and taken[-0.5] < 60 and taken[-0.999] <= 120
    assert set(told.values()) == {(120, 120)}, "what a photo does not need any more counts as done"
