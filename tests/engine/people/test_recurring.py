"""Whose photos a folder holds: not the nearest face's, but whose is in all of them."""

from __future__ import annotations

import pytest
import torch

from facetui.engine.core.cache import Cache
from facetui.engine.core.inference import embed
from facetui.engine.extractors import load
from facetui.engine.extractors.describing import describe
from facetui.engine.people import identities
from facetui.engine.people.alignment import to_picture
from facetui.engine.people.recurring import nearest, recurring

from ...support.scenes import scene, written

ME, FRIEND, OTHER = 3, 8, 12
NEAR, FAR = 230, 130

BEFORE_ME, ALONE = [(ME, FAR), (FRIEND, NEAR)], [(ME, NEAR)]
FRIENDS: dict[str, list[list[tuple[int, int]]]] = {
    "a friend is nearer in one of five": [BEFORE_ME, *[ALONE] * 4],
    "a friend is nearer in two of five": [*[BEFORE_ME] * 2, *[ALONE] * 3],
    "two friends are nearer, in a photo each": [BEFORE_ME, [(ME, FAR), (OTHER, NEAR)], *[ALONE] * 3],
    "never alone, always with others": [[(ME, FAR), (who, NEAR)] for who in (FRIEND, OTHER, 15, 20)],
    "a friend is farther in all but one": [BEFORE_ME, *[[(ME, NEAR), (OTHER, FAR)]] * 3, ALONE],
}
"""Who is in each photo, and how large."""


def pictures(embedded, kind):
    made = {}
    for number, shown in enumerate(FRIENDS[kind]):
        faces = [embedded.persons[who].photos[number] for who, _ in shown]
        made[f"{number}.png"] = scene(*faces, number=number, sides=tuple(side for _, side in shown), where=(20, 20))
    return made


@pytest.mark.parametrize("kind", FRIENDS)
def test_the_face_that_recurs_is_taken(kind, tmp_path, embedded):
    root = written(tmp_path / "people" / "a", pictures(embedded, kind)).parent
    written(root / "b", {f"{n}.png": scene(embedded.persons[5].photos[n], number=n) for n in range(2)})
    photos = identities.load(str(root), describe=describe).persons[0].photos
    network = load("compact-b")
    seen, me, friend = (
        embed(network, x) for x in (photos, embedded.persons[ME].photos, embedded.persons[FRIEND].photos)
    )
    assert len(photos) == len(FRIENDS[kind])
    assert ((seen @ me.T).mean(1) > (seen @ friend.T).mean(1) + 0.1).all()


SOMEBODY_ELSE: dict[str, dict[str, tuple[int, int]]] = {
    "one of six": {"a": (ME, FRIEND)},
    "one in each of two folders": {"a": (ME, FRIEND), "b": (FRIEND, OTHER)},
    "one of four": {"a": (ME, FRIEND), "few": (ME, 0)},
    "one who is in no other folder": {"a": (ME, 30)},
    "the owner of the next folder": {"b": (FRIEND, ME)},
}
"""In which folders a photo of somebody else lies: whose the folder is, and who that is."""


@pytest.mark.parametrize("kind", SOMEBODY_ELSE)
def test_a_photo_that_shows_only_somebody_else_is_said(kind, tmp_path, embedded):
    few = "few" in SOMEBODY_ELSE[kind]
    owners = {"a": ME, "b": FRIEND, "c": 5, "d": 6, "e": 7}
    expected = []
    for name, owner in owners.items():
        photos = {f"{n}.png": to_picture(embedded.persons[owner].photos[n]) for n in range(3 if few else 5)}
        if name in SOMEBODY_ELSE[kind]:
            photos["other.png"] = to_picture(embedded.persons[SOMEBODY_ELSE[kind][name][1]].photos[9])
            expected.append(f"{name}/other.png")
        written(tmp_path / "people" / name, photos)
    found = identities.load(str(tmp_path / "people"), cache=Cache(tmp_path / "cache"), describe=describe)
    (told,) = found.left_out
    assert told.startswith(f"in {len(expected)} pictures") and all(name in told for name in expected)
    assert len(found.persons[0].photos) == (4 if few else 5) + ("a/other.png" in expected) - few, "they take part"
    again = identities.load(str(tmp_path / "people"), cache=Cache(tmp_path / "cache"), describe=describe)
    assert again.left_out == found.left_out


def test_nothing_is_said_of_people_who_are_themselves(tmp_path, embedded):
    for name, owner in {"a": ME, "b": FRIEND, "c": OTHER}.items():
        photos = {f"{n}.png": to_picture(embedded.persons[owner].photos[n]) for n in range(8)}
        written(tmp_path / "people" / name, photos)
    assert identities.load(str(tmp_path / "people"), describe=describe).left_out == ()


def test_two_who_are_in_every_photo_are_told_by_size(embedded):
    photos = [torch.stack([embedded.persons[who].photos[n] for who in (FRIEND, ME)]) for n in range(4)]
    assert recurring(photos, describe) == [0] * 4


def test_nobody_is_asked_where_there_is_nothing_to_choose(embedded):
    def never(photos):
        raise AssertionError

    one = embedded.persons[ME].photos
    assert recurring([one[:1], one[1:2]], never) == [0, 0] and recurring([one[:2]], never) == [0]
    assert recurring([], never) == [] and nearest(one[:1], one, never) == 0
    assert nearest(torch.stack([embedded.persons[FRIEND].photos[0], one[0]]), one[1:4], describe) == 1
