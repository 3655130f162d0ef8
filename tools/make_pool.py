"""Makes the pictures that compact extractors are trained on, and what four real networks see in them.

    pip install face_recognition_models
    python tools/make_pool.py --shared ../shared --cache /tmp/faces

A teacher labels anything, so besides real photos the pool holds blends of two real photos, which no network has ever
seen, and photos of fictional people other than the embedded ones. Held-out people are in none of them.
"""

from __future__ import annotations

import argparse
import copy
from pathlib import Path

import faces
import make_people
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from facetui.engine.extractors.families import dlib_resnet, graph_models

SEED = 77
BLENDS = 12000
BATCH = 8
"""Large maps are slow to allocate: at 32 photos a batch faceres does a third as many a second."""
FICTIONAL_PEOPLE, FICTIONAL_PHOTOS = 1400, 6


def folded(network: nn.Module) -> nn.Module:
    """A copy with each batch norm folded into the convolution before it: the same outputs, faster."""
    network = copy.deepcopy(network).eval()
    for module in list(network.modules()):
        if isinstance(module, nn.Sequential):
            for i in range(len(module) - 1):
                if isinstance(module[i], nn.Conv2d) and isinstance(module[i + 1], nn.BatchNorm2d):
                    module[i] = fuse_conv_bn_eval(module[i], module[i + 1])
                    module[i + 1] = nn.Identity()
    return network.to(memory_format=torch.channels_last)


def teachers(shared: Path) -> dict[str, nn.Module]:
    """Four networks: both MobileFaceNets, and two that share neither data nor architecture with them or each other."""
    networks = {name: folded(network) for name, network in make_people.teachers(shared).items()}
    networks["faceres"] = graph_models.load(shared / "models" / "graph" / "faceres.json", "faceres")
    networks["dlib"] = folded(dlib_resnet.load(dlib_resnet.published_file(), "dlib"))
    return networks


def shake(photos: Tensor, rng: np.random.Generator) -> Tensor:
    """Colour, contrast, exposure and a small move at random; uint8 in, uint8 out."""
    n = len(photos)

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, (n, *shape)).astype(np.float32))

    x = photos.float() / 255
    x = (x - 0.45) * draw(0.75, 1.25, 1, 1, 1) + 0.45 + draw(-0.08, 0.08, 1, 1, 1)
    x = x * draw(0.9, 1.1, 3, 1, 1)
    angle, scale = draw(-0.08, 0.08), draw(0.95, 1.05)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = angle.cos() / scale
    theta[:, 0, 1], theta[:, 1, 0] = -angle.sin() / scale, angle.sin() / scale
    theta[:, :, 2] = draw(-0.04, 0.04, 2)
    moved = F.grid_sample(x, F.affine_grid(theta, list(x.shape), False), padding_mode="border", align_corners=False)
    return (moved.clamp(0, 1) * 255).round().to(torch.uint8)


def blends(photos: Tensor, n: int, rng: np.random.Generator) -> Tensor:
    """``(n, 3, 112, 112)`` uint8 mixtures of two photos each."""
    first, second = (torch.from_numpy(rng.integers(len(photos), size=n)) for _ in range(2))
    share = torch.from_numpy(rng.uniform(0.25, 0.5, n).astype(np.float32)).view(-1, 1, 1, 1)
    mixed = [
        (photos[i].float() * (1 - s) + photos[j].float() * s).round().to(torch.uint8)
        for i, j, s in zip(first.split(500), second.split(500), share.split(500), strict=True)
    ]
    return torch.cat(mixed)


def pictures(shared: Path, cache: Path) -> Tensor:
    """Every picture of the pool, uint8."""
    rng = np.random.default_rng(SEED)
    glint, _ = faces.split_glint(faces.read(shared / "faces" / "glint", cache))
    sets = [faces.read(shared / "faces" / name, cache) for name in ("lfw-crops", "lfw-grey")]
    others = [s.photos[faces.trainable(s)] for s in sets]
    real = torch.cat([glint.photos, *others])
    # Many more people have one grey photo than a colour one: blends start from both alike.
    half = BLENDS // 2
    grey = blends(torch.cat([others[1], others[0]]), BLENDS - half, rng)
    both = torch.cat([blends(real, half, rng), grey])
    model = make_people.fit(shared, cache)
    fictional = [model.photos(model.person(rng), FICTIONAL_PHOTOS, rng) for _ in range(FICTIONAL_PEOPLE)]
    parts = [torch.cat([shake(part, rng) for part in kind.split(500)]) for kind in (real, both)]
    print({"real": len(real), "blends": len(both), "fictional": sum(map(len, fictional))}, flush=True)
    return torch.cat([*parts, *fictional])


def main() -> None:
    """Write ``pool-photos.npy`` and ``pool-TEACHER.npy`` into the cache."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True, help="folder with faces/ and models/")
    parser.add_argument("--cache", type=Path, required=True, help="folder for the pool")
    args = parser.parse_args()
    pool = pictures(args.shared, args.cache)
    # In a random order, so that a first part of the pool is a fair sample of it.
    pool = pool[torch.from_numpy(np.random.default_rng(SEED).permutation(len(pool)))]
    np.save(args.cache / "pool-photos.npy", pool.numpy())
    for name, network in teachers(args.shared).items():
        np.save(args.cache / f"pool-{name}.npy", faces.embed(network, pool, BATCH).numpy())
        print(name, flush=True)


if __name__ == "__main__":
    main()
