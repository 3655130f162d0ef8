"""How visible a change is: one definition for protect and check, and a change is not made twice unnoticed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facetui.engine.applications.check.pairing.comparison import compare
from facetui.engine.applications.check.pairing.pair import Pair
from facetui.engine.applications.protect.files import MANIFEST, find_inputs
from facetui.engine.applications.protect.protector import Protector
from facetui.engine.attacks.pgd import PGD


def scene(embedded, size=(420, 360), side=260, at=(110, 60)) -> Image.Image:
    ground = np.random.default_rng(0).normal(120, 10, (size[1], size[0], 3)).clip(0, 255).astype("uint8")
    canvas = Image.fromarray(ground)
    photo = Image.fromarray(embedded.persons[3].photos[0].permute(1, 2, 0).numpy())
    canvas.paste(photo.resize((side, side), Image.Resampling.BICUBIC), at)
    return canvas


def protect(place: Path, *names: str, out: str = "out"):
    protector = Protector(PGD(steps=3), ["compact-a"], place / out)
    return list(protector.run(find_inputs([place / name for name in names], place / out)))


@pytest.mark.parametrize(
    ("size", "side", "at"),
    [
        ((420, 360), 260, (110, 60)),
        ((900, 700), 500, (200, 100)),
        ((300, 260), 120, (90, 60)),
        ((420, 300), 260, (0, 20)),  # at the edge
        ((2600, 2200), 1500, (500, 300)),  # so large that it is reduced before it is compared
    ],
)
def test_check_says_what_protect_said(embedded, tmp_path, size, side, at):
    scene(embedded, size, side, at).save(tmp_path / "a.png")
    (outcome,) = protect(tmp_path, "a.png")
    (pair,) = compare(tmp_path / "a.png", tmp_path / "out" / "a.png")
    assert outcome.state == "protected" and outcome.faces == 1 and isinstance(pair, Pair)
    assert pair.linf == outcome.linf > 0
    assert pair.dssim == pytest.approx(outcome.dssim, abs=1e-7) and pair.psnr == pytest.approx(outcome.psnr, abs=1e-4)


def refused(outcome) -> bool:
    return outcome.state == "refused" and "protected already" in outcome.why and "protect the original" in outcome.why


def test_a_result_is_not_protected_again(embedded, tmp_path):
    scene(embedded).save(tmp_path / "a.png")
    assert protect(tmp_path, "a.png")[0].state == "protected"
    assert refused(protect(tmp_path, "out/a.png", out="twice")[0])
    assert not list((tmp_path / "twice").glob("*.png"))
    assert protect(tmp_path, "a.png", out="twice")[0].state == "protected", "the original can be"


@pytest.mark.parametrize("where", ["out/renamed.png", "out/below/a.png", "mine/a.png"])
def test_a_result_is_known_by_what_is_in_it(embedded, tmp_path, where):
    scene(embedded).save(tmp_path / "a.png")
    protect(tmp_path, "a.png")
    (tmp_path / where).parent.mkdir(exist_ok=True)
    shutil.copy(tmp_path / "out" / "a.png", tmp_path / where)
    again = "out" if where.startswith("mine") else "twice"  # elsewhere only its own list knows it
    assert refused(protect(tmp_path, where, out=again)[0])


def test_a_folder_with_results_among_its_photos(embedded, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    scene(embedded).save(folder / "a.png")
    protect(folder, "a.png", out="cloaked")
    scene(embedded, at=(60, 40)).save(folder / "b.png")
    done = {Path(o.source).name + o.state: o for o in protect(tmp_path, "photos", out="all")}
    assert set(done) == {"a.pngprotected", "a.pngrefused", "b.pngprotected"}


def test_a_photo_that_was_only_copied_is_no_result(tmp_path):
    noise = np.random.default_rng(1).integers(0, 256, (200, 200, 3)).astype("uint8")
    Image.fromarray(noise).save(tmp_path / "a.png")
    assert protect(tmp_path, "a.png")[0].state == "no face"
    assert protect(tmp_path, "out/a.png", out="twice")[0].state == "no face"


def test_a_list_of_an_earlier_version_is_understood(embedded, tmp_path):
    scene(embedded).save(tmp_path / "a.png")
    protect(tmp_path, "a.png")
    listed = tmp_path / "out" / MANIFEST
    listed.write_text(listed.read_text().split(', "result"')[0] + "}\n" + "[1]\n{}\n")
    assert refused(protect(tmp_path, "out/a.png", out="twice")[0]), "by its name"
    assert protect(tmp_path, "a.png")[0].state == "done before"
