"""Folders of people as they come: what cannot be used is left out, counted and named once; names of every kind."""

from __future__ import annotations

import json
import os
import unicodedata
from pathlib import Path

import pytest
import torch
from PIL import Image

from facetui.engine.core.cache import Cache
from facetui.engine.people import PER_PERSON, identities, inventory
from facetui.engine.people.alignment import to_picture
from facetui.engine.records import journal
from facetui.engine.records.errors import Cancelled, DataError, UnknownName, UsageError
from facetui.engine.records.events import Note

from ...support.commands import SHORT, facetui

LATIN = os.fsdecode("José".encode("latin-1"))
COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "José") for form in ("NFC", "NFD"))


def folder_of(root: Path, everybody, names, photos: int = 4) -> Path:
    root.mkdir(exist_ok=True)
    for name, person in zip(names, everybody.persons, strict=False):
        (root / name).mkdir()
        for i in range(photos):
            to_picture(person.photos[i]).save(root / name / f"{i}.png")
    return root


def bad(kind: str, root: Path, picture: Image.Image) -> None:
    """Put something of a kind beside the four photos of a."""
    target = root / "a" / "5.jpg"
    match kind:
        case "empty":
            target.write_bytes(b"")
        case "text":
            target.write_text("I am no picture")
        case "cut":
            picture.save(target)
            target.write_bytes(target.read_bytes()[:900])
        case "bomb":
            Image.new("1", (20_000, 20_000)).save(target.with_suffix(".png"))
        case "fifo":
            os.mkfifo(target)
        case "dangling":
            target.symlink_to(root / "nowhere.jpg")
        case "circle":
            target.symlink_to(target)
        case "folder named like a photo":
            target.mkdir()
        case "outside":
            picture.save(root.parent / "secret.png")
            target.symlink_to(root.parent / "secret.png")
        case "person outside":
            (root.parent / "private").mkdir()
            picture.save(root.parent / "private" / "x.png")
            (root / "z").symlink_to(root.parent / "private")
        case "no picture by its name":
            (root / "a" / "notes.docx").write_text("x")
        case "beside the folders":
            picture.save(root / "loose.png")


