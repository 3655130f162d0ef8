"""Picture files of every kind that people have: the right pixels, or one sentence; docs/your-photos.md lists them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps, features

from facetui.engine.people import identities, pictures
from facetui.engine.people.alignment import aligned_faces, find_faces, to_picture
from facetui.engine.people.pictures import SUFFIXES, read_picture
from facetui.engine.records.errors import DataError, MissingExtra

ORIENTATION = 0x0112
SIDE = (96, 64)


def scene() -> Image.Image:
    """A picture in which no two corners look alike, smooth enough for lossy formats."""
    y, x = np.mgrid[0 : SIDE[1], 0 : SIDE[0]]
    channels = [255 * x / SIDE[0], 255 * y / SIDE[1], 127 + 127 * np.sin((x + 2 * y) / 30)]
    return Image.fromarray(np.stack(channels, -1).astype(np.uint8))


def saved(path: Path, picture: Image.Image, **options) -> Path:
    if path.suffix in pictures.HEIF:
        from pillow_heif import register_heif_opener

        register_heif_opener()
    picture.save(path, **options)
    return path


def difference(one: Image.Image, other: Image.Image) -> float:
    assert one.size == other.size and one.mode == other.mode == "RGB"
    return float(np.abs(np.asarray(one, dtype=float) - np.asarray(other, dtype=float)).max())


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_every_ending_is_read_as_pillow_reads_it(suffix, tmp_path):
    if suffix == ".avif" and not features.check("avif"):
        pytest.skip("this Pillow was built without AVIF")
    options = {".jfif": {"format": "JPEG"}, ".jpe": {"format": "JPEG"}, ".hif": {"format": "HEIF"}}.get(suffix, {})
    if suffix in (".jpg", ".jpeg", ".jpe", ".jfif"):
        options["quality"] = 95
    path = saved(tmp_path / f"a{suffix.upper() if suffix == '.jpg' else suffix}", scene(), **options)
    with Image.open(path) as opened:
        theirs = ImageOps.exif_transpose(opened).convert("RGB")
    ours = read_picture(path)
    assert difference(ours, theirs) == 0
    assert np.abs(np.asarray(ours, dtype=float) - np.asarray(scene(), dtype=float)).mean() < 8, "it is the picture"


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "RGBA", "LA"])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_every_mode_is_read_as_pillow_converts_it(mode, suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    try:
        scene().convert(mode).save(path)
    except (OSError, KeyError):
        pytest.skip(f"there are no such files: {mode} in {suffix}")
    with Image.open(path) as opened:
        assert difference(read_picture(path), opened.convert("RGB")) == 0


def test_a_palette_with_transparency_and_an_animation_give_colours_and_the_first_frame(tmp_path):
    path = saved(tmp_path / "a.png", scene().quantize(16), transparency=3)
    with Image.open(path) as opened:
        assert difference(read_picture(path), opened.convert("RGB")) == 0
    frames = [scene().transpose(Image.Transpose.ROTATE_180), scene()]
    for name in ("a.gif", "a.webp", "a.png", "a.tif"):
        path = saved(tmp_path / name, frames[1], save_all=True, append_images=frames[:1])
        with Image.open(path) as opened:
            opened.seek(0)
            assert difference(read_picture(path), opened.convert("RGB")) == 0
            assert np.abs(np.asarray(opened.convert("RGB"), float) - np.asarray(frames[1], float)).mean() < 40


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_of_grey_are_scaled_not_cut_off(suffix, tmp_path):
    grey = np.asarray(scene().convert("L"))
    path = saved(tmp_path / f"a{suffix}", Image.fromarray(grey.astype(np.uint16) * 257))
    assert np.array_equal(np.asarray(read_picture(path))[..., 0], grey)
    with Image.open(path) as opened:
        cut = np.asarray(opened.convert("RGB"))
    assert cut.mean() > 200 or np.array_equal(cut[..., 0], grey), "what reading it as it comes would give"


@pytest.mark.parametrize(("mode", "values"), [("I", 2**30), ("F", 0.5)])
def test_pixels_of_an_unknown_range_are_refused_in_one_sentence(mode, values, tmp_path):
    path = tmp_path / "a.tif"
    Image.new(mode, (40, 40), values).save(path)
    with pytest.raises(DataError, match=r"a\.tif cannot be read as a picture \(.*convert it to 8 bits"):
        read_picture(path)


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_every_exif_orientation_is_applied(number, suffix, tmp_path):
    exif = Image.Exif()
    exif[ORIENTATION] = number
    path = saved(tmp_path / f"a{suffix}", scene(), exif=exif)
    with Image.open(path) as opened:
        theirs = ImageOps.exif_transpose(opened).convert("RGB")
    ours = read_picture(path)
    assert ours.size == (SIDE if number < 5 else SIDE[::-1])
    assert difference(ours, theirs) == 0


def test_heic_without_the_extra_is_one_line_and_the_others_are_used(tmp_path, embedded, monkeypatch):
    for name, person in zip("ab", embedded.persons, strict=False):
        (tmp_path / "faces" / name).mkdir(parents=True)
        for i in range(4):
            to_picture(person.photos[i]).save(tmp_path / "faces" / name / f"{i}.png")
    path = saved(tmp_path / "faces" / "a" / "phone.heic", to_picture(embedded.persons[0].photos[5]))
    assert len(identities.load(str(tmp_path / "faces")).persons[0].photos) == 5
    monkeypatch.setattr(pictures, "_reads_heif", lambda: False)
    with pytest.raises(MissingExtra, match=r"pip install 'facetui\[heif\]'") as said:
        read_picture(path)
    assert "\n" not in str(said.value)
    found = identities.load(str(tmp_path / "faces"))
    assert len(found.persons[0].photos) == 4 and "phone.heic is a HEIC picture" in found.left_out[0]


# --- sizes --------------------------------------------------------------------------------------------------------


def face(embedded, side: int, person: int = 0) -> Image.Image:
    return to_picture(embedded.persons[person].photos[0]).resize((side, side), Image.Resampling.LANCZOS)


@pytest.mark.slow
def test_fifty_megapixels_are_read_and_the_face_is_found(tmp_path, embedded):
    big = Image.new("RGB", (8660, 5774), (90, 110, 130))
    big.paste(face(embedded, 2400), (3000, 1600))
    path = saved(tmp_path / "big.jpg", big, quality=90)
    with Image.open(path) as opened:
        assert difference(read_picture(path), opened.convert("RGB")) == 0
    (photo,) = aligned_faces(path)
    assert tuple(photo.shape) == (3, 112, 112)
    original = embedded.persons[0].photos[0].float()
    assert (photo.float() - original).abs().mean() < 40, "it is that face, about as it was"


@pytest.mark.parametrize(("side", "width", "found"), [(20, 300, True), (60, 300, True), (20, 3000, False)])
def test_a_small_face_is_found_in_a_small_picture_only(side, width, found, tmp_path, embedded):
    picture = Image.new("RGB", (width, width), (90, 110, 130))
    picture.paste(face(embedded, side), (120, 120))
    photos = aligned_faces(saved(tmp_path / "small.png", picture))
    assert len(photos) == found
    for photo in photos:
        mean = embedded.persons[0].photos[0].float().mean((1, 2))
        assert (photo.float().mean((1, 2)) - mean).abs().max() < 25, "it is cut out where the face is"


def test_a_collage_of_two_faces_of_one_person_gives_the_larger(tmp_path, embedded):
    collage = Image.new("RGB", (600, 340), (90, 110, 130))
    collage.paste(face(embedded, 280), (20, 30))
    collage.paste(face(embedded, 160), (400, 90))
    path = saved(tmp_path / "collage.png", collage)
    found = find_faces(read_picture(path))
    assert len(found) == 2 and found[0].box[0] < 300 < found[1].box[0], "the larger first"
    assert len(aligned_faces(path)) == 2


def test_what_is_no_picture_of_any_kind_is_one_sentence(tmp_path):
    whole = io.BytesIO()
    scene().save(whole, "PNG")
    for i, data in enumerate(
        (b"\0", b"GIF89a", whole.getvalue()[:60], b"RIFF\xff\xff\xff\xffWEBPVP8 ", b"\xff\xd8\xff")
    ):
        path = tmp_path / f"{i}.png"
        path.write_bytes(data)
        with pytest.raises(DataError) as said:
            read_picture(path)
        assert f"{i}.png" in str(said.value) and "\n" not in str(said.value)
