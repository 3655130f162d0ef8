from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from PIL import Image

from facetui.engine.core.cache import Cache
from facetui.engine.people import casts, identities
from facetui.engine.people.alignment import TEMPLATE, align, find_faces, similarity_transform, to_picture
from facetui.engine.people.casts import Cast
from facetui.engine.people.pictures import read_picture
from facetui.engine.records.errors import DataError, UnknownName


def test_similarity_transform_is_recovered():
    angle, scale, shift = 0.3, 1.7, np.array([5.0, -8.0])
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = similarity_transform(TEMPLATE, TEMPLATE @ turn.T + shift)
    assert np.allclose(found, np.column_stack([turn, shift]))


def test_a_face_in_a_larger_picture_is_found_and_aligned(embedded):
    face = to_picture(embedded.persons[0].photos[0]).resize((224, 224), Image.Resampling.BICUBIC)
    scene = Image.new("RGB", (500, 400), (90, 110, 90))
    scene.paste(face.rotate(8, fillcolor=(90, 110, 90)), (150, 100))
    faces = find_faces(scene)
    assert len(faces) == 1 and faces[0].confidence > 0.9
    assert np.allclose(faces[0].landmarks.mean(0), [150 + 112, 100 + 135], atol=25)
    # MTCNN wants something around a face: give the aligned photo a border before asking where the eyes are now.
    bordered = np.pad(np.array(align(scene, faces[0])), ((28, 28), (28, 28), (0, 0)), mode="edge")
    again = find_faces(Image.fromarray(bordered))
    assert again and np.abs(again[0].landmarks - 28 - TEMPLATE).max() < 6


def test_exif_orientation_is_honoured(tmp_path):
    picture = Image.new("RGB", (40, 20), (255, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(tmp_path / "a.jpg", exif=exif)
    assert read_picture(tmp_path / "a.jpg").size == (20, 40)


def folder_of(tmp_path, embedded, names=("Ana", "Bö", "漢字"), photos=4):
    for name, person in zip(names, embedded.persons, strict=False):
        (tmp_path / name).mkdir()
        for i in range(photos):
            to_picture(person.photos[i]).save(tmp_path / name / f"{i}.png")
    return tmp_path


def test_any_folder_of_folders(tmp_path, embedded):
    (folder_of(tmp_path, embedded) / "notes.txt").write_text("not a person")
    found = identities.load(str(tmp_path))
    assert [p.name for p in found.persons] == ["Ana", "Bö", "漢字"]
    assert torch.equal(found.persons[0].photos[0], embedded.persons[0].photos[0])
    assert found.source == tmp_path.name, "a whole path may name its owner"


def test_faces_are_searched_once(tmp_path, embedded, monkeypatch):
    root = tmp_path / "faces"
    root.mkdir()
    for name, person in zip("ab", embedded.persons, strict=False):
        (root / name).mkdir()
        for i in range(3):
            to_picture(person.photos[i]).resize((200, 200)).save(root / name / f"{i}.png")
    cache = Cache(tmp_path / "cache")
    first = identities.load(str(root), cache=cache)
    monkeypatch.setattr("facetui.engine.people.alignment.find_faces", lambda picture: pytest.fail("searched again"))
    second = identities.load(str(root), cache=cache)
    assert all(torch.equal(a.photos, b.photos) for a, b in zip(first.persons, second.persons, strict=True))


def broken(kind, root, embedded):
    if kind == "missing":
        return root / "nowhere"
    if kind == "a file":
        (root / "x").write_text("")
        return root / "x"
    folder_of(root, embedded, photos=4, names=["Ana"] if kind == "one identity" else "ab")
    target = root / "a" / "5.jpg"
    match kind:
        case "zero bytes":
            target.write_bytes(b"")
        case "text named jpg":
            target.write_text("I am no picture")
        case "cut in the middle":
            to_picture(embedded.persons[0].photos[0]).save(target)
            target.write_bytes(target.read_bytes()[:900])
        case "20,000 pixels":
            Image.new("1", (20_000, 20_000)).save(target.with_suffix(".png"))
        case "no faces":
            for path in root.glob("*/*.png"):
                Image.new("RGB", (160, 160), (20, 90, 200)).save(path)
    return root


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "there is no folder"),
        ("a file", "is a file"),
        ("zero bytes", "5.jpg is empty"),
        ("text named jpg", "5.jpg is not a picture"),
        ("cut in the middle", "5.jpg cannot be read"),
        ("20,000 pixels", "5.png is too large"),
        ("one identity", "1 usable person"),
        ("no faces", "no face was found in 8 of 8"),
    ],
)
def test_bad_folders_are_one_sentence(kind, words, tmp_path, embedded):
    with pytest.raises(DataError, match=words) as caught:
        identities.load(str(broken(kind, tmp_path, embedded)), strict=True)
    assert "\n" not in str(caught.value)


CAST = 'surrogates = ["compact-a"]\n[[generations]]\nextractor = "compact-a"\nreleased = "2020-01"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("surrogates = [", "not TOML"),
        (CAST.replace('surrogates = ["compact-a"]', ""), "surrogates"),
        (CAST.replace('released = "2020-01"', ""), "released"),
        (CAST.replace("2020-01", "spring"), "YYYY-MM"),
        (CAST.replace("surrogates", "surogates"), "surogates"),
        (CAST.replace('"compact-a"]', "3]"), "surrogates"),
    ],
)
def test_bad_casts_name_the_file_and_the_key(text, words, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(DataError, match=words) as caught:
        casts.load(str(path))
    assert "mine.toml" in str(caught.value)


def test_casts_are_in_order_of_release(tmp_path):
    (tmp_path / "c.toml").write_text(
        CAST + '[[generations]]\nextractor = "compact-b"\nreleased = "2019-01"\n', encoding="utf-8"
    )
    cast: Cast = casts.load(str(tmp_path / "c.toml"))
    assert [g.extractor for g in cast.generations] == ["compact-b", "compact-a"]
    assert cast.newest("2019-06").extractor == "compact-b" and cast.newest("2020-01-31").extractor == "compact-a"
    assert cast.newest("1999").extractor == "compact-b"
    for name in casts.names():
        casts.load(name)
    with pytest.raises(UnknownName, match="embedded"):
        casts.load("embeded")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("pipe", "is not a plain file"),
        ("circle", "cannot be read"),
        ("huge", "larger than"),
        ("nested", "is not TOML"),
        ("bytes", "not UTF-8"),
        ("steps", "training_steps"),
        ("endless number", "is not TOML|training_steps"),
    ],
)
def test_hostile_casts_are_one_sentence_and_not_waited_for(kind, words, tmp_path):
    path = tmp_path / "c.toml"
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "circle":
            path.symlink_to(path)
        case "huge":
            path.write_text("#" * (2 << 20))
        case "nested":
            path.write_text("a = " + "[" * 30_000)
        case "bytes":
            path.write_bytes(CAST.encode() + b"\xff")
        case "steps":
            path.write_text("training_steps = -1\n" + CAST)
        case "endless number":
            path.write_text("training_steps = " + "9" * 10_000 + "\n" + CAST)
    with pytest.raises(DataError, match=words) as said:
        casts.load(str(path))
    assert "c.toml" in str(said.value) and "\n" not in str(said.value) and len(str(said.value)) < 400


def test_a_cast_that_is_a_link_of_ones_own_is_read(tmp_path):
    (tmp_path / "real.toml").write_text(CAST)
    (tmp_path / "c.toml").symlink_to(tmp_path / "real.toml")
    assert casts.load(str(tmp_path / "c.toml")).name == "c"
