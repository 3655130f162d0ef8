"""Colours: what a file's profile and mode say is what is computed with, and what is written back."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from facetui.engine.people.colours import changed_in_own_space, is_deep, profile_of, to_srgb
from facetui.engine.people.pictures import opened, read_picture

from ...support import profiles


def colourful(seed: int = 0) -> np.ndarray:
    """``(40, 60, 3)`` uint8, colours that sRGB can show in every profile here."""
    return np.random.default_rng(seed).integers(70, 190, (40, 60, 3)).astype(np.uint8)


@pytest.mark.parametrize(("name", "gamma"), [("adobe", 2.2), ("p3", 2.2), ("srgb", 1.8), ("adobe", 1.0), ("srgb", 2.2)])
@pytest.mark.parametrize("ending", ["png", "tif", "webp"])
def test_a_profile_is_applied(tmp_path, name, gamma, ending):
    pixels = colourful()
    path = tmp_path / f"a.{ending}"
    how = {"lossless": True} if ending == "webp" else {}
    data = profiles.profile(name, gamma).replace(b"srgb ", b"mine ")  # a name that says sRGB is believed
    Image.fromarray(pixels).save(path, icc_profile=data, **how)
    expected = profiles.shown(pixels, name, gamma)
    found = np.asarray(read_picture(path))
    assert np.abs(found.astype(int) - expected).max() <= 2
    if (name, gamma) != ("srgb", 2.2):
        assert np.abs(pixels.astype(int) - expected).max() > 8, "without the profile it would look otherwise"


def test_a_grey_profile_is_applied(tmp_path):
    ramp = np.tile(np.arange(256, dtype=np.uint8), (8, 1))
    Image.fromarray(ramp).save(tmp_path / "a.png", icc_profile=profiles.profile("grey", 1.8))
    found = np.asarray(read_picture(tmp_path / "a.png"))[0]
    assert (found[:, 0] == found[:, 1]).all() and (found[:, 1] == found[:, 2]).all()
    assert np.abs(found[:, 0].astype(int) - profiles.shown(np.stack([ramp[0]] * 3, -1), "srgb", 1.8)[:, 0]).max() <= 2


@pytest.mark.parametrize(
    "bad", [b"", b"junk", b"\0" * 128, profiles.profile("grey", 2.2), profiles.profile("p3", 2.2)[:300]]
)
def test_a_profile_that_makes_no_sense_is_ignored(tmp_path, bad):
    pixels = colourful(1)
    Image.fromarray(pixels).save(tmp_path / "a.png", icc_profile=bad)
    assert np.array_equal(np.asarray(read_picture(tmp_path / "a.png")), pixels)


def test_a_picture_without_a_profile_keeps_its_very_bytes():
    pixels = colourful(2)
    assert profile_of(Image.fromarray(pixels)) is None
    assert np.array_equal(np.asarray(to_srgb(Image.fromarray(pixels))), pixels)


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3), (20, 30, 4)])
def test_sixteen_bits_are_seen_and_read_in_the_right_brightness(tmp_path, shape):
    deep = np.random.default_rng(3).integers(0, 65536, shape).astype(np.uint16)
    (tmp_path / "a.png").write_bytes(profiles.deep_png(deep))
    with opened(tmp_path / "a.png") as picture:
        assert is_deep(picture)
    found = np.asarray(read_picture(tmp_path / "a.png")).astype(int)
    expected = deep[..., :3] / 257 if deep.ndim == 3 else np.stack([deep / 257] * 3, -1)
    assert np.abs(found - expected).max() <= 1


def test_eight_bits_are_not_deep(tmp_path):
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        Image.new(mode, (9, 9)).save(tmp_path / "a.png")
        with opened(tmp_path / "a.png") as picture:
            assert not is_deep(picture), mode


@pytest.mark.parametrize(("name", "mode"), [("adobe", "RGB"), ("p3", "RGB"), ("grey", "L"), (None, "RGB"), (None, "L")])
def test_a_change_is_written_as_it_is_seen_and_nothing_else_is_touched(name, mode):
    own = Image.fromarray(colourful(4)).convert(mode)
    if name is not None:
        own.info["icc_profile"] = profiles.profile(name, 1.8)
    profile = profile_of(own)
    before = np.asarray(to_srgb(own))
    after = before.copy()
    step = np.random.default_rng(5).integers(-8, 9, (10, 12, 1 if mode == "L" else 3))
    after[5:15, 20:32] = (after[5:15, 20:32].astype(int) + step).astype(np.uint8)
    written = changed_in_own_space(own, profile, before, after, limit=9)
    assert written.mode == mode and written.size == own.size
    same = np.ones(before.shape[:2], bool)
    same[5:15, 20:32] = False
    assert np.array_equal(np.asarray(written)[same], np.asarray(own)[same])
    if name is not None:
        written.info["icc_profile"] = own.info["icc_profile"]
    seen = np.asarray(to_srgb(written)).astype(int)
    made = np.abs(after.astype(int) - before).max()
    assert np.abs(seen - before).max() <= made + 1, "seen no more than it was made"
    assert np.abs(seen - after).mean() <= (0.2 if name else 0)
