"""The tail of strangers' similarities: fitted to what is known, and asked for what was not searched."""

from __future__ import annotations

import itertools

import pytest
import torch

from facetui.engine.core.search import tail
from facetui.engine.records.errors import UsageError


def drawn(kind: str, probes: int, strangers: int) -> torch.Tensor:
    """Similarities ``(probes, strangers)`` of a known distribution, another place and width for every probe."""
    generator = torch.Generator().manual_seed(5)
    uniform = torch.rand(probes, strangers, generator=generator, dtype=torch.float64)
    values = {"exponential": -torch.log(uniform), "uniform": uniform, "normal": torch.special.ndtri(uniform)}[kind]
    width = torch.linspace(0.05, 0.1, probes, dtype=torch.float64)[:, None]
    return torch.linspace(-0.1, 0.1, probes, dtype=torch.float64)[:, None] + width * values


def above(kind: str, probability: float, probes: int) -> torch.Tensor:
    """What a stranger exceeds with a probability, for each of these probes."""
    p = torch.tensor(probability, dtype=torch.float64)
    value = {"exponential": -torch.log(p), "uniform": 1 - p, "normal": torch.special.ndtri(1 - p)}[kind]
    return torch.linspace(-0.1, 0.1, probes, dtype=torch.float64) + value * torch.linspace(
        0.05, 0.1, probes, dtype=torch.float64
    )


@pytest.mark.parametrize(("kind", "shape"), [("exponential", 1.0), ("normal", 0.5)])
def test_the_shape_of_known_tails_is_found(kind, shape):
    values = drawn(kind, 64, 4000).topk(401).values
    assert tail.fit(values, 4000).shape == pytest.approx(shape, abs=0.15)


@pytest.mark.parametrize("kind", ["exponential", "normal"])
@pytest.mark.parametrize("further", [10, 100, 1000, 10**7])
def test_what_far_more_strangers_would_do_is_foretold_within_a_small_factor(kind, further):
    """From 2,000 strangers to 20 billion: the further, the wider the band, on a logarithmic scale."""
    probes, strangers = 128, 2000
    fitted = tail.fit(drawn(kind, probes, strangers).topk(201).values, strangers)
    probability = 1 / (strangers * further)
    told = fitted.beyond(above(kind, probability, probes))
    ratio = float(told.clamp(min=1e-30).log().median().exp()) / probability
    most = {10: 1.6, 100: 2.5, 1000: 4, 10**7: 10}[further]
    assert 1 / most < ratio < most


def test_more_strangers_are_never_less_likely_to_be_nearer():
    fitted = tail.fit(drawn("normal", 16, 1000).topk(101).values, 1000)
    similarity = torch.linspace(-0.2, 0.9, 16)
    rates = [fitted.misnamed(similarity, n) for n in (1, 1e3, 1e6, 1e9, 3e10)]
    assert all(bool((a <= b + 1e-12).all()) for a, b in itertools.pairwise(rates))
    assert all(bool(((r >= 0) & (r <= 1)).all()) for r in rates)
    assert rates[0].max() <= 0.102, "one stranger is at most as likely as the share above the threshold"


def test_too_few_or_equal_strangers_have_no_tail():
    with pytest.raises(UsageError, match="larger crowd"):
        tail.fit(torch.rand(4, tail.LEAST), 100)
    with pytest.raises(UsageError, match="equally similar"):
        tail.fit(torch.ones(4, 20), 100)
    same_for_one = drawn("normal", 4, 500).topk(51).values
    same_for_one[2] = 0.3
    told = tail.fit(same_for_one, 500).beyond(torch.tensor([0.5, 0.5, 0.5, 0.5]))
    assert told.isfinite().all() and told[2] == 0


@pytest.mark.parametrize("shape", [-1.0, 0.0, 0.5])
def test_probabilities_are_probabilities_whatever_the_shape(shape):
    made = tail.Tail(torch.full((4,), 0.2), torch.full((4,), 0.05), shape, 2.3)
    told = made.beyond(torch.tensor([-1.0, 0.2, 0.24, 0.9]))
    assert told.isfinite().all() and bool((told[1:] <= told[:-1]).all()) and 0 <= told[-1] <= told[0] <= 0.11
