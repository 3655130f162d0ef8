"""What there is to watch while something is computed: true pictures and the trainer's own test, changing no result."""

from __future__ import annotations

import io

import pytest
import torch
from PIL import Image

from facetui.engine import attacks
from facetui.engine.attacks import ATTACKS
from facetui.engine.lab.trainer import training_photos
from facetui.engine.lab.world import preview, recorder
from facetui.engine.people.alignment import to_tensor
from facetui.engine.records.events import PicturesShown, Progress

from ...support.builders import photos_of, tiny_extractor


@pytest.fixture
def watched(make_lab, monkeypatch):
    """A lab that keeps every picture, looks at every step, and its events."""
    monkeypatch.setattr(preview, "SECONDS", 0)
    monkeypatch.setattr(training_photos, "TRIAL_SECONDS", 0)
    monkeypatch.setattr(recorder, "PROGRESS_SECONDS", 0)
    events, pictures = [], {}

    def keep(png: bytes) -> str:
        name = f"{len(pictures)}"
        pictures[name] = png
        return name

    return make_lab(emit=events.append, keep_picture=keep), events, pictures


def test_a_photo_is_watched_as_it_is_perturbed(watched):
    lab, events, pictures = watched
    lab.at("2020-07")
    lab.users.protect("pgd", budget="linf 8/255", steps=6)
    lab.users.post(2)
    seen = [e.preview for e in events if isinstance(e, Progress) and e.preview]
    assert len(seen) >= 5
    load = lambda name: to_tensor(Image.open(io.BytesIO(pictures[name]))).int()  # noqa: E731
    for one in seen:
        change = (load(one.now) - load(one.original)).abs().max()
        assert 0 < change <= 8 and -1 <= one.similarity <= 1
    who = {lab.people.persons[person].name for person in lab.protected}
    assert {one.person for one in seen} <= who
    mine = [one.similarity for one in seen if one.person == seen[0].person]
    assert mine[-1] < mine[0], "the photo resembles its owner less and less"


def test_the_trainers_own_test_is_watched_as_it_learns_and_changes_nothing(watched, make_lab):
    lab, events, _ = watched
    plain = make_lab()
    for one in (lab, plain):
        one.at("2020-07")
        one.users.protect("pgd", steps=2)
        one.users.post(2)
        one.trainer.scrape()
        one.trainer.adapt(steps=5)
    learning = [e.failing for e in events if isinstance(e, Progress) and e.unit == "pairs" and e.done]
    assert len(learning) == 5 and all(share is not None and 0 <= share <= 1 for share in learning)
    assert lab.world.networks.weights("tiny-x robust") == plain.world.networks.weights("tiny-x robust")


def test_after_every_measurement_one_face_is_looked_for_again(watched):
    lab, events, pictures = watched
    lab.at("2020-07")
    lab.users.protect("pgd", steps=2)
    lab.users.post(2)
    lab.trainer.scrape()
    for name in [generation.extractor for generation in lab.cast.generations]:
        lab.trainer.use(name)
        lab.measure()
        shown = events[-1]
        assert isinstance(shown, PicturesShown) and shown.extractor == name
        assert shown.person == lab.people.persons[lab.protected[0]].name
        named = next(p for p in lab.people.persons if p.name == shown.candidates[0].person)
        picture = to_tensor(Image.open(io.BytesIO(pictures[shown.named])))
        assert any(torch.equal(picture, photo) for photo in named.photos), "the face is that of whom it names"


@pytest.mark.parametrize("name", ATTACKS.names())
def test_every_attack_shows_the_photos_it_works_on(name, few):
    attack = attacks.make(name)
    if attack.passes(1) == 0:
        pytest.skip(f"{name} consults no extractor: there is nothing to wait for")
    attack.steps = min(attack.steps, 2)
    clean = photos_of(few.persons[:2], 2)
    bank = photos_of(few.persons[4:6], 2)
    seen = []
    attack.perturb(
        clean.photos.float() / 255,
        [tiny_extractor("x")],
        generator=torch.Generator().manual_seed(0),
        people=clean.people,
        bank=type(bank)(bank.photos.float() / 255, -1 - bank.people),
        watch=lambda rows, photos: seen.append((rows.clone(), photos.detach().clone())),
    )
    assert seen
    for rows, photos in seen:
        assert photos.shape == (len(rows), 3, 112, 112) and int(rows.max()) < len(clean.photos)
        assert (photos - clean.photos[rows].float() / 255).abs().mean() < 0.2, "of that row and no other"