KINDS = {
    "empty": "1 of 9 pictures could not be read: a/5.jpg is empty (0 bytes)",
    "text": "1 of 9 pictures could not be read: a/5.jpg is not a picture, whatever its name says",
    "cut": "1 of 9 pictures could not be read: a/5.jpg cannot be read as a picture",
    "bomb": "1 of 9 pictures could not be read: a/5.png is too large",
    "fifo": "neither files nor folders (1): a/5.jpg",
    "dangling": "links that lead nowhere or in a circle (1): a/5.jpg",
    "circle": "links that lead nowhere or in a circle (1): a/5.jpg",
    "folder named like a photo": "folders below a person's, which are not looked into (1): a/5.jpg",
    "outside": "links that lead out of the folder (1): a/5.jpg",
    "person outside": "links that lead out of the folder (1): z",
    "no picture by its name": "files that are no pictures by their names (1): a/notes.docx",
    "beside the folders": "pictures beside the people's folders (1): loose.png",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cached", [False, True])
def test_what_cannot_be_used_is_left_out_counted_and_named(kind, cached, tmp_path, embedded):
    root = folder_of(tmp_path / "faces", embedded, "ab")
    bad(kind, root, to_picture(embedded.persons[0].photos[0]))
    found = identities.load(str(root), cache=Cache(tmp_path / "cache" if cached else None))
    assert [len(person.photos) for person in found.persons] == [4, 4]
    (told,) = found.left_out
    assert told.startswith(KINDS[kind]) and "\n" not in told and len(told) < 300


@pytest.mark.parametrize("kind", ["empty", "text", "cut", "bomb"])
def test_strict_ends_at_a_picture_that_cannot_be_read(kind, tmp_path, embedded):
    root = folder_of(tmp_path / "faces", embedded, "ab")
    bad(kind, root, to_picture(embedded.persons[0].photos[0]))
    with pytest.raises(DataError, match=r"a/5\.(jpg|png)"):
        identities.load(str(root), strict=True)


def test_a_picture_that_vanishes_meanwhile_is_left_out(tmp_path, embedded):
    root = folder_of(tmp_path / "faces", embedded, "ab")
    to_picture(embedded.persons[0].photos[9]).save(root / "a" / "9.png")

    def vanish(what: str, done: int, total: int) -> None:
        (root / "a" / "9.png").unlink(missing_ok=True)

    found = identities.load(str(root), tell=vanish)
    assert len(found.persons[0].photos) == 4 and "a/9.png cannot be read" in found.left_out[0]


def test_hundreds_of_bad_pictures_are_one_sentence(tmp_path, embedded):
    root = folder_of(tmp_path / "faces", embedded, "ab", photos=5)
    for i in range(40):
        (root / "a" / f"bad{i}.jpg").write_bytes(b"x")
        (root / f"empty{i:02}").mkdir()
        Image.new("RGB", (300, 300), "grey").save(root / f"empty{i:02}" / "one.png")
    left_out = identities.load(str(root)).left_out
    assert len(left_out) == 3 and all(len(told) < 400 for told in left_out)
    assert "and 37 more" in left_out[0]
    assert left_out[2].startswith("40 people have no photo with a face: empty00, empty01")


def test_who_has_one_photo_is_part_of_the_crowd(tmp_path, embedded):
    root = folder_of(tmp_path / "faces", embedded, "abc", photos=6)
    for number in range(20):
        (root / f"one{number:02}").mkdir()
        to_picture(embedded.persons[10 + number].photos[0]).save(root / f"one{number:02}" / "0.png")
    found = identities.load(str(root))
    assert len(found) == 23 and found.left_out == ()
    assert sum(len(person.photos) for person in found.persons) == 3 * 6 + 20


def test_more_pictures_of_one_person_than_are_used_is_said(tmp_path, embedded):
    root = folder_of(tmp_path / "faces", embedded, "ab", photos=5)
    more = torch.cat([person.photos for person in embedded.persons[5:8]])
    for i in range(PER_PERSON):
        to_picture(more[i]).save(root / "a" / f"more{i:02}.png")
    found = identities.load(str(root))
    assert len(found.persons[0].photos) == PER_PERSON
    assert found.left_out[0].startswith(f"5 pictures of 1 person with more than {PER_PERSON}, of each of whom")


def test_how_many_photos_of_a_person_are_taken_can_be_asked_for(tmp_path, embedded):
    root = folder_of(tmp_path / "faces", embedded, "abcd", photos=9)
    for name in "cd":
        for i in range(4, 9):
            (root / name / f"{i}.png").unlink()
    found = identities.load(str(root), per_person=4)
    assert [len(person.photos) for person in found.persons] == [4, 4, 4, 4]
    assert torch.equal(found.persons[0].photos, embedded.persons[0].photos[[0, 2, 4, 6]]), "spread over the names"
    (told,) = found.left_out
    assert told.startswith("10 pictures of 2 people with more than 4, of each of whom 4 are taken")
    assert "--per-person N" in told and "a/1.png, a/3.png, a/5.png and 7 more" in told
    around = identities.crowd(str(root), embedded, per_person=4)
    assert around.left_out == found.left_out
    assert identities.load(str(root), per_person=9).left_out == ()
    with pytest.raises(UsageError, match="at least 1 photo a person, got 0"):
        identities.load(str(root), per_person=0)


def test_a_run_says_what_it_left_out_of_everybody_and_repeats_it(tmp_path, embedded):
    root = folder_of(tmp_path / "faces", embedded, "abcdefgh", photos=9)
    story = tmp_path / "short.py"
    story.write_text(SHORT)
    ran = facetui("run", story, "--people", root, "--per-person", "8", "--display", "json")
    assert ran.returncode == 0, ran.stderr
    (folder,) = journal.runs(Path(os.environ["FACETUI_RUNS"]))
    events = journal.read(folder)
    assert journal.began(events, folder).per_person == 8
    assert any(isinstance(e, Note) and e.text.startswith("Left out: 8 pictures of 8 people") for e in events)
    assert facetui("report", folder.name, "-o", tmp_path / "r.md").returncode == 0
    assert "--people faces --crowd" not in (tmp_path / "r.md").read_text()
    assert "--people faces --per-person 8" in (tmp_path / "r.md").read_text()


def test_links_inside_the_folder_are_followed_once(tmp_path, embedded):
    root = folder_of(tmp_path / "faces", embedded, "abc")
    (root / "d").mkdir()
    for i in range(3):
        (root / "d" / f"{i}.png").symlink_to(root / "c" / f"{i}.png")
    found = identities.load(str(root))
    assert [person.name for person in found.persons] == ["a", "b", "c", "d"] and not found.left_out


def test_faces_are_told_about_from_the_first_second_and_a_stop_is_heard(tmp_path, embedded):
    root = folder_of(tmp_path / "faces", embedded, "abc", photos=5)
    told = []
    identities.load(str(root), tell=lambda *line: told.append(line))
    assert told[0][1:] == (0, 15) and told[0][0].startswith("3 people, 15 pictures; their faces take 1 MB")
    assert [done for _, done, _ in told] == list(range(16))

    def stop(what: str, done: int, total: int) -> None:
        if done == 4:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        identities.load(str(root), tell=stop)


def test_how_long_it_takes_is_said_once_it_was_measured(tmp_path, embedded, monkeypatch):
    monkeypatch.setattr("facetui.engine.people.from_folder.TRIED", 0.0)
    told = []
    identities.load(str(folder_of(tmp_path / "faces", embedded, "ab")), tell=lambda *line: told.append(line[0]))
    assert "more the first time" not in told[1], "the first one waits for a network"
    assert "more the first time" in told[2] and "s a picture)" in told[2]
    assert len(set(told[2:])) == 1, "said once, not another estimate every time"


# --- names --------------------------------------------------------------------------------------------------------


def test_names_are_compared_composed_shown_cleaned_and_told_apart(tmp_path, embedded):
    names = [DECOMPOSED, LATIN, "Ana\x1b[2J", "Ana [2J"]
    root = folder_of(tmp_path / "faces", embedded, names)
    found = [person.name for person in identities.load(str(root)).persons]
    assert found == sorted([COMPOSED, "Jos\ufffd", "Ana [2J", "Ana [2J (2)"])
    for typed in (COMPOSED, DECOMPOSED):
        assert identities.select([typed], found) == [found.index(COMPOSED)]
    assert identities.select([LATIN], found) == [found.index("Jos\ufffd")]


def test_users_are_separated_by_commas_or_given_again(embedded):
    known = ["Ada", "Ben", "Smith, John", "Smith", "John"]
    assert identities.select(["Ada,Ben"], known) == [0, 1]
    assert identities.select(["Ada", " Ben "], known) == [0, 1]
    assert identities.select(["Smith, John"], known) == [2], "a name that is there as a whole is meant"
    assert identities.select(["Smith,John"], known) == [3, 4]
    assert identities.select(["Ada", "Ada,Ada"], known) == [0]
    with pytest.raises(UnknownName, match="Ada"):
        identities.select(["Adda"], known)
    assert issubclass(UnknownName, UsageError)


@pytest.mark.parametrize("typed", [COMPOSED, DECOMPOSED])
def test_a_run_with_names_of_every_kind(typed, tmp_path, embedded):
    names = [DECOMPOSED, LATIN, "Smith, John", "漢字", "a", "b", "c", "d"]
    root = folder_of(tmp_path / os.fsdecode("m\xfcde".encode("latin-1")), embedded, names, photos=8)
    (root / "a" / "bad.jpg").write_bytes(b"x")
    story = tmp_path / "short.py"
    story.write_text(SHORT)
    users = ["--users", typed, "--users", LATIN, "--users", "Smith, John"]
    ran = facetui("run", story, "--people", root, *users, "--display", "json")
    assert ran.returncode == 0, ran.stderr
    (folder,) = journal.runs(Path(os.environ["FACETUI_RUNS"]))
    events = journal.read(folder)
    began = journal.began(events, folder)
    assert sorted(began.users) == sorted([COMPOSED, "Jos\ufffd", "Smith, John"]) and began.people == "m\ufffdde"
    assert any(isinstance(e, Note) and "a/bad.jpg is not a picture" in e.text for e in events)
    for command in (["replay", folder.name], ["runs"], ["runs", "show", folder.name], ["report", folder.name]):
        done = facetui(*command, *(["-o", tmp_path / "r.md"] if command[0] == "report" else []))
        assert done.returncode == 0 and "this is a bug" not in done.stderr, done.stderr
    assert "--users 'Smith, John'" in (tmp_path / "r.md").read_text()
    strict = facetui("run", story, "--people", root, "--strict")
    assert strict.returncode == 4 and "bad.jpg is not a picture" in strict.stderr


def test_a_name_that_nobody_has_is_one_sentence(tmp_path, embedded):
    root = folder_of(tmp_path / "faces", embedded, [DECOMPOSED, "b"])
    ran = facetui("run", "naive_poisoning", "--people", root, "--users", "Joseph")
    assert ran.returncode == 2 and "no person is called 'Joseph'" in ran.stderr and "this is a bug" not in ran.stderr


def test_an_inventory_names_every_entry(tmp_path):
    for name in ("a.jpg", "b.heic", ".hidden.jpg", "Thumbs.db", "c.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "sub").mkdir()
    found = inventory.take(tmp_path)
    assert [p.name for p in found.pictures] == ["a.jpg", "b.heic"] and [p.name for p in found.folders] == ["sub"]
    assert {why: [p.name for p in paths] for why, paths in found.skipped.items()} == {
        "files that are no pictures by their names": ["c.txt"]
    }


def test_a_walk_names_every_entry_below_a_folder_once(tmp_path):
    root, outside = tmp_path / "album", tmp_path / "outside"
    for folder in (root / "2020" / "summer", root / "2021", root / ".cache", outside):
        folder.mkdir(parents=True)
    for place in (root, root / "2020", root / "2020" / "summer", root / ".cache", outside):
        (place / "a.jpg").write_bytes(b"x")
    (root / "2021" / "notes.txt").write_bytes(b"x")
    (root / "again").symlink_to(root / "2020")  # an album of links: once, as the folder itself
    (root / "2020" / "up").symlink_to(root)
    (root / "b.jpg").symlink_to(root / "2020" / "a.jpg")
    (root / "elsewhere").symlink_to(outside)
    (root / "c.jpg").symlink_to(outside / "a.jpg")
    (root / "nowhere.jpg").symlink_to(root / "gone.jpg")
    found = inventory.walk(root)
    shown = [str(path.relative_to(root)) for path in found.pictures]
    assert shown == ["2020/a.jpg", "2020/summer/a.jpg", "a.jpg", "b.jpg"]
    assert {why: sorted(path.name for path in paths) for why, paths in found.skipped.items()} == {
        "links that lead out of the folder": ["c.jpg", "elsewhere"],
        "links that lead nowhere or in a circle": ["nowhere.jpg"],
        "files that are no pictures by their names": ["notes.txt"],
    }


def test_protect_says_what_of_a_folder_it_did_not_use(tmp_path, embedded):
    folder = tmp_path / "in"
    (folder / "below").mkdir(parents=True)
    Image.new("RGB", (200, 200), "grey").save(folder / "below" / "a.png")
    (folder / "clip.mov").write_bytes(b"x")
    (folder / "b.jpg").symlink_to(tmp_path / "b.jpg")
    (folder / "broken.jpg").write_bytes(b"x")
    ran = facetui("protect", folder, "-o", tmp_path / "out", "--attack", "filters")
    assert ran.returncode == 4 and "2 of 2 photos: 1 no face, 1 unreadable" in ran.stdout
    assert "not used: files that are no pictures by their names (1): clip.mov" in ran.stdout
    assert "not used: links that lead nowhere or in a circle (1): b.jpg" in ran.stdout
    (folder / "broken.jpg").unlink()
    ran = facetui("protect", folder, "-o", tmp_path / "json", "--attack", "filters", "--json")
    assert ran.returncode == 0 and len(json.loads(ran.stdout)["left_out"]) == 2


def test_a_folder_with_nothing_to_use_says_what_is_in_it(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "clip.mov").write_bytes(b"x")
    (tmp_path / "other").mkdir()
    for command in (
        ["protect", tmp_path / "in", "-o", tmp_path / "out"],
        ["check", "--clean", tmp_path / "in", "--protected", tmp_path / "other"],
    ):
        ran = facetui(*command)
        assert ran.returncode == 4 and "no picture" in ran.stderr and "clip.mov" in ran.stderr, ran.stderr
