"""Whether two aligned photos show one picture: copies of it, and frames of the same moment, are no two photos.

Faces are compared, not whole pictures: a crop, a mirrored or a grey copy and a screenshot show the same face. What is
compared are the details between wrinkles and shadows, which no copy loses and no other photo of the same person has;
the two are moved over each other, turned and scaled a little, as detectors place a face by a few pixels otherwise in
every copy.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

SAME = 0.95
"""Likeness from which two photos are one: what was measured is in docs/your-photos.md."""

LIKELY, NEAR = 0.65, 0.8
"""Likeness as they lie, and after a few moves, from which it is worth to go on: copies reach 0.7 and 0.9."""

_ROUNDS = 8
"""Of the search for the best place; copies are there after five."""

_SIDE, _BORDER, _SHIFT = 56, 8, 4
_FINE, _COARSE = 0.7, 4.0
"""Details between these standard deviations of a blur, in pixels at ``_SIDE``, are compared."""

_DEGREES = (-5.0, -2.5, 0.0, 2.5, 5.0)
_SIZES = (0.92, 0.96, 1.0, 1.04, 1.08)
_ROWS, _CHUNK = 512, 64
"""Photos of either side that are compared at once."""


def correlation(large: Tensor, small: Tensor, flat: float = 1.0) -> Tensor:
    """Normalised cross-correlation (Lewis 1995) of patterns at every place of pictures, in [-1, 1].

    Args:
        large: ``(N, H, W)`` float.
        small: ``(K, h, w)`` float, not larger.
        flat: standard deviation up to which a place shows nothing, and correlates with nothing (-1).

    Returns:
        ``(N, K, H - h + 1, W - w + 1)``.
    """
    count = small[0].numel()
    level = small - small.mean((1, 2), keepdim=True)
    length = level.flatten(1).norm(dim=1)[:, None, None]
    image = large[:, None]
    above = functional.conv2d(image - image.mean((2, 3), keepdim=True), level[:, None])
    box = torch.ones(1, 1, *small.shape[1:])
    mean, square = (functional.conv2d(values, box) / count for values in (image, image**2))
    spread = ((square - mean**2).clamp(min=0) * count).sqrt()
    shows_nothing = (spread < flat * count**0.5) | (length < flat * count**0.5)
    return torch.where(shows_nothing, -1.0, above / (spread * length).clamp(min=1e-6))


def likeness(ones: Tensor, others: Tensor) -> Tensor:
    """How much alike photos are, mirrored or not, ``(N, M)`` in [-1, 1]; from ``SAME`` on two are one.

    Args:
        ones: ``(N, 3, 112, 112)`` uint8, aligned.
        others: ``(M, 3, 112, 112)`` uint8, aligned.
    """
    if not len(ones) or not len(others):
        return torch.full((len(ones), len(others)), -1.0)
    if len(ones) > _ROWS:
        return torch.cat([likeness(some, others) for some in ones.split(_ROWS)])
    seen = _details(_grey(ones))
    both = torch.stack([seen, seen.flip(-1)])
    inner = slice(_BORDER, _SIDE - _BORDER)
    greys = _grey(others)
    found = torch.cat(
        [_best(both, _details(chunk)[:, inner, inner]) for chunk in greys.split(_CHUNK)],
        1,
    )
    for column in (found >= LIKELY).any(0).nonzero()[:, 0].tolist():
        rows = (found[:, column] >= LIKELY).nonzero()[:, 0]
        found[rows, column] = torch.maximum(found[rows, column], _nearest(both[:, rows], greys[column]))
    return found


def groups(photos: Tensor) -> Tensor:
    """Which photos are one, ``(N,)`` int64: the same number, from 0 in the order of their first ones.

    Args:
        photos: ``(N, 3, 112, 112)`` uint8, aligned.
    """
    return joined(likeness(photos, photos) >= SAME)


def joined(same: Tensor) -> Tensor:
    """Groups ``(N,)`` int64 of what hangs together by a relation ``(N, N)`` bool, numbered by their first members."""
    n = len(same)
    numbers = torch.full((n,), -1)
    linked = same | same.T
    for first in range(n):
        if numbers[first] >= 0:
            continue
        number, waiting = int(numbers.max()) + 1, [first]
        while waiting:
            at = waiting.pop()
            if numbers[at] < 0:
                numbers[at] = number
                waiting += ((linked[at]) & (numbers < 0)).nonzero()[:, 0].tolist()
    return numbers


def firsts(numbers: Tensor) -> Tensor:
    """The first member of each group, ``(G,)`` int64."""
    return torch.tensor(
        [int((numbers == g).nonzero()[0]) for g in range(int(numbers.max()) + 1 if len(numbers) else 0)]
    )


def _grey(photos: Tensor) -> Tensor:
    return photos.float().mean(1)


def _details(grey: Tensor) -> Tensor:
    """``(N, 56, 56)`` of ``(N, 112, 112)``."""
    small = functional.interpolate(grey[:, None], (_SIDE, _SIDE), mode="area")
    return (_blurred(small, _FINE) - _blurred(small, _COARSE))[:, 0]


def _blurred(pictures: Tensor, sigma: float) -> Tensor:
    reach = math.ceil(3 * sigma)
    weights = torch.exp(-(torch.arange(-reach, reach + 1).float() ** 2) / (2 * sigma**2))
    weights = weights / weights.sum()
    padded = functional.pad(pictures, (reach, reach, reach, reach), mode="reflect")
    return functional.conv2d(functional.conv2d(padded, weights.view(1, 1, -1, 1)), weights.view(1, 1, 1, -1))


def _ways() -> Tensor:
    """Small turns and scales, ``(25, 2, 3)`` as of ``affine_grid``."""
    ways = []
    for degrees in _DEGREES:
        for size in _SIZES:
            c, s = (size * f(math.radians(degrees)) for f in (math.cos, math.sin))
            ways.append([[c, -s, 0.0], [s, c, 0.0]])
    return torch.tensor(ways)


def _moved(grey: Tensor) -> Tensor:
    """A photo ``(112, 112)`` turned and scaled a little, in every way."""
    ways = _ways()
    grid = functional.affine_grid(ways, [len(ways), 1, *grey.shape], align_corners=False)
    pictures = grey.expand(len(ways), 1, *grey.shape)
    return functional.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)[:, 0]


def _nearest(both: Tensor, grey: Tensor) -> Tensor:
    """Likeness ``(N,)`` of details ``(2, N, 56, 56)`` with a photo ``(112, 112)``, moved until it is greatest."""
    inner, edge = slice(_BORDER, _SIDE - _BORDER), slice(_BORDER - _SHIFT, _SIDE - _BORDER + _SHIFT)
    patterns = _details(_moved(grey))[:, inner, inner]
    places = torch.stack([correlation(side, patterns, flat=0.5) for side in both[:, :, edge, edge]])
    places = places.transpose(0, 1).flatten(1)  # (N, 2 sides x 25 ways x 9 x 9)
    best = places.max(1)
    found, near = best.values, (best.values >= NEAR) & (best.values < 1 - 1e-4)
    if not near.any():
        return found
    shifts = 2 * _SHIFT + 1
    at = best.indices[near]
    side, way = at // (len(patterns) * shifts**2), at // shifts**2 % len(patterns)
    down, across = at % shifts**2 // shifts - _SHIFT, at % shifts - _SHIFT
    start = _ways()[way]
    moves = torch.stack([across, down], 1).float() * 2 / _SIDE
    start[:, :, 2] -= (start[:, :, :2] @ moves[:, :, None])[:, :, 0]
    found[near] = torch.maximum(found[near], _refined(both[side, near], _details(grey[None]), start))
    return found


def _refined(wanted: Tensor, details: Tensor, start: Tensor) -> Tensor:
    """The greatest correlation ``(B,)`` of a photo's details with others, over all affine moves about a start.

    Gauss and Newton's steps, as in Evangelidis and Psarakis 2008: contrast and brightness are solved for, too.

    Args:
        wanted: ``(B, 56, 56)``.
        details: ``(1, 56, 56)``, what is moved.
        start: ``(B, 2, 3)`` as of ``affine_grid``.
    """
    inner = slice(_BORDER, _SIDE - _BORDER)
    goal = wanted[:, inner, inner].flatten(1)
    down, across = (torch.gradient(details, dim=d)[0] * _SIDE / 2 for d in (1, 2))
    planes = torch.stack([details, across, down], 1).expand(len(start), -1, -1, -1)
    line = (torch.arange(_SIDE).float() * 2 + 1) / _SIDE - 1
    y, x = (axis[inner, inner].flatten() for axis in torch.meshgrid(line, line, indexing="ij"))
    best, place = torch.full((len(start),), -1.0), start
    for _ in range(_ROUNDS):
        grid = functional.affine_grid(place, [len(start), 1, _SIDE, _SIDE], align_corners=False)
        seen, gx, gy = (
            functional.grid_sample(planes, grid, padding_mode="reflection", align_corners=False)[..., inner, inner]
            .flatten(2)
            .unbind(1)
        )
        best = torch.maximum(best, _correlated(goal, seen))
        columns = [gx * x, gx * y, gx, gy * x, gy * y, gy, seen, torch.ones_like(seen)]
        system = torch.stack(columns, 2)
        normal = system.mT @ system
        normal = normal + 1e-4 * torch.diag_embed(normal.diagonal(dim1=1, dim2=2) + 1e-6)
        solved = torch.linalg.solve(normal, (system.mT @ goal[:, :, None]))[:, :, 0]
        contrast = solved[:, 6].clamp(min=0.05)
        place = place + (solved[:, :6] / contrast[:, None]).clamp(-0.1, 0.1).view(-1, 2, 3)
    return best


def _correlated(ones: Tensor, others: Tensor) -> Tensor:
    """Correlation of rows with rows, ``(B,)``."""
    a, b = (rows - rows.mean(1, keepdim=True) for rows in (ones, others))
    return (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)).clamp(min=1e-6)


def _best(both: Tensor, patterns: Tensor) -> Tensor:
    """Likeness ``(N, K)`` of details ``(2, N, 56, 56)``, as they are and mirrored, with patterns ``(K, 40, 40)``."""
    edge = slice(_BORDER - _SHIFT, _SIDE - _BORDER + _SHIFT)
    near = both[:, :, edge, edge]
    return torch.stack([correlation(side, patterns, flat=0.5).amax((2, 3)) for side in near]).amax(0)
