"""Pairs that people publish of a photo and its protected copy, and a trainer who has nothing else to learn from."""

from __future__ import annotations

import pytest
import torch

from facetui.engine.applications.benchmarks.grid import Row
from facetui.engine.core.cache import Cache
from facetui.engine.lab import users
from facetui.engine.lab.trainer import training_photos
from facetui.engine.lab.world import perturb
from facetui.engine.people.persons import Person
from facetui.engine.records.errors import UnknownName, UsageError
from facetui.engine.records.events import DefenceApplied, PhotosPosted


@pytest.fixture
def closed(make_lab, embedded, tmp_path):
    """A lab in which protected people use a closed tool, their photos are scraped, and what was heard."""
    events = []
    around = [Person(f"c{i}", person.photos[:2]) for i, person in enumerate(embedded.persons[20:26])]
    lab = make_lab(crowd=around, cache=Cache(tmp_path), emit=events.append)
    lab.at("2021-04")
    lab.users.protect("pgd", steps=2, public=False)
    lab.users.post(2)
    lab.trainer.scrape()
    return lab, events


def test_nobody_else_can_run_a_closed_tool(closed):
    lab, _ = closed
    assert lab.world.tools.names() == []
    with pytest.raises(UsageError, match="no attack to adapt yet"):
        lab.trainer.adapt()
    for answer in (lab.trainer.adapt, lab.trainer.detect):
        with pytest.raises(UsageError, match="closed tool"):
            answer(["pgd"])
    with pytest.raises(UsageError, match="closed tool"):
        lab.trainer.choose()
    lab.trainer.use(lab.cast.generations[0].extractor)
    assert len(set(lab.trainer.pipelines)) == 2
    assert lab.measure().whole.best_generation is None, "it cannot rehearse with a tool that it cannot run"
    lab.users.protect("pgd", steps=2)
    lab.trainer.adapt(steps=2)  # it was released since


def test_pairs_are_of_people_whom_nobody_asks_for(closed, monkeypatch):
    lab, events = closed
    ran = []

    def noted(world, attack, budget, photos, people, *, actor, **rest):
        ran.append((actor, people))
        return perturb.perturb(world, attack, budget, photos, people, actor=actor, **rest)

    for caller in (users, training_photos):
        monkeypatch.setattr(caller, "perturb", noted)
    left = lab.users.left_to_show()
    assert left == len(lab.world.trainable) + 6
    lab.users.publish_pairs("pgd", people=3, steps=2)
    lab.users.publish_pairs("pgd", people=left - 3, steps=2)
    assert lab.users.left_to_show() == 0
    pairs = [post for post in lab.web if post.pairs]
    shown = torch.cat([post.people for post in pairs])
    assert len(shown.unique()) == left and not set(shown.tolist()) & {*lab.protected, *lab.world.kept}
    for post in pairs:
        (clean, copies), (who, again) = post.photos.chunk(2), post.people.chunk(2)
        assert torch.equal(who, again) and not torch.equal(clean, copies)
        for person, index, photo in zip(who.tolist(), post.source.tolist(), clean, strict=False):
            assert torch.equal(photo, lab.world.people.persons[person].photos[index])
    told = [e for e in events if isinstance(e, PhotosPosted)][-2:]
    assert [(e.n_people, e.n_photos, e.attack) for e in told] == [(3, 3, "pgd"), (left - 3, left - 3, "pgd")]
    lab.trainer.scrape()
    lab.trainer.adapt(pairs="published", steps=2)
    assert {actor for actor, _ in ran} == {"users"}, "a passive trainer runs no tool"
    applied = next(e for e in events if isinstance(e, DefenceApplied))
    assert (applied.n_people, applied.n_photos, applied.against) == (left, left, ["pgd"])
    assert lab.trainer.pipelines[-1].against == ("pgd",)


def test_what_is_wrong_with_pairs(closed):
    lab, _ = closed
    left = lab.users.left_to_show()
    for call, message in [
        (lambda: lab.trainer.adapt(pairs="published"), "nobody has published a pair"),
        (lambda: lab.trainer.adapt(pairs="stolen"), "own or published"),
        (lambda: lab.users.publish_pairs("pgd", people=left + 1), f"1 to {left} people"),
        (lambda: lab.users.publish_pairs("pgd", people=0), f"1 to {left} people"),
        (lambda: lab.users.publish_pairs("foggysight"), "decoys"),
    ]:
        with pytest.raises(UsageError, match=message):
            call()
    with pytest.raises(UnknownName, match="pgd"):
        lab.users.publish_pairs("pdg")
    lab.users.publish_pairs("pgd", people=1, steps=2)
    with pytest.raises(UsageError, match="scrape"):
        lab.trainer.adapt(pairs="published")
    lab.trainer.scrape()
    with pytest.raises(UsageError, match="pair of lowkey"):
        lab.trainer.adapt(["lowkey"], pairs="published")


def test_a_row_of_the_grid_says_which_share_of_photos_is_perturbed():
    row = Row.parse("fawkes-1.0:share=0.5;mode=low", ["compact-a"])
    assert (row.share, row.settings, row.words) == (0.5, {"mode": "low"}, "fawkes-1.0 mode=low 50 % of photos")
    assert Row.parse("fawkes-1.0", ["compact-a"]).share == 1
    for wrong in ("fawkes-1.0:share=2", "fawkes-1.0:share=half"):
        with pytest.raises(UsageError, match=r"share in \[0, 1\]"):
            Row.parse(wrong, ["compact-a"])
