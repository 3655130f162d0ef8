"""LowKey with LPIPS: only where package and weights are, and never fetched."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
import torch

from facetui.engine.attacks import lowkey
from facetui.engine.records.errors import DataError

from ...support.builders import tiny_extractor


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A folder of our own where torch looks for weights."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    return tmp_path / "checkpoints"


def test_without_weights_the_stand_in_is_named(hub):
    attack = lowkey.LowKey()
    assert attack.perceptual == "ssim" and "in place of LPIPS" in attack.about
    with pytest.raises(DataError, match="AlexNet"):
        lowkey.LowKey(perceptual="lpips")


@pytest.mark.skipif(find_spec("lpips") is None, reason="the package lpips is not installed")
def test_with_weights_lpips_is_a_mean_over_photos(hub):
    from torchvision.models import alexnet

    hub.mkdir()
    torch.manual_seed(0)
    torch.save(alexnet(weights=None).state_dict(), hub / lowkey.ALEXNET)
    attack = lowkey.LowKey(steps=2)
    assert attack.perceptual == "lpips" and "LPIPS" in attack.about
    photos = torch.rand(3, 3, 112, 112, generator=torch.Generator().manual_seed(1))
    visible = attack._perceptual(photos)
    assert visible(photos).abs().max() < 1e-6 and visible(photos.flip(3)).shape == (3,)
    out = attack.perturb(photos, [tiny_extractor("tiny-x")], generator=torch.Generator().manual_seed(2))
    assert (out - photos).abs().max() <= attack.default_budget.epsilon + 1e-6
