"""Real faces for the tools: read, aligned, split into those for training and those held out.

Nothing here is installed, and nothing real ever goes into the package.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from facetui.engine.people.alignment import align, find_faces, to_tensor
from facetui.engine.people.pictures import read_picture

HELD_OUT = ("g13", "g14", "g15", "g16", "g17")
"""Identities that no model is fitted to and no network is trained on."""

HELD_OUT_ELSEWHERE = ("w1977", "w0243")
"""Held-out people whom ``lfw-grey`` shows too: g13 for certain (mean embeddings 0.9 alike), g16 perhaps (0.5)."""


@dataclass(frozen=True)
class RealFaces:
    """Aligned photos ``(N, 3, 112, 112)`` uint8 and who is in each ``(N,)``."""

    photos: Tensor
    people: Tensor
    names: list[str]


def read(folder: Path, cache: Path) -> RealFaces:
    """Every photo under a folder of folders with a face in it, aligned; kept in ``cache`` as one npz.

    Pictures of 112x112 are aligned already; in others MTCNN looks for the face nearest to the middle.
    """
    kept = cache / f"{folder.name}.npz"
    if not kept.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        photos, people, names = [], [], []
        for identity in sorted(p for p in folder.iterdir() if p.is_dir()):
            for path in sorted(identity.iterdir()):
                photo = _photo(path)
                if photo is not None:
                    photos.append(photo.numpy())
                    people.append(len(names))
            names.append(identity.name)
        np.savez(kept, photos=np.stack(photos), people=np.array(people), names=np.array(names))
    data = np.load(kept)
    return RealFaces(torch.from_numpy(data["photos"]), torch.from_numpy(data["people"]), list(map(str, data["names"])))


def _photo(path: Path) -> Tensor | None:
    picture = read_picture(path)
    if picture.size == (112, 112):
        return to_tensor(picture)
    # Tight crops leave MTCNN too little around the face: repeat the border.
    pad = picture.width // 4
    if max(picture.size) < 128:
        padded = np.pad(np.array(picture), ((pad, pad), (pad, pad), (0, 0)), mode="edge")
        picture = Image.fromarray(padded)
    faces = find_faces(picture)
    if not faces:
        return None
    middle = np.array(picture.size) / 2
    return to_tensor(align(picture, min(faces, key=lambda f: float(np.linalg.norm(f.landmarks.mean(0) - middle)))))


def trainable(faces: RealFaces) -> Tensor:
    """``(N,)`` bool: which photos show nobody held out, under whatever name."""
    barred = {*HELD_OUT, *HELD_OUT_ELSEWHERE}
    return torch.tensor([faces.names[p] not in barred for p in faces.people.tolist()])


def split_glint(faces: RealFaces) -> tuple[RealFaces, RealFaces]:
    """Glint photos of people to train on, and of the held-out people."""
    train = trainable(faces)
    parts = [RealFaces(faces.photos[mask], faces.people[mask], faces.names) for mask in (train, ~train)]
    return parts[0], parts[1]


def embed(network: torch.nn.Module, photos: Tensor, size: int = 128) -> Tensor:
    """Embeddings ``(N, D)`` of uint8 photos."""
    with torch.inference_mode():
        return torch.cat([network(photos[i : i + size].float() / 255) for i in range(0, len(photos), size)])


def leave_one_out_rank1(embeddings: Tensor, people: Tensor) -> float:
    """Share of photos whose nearest other photo shows the same person."""
    similarity = embeddings @ embeddings.T
    similarity.fill_diagonal_(-2)
    return float((people[similarity.argmax(1)] == people).float().mean())


def rank1_from(embeddings: Tensor, people: Tensor, enrolled: int, draws: int = 20) -> float:
    """Share of photos whose nearest enrolled photo shows the same person, a few photos of each enrolled at random."""
    generator, shares = torch.Generator().manual_seed(0), []
    for _ in range(draws):
        order = torch.randperm(len(people), generator=generator)
        rows = torch.cat([order[people[order] == p][:enrolled] for p in people.unique()])
        rest = torch.ones(len(people), dtype=torch.bool)
        rest[rows] = False
        named = people[rows][(embeddings[rest] @ embeddings[rows].T).argmax(1)]
        shares.append(float((named == people[rest]).float().mean()))
    return float(np.mean(shares))


def threshold_at(embeddings: Tensor, people: Tensor, false_match_rate: float) -> float:
    """The similarity that a share of different-person pairs reaches."""
    similarity, different = embeddings @ embeddings.T, people[:, None] != people[None]
    return float(np.quantile(similarity[different].numpy(), 1 - false_match_rate))


def true_match_rate(embeddings: Tensor, people: Tensor, false_match_rate: float) -> float:
    """Share of same-person pairs above the threshold at a false match rate."""
    threshold = threshold_at(embeddings, people, false_match_rate)
    similarity, same = embeddings @ embeddings.T, people[:, None] == people[None]
    same.fill_diagonal_(False)
    return float((similarity[same] >= threshold).float().mean())
