"""The embedded fictional people: the file, and that networks tell them apart."""

from __future__ import annotations

import io
import zipfile
from importlib import resources

import numpy as np
import pytest
import torch
from PIL import Image

from facetui.engine.extractors.families import compact

DATA = resources.files("facetui.engine") / "data"


@pytest.fixture(scope="module")
def archive() -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO((DATA / "people.zip").read_bytes()))


@pytest.fixture(scope="module")
def photos(archive: zipfile.ZipFile) -> tuple[torch.Tensor, torch.Tensor]:
    """Photos in [0, 1] and who is in each."""
    rows, people = [], []
    for name in sorted(archive.namelist()):
        with Image.open(io.BytesIO(archive.read(name))) as picture:
            rows.append(np.array(picture.convert("RGB")))
        people.append(int(name[1:3]))
    return torch.from_numpy(np.stack(rows)).permute(0, 3, 1, 2).float() / 255, torch.tensor(people)


def test_the_archive_is_small_and_stored(archive: zipfile.ZipFile) -> None:
    assert len((DATA / "people.zip").read_bytes()) <= 8_000_000
    assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
    assert archive.testzip() is None


def test_there_are_enough_people_and_photos(archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    people = sorted({name.partition("/")[0] for name in names})
    assert len(people) >= 48
    assert sorted(names) == [f"{person}/{i:02d}.jpg" for person in people for i in range(24)]


def test_photos_have_the_right_size_and_vary(photos: tuple[torch.Tensor, torch.Tensor]) -> None:
    pixels, people = photos
    assert pixels.shape[1:] == (3, 112, 112)
    brightness = pixels.mean((1, 2, 3))
    assert (brightness > 0.1).all() and (brightness < 0.9).all()
    for person in people.unique():
        assert pixels[people == person].std(0).mean() > 0.03


@pytest.mark.parametrize("letter", "abcd")
def test_every_compact_extractor_tells_them_apart(letter: str, photos: tuple[torch.Tensor, torch.Tensor]) -> None:
    pixels, people = photos
    with resources.as_file(DATA / f"compact-{letter}.safetensors") as path:
        network = compact.load(path, f"compact-{letter}")
    with torch.inference_mode():
        embeddings = torch.cat([network(part) for part in pixels.split(128)])
    similarity = embeddings @ embeddings.T
    similarity.fill_diagonal_(-2)
    rank1 = (people[similarity.argmax(1)] == people).float().mean()
    assert rank1 >= 0.98


def test_the_card_says_that_nobody_exists() -> None:
    card = (DATA / "cards" / "people.md").read_text(encoding="utf-8")
    assert "Nobody in it exists" in card and "rank-1" in card
