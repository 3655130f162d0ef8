"""Makes fictional people: those of the stories, the crowd around them, and people to tune defaults on.

    python tools/make_people.py --shared ../shared --cache /tmp/faces sealed
    python tools/make_people.py --shared ../shared --cache /tmp/faces crowd
    python tools/make_people.py --shared ../shared --cache /tmp/faces development --out /tmp/development.zip

Stories and reports show the sealed people, so nothing may be fitted to them: defaults are tuned on development people,
who are other draws and are not installed. Prints every figure of the card; ``--sheet FILE`` also draws a contact sheet.
"""

from __future__ import annotations

import argparse
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import faces
import numpy as np
import torch
from face_model import FaceModel
from PIL import Image
from torch import Tensor

from facetui.engine.extractors.families import mobilefacenet
from facetui.engine.people.alignment import find_faces, to_picture, to_tensor

PHOTOS = 24
"""Drawn of each person, and judged."""
QUALITY = 88
REAL = ("glint", "lfw-crops", "lfw-grey")
DATA = Path("engine/data")


@dataclass(frozen=True)
class Kind:
    """A set of fictional people.

    Attributes:
        seed: of all draws.
        people: how many.
        kept: photos of each that are written, of those drawn.
        alike: no two people's mean embeddings are more similar than this.
        prefix: of their names.
        out: where they are written; absent: it must be said.
    """

    seed: int
    people: int
    kept: int
    alike: float
    prefix: str
    out: Path | None


# A crowd has people who resemble each other: that is what makes a large gallery hard.
KINDS = {
    "sealed": Kind(2026, 48, 24, 0.5, "p", DATA / "people.zip"),
    "crowd": Kind(530, 490, 2, 0.65, "c", DATA / "crowd.zip"),
    "development": Kind(2021, 48, 24, 0.5, "d", None),
}
GLANCE = 6
"""Photos by which most draws are turned down already."""
NETWORKS = ("mobilefacenet-casia", "mobilefacenet-ms1m")


def teachers(shared: Path) -> dict[str, torch.nn.Module]:
    """Both real networks."""
    return {name: mobilefacenet.load(shared / "models" / f"{name}.safetensors", name) for name in NETWORKS}


def embeddings(photos: Tensor, networks: dict[str, torch.nn.Module], kept: Path) -> dict[str, Tensor]:
    """Embeddings of each network, kept in one npz."""
    if not kept.is_file():
        np.savez(kept, **{name: faces.embed(network, photos).numpy() for name, network in networks.items()})
    data = np.load(kept)
    return {name: torch.from_numpy(data[name]) for name in networks}


def fit(shared: Path, cache: Path) -> FaceModel:
    """The face model of everybody but the held-out people."""
    networks = teachers(shared)
    sets = {name: faces.read(shared / "faces" / name, cache) for name in ("glint", "lfw-crops", "lfw-grey")}
    known = {name: embeddings(s.photos, networks, cache / f"{name}-embeddings.npz") for name, s in sets.items()}
    train = {name: faces.trainable(sets[name]) for name in ("glint", "lfw-grey")}
    photos = {name: sets[name].photos[mask] for name, mask in train.items()}
    seen = {name: torch.cat([known[name][n][mask] for n in NETWORKS], 1) for name, mask in train.items()}
    people = {name: sets[name].people[mask] for name, mask in train.items()}
    return FaceModel.fit(
        torch.cat(list(photos.values())),
        torch.cat(list(seen.values())),
        torch.cat([people["glint"], people["lfw-grey"] + 1000]),
        photos["glint"],
        people["glint"],
    )


def as_jpeg(photo: Tensor) -> bytes:
    """A photo as JPEG, without metadata."""
    buffer = io.BytesIO()
    to_picture(photo).save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return buffer.getvalue()


def from_jpeg(data: bytes) -> Tensor:
    """``(3, 112, 112)`` uint8."""
    return to_tensor(Image.open(io.BytesIO(data)).convert("RGB"))


class Strangers:
    """Checks that a fictional person is nobody real, and nobody who was drawn before."""

    def __init__(self, shared: Path, cache: Path) -> None:
        self.networks = teachers(shared)
        self.real: dict[str, Tensor] = {}
        self.threshold: dict[str, float] = {}
        sets = [faces.read(shared / "faces" / name, cache) for name in REAL]
        kept = [
            embeddings(s.photos, self.networks, cache / f"{n}-embeddings.npz") for s, n in zip(sets, REAL, strict=True)
        ]
        self.people = torch.cat([s.people + 10_000 * i for i, s in enumerate(sets)])
        self.held_out = torch.cat([~faces.trainable(s) for s in sets])
        persons, where, counts = self.people.unique(return_inverse=True, return_counts=True)
        # A share of pairs with a person of one photo says little.
        self.shown = counts >= 3
        self.grey = persons >= 20_000
        self.average = torch.zeros(len(self.people), len(persons))
        self.average[torch.arange(len(where)), where] = 1 / counts[where].float()
        for name in self.networks:
            self.real[name] = torch.cat([k[name] for k in kept])
            # The first set alone sets the threshold: it is large and evenly aligned.
            self.threshold[name] = faces.threshold_at(kept[0][name][::2], sets[0].people[::2], 0.001)

    def matches(self, name: str, embedded: Tensor) -> tuple[float, float, float]:
        """Shares of (fictional, real) pairs that match: of all, and the largest with one person in colour, in grey."""
        hit = (embedded @ self.real[name].T >= self.threshold[name]).float().mean(0)
        each = hit @ self.average
        return (
            float(hit.mean()),
            float(each[self.shown & ~self.grey].max()),
            float(each[self.shown & self.grey].max()),
        )


