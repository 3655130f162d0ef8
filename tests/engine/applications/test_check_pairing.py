"""Copies find their originals whatever happened to them on their way, and how sure that is is said."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, features

from facetui.engine.applications.check.album import Album, gather
from facetui.engine.applications.check.pairing.comparison import compare
from facetui.engine.applications.check.pairing.matching import match
from facetui.engine.applications.check.pairing.pair import HIDDEN, LeftOut
from facetui.engine.applications.check.pairing.placement import undone, upright
from facetui.engine.applications.check.pairing.registration import register
from facetui.engine.applications.check.pairing.sketch import Sketch, certainty, whole_likeness
from facetui.engine.core.cache import Cache
from facetui.engine.people.alignment import to_picture

from ...support.commands import facetui

ME, N = 3, 5
Way = Callable[[Image.Image], Image.Image]


def photo(person, number: int) -> Image.Image:
    """A photo as telephones take them: a face somewhere before a background."""
    colours = np.random.default_rng(number).integers(0, 255, (9, 12, 3), dtype=np.uint8)
    made = Image.fromarray(colours).resize((640, 480), Image.Resampling.BICUBIC)
    face = to_picture(person.photos[number]).resize((240, 240), Image.Resampling.BICUBIC)
    made.paste(face, (80 + 40 * (number % 7), 90 + 10 * (number % 9)))
    return made


def jpeg(picture: Image.Image, quality: int = 85) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def changed(picture: Image.Image) -> Image.Image:
    """What a tool does: a few grey levels, here and there."""
    pixels = np.asarray(picture).astype(int)
    coins = np.random.default_rng(1).integers(-6, 7, pixels.shape)
    return Image.fromarray((pixels + coins).clip(0, 255).astype(np.uint8))


def screenshot(picture: Image.Image) -> Image.Image:
    frame = Image.new("RGB", (760, 1400), (250, 250, 250))
    frame.paste(picture.resize((700, 525), Image.Resampling.BICUBIC), (30, 420))
    return frame


def frame(picture: Image.Image) -> Image.Image:
    around = Image.new("RGB", (picture.width + 80, picture.height + 120), (30, 30, 30))
    around.paste(picture, (40, 70))
    return around


def crop(picture: Image.Image) -> Image.Image:
    x, y = picture.width // 20, picture.height // 20
    return picture.crop((x, y, picture.width - x, picture.height - y))


def scaled(picture: Image.Image) -> Image.Image:
    return picture.resize((round(picture.width * 0.8), round(picture.height * 0.8)), Image.Resampling.LANCZOS)


WAYS: dict[str, tuple[Way, set[str]]] = {
    "on its left side": (lambda p: p.transpose(Image.Transpose.ROTATE_90), {"turned"}),
    "on its right side": (lambda p: p.transpose(Image.Transpose.ROTATE_270), {"turned"}),
    "upside down": (lambda p: p.transpose(Image.Transpose.ROTATE_180), {"turned"}),
    "screenshot": (lambda p: jpeg(screenshot(p)), {"framed"}),
    "frame": (frame, {"framed"}),
    "frame, on its side": (lambda p: frame(p).transpose(Image.Transpose.ROTATE_90), {"turned", "framed"}),
    "0.8 of its size": (lambda p: jpeg(scaled(p)), set()),
    "encoded anew": (lambda p: jpeg(p, 40), set()),
    "cropped by 5 %": (crop, {"cropped"}),
    "brighter": (lambda p: p.point(lambda value: min(255, round(value * 1.1 + 8))), set()),
}


def written(folder: Path, pictures: list[Image.Image], name: str) -> Path:
    folder.mkdir(parents=True)
    for number, picture in enumerate(pictures):
        picture.save(folder / name.format(number))
    return folder


def look(clean: Path, after: Path) -> Album:
    return gather(clean, after, None, Cache(None), lambda task, done, total: None)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("named", [True, False], ids=["named alike", "renamed"])
def test_a_copy_is_paired_measured_and_what_happened_to_it_is_said(way, named, tmp_path, embedded):
    originals = [photo(embedded.persons[ME], number) for number in range(N)]
    alter, happened = WAYS[way]
    clean = written(tmp_path / "clean", originals, "{:02d}.png")
    order = list(range(N)) if named else [4, 2, 0, 1, 3]
    copies = [alter(changed(originals[number])) for number in order]
    after = written(tmp_path / "after", copies, "{:02d}_cloaked.png" if named else "IMG_90{:02d}.png")
    album = look(clean, after)
    assert len(album.pairs) == N and not album.left_out
    for pair in album.pairs:
        copy = int("".join(filter(str.isdigit, pair.protected_name))[-2:])
        assert order[copy] == int(pair.name[:2]), "the right original"
        assert set(pair.undone) == happened and pair.by_content != named and 0.5 < pair.sure <= 1
        assert pair.psnr is not None and pair.psnr > (24 if way not in ("brighter", "encoded anew") else 18)
        if way in ("on its left side", "on its right side", "upside down", "frame", "cropped by 5 %"):
            assert pair.linf <= 6.01, "what was undone costs not one grey level"


@pytest.mark.parametrize("ending", ["png", "webp", "avif", "jpg", "bmp", "tiff"])
def test_a_copy_in_another_format_is_paired(ending, tmp_path, embedded):
    if ending == "avif" and not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    originals = [photo(embedded.persons[ME], number) for number in range(4)]
    clean = written(tmp_path / "clean", originals, "{}.jpg")
    after = written(tmp_path / "after", [changed(p) for p in reversed(originals)], f"copy{{}}.{ending}")
    album = look(clean, after)
    assert {(pair.name, pair.protected_name) for pair in album.pairs} == {
        (f"{i}.jpg", f"copy{3 - i}.{ending}") for i in range(4)
    }


def test_photos_that_lie_on_their_side_by_exif_and_a_tool_that_dropped_it(tmp_path, embedded):
    originals = [photo(embedded.persons[ME], number) for number in range(4)]
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "clean").mkdir()
    (tmp_path / "after").mkdir()
    for number, picture in enumerate(originals):
        lying = picture.transpose(Image.Transpose.ROTATE_90)  # as the sensor saw it; orientation 6 says so
        lying.save(tmp_path / "clean" / f"{number}.jpg", exif=exif, quality=95)
        changed(lying).save(tmp_path / "after" / f"{number}_cloaked.png")
    album = look(tmp_path / "clean", tmp_path / "after")
    assert len(album.pairs) == 4 and all(pair.undone == ("turned",) for pair in album.pairs)


def test_names_that_fit_and_pictures_that_do_not_are_paired_by_content(tmp_path, embedded):
    originals = [photo(embedded.persons[ME], number) for number in range(N)]
    clean = written(tmp_path / "clean", originals, "{}.png")
    shifted = [jpeg(screenshot(changed(originals[(number + 1) % N]))) for number in range(N)]
    album = look(clean, written(tmp_path / "after", shifted, "{}_cloaked.png"))
    assert {(pair.name[0], pair.protected_name[0]) for pair in album.pairs} == {
        (str((number + 1) % N), str(number)) for number in range(N)
    }
    assert all(pair.by_content for pair in album.pairs)


def test_other_photos_are_paired_with_nothing(tmp_path, embedded):
    originals = [photo(embedded.persons[ME], number) for number in range(N)]
    others = [photo(embedded.persons[ME], number) for number in range(N, 2 * N)]
    altered = [alter(picture) for picture, (alter, _) in zip(others, WAYS.values(), strict=False)]
    clean = written(tmp_path / "clean", originals, "{}.png")
    after = written(tmp_path / "after", altered, "x{}.png")
    found = match(sorted(clean.iterdir()), sorted(after.iterdir()))
    assert not found.pairs and len(found.clean_alone) == len(found.protected_alone) == N
    aligned = [to_picture(embedded.persons[ME].photos[number]) for number in range(8)]
    found = match(
        sorted(written(tmp_path / "a", aligned[:4], "{}.png").iterdir()),
        sorted(written(tmp_path / "b", aligned[4:], "x{}.png").iterdir()),
    )
    assert not found.pairs, "photos of one person are alike, and not the same"


# --- the tool hid the face ----------------------------------------------------------------------------------------


def blanked(picture: Image.Image) -> Image.Image:
    """A copy whose face is painted over, little of it: the rest says that it is the same photo."""
    from facetui.engine.people.alignment import find_faces

    made = picture.copy()
    for face in find_faces(picture):
        left, top, right, bottom = (int(side) for side in face.box)
        colour = picture.crop((left, top, right, bottom)).resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
        made.paste(colour, (left, top, right, bottom))
    return made


def test_a_face_that_the_tool_hid_is_a_result_and_no_error(tmp_path, embedded):
    originals = [photo(embedded.persons[ME], number) for number in range(5)]
    clean = written(tmp_path / "clean", originals, "{}.png")
    copies = [changed(p) if number < 3 else blanked(p) for number, p in enumerate(originals)]
    after = written(tmp_path / "after", copies, "{}_cloaked.png")
    found = [compare(clean / f"{n}.png", after / f"{n}_cloaked.png") for n in range(5)]
    assert [isinstance(entry, list) for entry in found] == [True] * 3 + [False] * 2
    assert all(isinstance(entry, LeftOut) and entry.why == HIDDEN for entry in found[3:])


def test_the_command_counts_hidden_faces_and_leaves_with_0(tmp_path, embedded):
    originals = [photo(embedded.persons[ME], number) for number in range(4)]
    clean = written(tmp_path / "clean", originals, "{}.png")
    after = written(tmp_path / "after", [blanked(p) for p in originals], "{}_cloaked.png")
    album = look(clean, after)
    assert album.hidden == ["0.png", "1.png", "2.png", "3.png"] and not album.pairs
    ran = facetui("check", "--clean", clean, "--protected", after)
    assert ran.returncode == 0 and "hid the face from the detector (MTCNN) in 4 of 4 photos" in " ".join(
        ran.stdout.split()
    )
    ran = facetui("check", "--clean", clean, "--protected", after, "--json")
    assert ran.returncode == 0 and json.loads(ran.stdout)["hidden"] == 4


def test_nothing_in_common_is_still_one_clear_sentence(tmp_path, embedded):
    clean = written(tmp_path / "clean", [photo(embedded.persons[ME], n) for n in range(3)], "{}.png")
    after = written(tmp_path / "after", [photo(embedded.persons[ME], n) for n in range(10, 13)], "x{}.png")
    ran = facetui("check", "--clean", clean, "--protected", after)
    assert ran.returncode == 4 and "both before and after" in ran.stderr and "Traceback" not in ran.stderr


# --- the geometry -------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    number=st.integers(0, 8),
    turns=st.integers(0, 3),
    left=st.integers(0, 200),
    top=st.integers(0, 200),
    right=st.integers(0, 200),
    bottom=st.integers(0, 200),
)
def test_a_frame_is_found_to_the_pixel(number, turns, left, top, right, bottom, embedded):
    original = photo(embedded.persons[ME], number)
    around = Image.new("RGB", (left + original.width + right, top + original.height + bottom), (240, 240, 235))
    around.paste(original, (left, top))
    place = register(original, upright(around, turns))
    assert place.turns == (4 - turns) % 4 and place.likeness > 0.99
    found = undone(original, upright(upright(around, turns), place.turns), place)
    assert np.abs(np.asarray(found, float) - np.asarray(original, float)).mean() < 1.5
    assert np.allclose(place.box((0, 0, *original.size)), (left, top, left + 640, top + 480), atol=8)


@pytest.mark.parametrize(
    "edges", [(0, 0, 0, 1), (0, 0, 0, 8), (4, 4, 4, 4), (8, 8, 8, 8), (0, 0, 0, 14), (14, 9, 2, 3)]
)
@pytest.mark.parametrize("number", [0, 4])
def test_a_thin_frame_is_undone_and_said(edges, number, embedded):
    original = photo(embedded.persons[ME], number)
    left, top, right, bottom = edges
    around = Image.new("RGB", (left + original.width + right, top + original.height + bottom), (240, 240, 235))
    around.paste(original, (left, top))
    place = register(original, around)
    assert place.framed(original.size, around.size) and not place.cropped(original.size, around.size)
    assert np.array_equal(np.asarray(undone(original, around, place)), np.asarray(original)), "not one grey level"


@pytest.mark.parametrize("size", [(639, 479), (512, 384), (641, 480), (320, 240), (1280, 960)])
def test_what_is_only_resized_has_no_frame(size, embedded):
    original = photo(embedded.persons[ME], 2)
    copy = original.resize(size, Image.Resampling.LANCZOS)
    place = register(original, copy)
    assert not place.framed(original.size, size) and not place.cropped(original.size, size)


def test_certainty_falls_with_the_rival():
    assert certainty(1.0) == 1 and certainty(0.6) == 0 and certainty(0.3) == 0
    assert certainty(0.98, 0.6) > certainty(0.98, 0.9) > certainty(0.98, 0.98) == 0


def test_a_flat_picture_is_like_nothing(embedded):
    flat = Sketch.of(Image.new("RGB", (300, 200), (90, 90, 90)))
    other = Sketch.of(photo(embedded.persons[ME], 0))
    likeness, _ = whole_likeness([flat, other], [flat, other])
    assert float(likeness[0, 0]) == 0 and float(likeness[0, 1]) == 0 and float(likeness[1, 1]) > 0.99
    assert register(Image.new("RGB", (300, 200)), photo(embedded.persons[ME], 1)).likeness < 0.5
    assert torch.isfinite(likeness).all()
