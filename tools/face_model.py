"""A two-factor linear face model: identity + photo, fitted on public faces; nobody real comes out of it.

A photo is luminance and chroma, each in its own principal components. How the components depend on *who* is in a photo
is a ridge regression on what two face recognition networks see in it (their embeddings), so identity moves what tells
people apart and not, say, the light; what the regression leaves over is the photo factor. A fictional person is a draw
from the spread of identity over two thousand people, a photo of them adds a draw from the photo factor, and then light,
colour cast, contrast and a small shift.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

Array = NDArray[np.float32]

LUMINANCE_COMPONENTS = 320
CHROMA_COMPONENTS = 40
IDENTITY_SPREAD = 1.5
"""Identity is drawn this much wider than the regression finds it, which shrinks: else neighbours look alike."""
PHOTO_SPREAD = 0.5
"""The photo factor is drawn this much narrower than measured: its tails are blurs, hands and profiles."""
CHROMA_PHOTO_SPREAD = 0.3
"""As above, for colour: the colour cast is added afterwards."""
LIMIT = 2.2
"""No standardised coefficient of a person or a photo lies further out than this."""


@dataclass
class _Factor:
    """Mean, components and both factors of one kind of channel."""

    mean: Array  # (P,)
    basis: Array  # (K, P)
    identity: Array  # (R, K): rows are scaled directions of identity
    photo: Array  # (K, K)

    def person(self, rng: np.random.Generator) -> Array:
        z = np.clip(rng.standard_normal(len(self.identity)), -LIMIT, LIMIT)
        return (z @ self.identity).astype(np.float32)

    def photos(self, person: Array, n: int, rng: np.random.Generator) -> Array:
        z = np.clip(rng.standard_normal((n, len(self.photo))), -LIMIT, LIMIT)
        return (self.mean + (person + z @ self.photo) @ self.basis).astype(np.float32)


def _directions(covariance: NDArray[np.float64]) -> Array:
    values, vectors = np.linalg.eigh(covariance)
    keep = values > values.max() * 1e-4
    return (vectors[:, keep] * np.sqrt(values[keep])).T.astype(np.float32)


def _components(rows: Array, k: int) -> tuple[Array, Array]:
    mean = rows.mean(0)
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(int(torch.randint(1 << 30, (1,), generator=generator)))
        _, _, v = torch.svd_lowrank(torch.from_numpy(rows - mean), q=k + 20, niter=3)
    return mean, v[:, :k].T.contiguous().numpy()


def to_ycc(photos: Tensor) -> tuple[Array, Array]:
    """Luminance ``(N, 12544)`` and chroma at half resolution ``(N, 6272)`` of uint8 photos, both about [-1, 1]."""
    x = photos.float() / 255
    y = (x * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
    chroma = F.avg_pool2d(torch.cat([x[:, 2:] - y, x[:, :1] - y], 1), 2)
    return y.flatten(1).numpy(), chroma.flatten(1).numpy()


def _to_rgb(y: Array, chroma: Array) -> Tensor:
    luminance = torch.from_numpy(y).view(-1, 1, 112, 112)
    planes = F.interpolate(torch.from_numpy(chroma).view(-1, 2, 56, 56), scale_factor=2, mode="bilinear")
    blue, red = luminance + planes[:, :1], luminance + planes[:, 1:]
    green = (luminance - 0.299 * red - 0.114 * blue) / 0.587
    return torch.cat([red, green, blue], 1)


class FaceModel:
    """Samples fictional people and photos of them."""

    def __init__(self, luminance: _Factor, chroma: _Factor) -> None:
        self.luminance = luminance
        self.chroma = chroma

    @classmethod
    def fit(cls, grey: Tensor, embeddings: Tensor, grey_people: Tensor, colour: Tensor, people: Tensor) -> FaceModel:
        """Fit both factors.

        Args:
            grey: ``(N, 3, 112, 112)`` uint8, all photos, whose luminance is used.
            embeddings: ``(N, D)`` of the same photos.
            grey_people: ``(N,)``.
            colour: ``(M, 3, 112, 112)`` uint8, those with colour.
            people: ``(M,)``.
        """
        y, _ = to_ycc(grey)
        mean, basis = _components(y, LUMINANCE_COMPONENTS)
        coefficients = (y - mean) @ basis.T
        # Every person counts the same, whether of four hundred photos or of one.
        counts = torch.bincount(grey_people, minlength=int(grey_people.max()) + 1)
        weight = (1 / counts[grey_people].float()).sqrt().numpy()[:, None]
        e = (embeddings - embeddings.mean(0)).numpy()
        left, right = e * weight, coefficients * weight
        ridge = 0.05 * np.trace(left.T @ left) / left.shape[1]
        w = np.linalg.solve(left.T @ left + ridge * np.eye(left.shape[1]), left.T @ right)
        rows = np.unique(grey_people.numpy(), return_index=True)[1]
        predicted = e[rows] @ w
        residual = (coefficients - e @ w) * weight
        identity = _directions(np.cov(predicted.T)) * IDENTITY_SPREAD
        photo = _directions(residual.T @ residual / (weight**2).sum()) * PHOTO_SPREAD
        return cls(_Factor(mean, basis, identity, photo), cls._fit_chroma(colour, people))

    @staticmethod
    def _fit_chroma(colour: Tensor, people: Tensor) -> _Factor:
        _, chroma = to_ycc(colour)
        mean, basis = _components(chroma, CHROMA_COMPONENTS)
        coefficients = (chroma - mean) @ basis.T
        members = [coefficients[people.numpy() == p] for p in np.unique(people.numpy())]
        centres = np.stack([m.mean(0) for m in members])
        within = np.mean([np.cov(m.T) for m in members], axis=0)
        return _Factor(mean, basis, _directions(np.cov(centres.T)), _directions(within) * CHROMA_PHOTO_SPREAD)

    def person(self, rng: np.random.Generator) -> tuple[Array, Array]:
        """A fictional person: what all their photos share."""
        return self.luminance.person(rng), self.chroma.person(rng)

    def photos(self, person: tuple[Array, Array], n: int, rng: np.random.Generator) -> Tensor:
        """``(n, 3, 112, 112)`` uint8 photos of one fictional person."""
        rgb = _to_rgb(self.luminance.photos(person[0], n, rng), self.chroma.photos(person[1], n, rng))
        return _take(rgb, rng)


def _take(rgb: Tensor, rng: np.random.Generator) -> Tensor:
    """What a camera and a room do to a face: light from a side, colour cast, exposure, contrast, a small move."""
    n = len(rgb)

    def draw(low: float, high: float, *shape: int) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, (n, *shape)).astype(np.float32))

    line = torch.linspace(-1, 1, 112)
    light = (
        1 + draw(-0.22, 0.22, 1, 1, 1) * line.view(1, 1, 1, -1) + draw(-0.12, 0.12, 1, 1, 1) * line.view(1, 1, -1, 1)
    )
    cast = draw(0.93, 1.07, 3, 1, 1)
    contrast, exposure = draw(0.85, 1.15, 1, 1, 1), draw(-0.06, 0.06, 1, 1, 1)
    rgb = ((rgb - 0.45) * contrast + 0.45 + exposure) * light * cast
    angle, scale = draw(-0.07, 0.07), draw(0.96, 1.04)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = angle.cos() / scale
    theta[:, 0, 1], theta[:, 1, 0] = -angle.sin() / scale, angle.sin() / scale
    theta[:, :, 2] = draw(-0.03, 0.03, 2)
    mirror = torch.from_numpy(rng.random(n) < 0.5)
    rgb = torch.where(mirror.view(-1, 1, 1, 1), rgb.flip(3), rgb)
    moved = F.grid_sample(rgb, F.affine_grid(theta, list(rgb.shape), False), padding_mode="border", align_corners=False)
    return (moved.clamp(0, 1) * 255).round().to(torch.uint8)
