from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from facetui.engine.lab.recognition.nearest import NearestNeighbour
from facetui.engine.records.errors import UsageError
from facetui.engine.records.rates import (
    difference_interval,
    discovery_at_k,
    error_rate,
    identity_uniformity_at_k,
    people_interval,
    rank_k,
    recall_at_k,
    wilson,
)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_the_share_and_mirrors(counts):
    k, n = counts
    low, high = wilson(k, n)
    assert 0 <= low <= k / n <= high <= 1
    other_low, other_high = wilson(n - k, n)
    assert low == pytest.approx(1 - other_high) and high == pytest.approx(1 - other_low)


def test_wilson_published_values():
    # Newcombe 1998, table I: 81 of 263 and 0 of 20.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-4)
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=5e-4)
    assert wilson(0, 0) == (0, 1)
    with pytest.raises(ValueError, match="successes"):
        wilson(3, 2)


PEOPLE = st.lists(st.integers(1, 12).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1)


@given(PEOPLE)
def test_an_interval_over_people_holds_the_share_and_mirrors(people):
    missed, probes = zip(*people, strict=True)
    low, high = people_interval(missed, probes)
    share = sum(missed) / sum(probes)
    assert 0 <= low <= high <= 1
    if len(set(people)) > 1 or share in (0, 1):  # nobody differs: every draw gives the same
        assert low - 1e-9 <= share <= high + 1e-9
    other_low, other_high = people_interval([n - m for m, n in people], probes)
    assert low == pytest.approx(1 - other_high, abs=0.1) and high == pytest.approx(1 - other_low, abs=0.1)


def test_people_count_and_not_their_probes():
    # The same 32 of 64: everybody half, or half of the people all. Photos of one person say little about others.
    steady, torn = people_interval([4, 3, 5, 4, 4, 3, 5, 4], [8] * 8), people_interval([8, 0] * 4, [8] * 8)
    assert steady[1] - steady[0] < 0.15 < 0.5 < torn[1] - torn[0]
    assert torn[0] < wilson(32, 64)[0] and torn[1] > wilson(32, 64)[1]


def test_all_or_none_is_exact_over_people():
    # Clopper and Pearson 1934, none of 8: 1 - 0.025 ** (1 / 8) = 0.3694.
    assert people_interval([0] * 8, [8] * 8) == pytest.approx((0, 0.3694), abs=1e-4)
    assert people_interval([8] * 8, [8] * 8) == pytest.approx((0.6306, 1), abs=1e-4)
    assert people_interval([], []) == (0, 1)
    assert people_interval([3, 0], [3, 0]) == pytest.approx((0.025, 1)), "who was not asked is nobody"
    for wrong in (([9], [8]), ([1], [1, 2]), ([-1], [4])):
        with pytest.raises(ValueError, match="missed <= probes"):
            people_interval(*wrong)


def test_a_difference_is_paired():
    before, after, probes = [8, 4, 8, 2, 8, 4, 8, 2], [6, 2, 6, 0, 6, 2, 6, 0], [8] * 8
    low, high = difference_interval(before, after, probes)
    assert low < 0.25 < high, "everybody lost a quarter, however much they had; eight others need not"
    assert high - low < 0.75, "but most of them would"
    low, high = difference_interval([8, 4, 8, 2, 8, 4, 8, 2], [6, 2, 6, 0, 6, 2, 6, 1], probes)
    assert 0.2 < low <= high <= 0.25, "paired: what they had differs much more"
    assert (
        difference_interval([8] * 8, [0] * 8, probes)[0] > 0.25
        and difference_interval([8] * 8, [0] * 8, probes)[1] == 1
    )
    assert difference_interval([0] * 200, [0] * 200, [8] * 200)[1] < 0.02, "the more people, the surer"
    apart = people_interval(before, probes), people_interval(after, probes)
    assert apart[0][0] < apart[1][1], "though the intervals of both overlap"
    assert difference_interval([], [], []) == (-1, 1)
    with pytest.raises(ValueError, match="equal lengths"):
        difference_interval([1], [1, 2], [3, 4])


def test_error_rate_and_rank_k():
    assert error_rate([1, 2, 3, 4], [1, 2, 0, 0]) == (0.5, 2, 4)
    assert error_rate([], []) == (0.0, 0, 0)
    rows = [[1, 2], [2, 1], [3, 2]]
    assert rank_k(rows, [1, 1, 1], 1) == pytest.approx(1 / 3)
    assert rank_k(rows, [1, 1, 1], 2) == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="k >= 1"):
        rank_k(rows, [1, 1, 1], 0)


def test_cosine_and_euclidean_agree_on_unit_vectors():
    generator = torch.Generator().manual_seed(0)
    gallery = torch.nn.functional.normalize(torch.randn(200, 16, generator=generator))
    probes = torch.nn.functional.normalize(torch.randn(50, 16, generator=generator))
    people = torch.arange(200) // 10
    found = [NearestNeighbour(metric).fit(gallery, people).predict(probes) for metric in ("cosine", "euclidean")]
    assert torch.equal(*found)
    by_hand = people[(probes @ gallery.T).argmax(1)]
    assert torch.equal(found[0], by_hand)


def test_an_empty_gallery_says_what_to_do():
    with pytest.raises(UsageError, match="scrape"):
        NearestNeighbour().search(torch.rand(1, 4), 1)


def test_search_metrics_by_hand():
    candidates, truth = [[1, 1, 2, 3], [2, 3, 3, 3]], [1, 2]
    assert recall_at_k(candidates, truth, [2, 4], 2) == pytest.approx((2 / 2 + 1 / 2) / 2)
    assert recall_at_k(candidates, truth, [1, 1], 4) == pytest.approx((2 + 1) / 2)  # more found than said: not clipped
    assert recall_at_k(candidates, truth, [5, 0], 1) == pytest.approx(0.5)  # nobody enrolled, nothing to find
    assert discovery_at_k(candidates, [1, 3], 1) == 0.5
    assert identity_uniformity_at_k(candidates, 4, 3) == pytest.approx(((4 - 2) / 4 + (4 - 2) / 4) / 2)
    for wrong in ({"k": 0}, {"enrolled": [1]}):
        with pytest.raises(ValueError):
            recall_at_k(**{"candidates": candidates, "truth": truth, "enrolled": [1, 1], "k": 1, **wrong})
    with pytest.raises(ValueError):
        identity_uniformity_at_k(candidates, 0, 1)
