"""Which operations attacks ask a device for: some add up in the order in which a GPU's threads come."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from facetui.engine.attacks import ATTACKS, lowkey
from facetui.engine.attacks.optimising import resampling
from facetui.engine.core.interfaces import Bank

from ...support.builders import some_faces, tiny_extractor

UNORDERED = (
    *(f"upsample_{kind}_backward" for kind in ("linear1d", "bilinear2d", "bicubic2d", "trilinear3d")),
    *(f"_upsample_{kind}_aa_backward" for kind in ("bilinear2d", "bicubic2d")),
    *(f"{kind}_pad{n}d_backward" for kind in ("reflection", "replication") for n in (1, 2, 3)),
    "grid_sampler_2d_backward",
    "adaptive_avg_pool2d_backward",
    "_adaptive_avg_pool2d_backward",
    "adaptive_max_pool2d_backward",
    "max_pool2d_with_indices_backward",
    "histc",
)
"""As torch documents them for ``use_deterministic_algorithms``; ``index_add`` and ``index_put`` it can put in order."""
STEPS = {"fawkes-0.3": {"mode": "min", "steps": 2}, "fawkes-1.0": {"steps": 2}, "lowkey": {"steps": 1}}
CODEC = {
    "upsample_bilinear2d_backward",
    "_upsample_bilinear2d_aa_backward",
    "reflection_pad2d_backward",
    "replication_pad2d_backward",
}
"""Of kornia's JPEG: one reason why a run on a GPU says that it repeats within a tolerance."""


class Asked(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", ATTACKS.names())
def test_attacks_ask_for_sums_that_have_an_order(name, monkeypatch):
    monkeypatch.setattr(
        lowkey, "blurred", lambda photos: resampling.blur(photos, lowkey.BLUR, lowkey.SIGMA)
    )  # as on a GPU
    faces, asked = some_faces(), Asked()
    attack = ATTACKS.get(name)(**STEPS.get(name, {"steps": 6} if name != "filters" else {}))
    with asked:
        attack.perturb(
            faces[:2],
            [tiny_extractor("tiny-x")],
            bank=Bank(faces[-4:], -1 - torch.arange(4) // 2),
            generator=torch.Generator().manual_seed(3),
        )
    assert name == "filters" or "convolution_backward" in asked.names, "gradients were seen"
    assert asked.names & set(UNORDERED) <= (CODEC if name == "robust-pgd" else set())


@pytest.mark.parametrize("side", [20, 57, 90, 112])
def test_matrices_resize_as_torch_does(side):
    photos = some_faces()[:3]
    for antialias in (False, True):
        expected = F.interpolate(photos, size=(side, side), mode="bilinear", antialias=antialias)
        assert (resampling.resize(photos, side, antialias) - expected).abs().max() < 1e-6


@pytest.mark.parametrize(("window", "sigma"), [(7, 3.0), (5, 0.3), (5, 1.5)])
def test_matrices_blur_as_kornia_does(window, sigma):
    from kornia.filters import gaussian_blur2d

    photos = some_faces()[:3]
    expected = gaussian_blur2d(photos, (window, window), (sigma, sigma), border_type="reflect")
    assert (resampling.blur(photos, window, sigma) - expected).abs().max() < 1e-6
    if window == lowkey.BLUR:
        assert torch.equal(lowkey.blurred(photos), expected), "on a CPU as before, to the byte"
