"""What the trainer can answer, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from facetui.engine.records.errors import UsageError
from facetui.engine.records.registry import Entry, Registry

if TYPE_CHECKING:
    from facetui.engine.core.interfaces import Defence

T = TypeVar("T")

_TALK = "Radiya-Dixit et al., ICLR 2022, arXiv 2106.14851"


def _answer(target: str, summary: str, year: str, source: str, verb: str) -> Entry:
    facts = {"verb": f"lab.trainer.{verb}", "year": year, "source": source}
    return Entry(f"facetui.engine.defences.{target}", summary, facts)


DEFENCES: Registry[type[Defence]] = Registry(
    "defence",
    "facetui.defences",
    {
        "adapt": _answer(
            "adapt:Adapt",
            "fine-tune on clean and perturbed photos of other people until both look alike",
            "2021",
            _TALK,
            "adapt()",
        ),
        "detect": _answer(
            "detector:Detector",
            "tell perturbed photos from clean ones, and drop or flag them",
            "2021",
            _TALK,
            "detect()",
        ),
        "purify": _answer(
            "purifier:Purifier",
            "JPEG, blur, resizing or noise before the extractor",
            "2024",
            "preprocessing as a baseline, e.g. in PuFace (2024)",
            "purify()",
        ),
        "learned-purifier": _answer(
            "learned_purifier:LearnedPurifier",
            "a small network before the extractor that takes perturbations off, trained on other people's photos",
            "2024",
            "Wen 2024 (PuFace), arXiv 2406.02253",
            "adapt(defence='learned-purifier')",
        ),
        "subtract": _answer(
            "subtract:Subtract",
            "estimate the mask that a person's photos share, and take it off them",
            "2022",
            "against one mask a person, e.g. OPOM (Zhong and Deng, TPAMI 2022, arXiv 2205.11981)",
            "subtract()",
        ),
        "combine": _answer(
            "hybrid:Hybrid", "an accurate extractor, and a robust one where it is unsure", "2022", _TALK, "combine()"
        ),
    },
)


def make(name: str, kind: type[T], does: str, **settings: Any) -> T:
    """A defence of the registry with settings of its own.

    Args:
        name: in the registry.
        kind: what it must be, e.g. ``Training``.
        does: what that does, for the message: ``trains an extractor``.
        settings: its own.

    Raises:
        UnknownName: no such defence.
        UsageError: it is of another kind, or has no such setting.
    """
    found = DEFENCES.get(name)
    if not issubclass(found, kind):
        raise UsageError(f"the defence {name} is not one that {does}; lab.trainer.answer({name!r}) finds its verb")
    try:
        return found(**settings)
    except TypeError as error:
        raise UsageError(f"the defence {name} cannot take these settings: {error}") from error
