"""One photo is one photo, whatever copies of it lie about; and two photos of somebody are two."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from facetui.engine.people import identities
from facetui.engine.people.alignment import aligned_faces, to_tensor
from facetui.engine.people.same_photo import SAME, firsts, groups, joined, likeness

from ...support.builders import SHARED
from ...support.scenes import COPIES, scene, written

ME, N = 3, 5


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_in_a_persons_folder_counts_once(kind, tmp_path, embedded):
    """A copy among the posted photos would otherwise be held out, and found by itself."""
    photos = {f"{number}.png": scene(embedded.persons[ME].photos[number], number=number) for number in range(N)}
    copy = {"again.png": COPIES[kind](photos["0.png"])}
    root = written(tmp_path / "people" / "a", photos | copy).parent
    written(root / "b", {f"{number}.png": scene(embedded.persons[5].photos[number]) for number in range(3)})
    found = identities.load(str(root))
    assert [len(person.photos) for person in found.persons] == [N, 3]
    assert any("count once (1)" in said for said in found.left_out)


def test_photos_of_every_fictional_person_are_all_different(embedded):
    for person in embedded.persons[::5]:
        assert len(groups(person.photos).unique()) == len(person.photos)


def test_groups_are_numbered_by_their_first_members(embedded):
    photos = embedded.persons[ME].photos[[0, 1, 0, 2, 1]]
    assert groups(photos).tolist() == [0, 1, 0, 2, 1] and firsts(groups(photos)).tolist() == [0, 1, 3]
    assert groups(photos[:0]).tolist() == [] == firsts(groups(photos[:0])).tolist()
    chain = torch.eye(4).bool() | torch.diag(torch.tensor([True, False, True]), 1)
    assert joined(chain).tolist() == [0, 0, 1, 1]


def test_a_flat_picture_is_like_nothing(embedded):
    grey = torch.full((1, 3, 112, 112), 128, dtype=torch.uint8)
    assert float(likeness(grey, torch.cat([grey, embedded.persons[0].photos[:3]])).max()) < 0.5


@pytest.mark.skipif(not (SHARED / "faces").is_dir(), reason="no real faces on this machine")
def test_copies_of_real_photos_are_told_from_other_photos_of_the_same_person(tmp_path):
    """Grey, not aligned, with hats and neighbours: one in twenty copies may be missed, no other photo taken for one."""
    folders = [f for f in sorted((SHARED / "faces" / "lfw-grey").iterdir()) if len(list(f.glob("*.jpg"))) > 1]
    copies, others = [], []
    for folder in random.Random(0).sample(folders, 6):
        one, other = (real(path) for path in sorted(folder.glob("*.jpg"))[:2])
        first, second = (cut(tmp_path, scene(face)) for face in (one, other))
        others.append(float(likeness(first, second)))
        copies += [float(likeness(first, cut(tmp_path, copy(scene(one))))) for copy in COPIES.values()]
    missed = sum(value < SAME for value in copies)
    assert missed <= len(copies) / 20 and max(others) < SAME - 0.1


def real(path: Path) -> Tensor:
    with Image.open(path) as opened:
        return to_tensor(opened.convert("RGB").resize((112, 112)))


def cut(folder: Path, picture: Image.Image) -> Tensor:
    """The largest face, ``(1, 3, 112, 112)``."""
    return aligned_faces(written(folder, {"x.png": picture}) / "x.png")[:1]
