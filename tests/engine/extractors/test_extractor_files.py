"""The files behind extractors: embedded weights, their cards, and the published networks where they are at hand."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from facetui.engine.core.interfaces import Extractor
from facetui.engine.extractors.families import compact, mobilefacenet
from facetui.engine.records.errors import DataError

from ...support.builders import SHARED

DATA = Path(str(resources.files("facetui.engine") / "data"))
TEACHERS = {"a": "CASIA-WebFace", "b": "dlib", "c": "faceres", "d": "MS-Celeb-1M"}
PUBLISHED = ("mobilefacenet-casia", "mobilefacenet-ms1m")


def load(letter: str) -> compact.Compact:
    name = f"compact-{letter}"
    return compact.load(DATA / f"{name}.safetensors", name)


@pytest.mark.parametrize("letter", sorted(TEACHERS))
def test_weights_are_small_and_half_precision(letter: str) -> None:
    path = DATA / f"compact-{letter}.safetensors"
    assert path.stat().st_size <= 1_500_000
    assert {tensor.dtype for tensor in load_file(path).values()} == {torch.float16}


@pytest.mark.parametrize("letter", sorted(TEACHERS))
def test_embeddings_have_unit_length_and_gradients_reach_the_photo(letter: str) -> None:
    network = load(letter)
    assert not network.training
    photos = torch.rand(3, 3, 112, 112, generator=torch.Generator().manual_seed(0)).requires_grad_()
    embeddings = network(photos)
    assert embeddings.shape == (3, network.embedding_size) and embeddings.dtype == torch.float32
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(3))
    embeddings[:, 0].sum().backward()
    assert photos.grad is not None and (photos.grad != 0).float().mean() > 0.5


def test_no_two_extractors_share_weights() -> None:
    assert len({load(letter).weights_hash() for letter in TEACHERS}) == len(TEACHERS)


@pytest.mark.parametrize("letter", sorted(TEACHERS))
def test_cards_name_their_teachers(letter: str) -> None:
    card = (DATA / "cards" / f"compact-{letter}.md").read_text(encoding="utf-8")
    (said,) = [line for line in card.splitlines() if line.startswith("**Teacher**")]
    assert TEACHERS[letter] in said and not [t for t in TEACHERS.values() if t in said and t != TEACHERS[letter]]
    assert "held-out" in card and "Limits" in card


def test_saved_weights_come_back(tmp_path: Path) -> None:
    network = load("a")
    compact.save(network, tmp_path / "copy.safetensors")
    again = compact.load(tmp_path / "copy.safetensors", "compact-a")
    assert again.weights_hash() == network.weights_hash()


@pytest.mark.parametrize("load_file_of", [compact.load, mobilefacenet.load])
@pytest.mark.parametrize("kind", ["missing", "empty", "text", "other tensors", "truncated"])
def test_a_bad_file_is_named_in_one_sentence(
    load_file_of: Callable[[Path, str], Extractor], kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "weights.safetensors"
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("this is not a network")
    elif kind == "other tensors":
        save_file({"x": torch.zeros(2)}, path)
    elif kind == "truncated":
        path.write_bytes((DATA / "compact-a.safetensors").read_bytes()[:5000])
    with pytest.raises(DataError, match=r"weights\.safetensors") as caught:
        load_file_of(path, "mobilefacenet-casia")
    assert "\n" not in str(caught.value)


def _published(name: str) -> Extractor:
    folders = [Path(os.environ["FACETUI_MODELS"])] if os.environ.get("FACETUI_MODELS") else []
    for folder in [*folders, SHARED / "models"]:
        if (folder / f"{name}.safetensors").is_file():
            return mobilefacenet.load(folder / f"{name}.safetensors", name)
    pytest.skip(f"{name}.safetensors is neither in ../shared/models nor in FACETUI_MODELS")


@pytest.mark.real
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_give_the_published_embeddings(name: str) -> None:
    network = _published(name)
    if not (SHARED / "models" / "parity.npz").is_file():
        pytest.skip("../shared/models/parity.npz is absent")
    expected = np.load(SHARED / "models" / "parity.npz")
    pictures = [np.array(Image.open(SHARED / str(path)).convert("RGB")) for path in expected["photos"]]
    photos = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        got = network(photos)
    torch.testing.assert_close(got.norm(dim=1), torch.ones(len(got)))
    assert (got * torch.from_numpy(expected[name])).sum(1).min() > 0.9999
