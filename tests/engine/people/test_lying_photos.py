"""Photos that lie on their side without saying so: found, aligned, protected and compared as if they stood."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from facetui.engine.applications.check.pairing.comparison import compare
from facetui.engine.applications.check.pairing.pair import Pair
from facetui.engine.applications.protect.files import find_inputs
from facetui.engine.applications.protect.protector import Protector
from facetui.engine.attacks.pgd import PGD
from facetui.engine.core.inference import embed
from facetui.engine.extractors import load
from facetui.engine.people.alignment import align, aligned_faces, find_faces, to_tensor

TURNS = {1: Image.Transpose.ROTATE_90, 2: Image.Transpose.ROTATE_180, 3: Image.Transpose.ROTATE_270}


def scene(embedded, person: int) -> Image.Image:
    ground = np.random.default_rng(person).normal(120, 10, (360, 500, 3)).clip(0, 255).astype("uint8")
    canvas = Image.fromarray(ground)
    photo = Image.fromarray(embedded.persons[person].photos[0].permute(1, 2, 0).numpy())
    canvas.paste(photo.resize((240, 240), Image.Resampling.BICUBIC), (150, 60))
    return canvas


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("person", [3, 9])
def test_a_lying_face_is_found_and_aligned(embedded, turn, person):
    upright = scene(embedded, person)
    lying = upright.transpose(TURNS[turn])
    (standing,), (found,) = find_faces(upright), find_faces(lying)
    assert found.turns == (4 - turn) % 4 and standing.turns == 0
    assert (found.box[2] - found.box[0]) * (found.box[3] - found.box[1]) > 100 * 100
    expected, made = to_tensor(align(upright, standing)).float(), to_tensor(align(lying, found)).float()
    assert (expected - made).abs().mean() < 4, "the same aligned photo, but for interpolation"


@pytest.mark.parametrize("turn", TURNS)
def test_a_lying_photo_in_a_folder_is_the_same_person(embedded, tmp_path, turn):
    scene(embedded, 3).save(tmp_path / "up.png")
    scene(embedded, 3).transpose(TURNS[turn]).save(tmp_path / "down.png")
    up, down = (aligned_faces(tmp_path / name)[0] for name in ("up.png", "down.png"))
    network = load("compact-a")
    seen = embed(network, torch.stack([up, down]))
    assert float(seen[0] @ seen[1]) > 0.95


@pytest.mark.parametrize("turn", TURNS)
def test_a_lying_photo_is_protected_where_it_lies_and_compared(embedded, tmp_path, turn):
    scene(embedded, 3).transpose(TURNS[turn]).save(tmp_path / "a.png")
    protector = Protector(PGD(targeted=False, steps=8), ["compact-a"], tmp_path / "out")
    (outcome,) = protector.run(find_inputs([tmp_path / "a.png"], tmp_path / "out"))
    assert (outcome.state, outcome.faces) == ("protected", 1)
    before, after = (Image.open(path).convert("RGB") for path in (tmp_path / "a.png", tmp_path / "out" / "a.png"))
    assert before.size == after.size
    face = find_faces(before)[0]
    network = load("compact-a")
    photos = [to_tensor(align(picture, face)) for picture in (before, after)]
    clean, hidden = embed(network, torch.stack(photos))
    assert float(clean @ hidden) < 0.3, "unprotected it would be 1"
    (pair,) = compare(tmp_path / "a.png", tmp_path / "out" / "a.png")
    assert isinstance(pair, Pair) and pair.linf == outcome.linf and all(copy is not None for copy in pair.recoded)


def test_what_is_no_face_is_none_whichever_way_it_lies(tmp_path: Path):
    for seed in range(3):
        noise = np.random.default_rng(seed).integers(0, 256, (300, 400, 3)).astype("uint8")
        assert find_faces(Image.fromarray(noise)) == []
        smooth = Image.fromarray(noise).resize((12, 9)).resize((400, 300), Image.Resampling.BICUBIC)
        assert find_faces(smooth) == []
