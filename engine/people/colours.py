"""Colours of picture files: everything is computed in 8-bit sRGB, and written back in the file's own space.

A file's ICC profile says what its numbers look like; littleCMS, through Pillow's ``ImageCms``, translates. Two files
that look alike are alike to a network then, whatever their profiles.
"""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

GREY_MODES = frozenset({"1", "L", "LA", "La", "I;16", "I;16B", "I;16L", "I"})
INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION

HALVINGS = 5
"""How often a change is halved where it would be seen more than it was made: of colours that sRGB cannot show."""


@lru_cache
def srgb() -> ImageCms.ImageCmsProfile:
    """The profile of sRGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def profile_of(picture: Image.Image) -> ImageCms.ImageCmsProfile | None:
    """A picture's profile, where it has one that can be read and is another than sRGB."""
    data = picture.info.get("icc_profile")
    if not data:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        described = f"{profile.profile.profile_description} {profile.profile.model}"
    except (OSError, ImageCms.PyCMSError, ValueError, TypeError):
        return None
    return None if "srgb" in described.casefold() else profile


def is_grey(picture: Image.Image) -> bool:
    """Whether a picture has no colours of its own, transparency aside."""
    return picture.mode in GREY_MODES


def is_deep(picture: Image.Image) -> bool:
    """Whether an opened file holds more than eight bits a channel; ask before it is decoded."""
    if picture.mode.startswith(("I", "F")):
        return True
    depth = picture.info.get("bit_depth")
    return (isinstance(depth, int) and depth > 8) or any(";16" in str(tile[3]) for tile in getattr(picture, "tile", []))


def own_pixels(picture: Image.Image) -> Image.Image:
    """A picture in its own space, 8-bit ``L``, ``RGB`` or ``CMYK``; transparency and palettes aside.

    Raises:
        ValueError: its numbers have no range that is known to be black to white.
    """
    if picture.mode.startswith("I"):  # Pillow would cut sixteen bits off at 255 and show nearly everything white
        grey = np.asarray(picture)
        if grey.min(initial=0) < 0 or grey.max(initial=0) > 65535:
            raise ValueError("more than 16 bits a channel; convert it to 8 bits")
        return Image.fromarray(((grey.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8))
    if picture.mode == "F":
        raise ValueError("floating-point pixels; convert it to 8 bits")
    if picture.mode == "CMYK":
        return picture
    return _converted(picture, "L" if is_grey(picture) else "RGB")


def _converted(picture: Image.Image, mode: str) -> Image.Image:
    """The picture itself where it has that mode: a copy of fifty megapixels is 200 MB."""
    return picture if picture.mode == mode else picture.convert(mode)


def to_srgb(picture: Image.Image) -> Image.Image:
    """A picture of any mode as 8-bit RGB in sRGB; transparency is dropped, a profile that makes no sense is ignored.

    Raises:
        ValueError: as ``own_pixels``.
    """
    own, profile = own_pixels(picture), profile_of(picture)
    if profile is not None:
        try:
            shown = ImageCms.profileToProfile(own, profile, srgb(), INTENT, "RGB", flags=FLAGS)
            if shown is not None:
                return shown
        except ImageCms.PyCMSError:  # of another kind than the picture: grey for colours, or damaged
            pass
    return _converted(own, "RGB")


def changed_in_own_space(
    own: Image.Image,
    profile: ImageCms.ImageCmsProfile | None,
    before: np.ndarray,
    after: np.ndarray,
    *,
    limit: int,
) -> Image.Image:
    """A part of a picture in its own space with a change that was made in sRGB.

    Args:
        own: ``L`` or ``RGB``.
        profile: of it; none: sRGB, or grey as sRGB has it.
        before: ``(H, W, 3)`` uint8, as ``to_srgb`` gives it.
        after: ``(H, W, 3)`` uint8, changed.
        limit: levels by which it may be seen to change at most; a profile may make more of it.

    Raises:
        ValueError: the profile cannot be written with.
    """
    kept = np.array(own).astype(np.int16)
    old, new = (_translated(picture, profile, own.mode).astype(np.int16) for picture in (before, after))
    change = new - old
    for _ in range(HALVINGS):
        pixels = (kept + change).clip(0, 255).astype(np.uint8)
        if profile is None:
            break
        shown = _seen(Image.fromarray(pixels), profile).astype(np.int16)
        far = (np.abs(shown - before) > limit).any(2)
        if not far.any():
            break
        change[far] //= 2
    return Image.fromarray(pixels)


def _seen(own: Image.Image, profile: ImageCms.ImageCmsProfile) -> np.ndarray:
    """Pixels ``(h, w, 3)`` in sRGB of a picture in the space of a profile."""
    shown = ImageCms.profileToProfile(own, profile, srgb(), INTENT, "RGB", flags=FLAGS)
    assert shown is not None
    return np.asarray(shown)


def _translated(pixels: np.ndarray, profile: ImageCms.ImageCmsProfile | None, mode: str) -> np.ndarray:
    """Pixels ``(h, w, 3)`` in sRGB as ``mode`` of a profile."""
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    if profile is None:
        return np.asarray(picture.getchannel(0) if mode == "L" else picture)
    try:
        shown = ImageCms.profileToProfile(picture, srgb(), profile, INTENT, mode, flags=FLAGS)
    except ImageCms.PyCMSError as error:
        raise ValueError(f"its colour profile cannot be written with ({error})") from error
    assert shown is not None
    return np.asarray(shown)
