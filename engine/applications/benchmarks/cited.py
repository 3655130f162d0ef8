"""What the paper's page and its reproductions report: cited beside what is measured, never mixed with it."""

from __future__ import annotations

from dataclasses import dataclass

README = "FaceCure README (Radiya-Dixit et al. 2021), one user"
REPRODUCTION = (
    "third-party reproduction (mashalbhatti/AI_and_Cybersecurity_Project_FaceCure), one user, not peer reviewed"
)
BLOG = "the authors' ICLR 2023 blog post, averages"


@dataclass(frozen=True)
class Cited:
    """One figure that somebody reported.

    Attributes:
        attack: the tool.
        trainer: the extractor and what was done with it.
        low: share of the user's clean photos not named, in [0, 1].
        high: the same as ``low``, unless a range was reported.
        source: who reported it, and of how many.
    """

    attack: str
    trainer: str
    low: float
    high: float
    source: str


def _one(attack: str, trainer: str, rate: float, source: str) -> Cited:
    return Cited(attack, trainer, rate, rate, source)


MIX = "fawkes-0.3+fawkes-1.0"

_GRID = {
    "WebFace": (0.89, 0.72, 0.44, None),
    "WebFace, adaptive": (0.06, 0.22, 0.22, None),
    "Fawkes 1.0's own": (0.89, 1.00, 0.44, 1.00),
    "VGG-Face": (0.17, 0.56, 0.67, 0.22),
    "FaceNet": (0.11, 0.61, 0.33, 0.17),
    "ArcFace": (0.17, 0.50, 0.50, 0.17),
    "SFace": (0.28, 0.94, 0.44, 0.17),
    "MagFace": (0.07, 0.06, 1.00, 0.06),
    "CLIP": (0.14, 0.23, 0.20, 0.16),
}
"""The reproduction's table: Fawkes 0.3, Fawkes 1.0, LowKey, half and half; most figures are multiples of 1/18."""

CITED: tuple[Cited, ...] = (
    _one("fawkes-1.0", "WebFace", 0.97, README),
    _one("lowkey", "WebFace", 0.94, README),
    _one("fawkes-1.0", "Fawkes 1.0's own", 1.00, README),
    _one("fawkes-1.0", "MagFace", 0.00, README),
    _one("lowkey", "MagFace", 1.00, README),
    _one("lowkey", "CLIP ViT-B/32", 0.24, README),
    _one("fawkes-1.0", "WebFace, adaptive", 0.03, README),
    _one("lowkey", "WebFace, adaptive", 0.03, README),
    _one("fawkes-1.0", "WebFace, end to end", 0.88, README),
    _one("lowkey", "WebFace, end to end", 0.97, README),
    _one("fawkes-1.0", "WebFace, end to end, adaptive", 0.03, README),
    _one("lowkey", "WebFace, end to end, adaptive", 0.03, README),
    Cited("all three tools", "WebFace", 0.55, 0.77, BLOG),
    Cited("all three tools", "WebFace, adaptive", 0.05, 0.08, BLOG),
    *(
        _one(attack, trainer, rate, REPRODUCTION)
        for trainer, rates in _GRID.items()
        for attack, rate in zip(("fawkes-0.3", "fawkes-1.0", "lowkey", MIX), rates, strict=True)
        if rate is not None
    ),
)
