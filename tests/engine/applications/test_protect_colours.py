"""Protecting photos of every mode and profile: as they were, but for the change, or a sentence."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facetui.engine.applications.protect.files import find_inputs
from facetui.engine.applications.protect.protector import Protector
from facetui.engine.attacks.lowkey import LowKey
from facetui.engine.attacks.pgd import PGD
from facetui.engine.people.pictures import read_picture

from ...support import profiles


@pytest.fixture(scope="module")
def portrait(embedded) -> Image.Image:
    """A fictional face, large, before a noisy ground; in its red corner no face is."""
    ground = np.random.default_rng(0).normal(120, 10, (360, 420, 3)).clip(0, 255).astype("uint8")
    canvas = Image.fromarray(ground)
    photo = Image.fromarray(embedded.persons[3].photos[0].permute(1, 2, 0).numpy())
    canvas.paste(photo.resize((260, 260), Image.Resampling.BICUBIC), (110, 60))
    canvas.paste((200, 30, 60), (0, 0, 40, 40))
    return canvas


def protect(place: Path, name: str, attack=None, **settings):
    protector = Protector(attack or PGD(steps=3), ["compact-a"], place / "out", **settings)
    (outcome,) = protector.run(find_inputs([place / name], place / "out"))
    return outcome, place / "out" / Path(name).with_suffix(".png")


@pytest.mark.parametrize(("space", "gamma"), [("adobe", 2.2), ("p3", 1.8)])
@pytest.mark.parametrize("metadata", [False, True])
def test_a_wide_profile_is_kept_and_what_is_not_the_face_keeps_its_bytes(portrait, tmp_path, space, gamma, metadata):
    data = profiles.profile(space, gamma)
    portrait.save(tmp_path / "a.png", icc_profile=data)
    outcome, target = protect(tmp_path, "a.png", keep_metadata=metadata)
    assert (outcome.state, outcome.why) == ("protected", "")
    with Image.open(target) as written:
        assert written.mode == "RGB" and written.info["icc_profile"] == data
        changed = (np.asarray(written) != np.asarray(portrait)).any(2)
    assert changed.any() and not changed[:40, :40].any()
    seen = np.abs(np.asarray(read_picture(target)).astype(int) - np.asarray(read_picture(tmp_path / "a.png"))).max()
    assert 4 <= seen <= 8 + 1, "as far as the budget says, and what rounding in another space adds"


@pytest.mark.parametrize("ending", ["jpg", "png", "tif"])
@pytest.mark.parametrize("attack", [PGD(steps=3), LowKey(steps=2)], ids=lambda attack: attack.name)
def test_a_grey_photo_stays_grey(portrait, tmp_path, ending, attack):
    portrait.convert("L").save(tmp_path / f"a.{ending}")
    outcome, target = protect(tmp_path, f"a.{ending}", attack)
    assert outcome.state == "protected" and outcome.linf >= 1
    with Image.open(target) as written, Image.open(tmp_path / f"a.{ending}") as original:
        assert written.mode == "L"
        difference = np.abs(np.asarray(written).astype(int) - np.asarray(original))
    assert difference.max() == outcome.linf <= attack.default_budget.linf * 255


def test_grey_with_transparency_and_a_profile_stays_so(portrait, tmp_path):
    picture = portrait.convert("L").convert("LA")
    alpha = Image.new("L", picture.size, 255)
    alpha.paste(40, (0, 0, 50, 50))
    picture.putalpha(alpha)
    data = profiles.profile("grey", 1.8)
    picture.save(tmp_path / "a.png", icc_profile=data)
    outcome, target = protect(tmp_path, "a.png")
    assert outcome.state == "protected"
    with Image.open(target) as written:
        assert written.mode == "LA" and written.info["icc_profile"] == data
        assert np.array_equal(np.asarray(written.getchannel("A")), np.asarray(alpha))
        assert np.array_equal(np.asarray(written)[:40, :40, 0], np.asarray(picture)[:40, :40, 0])


@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bits_of_colour_are_refused_instead_of_lost(portrait, tmp_path, channels):
    deep = np.asarray(portrait.convert("RGBA"))[..., :channels].astype(np.uint16) * 257
    (tmp_path / "a.png").write_bytes(profiles.deep_png(deep))
    outcome, target = protect(tmp_path, "a.png")
    assert outcome.state == "unreadable" and "more than 8 bits a channel" in outcome.why and not target.exists()


@pytest.mark.parametrize(
    ("mode", "ending", "written_as", "said"),
    [
        ("CMYK", "jpg", "RGB", "CMYK becomes RGB in sRGB"),
        ("P", "png", "RGB", "a palette becomes RGB"),
        ("P", "gif", "RGB", "a palette becomes RGB"),
        ("1", "png", "L", "black and white becomes grey"),
        ("RGB", "jpg", "RGB", ""),
        ("RGBA", "png", "RGBA", ""),
    ],
)
def test_what_a_png_cannot_keep_is_said(portrait, tmp_path, mode, ending, written_as, said):
    portrait.convert(mode).save(tmp_path / f"a.{ending}")
    outcome, target = protect(tmp_path, f"a.{ending}")
    assert outcome.state in ("protected", "no face") and outcome.why == said
    with Image.open(target) as written:
        assert written.mode == written_as


def test_untouched_pixels_of_a_photo_without_a_face_are_the_files_own(tmp_path):
    ground = np.random.default_rng(7).integers(0, 256, (200, 200, 3)).astype("uint8")
    data = profiles.profile("p3", 2.2)
    Image.fromarray(ground).save(tmp_path / "a.png", icc_profile=data)
    outcome, target = protect(tmp_path, "a.png")
    assert outcome.state == "no face"
    with Image.open(target) as written:
        assert np.array_equal(np.asarray(written), ground) and written.info["icc_profile"] == data


def test_a_profile_that_can_only_be_read_is_a_sentence(portrait, tmp_path):
    buffer = io.BytesIO()
    portrait.save(buffer, "PNG", icc_profile=profiles.profile("p3", 2.2)[:200])
    (tmp_path / "a.png").write_bytes(buffer.getvalue())
    outcome, target = protect(tmp_path, "a.png")
    assert outcome.state == "protected" and target.exists(), "damaged: taken for sRGB, as others take it"


def test_a_printed_picture_is_seen_through_its_profile(portrait, tmp_path):
    """CMYK with a profile: what is written is what one saw, not what the bare numbers would give."""
    # No CMYK profile can be made of a few numbers: a system's own, where there is one.
    found = [p for root in ("/usr/share/color/icc", "/Library/ColorSync/Profiles") for p in Path(root).rglob("*.icc")]
    printed = next((p.read_bytes() for p in found if p.read_bytes()[16:20] == b"CMYK"), None)
    if printed is None:
        pytest.skip("this system brings no CMYK profile")
    portrait.convert("CMYK").save(tmp_path / "a.jpg", icc_profile=printed, quality=95)
    seen = np.asarray(read_picture(tmp_path / "a.jpg")).astype(int)
    outcome, target = protect(tmp_path, "a.jpg")
    assert outcome.state in ("protected", "no face")
    assert np.abs(np.asarray(read_picture(target)).astype(int) - seen)[:40, :40].max() == 0
