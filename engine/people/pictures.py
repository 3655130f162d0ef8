"""Picture files as people have them, read as upright RGB: formats, modes, limits, and one sentence for what is none."""

from __future__ import annotations

import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from facetui.engine.people.colours import to_srgb
from facetui.engine.records.errors import DataError, MissingExtra

HEIF = frozenset({".heic", ".heif", ".hif"})
"""What iPhones and many cameras write: read with the extra ``heif``."""

SUFFIXES = HEIF | {
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".png",
    ".webp",
    ".avif",
    ".gif",
    ".bmp",
    ".tif",
    ".tiff",
}
"""Files with other endings are not looked at."""

MAX_PIXELS = 100_000_000
"""Larger pictures are refused: decoding one would take more than 300 MB."""


@lru_cache
def _reads_heif() -> bool:
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """A picture file, opened by Pillow and not decoded yet; what is damaged is said in one sentence, here or later.

    Raises:
        DataError: missing, empty, no file, not a picture, damaged, or larger than ``MAX_PIXELS``; names the file.
        MissingExtra: a HEIC picture, and nothing to read it with.
    """
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):  # opening a pipe would wait for ever
            raise DataError(f"{path} is no file; remove it")
        if facts.st_size == 0:
            raise DataError(f"{path} is empty (0 bytes); remove or replace it")
        if path.suffix.lower() in HEIF and not _reads_heif():
            raise MissingExtra(f"{path} is a HEIC picture; reading it", "heif")
        with warnings.catch_warnings():
            # Pillow warns from 89 million pixels on, where our own limit comes with a way out, and of damaged EXIF.
            warnings.simplefilter("ignore")
            with Image.open(path) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise _too_large(path, f"{picture.width} x {picture.height} pixels")
                yield picture
    except (DataError, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise _too_large(path, "over 178 million pixels") from None
    except UnidentifiedImageError:
        raise DataError(f"{path} is not a picture, whatever its name says; remove or replace it") from None
    except Exception as error:
        # Pillow and its plugins report what is wrong with a file as nearly anything, depending on the format.
        what = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path} cannot be read as a picture ({what}); remove or replace it") from error


def read_picture(path: Path) -> Image.Image:
    """A picture as upright 8-bit RGB in sRGB; of an animation the first frame.

    Its EXIF orientation and its profile are applied.

    Raises:
        DataError: as ``opened``.
    """
    with opened(path) as picture:
        ImageOps.exif_transpose(picture, in_place=True)
        return to_srgb(picture)


def _too_large(path: Path, size: str) -> DataError:
    return DataError(f"{path} is too large ({size}, at most {MAX_PIXELS // 1_000_000} million); scale it down")
