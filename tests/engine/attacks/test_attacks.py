"""Properties of every attack in the registry, on real gradients of small networks."""

from __future__ import annotations

import pytest
import torch

from facetui.engine.attacks import ATTACKS
from facetui.engine.attacks.pgd import PGD
from facetui.engine.core.budget import Budget, visibility
from facetui.engine.core.inference import centres, embed, fold_batch_norm
from facetui.engine.core.interfaces import Bank
from facetui.engine.defences import DEFENCES
from facetui.engine.defences.adapt import Adapt
from facetui.engine.extractors import load
from facetui.engine.records.errors import UnknownName, UsageError

from ...support.builders import tiny_extractor

SMALL = {"linf": Budget("linf", 4 / 255), "dssim": Budget("dssim", 0.002, 6 / 255)}
FEW_STEPS: dict[str, dict[str, object]] = {
    "fawkes-0.3": {"mode": "min"},
    "fawkes-1.0": {"mode": "low"},
    "lowkey": {"steps": 10},
    "foggysight": {"steps": 10},
}
"""Settings under which attacks finish soon; all others run as they are."""


@pytest.fixture(scope="module")
def scene(embedded):
    photos = torch.cat([p.photos[:3] for p in embedded.persons[:3]]).float() / 255
    people = torch.arange(3).repeat_interleave(3)
    bank = Bank(torch.cat([p.photos[:2] for p in embedded.persons[3:7]]).float() / 255, -1 - torch.arange(8) // 2)
    return photos, people, bank, [tiny_extractor("tiny-x"), tiny_extractor("tiny-y")]


def run(name, scene, budget, seed=5, **settings):
    photos, people, bank, networks = scene
    generator = torch.Generator().manual_seed(seed)
    return ATTACKS.get(name)(**settings).perturb(
        photos, networks, people=people, bank=bank, budget=budget, generator=generator
    )


@pytest.mark.parametrize("small", [False, True], ids=["own budget", "smaller"])
@pytest.mark.parametrize("name", ATTACKS.names())
def test_budget_range_and_seed(name, small, scene):
    photos, settings = scene[0], FEW_STEPS.get(name, {})
    budget = ATTACKS.get(name)(**settings).default_budget
    if small:
        budget = SMALL[budget.norm]
    original = photos.clone()
    out = run(name, scene, budget, **settings)
    assert out.shape == photos.shape and out.min() >= 0 and out.max() <= 1
    assert not torch.equal(out, photos)
    assert torch.equal(photos, original), "the photos that went in were changed"
    assert torch.equal(out, run(name, scene, budget, **settings)), "the same seed gave other bytes"
    posted = budget.as_posted((photos * 255).round().to(torch.uint8), out)
    for photo in (out, posted.float() / 255):
        seen = visibility(photos, photo)
        assert seen.linf.max() <= budget.linf + 1e-6
        if budget.norm == "dssim":
            assert seen.dssim.max() <= budget.epsilon * 1.001


@pytest.mark.parametrize("name", ATTACKS.names())
def test_every_attack_says_where_it_stands(name, scene):
    """Progress rises to the end, in the passes that the attack announced."""
    photos, people, bank, networks = scene
    attack, seen = ATTACKS.get(name)(**FEW_STEPS.get(name, {})), []
    attack.perturb(
        photos,
        networks[:1],
        people=people,
        bank=bank,
        generator=torch.Generator().manual_seed(0),
        progress=lambda done, total: seen.append((done, total)),
    )
    total = len(photos) * attack.passes(1)
    assert all(t == total for _, t in seen) and [d for d, _ in seen] == sorted(d for d, _ in seen)
    assert not total or seen[-1] == (total, total)


@pytest.mark.parametrize("name", [n for n in ATTACKS.names() if n != "filters"])
def test_the_gradient_goes_through_the_view(name, scene):
    """An attack that is shown only the upper half of its photos leaves the lower half to chance."""
    photos, people, bank, networks = scene
    attack = ATTACKS.get(name)(**FEW_STEPS.get(name, {}))
    rows_seen = []

    def upper(x, rows):
        rows_seen.append(rows)
        return torch.cat([x[:, :, :56], photos[rows][:, :, 56:]], 2)

    out = attack.perturb(
        photos,
        networks,
        people=people,
        bank=bank,
        generator=torch.Generator().manual_seed(0),
        view=upper,
        budget=attack.default_budget,
    )
    change = (out - photos).abs()
    assert rows_seen
    if name != "foggysight":  # whose first noise lies at the bound and stays there
        assert change[:, :, :48].mean() > 1.5 * change[:, :, 64:].mean()


@pytest.mark.parametrize("name", ATTACKS.names())
def test_what_the_list_says_is_what_the_attack_is(name):
    attack, facts = ATTACKS.get(name)(), ATTACKS.entry(name).facts
    assert attack.name == name and facts["actor"] == "user"
    assert (facts["year"], facts["norm"]) == (str(attack.year), attack.default_budget.norm)
    assert (facts["budget"], facts["source"]) == (str(attack.default_budget), attack.source)
    assert facts["passes"] == str(attack.passes(1))


@pytest.mark.parametrize("name", DEFENCES.names())
def test_what_the_list_says_is_what_the_defence_is(name):
    assert DEFENCES.get(name)().source == DEFENCES.entry(name).facts["source"]


def test_pgd_moves_embeddings_where_it_says(scene):
    photos, people, bank, _ = scene
    network, budget = load("compact-a"), Budget("linf", 8 / 255)
    before = embed(network, photos)
    others, _ = centres(embed(network, bank.photos), bank.people)
    users, _ = centres(before, people)
    goal = others[(users @ others.T).argmin(1)].repeat_interleave(3, 0)

    def poisoned(targeted: bool) -> torch.Tensor:
        out = PGD(targeted=targeted).perturb(
            photos, [network], people=people, bank=bank, budget=budget, generator=torch.Generator().manual_seed(0)
        )
        return embed(network, out)

    assert (poisoned(True) * goal).sum(1).min() > 0.5 > (before * goal).sum(1).max()
    assert (poisoned(False) * before).sum(1).max() < 0.3


def test_pgd_step_by_hand():
    """One step on a linear extractor equals the sign of the gradient written out."""
    network = tiny_extractor("tiny-x")
    photos = torch.rand(2, 3, 112, 112, generator=torch.Generator().manual_seed(1)) * 0.5 + 0.25
    budget = Budget("linf", 8 / 255)
    out = PGD(targeted=False, steps=1, step_size=1 / 255).perturb(
        photos, [network], budget=budget, generator=torch.Generator().manual_seed(2)
    )
    start = torch.rand(photos.shape, generator=torch.Generator().manual_seed(2)) * 2 - 1
    x = (photos + start * budget.epsilon / 2).requires_grad_(True)
    (network(x) * network(photos).detach()).sum().backward()
    expected = x.detach() - x.grad.sign() / 255
    same = ((out - expected).abs() < 1e-5).float().mean()
    assert same > 0.99  # folding batch norm may turn the sign of gradients at the edge of zero


@pytest.mark.parametrize("name", ["tiny-x", "compact-a"])
def test_folding_batch_norm_changes_nothing(name):
    network = tiny_extractor(name) if name.startswith("tiny") else load(name)
    photos = torch.rand(4, 3, 112, 112, generator=torch.Generator().manual_seed(0))
    folded = fold_batch_norm(network)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    with torch.inference_mode():
        assert (network(photos) - folded(photos)).abs().max() < 1e-5


def test_bad_input_is_one_sentence(scene):
    photos, people, bank, networks = scene
    generator = torch.Generator()
    for wrong, message in [
        ({"photos": photos[:, :, :50]}, "shape"),
        ({"photos": photos * 255}, "divide by 255"),
        ({"surrogates": []}, "at least one surrogate"),
        ({"people": people[:2]}, "one person index"),
        ({"bank": None}, "other people"),
        ({"budget": Budget("dssim", 0.01)}, "linf"),
    ]:
        given = {"photos": photos, "surrogates": networks, "people": people, "bank": bank, **wrong}
        with pytest.raises(UsageError, match=message):
            PGD().perturb(given.pop("photos"), given.pop("surrogates"), generator=generator, **given)
    with pytest.raises(UnknownName, match="pgd"):
        ATTACKS.get("pdg")
    for text in ("", "linf", "linf -1/255", "l3 4", "linf 8/0", "a b c", "linf 8/255 linf 4/255", "dssim 0.1 l2 3"):
        with pytest.raises(UsageError):
            Budget.parse(text)
    assert Budget.parse("8/255") == Budget("linf", 8 / 255) and str(Budget.parse("l2 3.5")) == "l2 3.5"
    for text in ("linf 8/255", "dssim 0.008", "dssim 0.017 linf 15/255"):
        assert str(Budget.parse(text)) == text


def test_visibility_of_known_changes():
    clean = torch.full((2, 3, 112, 112), 0.5)
    seen = visibility(clean, torch.stack([clean[0], clean[1] + 0.1]))
    assert seen.linf.tolist() == pytest.approx([0, 0.1], abs=1e-6)
    assert seen.psnr[0] == torch.inf and float(seen.psnr[1]) == pytest.approx(20, abs=1e-3)
    assert seen.dssim[0] < 1e-5


def test_adapt_pulls_both_copies_together(scene):
    photos, people, _, (network, _) = scene
    poisoned = run("pgd", scene, Budget("linf", 16 / 255), targeted=False)
    before = (embed(network, poisoned) * embed(network, photos)).sum(1).mean()
    weights = network.weights_hash()
    clean, generator = Bank(photos, people), torch.Generator().manual_seed(0)
    robust = Adapt(steps=30, share=1.0).train(network, clean, poisoned, anchors=clean, generator=generator)
    after = (embed(robust, poisoned) * embed(network, photos)).sum(1).mean()
    assert after > before + 0.05
    assert network.weights_hash() == weights != robust.weights_hash()
    with pytest.raises(UsageError, match="perturbed copies"):
        Adapt().train(network, clean, poisoned[:2], anchors=clean, generator=generator)
    with pytest.raises(UsageError, match="anchors"):
        Adapt().train(network, clean, poisoned, anchors=Bank(photos[:0], people[:0]), generator=generator)
