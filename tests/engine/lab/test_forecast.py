"""What a forecast says of millions: checked on the strangers that there are, and never sure without reason."""

from __future__ import annotations

import itertools

import pytest
import torch

from facetui.engine.core.cache import Cache
from facetui.engine.lab.questions.forecast import Searched
from facetui.engine.people.persons import Person
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import SearchForecast

USERS = ("p01", "p03", "p04", "p06")


@pytest.fixture
def lab(make_lab, embedded, tmp_path):
    """Protected people in a crowd, searched for by a small network."""
    around = [Person(f"c{i}", p.photos) for i, p in enumerate(embedded.persons[8:])]
    made = make_lab(users=USERS, crowd=around, cache=Cache(tmp_path))
    made.at("2020-07")
    made.users.protect("pgd", steps=8, budget="linf 32/255")
    made.users.post(2)
    return made


def test_what_is_counted_is_what_is_measured_and_more_strangers_leave_more(lab):
    lab.trainer.scrape()
    whole = lab.measure().whole
    told = lab.forecast(1000, 1_000_000, 30_000_000_000)
    assert isinstance(told, SearchForecast) and told.photos == [1000, 1_000_000, 30_000_000_000]
    assert told.counted[-1] == pytest.approx(whole.protection_rate), "the same searches, counted twice"
    assert (told.n_probes, told.n_people) == (whole.n_probes, len(USERS))
    for rates in (told.counted, told.rates, told.unprotected):
        assert all(a <= b + 1e-9 for a, b in itertools.pairwise(rates)), rates
    assert all(low <= rate <= high for rate, (low, high) in zip(told.rates, told.intervals, strict=True))
    assert abs(told.checked - told.counted[-1]) < 0.2
    assert told.checked_from < told.counted_among[-1]
    again = lab.forecast(1000, 1_000_000, 30_000_000_000)
    assert (again.rates, again.intervals) == (told.rates, told.intervals)


def test_the_share_among_some_is_that_of_all_choices():
    generator = torch.Generator().manual_seed(1)
    strangers = torch.rand(6, 9, generator=generator)
    searched = Searched(torch.full((6,), 0.7), strangers, torch.arange(9), torch.arange(6))
    for n in (1, 4, 9):
        choices = list(itertools.combinations(range(9), n))
        by_hand = sum(float((strangers[:, list(c)] >= 0.7).any(1).double().mean()) for c in choices) / len(choices)
        assert searched.counted(n) == pytest.approx(by_hand)


def test_people_of_the_same_kind_in_ten_times_the_number_are_foretold():
    """From 1,000 strangers to 10,000 of the same distribution, which are then searched."""
    generator = torch.Generator().manual_seed(3)
    strangers = torch.randn(400, 10_000, generator=generator) * 0.1
    own = torch.rand(400, generator=generator) * 0.25 + 0.25
    few = Searched(own, strangers[:, :1000], torch.arange(1000), torch.arange(400))
    everybody = Searched(own, strangers, torch.arange(10_000), torch.arange(400))
    told, counted = float(few.among([10_000]).mean()), everybody.counted(10_000)
    assert 0.1 < few.counted(1000) < counted - 0.1, "a case in which the number matters"
    assert told == pytest.approx(counted, abs=0.03)


@pytest.mark.parametrize("sizes", [(0,), (1000, -1)])
def test_nonsense_is_said_in_a_sentence(sizes, lab):
    with pytest.raises(UsageError, match="scrape"):
        lab.forecast()
    lab.trainer.scrape()
    with pytest.raises(UsageError, match="numbers of photos"):
        lab.forecast(*sizes)
    lab.trainer.classify_by("linear")
    with pytest.raises(UsageError, match="nearest"):
        lab.forecast()


def test_too_few_strangers_are_no_crowd(make_lab):
    made = make_lab(users=USERS)
    made.users.protect("pgd", steps=2)
    made.users.post(2)
    made.trainer.scrape()
    with pytest.raises(UsageError, match="--crowd"):
        made.forecast()
