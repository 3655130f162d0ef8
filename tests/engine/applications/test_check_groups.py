"""What people's folders hold twice, nearer friends, and the user in the crowd do not change what a check says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageOps

from facetui.engine.applications.check.album import BURST, Album, gather
from facetui.engine.applications.check.check import check
from facetui.engine.applications.check.crowd import without_user
from facetui.engine.applications.check.trainers import enrolled, make_world
from facetui.engine.applications.check.warnings import strangers, warnings
from facetui.engine.core.cache import Cache, default_folder
from facetui.engine.people import casts
from facetui.engine.people.persons import People, Person
from facetui.engine.people.same_photo import SAME, likeness
from facetui.engine.records.errors import DataError

from ...support.scenes import COPIES, changed, face_only, jpeg, scene, written

ME, FRIEND, N = 3, 8, 5

Ways = dict[str, Callable[[Image.Image], Image.Image]]


def look(clean: Path, after: Path, probes: Path | None = None) -> Album:
    return gather(clean, after, probes, Cache(default_folder()), lambda task, done, total: None)


@pytest.fixture(scope="module")
def mine(embedded) -> list[Image.Image]:
    """Photos of the user; background and place as their numbers say."""
    return [scene(embedded.persons[ME].photos[number], number=number) for number in range(2 * N)]


def folders(root: Path, photos: list[Image.Image]) -> tuple[Path, Path]:
    clean = written(root / "clean", {f"{number}.png": photo for number, photo in enumerate(photos)})
    after = {f"{number}_cloaked.png": changed(photo) for number, photo in enumerate(photos)}
    return clean, written(root / "after", after)


# --- copies and bursts among what was posted ------------------------------------------------------------------------


FEW = ("the same file", "mirrored", "cropped to the face", "mirrored, grey, cropped", "on its side")
"""Kinds that ask for all there is: the others are tried where photos are compared, and as probes."""


@pytest.mark.parametrize("kind", FEW)
def test_a_photo_posted_twice_counts_once(kind, mine, tmp_path):
    clean, after = folders(tmp_path, [*mine[:N], COPIES[kind](mine[0])])
    album = look(clean, after)
    assert len(album.pairs) == N + 1 and album.groups.tolist() == [*range(N), 0]


def test_photos_of_one_moment_count_once(mine, embedded, tmp_path):
    """The same room and place, the face a little otherwise; elsewhere the same two faces are two photos."""
    faces = embedded.persons[ME].photos
    alike = likeness(faces[:1], faces)[0]
    alike[:N] = 0.0
    most = int(alike.argmax())
    assert BURST < alike[most] < SAME
    again, elsewhere = scene(faces[most], number=0), scene(faces[most], number=most)
    assert look(*folders(tmp_path, [*mine[:N], again])).groups.tolist() == [*range(N), 0]
    probes = written(tmp_path / "probes", {"again.png": again, "other.png": mine[N + 1]})
    album = look(*folders(tmp_path / "few", mine[:N]), probes)
    assert [(entry.name, entry.why) for entry in album.left_out] == [("again.png", "not held out")]
    assert look(*folders(tmp_path / "other", [*mine[:N], elsewhere])).groups.tolist() == [*range(N + 1)]


def test_too_few_different_photos_is_a_sentence(mine, tmp_path):
    clean, after = folders(tmp_path, [mine[0], mine[1], *(copy(mine[0]) for copy in list(COPIES.values())[1:4])])
    with pytest.raises(DataError, match=r"5 photos .* which show 2 different ones: copies and bursts count once"):
        look(clean, after)


@pytest.mark.slow
def test_the_rates_are_those_of_the_different_photos(mine, embedded, tmp_path):
    """Two photos, each posted six times, would name each other."""
    persons = [Person(p.name, p.photos[:6]) for i, p in enumerate(embedded.persons[:20]) if i != ME]
    reports = []
    copies = [copy(photo) for photo in mine[:2] for copy in list(COPIES.values())[1:6]]
    for name, photos in (("once", mine[:6]), ("often", [*mine[:6], *copies])):
        cache = Cache(default_folder())
        album = gather(*folders(tmp_path / name, photos), None, cache, lambda task, done, total: None)
        others, cast = People("others", tuple(persons)), casts.load("embedded")
        reports.append(check(album, others, cast, cache=cache, strength="workshop"))  # of the tools, soon done
    once, often = reports
    assert (once.n_pairs, once.n_groups) == (6, 6) and (often.n_pairs, often.n_groups) == (16, 6)
    for row, same in zip(once.rows, often.rows, strict=True):
        assert row.protected.first.n == same.protected.first.n == 6
        assert row.trainer == "adapted" or abs(row.clean.first.hits - same.clean.first.hits) <= 1


# --- probes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "kind"), [*(("original", kind) for kind in COPIES), *(("protected copy", kind) for kind in FEW)]
)
def test_a_probe_that_was_posted_is_not_held_out(kind, of, mine, tmp_path):
    clean, after = folders(tmp_path, mine[:N])
    posted = mine[0] if of == "original" else changed(mine[0])
    probes = written(tmp_path / "probes", {"copy.png": COPIES[kind](posted), "other.png": mine[N]})
    album = look(clean, after, probes)
    assert album.probes is not None and len(album.probes) == 1
    (entry,) = album.left_out
    assert (entry.name, entry.why) == ("copy.png", "not held out") and "as 0.png" in entry.text


def test_a_probe_that_is_there_twice_is_asked_once(mine, tmp_path):
    clean, after = folders(tmp_path, mine[:N])
    probes = {f"{kind}.png": copy(scene_) for scene_ in (mine[7],) for kind, copy in list(COPIES.items())[:4]}
    album = look(clean, after, written(tmp_path / "probes", probes | {"other.png": mine[8]}))
    assert album.probes is not None and len(album.probes) == 2
    assert all("counts once" in entry.text for entry in album.left_out)


# --- copies that are mirrored or parts -----------------------------------------------------------------------------

PARTS: Ways = {
    "mirrored": ImageOps.mirror,
    "mirrored and encoded anew": lambda p: jpeg(ImageOps.mirror(p)),
    "a square of the middle": lambda p: p.crop((80, 0, 560, 480)),
    "the face alone": lambda p: face_only(p, side=280),
    "the face alone, small": lambda p: jpeg(face_only(p)),
    "the face alone, mirrored": lambda p: ImageOps.mirror(face_only(p, side=280)),
    "a screenshot of the face alone": lambda p: ImageOps.expand(face_only(p, side=280), (60, 200), "white"),
}


@pytest.mark.parametrize("way", PARTS)
@pytest.mark.parametrize("named", [True, False], ids=["named alike", "renamed"])
def test_copies_that_are_mirrored_or_parts_are_paired_and_what_was_changed_is_what_is_seen(
    way, named, embedded, tmp_path
):
    """All faces are where ``face_only`` looks for them, before backgrounds of their own."""
    photos = [scene(embedded.persons[ME].photos[n], number=7 * 9 * n) for n in range(N)]
    clean = written(tmp_path / "clean", {f"{number}.png": photo for number, photo in enumerate(photos)})
    order = list(range(N)) if named else [4, 2, 0, 1, 3]
    name = "{}_cloaked.png" if named else "IMG_90{}.png"
    copies = {name.format(i): PARTS[way](changed(photos[number])) for i, number in enumerate(order)}
    album = look(clean, written(tmp_path / "after", copies))
    assert len(album.pairs) == N, album.left_out
    for pair in album.pairs:
        assert order[int(pair.protected_name.split(".")[0].removesuffix("_cloaked")[-1])] == int(pair.name[0])
        assert ("mirrored" in pair.undone) == ("mirrored" in way)
        if way in ("mirrored", "a square of the middle"):
            assert pair.linf <= 6.01, "what was undone costs not one grey level"
        assert pair.psnr is not None and pair.psnr > 24, "what resizing costs, and no more"
    if way == "mirrored":
        clean_faces, after_faces = album.clean.float(), album.protected.float()
        turned = (clean_faces - after_faces.flip(-1)).abs().mean()
        assert turned < (clean_faces - after_faces).abs().mean(), "a trainer sees the mirrored face"


def test_photos_that_are_there_twice_find_their_copies_under_other_names(mine, tmp_path):
    photos = [*mine[:N], mine[0], mine[1]]
    clean = written(tmp_path / "clean", {f"{number}.png": photo for number, photo in enumerate(photos)})
    after = {f"IMG_{9 - number}.png": changed(photo) for number, photo in enumerate(photos)}
    album = look(clean, written(tmp_path / "after", after))
    assert len(album.pairs) == N + 2 and not album.left_out
    for pair in album.pairs:
        original, copy = int(pair.name[0]), 9 - int(pair.protected_name[4])
        assert original % N == copy % N, "one of the copies of the same picture"


# --- several faces -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["all were changed", "only the user's was changed", "only in one photo"])
def test_the_users_face_is_compared_where_a_friend_is_nearer(which, embedded, tmp_path):
    me, friend = embedded.persons[ME].photos, embedded.persons[FRIEND].photos
    photos, copies = [], []
    for n in range(N):
        several = n < (1 if which == "only in one photo" else 3)
        faces, sides = ((friend[n], me[n]), (240, 140)) if several else ((me[n],), (240,))
        photos.append(scene(*faces, number=n, sides=sides, where=(30, 30)))
        copies.append(changed(photos[-1]))
        if several and which == "only the user's was changed":
            copies[-1].paste(photos[-1].crop((0, 0, 320, 320)), (0, 0))
    clean = written(tmp_path / "clean", {f"{n}.png": photo for n, photo in enumerate(photos)})
    album = look(clean, written(tmp_path / "after", {f"{n}_cloaked.png": copy for n, copy in enumerate(copies)}))
    assert len(album.pairs) == N
    assert len(look(clean, written(tmp_path / "after", {}), written(tmp_path / "probes", {
        "both.png": scene(friend[6], me[6], number=6, sides=(240, 140), where=(30, 30))
    })).probes) == 1  # fmt: skip
    for n, pair in enumerate(album.pairs):
        near_me, near_friend = ((pair.clean.float() - person[n].float()).abs().mean() for person in (me, friend))
        assert near_me < near_friend, "the face is the user's"
        assert pair.linf > 0


# --- the user in the crowd -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("holds", ["copies of the user's photos", "other photos of the user", "one among others"])
def test_the_user_is_not_in_the_crowd(holds, mine, embedded, tmp_path):
    album = look(*folders(tmp_path, mine[:N]))
    photos = {
        "copies of the user's photos": album.clean[:3],
        "other photos of the user": embedded.persons[ME].photos[12:20],
        "one among others": torch.cat([embedded.persons[30].photos[:5], album.protected[2:3]]),
    }[holds]
    others = tuple(Person(p.name, p.photos[:8]) for i, p in enumerate(embedded.persons[:20]) if i != ME)
    crowd = People("others", (*others, Person("somebody", photos)))
    world = make_world(crowd, casts.load("embedded"), album.clean, cache=Cache(default_folder()))
    seen = enrolled(world)
    odd = strangers(album, world, seen)
    left = without_user(crowd, world, album, seen, odd)
    assert left.persons == others
    (said,) = left.left_out
    assert said.startswith("somebody ") and ("look like you" if holds[:5] == "other" else "yours") in said
    with pytest.raises(DataError, match="holds nobody but you"):
        without_user(People("me", crowd.persons[-1:]), world, album, seen, odd)


def test_a_crowd_of_one_photo_each_says_nothing_about_looks(mine, embedded, tmp_path):
    album = look(*folders(tmp_path, mine[:N]))
    crowd = People(
        "others", tuple(Person(p.name, p.photos[:1]) for i, p in enumerate(embedded.persons[:20]) if i != ME)
    )
    world = make_world(crowd, casts.load("embedded"), album.clean, cache=Cache(default_folder()))
    seen = enrolled(world)
    odd = strangers(album, world, seen)
    assert not odd.any() and without_user(crowd, world, album, seen, odd) is crowd
    assert not [text for text in warnings(album, world, seen, False) if "looks like you" in text or "unlike" in text]
