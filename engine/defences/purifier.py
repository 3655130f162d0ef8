"""Purification: what a trainer does to every photo before its extractor sees it, hoping to wash a perturbation out.

JPEG, blur, resizing, noise, a median and an edge-preserving denoiser, each of a strength. Perturbations made through
such views survive them (robust-pgd; the 2026 fork of Fawkes measured the same), and PuFace (2024) needs a learned
purifier to do better. Against cloaks of paintings, Hönig et al. (2024, arXiv 2406.12027) found noise and then a
denoiser to do: ``noise 8, denoise 2`` is the idea at its simplest, with no network in it.
"""

from __future__ import annotations

import io

import torch
from PIL import Image, ImageFilter
from torch import Tensor

from facetui.engine.core.device import in_batches
from facetui.engine.core.interfaces import Purifying, check_photos
from facetui.engine.people.alignment import to_picture, to_tensor
from facetui.engine.records.errors import UsageError

KINDS = {
    "jpeg": ("a quality", 5, 100),
    "blur": ("a standard deviation in pixels", 0.1, 8),
    "resize": ("a side in pixels", 16, 112),
    "noise": ("a standard deviation in grey levels", 0.5, 64),
    "median": ("an odd side in pixels", 3, 15),
    "denoise": ("a standard deviation in pixels", 0.5, 4),
}
TOGETHER = 64
"""Photos washed at a time: a blur takes a hundred times the memory of what it blurs."""

BILATERAL = 32.0
"""Standard deviation in grey levels of the denoiser's other bell: what differs by more is an edge, and stays."""

CANDIDATES = ("jpeg 75", "jpeg 40", "blur 1", "blur 2", "resize 72", "resize 56", "noise 4", "noise 8")
"""What a trainer tries who does not know what helps, weak before strong.

No median and no denoiser: on development people (eight users under OPOM, LowKey, Fawkes 1.0 and 0.3; three compact
networks) neither left less of a tool than ``blur 2``, alone or after noise (``median 3`` and ``5``, ``denoise 1`` and
``2``, noise 8 and 16): with compact-a 8, 80, 5 and 2 %, where ``noise 8, denoise 2`` left 100, 100, 62 and 44 %.
"""


class Purifier(Purifying):
    """One operation of one strength, as ``jpeg 75``; several with commas, one after the other: ``resize 72, jpeg 75``.

    The same photo always gives the same bytes, noise included.

    Args:
        recipe: see above.
    """

    name = "purify"
    source = "preprocessing as a baseline, e.g. in PuFace (2024)"

    def __init__(self, recipe: str = "jpeg 75") -> None:
        self.recipe = recipe
        self._steps = [_parse(step) for step in recipe.split(",")]

    def __call__(self, photos: Tensor) -> Tensor:
        """Photos ``(N, 3, 112, 112)`` uint8, purified, uint8.

        Raises:
            UsageError: not uint8, or of a wrong shape.
            OutOfMemory: not even one photo fits.
        """
        if photos.dtype != torch.uint8:
            raise UsageError(f"expected photos as uint8, got {photos.dtype}")
        check_photos(photos.float())
        return in_batches(self._wash, photos, TOGETHER, photos.device)

    def _wash(self, photos: Tensor) -> Tensor:
        for kind, strength in self._steps:
            photos = _apply(kind, strength, photos) if len(photos) else photos
        return photos


def _parse(step: str) -> tuple[str, float]:
    kind, _, number = step.strip().partition(" ")
    if kind not in KINDS:
        raise UsageError(f"expected a purifier like 'jpeg 75' ({', '.join(KINDS)}), got {step.strip()!r}")
    what, low, high = KINDS[kind]
    try:
        strength = float(number)
    except ValueError:
        strength = float("nan")
    if not low <= strength <= high or (kind == "median" and strength % 2 != 1):
        raise UsageError(f"expected {kind} with {what} from {low} to {high}, got {number or 'nothing'}")
    return kind, strength


def _jpeg(photo: Tensor, quality: int) -> Tensor:
    buffer = io.BytesIO()
    to_picture(photo).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer) as picture:
        return to_tensor(picture.convert("RGB"))


def _median(photo: Tensor, side: int) -> Tensor:
    return to_tensor(to_picture(photo).filter(ImageFilter.MedianFilter(side)))


def _denoise(photos: Tensor, sigma: float) -> Tensor:
    """A bilateral filter (Tomasi and Manduchi, ICCV 1998), a photo at a time: it holds every neighbour of a pixel."""
    from kornia.filters import bilateral_blur  # kornia takes a second to import

    side = 2 * round(2 * sigma) + 1
    smooth = [bilateral_blur(photo[None].float(), side, BILATERAL, (sigma, sigma)) for photo in photos]
    return torch.cat(smooth).round().clamp(0, 255).to(torch.uint8)


def _apply(kind: str, strength: float, photos: Tensor) -> Tensor:
    from torchvision.transforms.v2 import functional as F  # a second to import, and only for those who ask for it

    if kind == "jpeg":
        return torch.stack([_jpeg(photo, round(strength)) for photo in photos])
    if kind == "median":
        return torch.stack([_median(photo, round(strength)) for photo in photos])
    if kind == "denoise":
        return _denoise(photos, strength)
    if kind == "blur":
        return F.gaussian_blur(photos, [2 * round(2 * strength) + 1] * 2, [strength] * 2)
    if kind == "resize":
        small = F.resize(photos, [round(strength)] * 2, antialias=True)
        return F.resize(small, list(photos.shape[-2:]), antialias=True)
    # The same noise for every photo: it then depends on nothing but the photo, whatever it is embedded with.
    noise = torch.randn(photos.shape[1:], generator=torch.Generator().manual_seed(0)) * strength
    return (photos + noise).round().clamp(0, 255).to(torch.uint8)
