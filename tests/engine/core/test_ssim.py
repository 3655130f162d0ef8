"""The gradient of SSIM that is written by hand."""

from __future__ import annotations

import pytest
import torch

from facetui.engine.core import device, ssim
from facetui.engine.core.ssim import Dissimilarity

from ...support.builders import some_faces


@pytest.fixture(params=[False, True], ids=["from the photos", "from the change"])
def pair(request) -> tuple[Dissimilarity, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    clean = torch.rand(5, 3, 24, 24, generator=generator, dtype=torch.double)
    photos = (clean + 0.1 * torch.rand(clean.shape, generator=generator, dtype=torch.double)).clamp(0, 1)
    return Dissimilarity(clean, request.param), photos.requires_grad_()


@pytest.mark.parametrize("weights", [(1, 1, 1, 1, 1), (1, 0, 2, 0, 3), (0, 0, 0, 0, -1)])
def test_it_is_the_one_that_differences_give(pair, weights):
    measure, photos = pair
    weight = torch.tensor(weights, dtype=torch.double)
    assert torch.autograd.gradcheck(lambda x: measure(x) * weight, (photos,), fast_mode=True)


def test_a_photo_that_is_not_asked_for_gets_none_and_changes_no_other(pair):
    measure, photos = pair
    (whole,) = torch.autograd.grad(measure(photos).sum(), photos)
    (part,) = torch.autograd.grad(measure(photos)[[1, 4]].sum(), photos)
    assert torch.equal(part[[0, 2, 3]], torch.zeros_like(part[[0, 2, 3]]))
    assert torch.allclose(part[[1, 4]], whole[[1, 4]], atol=1e-12, rtol=0)
    (none,) = torch.autograd.grad((0 * measure(photos)).sum(), photos)
    assert not none.any()


WHITE = torch.ones(1, 3, 112, 112)
HALVES = torch.cat([WHITE[..., :56], 0 * WHITE[..., :56]], 3)
CHECKS = (torch.arange(112)[:, None] + torch.arange(112)).remainder(2).float().expand(1, 3, 112, 112)
GREY = 0.9 * WHITE
NOISE = torch.rand(1, 3, 112, 112, generator=torch.Generator().manual_seed(0))
PAIRS = {
    "faces, a grey level": (some_faces()[:4], some_faces()[:4] + (NOISE - 0.5).sign() / 255),
    "faces, eight grey levels": (some_faces()[:4], some_faces()[:4] + (NOISE - 0.5).sign() * 8 / 255),
    "the same face": (some_faces()[:4], some_faces()[:4]),
    "white": (WHITE, WHITE),
    "nearly white": (WHITE, WHITE - 0.01),
    "white, and dust": (WHITE, WHITE - NOISE * 8 / 255),
    "black": (0 * WHITE, 0 * WHITE),
    "black beside white": (0 * WHITE, WHITE),
    "light grey": (GREY, GREY + (NOISE - 0.5) / 255),
    "black and white halves": (HALVES, HALVES * 0.98),
    "a chess board": (CHECKS, 1 - CHECKS),
    "noise": (NOISE, NOISE.flip(3)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_it_is_right_at_the_extremes_too(name):
    """Against the formula in double precision, value and gradient; 1e-5 is a two-hundredth of the tightest budget."""
    clean, photos = (part.clamp(0, 1).contiguous() for part in PAIRS[name])

    def seen(dtype, from_change):
        x = photos.to(dtype).requires_grad_()
        value = Dissimilarity(clean.to(dtype), from_change)(x)
        return value.detach(), torch.autograd.grad(value.sum(), x)[0]

    value, gradient = seen(torch.double, False)
    found, slope = seen(torch.float, True)
    assert (found - value).abs().max() < 2e-6 and (slope - gradient).abs().max() < 2e-7
    if value.max() < 1e-3:
        assert (found - value).abs().max() < 1e-3 * value.max() + 1e-12, "a small one is right in its own digits"
    if "face" in name:  # as on a CPU, where nearly white photos are off by up to 6e-5
        found, slope = seen(torch.float, False)
        assert (found - value).abs().max() < 1e-5 and (slope - gradient).abs().max() < 1e-6


@pytest.mark.parametrize("from_change", [False, True])
def test_it_is_computed_in_full_whatever_was_chosen_around_it(from_change, monkeypatch):
    clean = some_faces()[:3]
    photos = (clean + 0.02 * NOISE).clamp(0, 1)

    def seen():
        x = photos.clone().requires_grad_()
        value = Dissimilarity(clean, from_change)(x)
        return value.detach(), torch.autograd.grad(value.sum(), x)[0]

    plain, choices, conv2d = seen(), [], ssim.F.conv2d

    def watched(*args, **kwargs):
        library = torch.backends.cudnn
        exact = library.conv.fp32_precision == "ieee" if hasattr(library, "conv") else not library.allow_tf32
        choices.append(exact and not torch.is_autocast_enabled("cpu"))
        return conv2d(*args, **kwargs)

    monkeypatch.setattr(ssim.F, "conv2d", watched)
    before = torch.backends.cudnn.allow_tf32
    try:
        torch.backends.cudnn.allow_tf32 = True
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = conv2d(clean, torch.ones(3, 3, 3, 3))
            reduced = seen()
        assert torch.backends.cudnn.allow_tf32, "what was chosen holds again afterwards"
    finally:
        torch.backends.cudnn.allow_tf32 = before
    assert half.dtype == torch.bfloat16, "autocast was on"
    assert len(choices) == 16 and all(choices), "eight blurs of two convolutions each"
    assert all(torch.equal(a, b) for a, b in zip(plain, reduced, strict=True))


def test_precision_can_be_chosen_layer_by_layer_around_it():
    """From torch 2.9 on precision is chosen for each kind of layer, and the older name cannot be read any more."""
    library = torch.backends.cudnn
    if not hasattr(library, "conv"):
        pytest.skip("this torch has one choice for all layers")
    before = library.conv.fp32_precision, library.rnn.fp32_precision
    try:
        library.conv.fp32_precision, library.rnn.fp32_precision = "tf32", "ieee"
        with device.full_precision(torch.device("cpu")):
            assert library.conv.fp32_precision == "ieee"
        assert (library.conv.fp32_precision, library.rnn.fp32_precision) == ("tf32", "ieee")
    finally:
        library.conv.fp32_precision, library.rnn.fp32_precision = before
