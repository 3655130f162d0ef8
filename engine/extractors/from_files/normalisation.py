"""What a network expects that normalises its input itself, told from the scale and shift with which it begins."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from facetui.engine.extractors.inputs import Input

SCALES: tuple[tuple[float, float, tuple[float, float, float], tuple[float, float, float]], ...] = (
    (-1.0, 1.0, (127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    (0.0, 255.0, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    (0.0, 1.0, (0.0, 0.0, 0.0), (255.0, 255.0, 255.0)),
)
"""What black and white may be when they come in, and how pixels in [0, 255] become that."""

NORMALISED = ((-1.0, 1.0), (0.0, 1.0), (-2.1, 2.6), (0.0, 255.0))
"""What black and white usually are once a network has normalised them; ImageNet's channels differ a little."""

NEAR = 0.5
"""How far from that, as a share of its range, a reading may end; ImageNet's own reach 0.1."""


def as_pixels(found: Input) -> Input:
    """``found``, but for pixels of 0 to 255 as they are."""
    _, _, mean, deviation = SCALES[1]
    return msgspec.structs.replace(found, mean=mean, deviation=deviation)


def normalised_by(scale: Any, shift: Any, found: Input) -> Input:
    """``found``, but for the scale of pixels that becomes what is usual by ``scale * x + shift``.

    Args:
        scale: a number, or one a channel.
        shift: the same.
        found: returned as it is where no usual scale of pixels becomes anything usual.
    """
    ends = [
        (_distance(black * scale + shift, white * scale + shift), at) for at, (black, white, *_) in enumerate(SCALES)
    ]
    distance, best = min(ends)
    _, _, mean, deviation = SCALES[best]
    return found if distance > NEAR else msgspec.structs.replace(found, mean=mean, deviation=deviation)


def _distance(black: Any, white: Any) -> float:
    """How far black and white, a number or one a channel, are from what is usual."""
    return min(float((np.abs(black - low) + np.abs(white - high)).mean() / (high - low)) for low, high in NORMALISED)
