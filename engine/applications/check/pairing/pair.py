"""A photo before and after a tool, and what is said of one that takes no part."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from facetui.engine.applications.check.pairing.sketch import STRANGER, certainty

RECODINGS = ("JPEG 75", "half size", "screenshot")
"""What happens to pictures on their way; a screenshot is 0.77 of the size, a little soft, and JPEG 85."""

UNDONE = ("turned", "framed", "cropped", "mirrored")
"""What happened to a copy on its way and is undone before it is compared."""

HIDDEN = "no face after"
"""Why a photo takes no part whose face the tool hid from the detector: a result, and no fault."""

SHOWN_SIDE = 240
"""Longest side of the pictures that a report shows, in pixels."""


@dataclass(frozen=True)
class Pair:
    """One photo before and after.

    Attributes:
        name: of the original's file.
        protected_name: of the protected file.
        clean: ``(3, 112, 112)`` uint8, aligned.
        protected: the same of the protected file, aligned by the face that is found there.
        recoded: one for each of ``RECODINGS``, ``None`` where no face is found any more.
        faces: found in the original.
        share: of the original's area that is this face, in [0, 1].
        linf: largest change of a channel in the region of the face, of 255.
        dssim: structural dissimilarity there, in [0, 0.5]; ``None`` for faces under eleven pixels.
        psnr: there, in dB; ``None`` if nothing was changed.
        resized: whether the protected file has another size.
        before: the region, ``(3, H, W)`` uint8 of at most ``SHOWN_SIDE``.
        after: the same of the protected file.
        thumbnails: both files as thumbnails, ``(2, 3, 16, 16)``; the protected one upright and without its frame.
        undone: what had to be undone to compare them: some of ``UNDONE``.
        likeness: correlation of the two where they overlap, in [-1, 1].
        rival: of the copy with the most similar other original, as far as that was asked; else what strangers reach.
        by_content: whether they were found by what is in them, not by their names.
    """

    name: str
    protected_name: str
    clean: Tensor
    protected: Tensor
    recoded: tuple[Tensor | None, ...]
    faces: int
    share: float
    linf: float
    dssim: float | None
    psnr: float | None
    resized: bool
    before: Tensor
    after: Tensor
    thumbnails: Tensor
    undone: tuple[str, ...] = ()
    likeness: float = 1.0
    rival: float = STRANGER
    by_content: bool = False

    @property
    def sure(self) -> float:
        """That they are one picture, in [0, 1]."""
        return certainty(self.likeness, self.rival)


@dataclass(frozen=True)
class LeftOut:
    """A photo that takes no part.

    Attributes:
        name: of its file.
        why: ``unreadable``, ``no face``, ``no face after``, ``mixed up``, ``unpaired`` or ``not held out``.
        text: one sentence.
    """

    name: str
    why: str
    text: str


@dataclass(frozen=True)
class Probe:
    """A clean photo that is searched for.

    Attributes:
        faces: ``(k, 3, 112, 112)`` uint8, aligned; all that may be meant, the largest first.
        shares: of the picture's area that each is, in [0, 1].
        thumbnail: of the whole file, ``(3, 16, 16)``.
    """

    faces: Tensor
    shares: tuple[float, ...]
    thumbnail: Tensor
