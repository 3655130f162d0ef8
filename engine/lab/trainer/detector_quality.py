"""How good a detector is: recall, false positives, and what is left of its precision in a crawl."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from facetui.engine.core.interfaces import Bank, Detecting
from facetui.engine.defences.detector import RECODINGS
from facetui.engine.defences.purifier import Purifier
from facetui.engine.records.events import DetectionMeasured
from facetui.engine.records.rates import people_interval, precision_at


def detection(
    detector: Detecting, against: Sequence[str], attack: str, clean: Bank, poisoned: Tensor, base_rate: float
) -> DetectionMeasured:
    """Test a detector on photos of people it never saw.

    Args:
        detector: trained.
        against: the attacks it was trained on.
        attack: under which the perturbed photos were made.
        clean: ``(N, 3, 112, 112)`` uint8, at least one.
        poisoned: ``(M, 3, 112, 112)`` uint8, M a multiple of N: the perturbed copies, row for row.
        base_rate: share of perturbed photos in a crawl, in (0, 1).
    """
    found, alarms = detector.flags(poisoned), detector.flags(clean.photos)
    recall, false_positive_rate = float(found.float().mean()), float(alarms.float().mean())
    recall_interval = by_person(found, clean.people.repeat(len(poisoned) // len(clean.people)))
    alarm_interval = by_person(alarms, clean.people)
    recoded = {recipe: [Purifier(recipe)(photos) for photos in (poisoned, clean.photos)] for recipe in RECODINGS}
    shares = {recipe: [float(detector.flags(p).float().mean()) for p in both] for recipe, both in recoded.items()}
    return DetectionMeasured(
        actor="trainer",
        against=list(against),
        attack=attack,
        recall=recall,
        recall_interval=recall_interval,
        false_positive_rate=false_positive_rate,
        false_positive_interval=alarm_interval,
        precision=precision_at(0.5, recall, false_positive_rate),
        base_rate=base_rate,
        base_rate_precision=precision_at(base_rate, recall, false_positive_rate),
        base_rate_precision_low=precision_at(base_rate, recall_interval[0], alarm_interval[1]) or 0.0,
        recall_recoded={recipe: share for recipe, (share, _) in shares.items()},
        false_positive_recoded={recipe: share for recipe, (_, share) in shares.items()},
        n_clean=len(clean.photos),
        n_poisoned=len(poisoned),
    )


def by_person(flagged: Tensor, people: Tensor) -> tuple[float, float]:
    """95 % interval of the share of photos that are flagged, ``(N,)`` bool, people ``(N,)`` resampled."""
    rows = [flagged[people == person] for person in people.unique()]
    return people_interval([int(row.sum()) for row in rows], [len(row) for row in rows])
