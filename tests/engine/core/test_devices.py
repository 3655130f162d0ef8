"""Where it is computed: nothing of the engine needs what a device beside the CPU may lack."""

from __future__ import annotations

import pytest
import torch

from facetui.engine.attacks import ATTACKS
from facetui.engine.attacks.masks.opom import _affine
from facetui.engine.core import device as devices
from facetui.engine.core.inference import embed, frozen
from facetui.engine.core.interfaces import Bank
from facetui.engine.defences.adapt import OBJECTIVES, Adapt
from facetui.engine.lab.lab import Lab
from facetui.engine.lab.recognition.end_to_end import EndToEnd
from facetui.engine.records.errors import UsageError

from ...support.builders import noisy, photos_of, tiny_extractor
from ...support.fake_device import OnDevice, fake_device

FEW_STEPS: dict[str, dict[str, object]] = {
    "fawkes-0.3": {"mode": "min"},
    "fawkes-1.0": {"mode": "low"},
    "lowkey": {"steps": 3},
    "foggysight": {"steps": 3},
}


def test_the_fake_device_refuses_what_a_real_one_does():
    here = torch.rand(3, 4)
    with fake_device() as device:
        there = here.to(device)
        assert isinstance(there, OnDevice) and torch.equal((2 * there).cpu(), 2 * here)
        for refused in (
            lambda: there.double(),
            lambda: torch.zeros(2, dtype=torch.float64, device=device),
            lambda: there.sum(dtype=torch.float64),
            lambda: there.numpy(),
            lambda: there + here,
        ):
            with pytest.raises((TypeError, RuntimeError, AssertionError)):
                refused()


def test_embeddings_are_those_of_the_cpu(few):
    photos, network = few.persons[0].photos, tiny_extractor("tiny-x")
    with fake_device() as device:
        seen = embed(frozen(network, device), photos)
        assert isinstance(seen, OnDevice)
        there = seen.cpu()
    assert torch.allclose(there, embed(network, photos), atol=1e-5)


@pytest.mark.parametrize("name", ATTACKS.names())
def test_every_attack_runs_without_double_precision(name, few, tool):
    if name in ("robust-pgd", "filters") and torch.__version__.startswith("2.4."):
        pytest.skip("with this torch, tensors that kornia makes there pass the pretended device by")
    attack = ATTACKS.get(name)(**FEW_STEPS.get(name, {}))
    clean, bank = photos_of(few.persons[:3], 3), photos_of(tool.persons, 2)
    with fake_device() as device:
        out = attack.perturb(
            clean.photos.to(device).float() / 255,
            [frozen(tiny_extractor(which), device) for which in ("tiny-x", "tiny-y")],
            people=clean.people.to(device),
            bank=Bank(bank.photos.to(device).float() / 255, (-1 - bank.people).to(device)),
            budget=attack.default_budget,
            generator=torch.Generator().manual_seed(5),
        )
        assert isinstance(out, OnDevice)
        moved = out.cpu()
    assert moved.isfinite().all() and moved.min() >= 0 and moved.max() <= 1
    assert not torch.equal(moved, clean.photos.float() / 255)


def test_the_nearest_point_of_a_flat_is_found_in_double_precision_on_the_cpu():
    drawn = torch.Generator().manual_seed(0)
    embedded, points = torch.rand(2, 3, 8, generator=drawn), torch.rand(2, 4, 8, generator=drawn)
    with fake_device() as device:
        found = _affine(embedded.to(device), points.to(device))
        assert isinstance(found, OnDevice) and torch.allclose(found.cpu(), _affine(embedded, points))


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_trainer_adapts_without_double_precision(objective, few):
    clean = photos_of(few.persons[:4], 3)
    with fake_device() as device:
        network = tiny_extractor("tiny-x").to(device)
        generator = torch.Generator().manual_seed(1)
        robust = Adapt(steps=2, batch=4, objective=objective).train(
            network, clean, noisy(clean.photos), anchors=clean, generator=generator
        )
        assert embed(robust, clean.photos).cpu().isfinite().all()


def test_end_to_end_learns_without_double_precision(few):
    seen = photos_of(few.persons[:3], 4)
    with fake_device() as device:
        network = tiny_extractor("tiny-x").to(device)
        classifier = EndToEnd(network, torch.Generator().manual_seed(0), steps=2, batch=4)
        assert set(classifier.fit(seen.photos, seen.people).predict(seen.photos).tolist()) <= {0, 1, 2}


def test_a_lab_measures_the_same_there(few, tool, tiny_cast):
    def rates(device: torch.device) -> list[float]:
        lab = Lab(few, tiny_cast, tool=tool, seed=3, device=device)
        lab.at("2020-07")
        lab.users.protect("pgd", steps=3)
        lab.users.post(3)
        lab.trainer.scrape()
        lab.measure()
        lab.trainer.classify_by("linear")
        lab.measure()
        return [measured.protection_rate for measured in lab.measurements]

    here = rates(torch.device("cpu"))
    with fake_device() as device:
        there = rates(device)
    assert len(here) >= 2 and there == pytest.approx(here, abs=0.13), "one probe of eight may fall to the other side"


def test_a_processor_that_computes_something_else_is_not_taken(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    with fake_device() as device:
        assert devices.agrees_with_cpu(device)
    monkeypatch.setattr(devices, "agrees_with_cpu", lambda device: True)
    assert devices.choose("auto").type == devices.choose("mps").type == "mps"
    monkeypatch.setattr(devices, "agrees_with_cpu", lambda device: False)
    assert devices.choose("auto").type == "cpu"
    with pytest.raises(UsageError, match="other numbers than the CPU"):
        devices.choose("mps")


def test_a_wrong_gradient_is_noticed():
    real, first = torch.nn.functional.conv2d, []

    def wrong(*given, **named):
        first.append(1)
        return real(*given, **named) * (1.1 if len(first) == 1 else 1.0) + len(first) * 0.05

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.functional, "conv2d", wrong)
        assert not devices.agrees_with_cpu(torch.device("cpu"))
    assert devices.agrees_with_cpu(torch.device("cpu"))
