"""The gradient of SSIM that is written by hand."""

from __future__ import annotations

import pytest
import torch

from facetui.engine.core.ssim import Dissimilarity


@pytest.fixture
def pair() -> tuple[Dissimilarity, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    clean = torch.rand(5, 3, 24, 24, generator=generator, dtype=torch.double)
    photos = (clean + 0.1 * torch.rand(clean.shape, generator=generator, dtype=torch.double)).clamp(0, 1)
    return Dissimilarity(clean), photos.requires_grad_()


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
