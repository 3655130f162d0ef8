"""A gallery that learns: what it enrols never depends on the truth, nothing is enrolled twice; and linked photos."""

from __future__ import annotations

import pytest
import torch

from facetui.engine.lab.trainer.enrol import _auc
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import ENROL, DefenceApplied


def posted(make_lab, tool=None, **more):
    lab = make_lab(**more)
    lab.at("2020-07")
    lab.friends.post(1)
    lab.at("2020-08")
    lab.users.protect(tool)
    lab.users.post(3, unnamed=True)
    lab.trainer.scrape()
    return lab


def test_photos_without_a_name_are_searched_only_once_they_have_one(make_lab):
    events = []
    lab = posted(make_lab, emit=events.append)
    before = {event.cohort for event in lab.measure()}
    assert "2020-07 friends" in before and "2020-08 clean unnamed" not in before
    found = lab.trainer.enrol(false_alarms=0.2)
    n = 3 * len(lab.protected)
    assert found.unnamed == n and 0 <= found.right <= found.enrolled <= n
    assert found.by_cohort == {"2020-08 clean unnamed": (n, found.enrolled, found.right)}
    assert found.enrolled, "clean photos of the same people"
    after = lab.measure()
    assert after.whole.generation.endswith("+ enrols") and after.whole.protection_rate <= 1
    (applied,) = [e for e in events if isinstance(e, DefenceApplied) and e.defence == ENROL]
    assert f"{found.enrolled} of {n}" in applied.detail and applied.n_photos == found.enrolled


def test_nothing_is_enrolled_twice_and_a_stricter_threshold_enrols_less(make_lab):
    strict, loose = (posted(make_lab) for _ in range(2))
    few, many = strict.trainer.enrol(false_alarms=0.1), loose.trainer.enrol(false_alarms=0.5)
    assert few.threshold > many.threshold and few.enrolled <= many.enrolled
    again = loose.trainer.enrol(false_alarms=0.5, rounds=10)
    assert again.unnamed == many.unnamed - many.enrolled
    photos = [len(post.who) for post in loose.trainer.state.enrolled]
    assert sum(photos) == many.enrolled + again.enrolled <= many.unnamed
    same = posted(make_lab).trainer.enrol(false_alarms=0.5)
    assert same == many, "the same, every time"


def test_names_are_given_by_the_photos_alone(make_lab):
    """Whoever is in unnamed photos in truth decides only what counts as right."""
    one, other = posted(make_lab), posted(make_lab)
    state = other.trainer.state
    for number, post in enumerate(state.archive):
        if post.unnamed:
            who = torch.roll(post.people, 1)
            state.archive[number] = type(post)(
                **{name: getattr(post, name) for name in post.__dataclass_fields__} | {"who": who.numpy()}
            )
    a, b = (lab.trainer.enrol(false_alarms=0.3) for lab in (one, other))
    assert (a.enrolled, a.threshold, a.rounds) == (b.enrolled, b.threshold, b.rounds)
    names = [[post.people.tolist() for post in lab.trainer.state.enrolled] for lab in (one, other)]
    assert names[0] == names[1]


def test_clean_photos_are_linked(make_lab):
    lab = posted(make_lab)
    (linked,) = [one for one in lab.trainer.link() if "unnamed" in one.cohort]
    assert linked.auc == linked.clean > 0.6 and linked.pairs == 3 * len(lab.protected)


def test_the_area_by_hand():
    seen = torch.nn.functional.normalize(torch.randn(7, 4, generator=torch.Generator().manual_seed(1)), dim=1)
    who = torch.tensor([0, 0, 1, 1, 1, 2, 2])
    same = who[:, None] == who[None]
    own, others = torch.triu(same, 1), torch.triu(~same, 1)
    similarity = seen @ seen.T
    pairs = [float(a > b) for a in similarity[own] for b in similarity[others]]
    assert _auc(seen, own, others) == pytest.approx(sum(pairs) / len(pairs), abs=1e-6)
    assert _auc(torch.ones(7, 4) / 2, own, others) == 0.5


def test_what_cannot_be_done_is_said(make_lab):
    lab = make_lab()
    lab.at("2020-07")
    lab.users.post(2)
    lab.trainer.scrape()
    with pytest.raises(UsageError, match="unnamed=True"):
        lab.trainer.enrol()
    for wrong in ({"false_alarms": 0}, {"rounds": 0}):
        with pytest.raises(UsageError, match="expected false alarms"):
            lab.trainer.enrol(**wrong)
    with pytest.raises(UsageError, match="cannot tell"):
        posted(make_lab).trainer.enrol(false_alarms=1e-6)
    lab = posted(make_lab)
    lab.trainer.classify_by("linear")
    with pytest.raises(UsageError, match="nearest"):
        lab.trainer.enrol()
    with pytest.raises(UsageError, match="no two photos"):
        make_lab().trainer.link()
