"""A stand-in for closed consumer filters such as DoNotPay's Photo Ninja (2021-04), which nobody outside can run.

The press describes it as "steganography, detection perturbation, visible overlays"; this one blurs a little, adds noise
and lays stripes over the photo. It knows nothing of any extractor: what it shows is how little a change that people see
means to a network.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from facetui.engine.attacks.optimising.loop import Tick, batchwise, clean_rows, normal
from facetui.engine.core.budget import Budget
from facetui.engine.core.interfaces import Album, Attack, Extractor
from facetui.engine.records.errors import UsageError

BLUR = 1.0
NOISE = 0.02
PERIOD = 14.0
"""Pixels from stripe to stripe."""


class Filters(Attack):
    """Visible overlay, mild blur and noise; a stand-in, not DoNotPay's software.

    Args:
        overlay: opacity of the stripes, in [0, 1].
    """

    name = "filters"
    year = 2021
    default_budget = Budget("linf", 64 / 255)
    source = "stand-in for DoNotPay Photo Ninja, 2021-04 (closed software; press descriptions)"
    about = "a stand-in: DoNotPay's software is closed; stripes, mild blur and noise, no extractor consulted"

    def __init__(self, overlay: float = 0.2) -> None:
        if not 0 <= overlay <= 1:
            raise UsageError(f"expected an opacity in [0, 1], got {overlay}")
        self.overlay = overlay

    def passes(self, n_surrogates: int) -> int:
        """None: no network is consulted."""
        return 0

    def _optimise(self, album: Album, surrogates: Sequence[Extractor]) -> Tensor:
        phases = torch.rand(len(album.photos), 1, 1, generator=album.generator).to(album.photos.device)
        tints = torch.rand(len(album.photos), 3, 1, 1, generator=album.generator).to(album.photos.device)

        def apply(rows: Tensor, tick: Tick) -> Tensor:
            from kornia.filters import gaussian_blur2d  # kornia takes a second to import

            clean = clean_rows(album, rows)
            soft = gaussian_blur2d(clean, (5, 5), (BLUR, BLUR))
            at = torch.arange(clean.shape[-1], device=clean.device, dtype=clean.dtype)
            stripes = (2 * math.pi * ((at[None, :, None] + at[None, None, :]) / PERIOD + phases[rows])).sin()
            opacity = self.overlay * (0.5 + 0.5 * stripes[:, None])
            return soft * (1 - opacity) + tints[rows] * opacity + normal(clean, album.generator) * NOISE

        return batchwise(album, 0, apply)
