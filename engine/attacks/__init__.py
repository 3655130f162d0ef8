"""What users can do to their photos, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from facetui.engine.records.errors import UsageError
from facetui.engine.records.registry import Entry, Registry

if TYPE_CHECKING:
    from facetui.engine.core.interfaces import Attack

_FOLDER = "facetui.engine.attacks"


def _entry(target: str, summary: str, year: int, budget: str, passes: int, source: str) -> Entry:
    norm = budget.split()[0]
    facts = {"actor": "user", "year": str(year), "norm": norm, "budget": budget, "passes": str(passes)}
    return Entry(f"{_FOLDER}.{target}", summary, {**facts, "source": source})


ATTACKS: Registry[type[Attack]] = Registry(
    "attack",
    "facetui.attacks",
    {
        "fawkes-0.3": _entry(
            "fawkes03:Fawkes03",
            "towards somebody else, as the release of July 2020; modes min, low, mid, high, ultra",
            2020,
            "dssim 0.008",
            500,
            "Shan et al. 2020, arXiv 2002.08327; release 0.3",
        ),
        "fawkes-1.0": _entry(
            "fawkes10:Fawkes10",
            "away from oneself, as the release of April 2021; modes low, mid, high",
            2021,
            "dssim 0.017 linf 15/255",
            150,
            "Shan et al. 2020, arXiv 2002.08327; release 1.0",
        ),
        "lowkey": _entry(
            "lowkey:LowKey",
            "away from oneself, for all surrogates, plain and blurred",
            2021,
            "linf 33.15/255",
            200,
            "Cherepanova et al., ICLR 2021, arXiv 2101.07922",
        ),
        "foggysight": _entry(
            "foggysight:FoggySight",
            "decoys: other people's photos crowd a person out of a search; same, mean, random, gaussian",
            2021,
            "linf 30/255",
            160,
            "Evtimov et al., PETS 2021, arXiv 2012.08588",
        ),
        "pgd": _entry(
            "pgd:PGD",
            "projected gradient descent towards the least similar person, or away from oneself",
            2018,
            "linf 8/255",
            20,
            "Madry et al. 2018, arXiv 1706.06083",
        ),
        "robust-pgd": _entry(
            "robust_pgd:RobustPGD",
            "pgd through random resizing, blur and JPEG, so that the change survives them",
            2018,
            "linf 8/255",
            40,
            "Athalye et al. 2018, arXiv 1707.07397",
        ),
        "opom": _entry(
            "masks.opom:OPOM",
            "one mask a person, instant on new photos; subspaces centre, affine, convex",
            2022,
            "linf 8/255",
            16,
            "Zhong and Deng, TPAMI 2022, arXiv 2205.11981",
        ),
        "personal-mask": _entry(
            "masks.personal_mask:PersonalMask",
            "one mask a person, made through random crops, instant on new photos",
            2024,
            "linf 8/255",
            60,
            "in the manner of Chow et al., ECCV 2024, arXiv 2407.13975, and FaceCloak, arXiv 2605.19032",
        ),
        "unlinkable": _entry(
            "unlinkable:Unlinkable",
            "as strongest, and away from one's other perturbed photos, so that they do not match each other",
            2026,
            "dssim 0.014 linf 33.15/255",
            200,
            "in the manner of Ulixes (PETS 2022), DivTrackee (arXiv 2501.06533) and Protego (CVPR 2026)",
        ),
        "strongest": _entry(
            "strongest:Strongest",
            "every known help to transfer at once, away from one's whole album; anticipate: also against robust copies",
            2026,
            "dssim 0.014 linf 33.15/255",
            200,
            "MI-, DI-, TI- and SI-FGSM (2018-2020) and DFANet (arXiv 2004.05790) at once",
        ),
        "filters": _entry(
            "filters:Filters",
            "stand-in for closed consumer filters such as DoNotPay's: stripes, mild blur, noise",
            2021,
            "linf 64/255",
            0,
            "stand-in for DoNotPay Photo Ninja, 2021-04 (closed software; press descriptions)",
        ),
    },
)


def make(name: str, **settings: Any) -> Attack:
    """An attack of the registry with settings of its own, e.g. ``make("pgd", steps=40)``.

    Raises:
        UnknownName: no such attack.
        UsageError: a setting it does not have.
    """
    try:
        return ATTACKS.get(name)(**settings)
    except TypeError as error:
        raise UsageError(f"the attack {name} cannot take these settings: {error}") from error