def draw(kind: Kind, model: FaceModel, strangers: Strangers) -> tuple[list[list[bytes]], dict[str, float]]:
    """Fictional people as JPEGs, and how many draws were turned down."""
    rng = np.random.default_rng(kind.seed)
    people: list[list[bytes]] = []
    drawn: dict[str, list[Tensor]] = {name: [] for name in NETWORKS}
    rejected = 0
    while len(people) < kind.people:
        person = model.person(rng)
        files = [as_jpeg(photo) for photo in model.photos(person, PHOTOS, rng)]
        photos = torch.stack([from_jpeg(f) for f in files])
        if nearly(photos[:GLANCE], strangers) or not acceptable(photos, strangers, drawn, kind.alike):
            rejected += 1
            continue
        people.append(files)
        if len(people) % 10 == 0:
            print(f"{len(people)} people, {rejected} turned down", flush=True)
    return people, {"rejected": rejected}


def nearly(photos: Tensor, strangers: Strangers) -> bool:
    """Whether a few photos match somebody real so often that all of them would too."""
    for name, network in strangers.networks.items():
        overall, colour, grey = strangers.matches(name, faces.embed(network, photos))
        if overall > 0.01 or max(colour, grey) > 0.12:
            return True
    return False


def acceptable(photos: Tensor, strangers: Strangers, drawn: dict[str, list[Tensor]], alike: float) -> bool:
    """Whether a person is nobody real, nobody drawn before, and found by MTCNN; remembers who is."""
    new = {name: faces.embed(network, photos) for name, network in strangers.networks.items()}
    for name, embedded in new.items():
        overall, colour, grey = strangers.matches(name, embedded)
        if overall > 0.005 or colour > 0.05 or grey > 0.05:
            return False
        centre = embedded.mean(0)
        if drawn[name] and (torch.stack(drawn[name]) @ centre).max() > alike * centre.norm():
            return False
    if not all(found(photo) for photo in photos[::3]):
        return False
    for name, embedded in new.items():
        drawn[name].append(torch.nn.functional.normalize(embedded.mean(0), dim=0))
    return True


def found(photo: Tensor) -> bool:
    """Whether MTCNN sees a face in a photo, with a border as in an ordinary picture."""
    picture = to_picture(photo)
    padded = np.pad(np.array(picture), ((28, 28), (28, 28), (0, 0)), mode="edge")
    return bool(find_faces(Image.fromarray(padded)))


def measure(people: list[list[bytes]], strangers: Strangers) -> dict[str, object]:
    """Every figure of the card."""
    photos = torch.stack([from_jpeg(f) for files in people for f in files])
    who = torch.arange(len(people)).repeat_interleave(torch.tensor([len(files) for files in people]))
    figures: dict[str, object] = {"people": len(people), "photos": len(photos)}
    figures["MTCNN finds a face"] = sum(found(photo) for photo in photos) / len(photos)
    for name, network in strangers.networks.items():
        embedded = faces.embed(network, photos)
        overall, _, _ = strangers.matches(name, embedded)
        hit = (embedded @ strangers.real[name].T >= strangers.threshold[name]).float().mean(0)
        worst = torch.tensor([strangers.matches(name, embedded[who == p]) for p in range(len(people))]).amax(0)
        same = embedded @ embedded.T
        figures[name] = {
            "leave-one-out rank-1": faces.leave_one_out_rank1(embedded, who),
            "threshold (0.1 % false matches, real)": strangers.threshold[name],
            "fictional-real pairs that match": overall,
            "of these with colour photos": float(hit[strangers.people < 20_000].mean()),
            "of these with grey photos": float(hit[strangers.people >= 20_000].mean()),
            "of these with held-out people": float(hit[strangers.held_out].mean()),
            "largest share with one real person, colour": float(worst[1]),
            "largest share with one real person, grey": float(worst[2]),
            "mean similarity within a person": float(same[who[:, None] == who].mean()),
            "mean similarity between people": float(same[who[:, None] != who].mean()),
        }
    return figures


def sheet(people: list[list[bytes]], path: Path, columns: int = 12) -> None:
    """A contact sheet: a person a row, two blocks of rows side by side."""
    rows = min(len(people), 16)
    canvas = Image.new("RGB", (columns * 112, rows * 112))
    for row in range(rows):
        for column in range(columns):
            which = row if column < columns // 2 else (row + len(people) // 2) % len(people)
            data = people[which][column % (columns // 2)]
            canvas.paste(Image.open(io.BytesIO(data)), (column * 112, row * 112))
    canvas.save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True, help="folder with faces/ and models/")
    parser.add_argument("--cache", type=Path, required=True, help="folder for aligned photos and embeddings")
    parser.add_argument("--out", type=Path, help="default: where the package has them")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--sheet", type=Path, help="draw a contact sheet here")
    args = parser.parse_args()
    strangers = Strangers(args.shared, args.cache)
    kind = KINDS[args.kind]
    out = args.out or kind.out
    if out is None:
        parser.error("development people are not installed; say --out FILE")
    drawn, figures = draw(kind, fit(args.shared, args.cache), strangers)
    people = [files[: kind.kept] for files in drawn]
    if args.sheet:
        sheet(people, args.sheet)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for p, files in enumerate(people, start=1):
            for i, data in enumerate(files):
                # A fixed date: the same seed gives the same bytes.
                name = f"{kind.prefix}{p:0{len(str(kind.people))}d}/{i:02d}.jpg"
                archive.writestr(zipfile.ZipInfo(name, (2021, 6, 28, 0, 0, 0)), data)
    print(json.dumps({**figures, **measure(people, strangers), "bytes": out.stat().st_size}, indent=1))


if __name__ == "__main__":
    main()
