"""What one ``lab.measure()`` found, in the words of the audience."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from facetui.engine.records.cohort_table import cohort_table
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import WHOLE_ARCHIVE, ProtectionMeasured
from facetui.engine.records.rates import percent, percents

Verdict = Literal["protected", "not protected", "cannot tell"]

HALF = 0.5
"""Whoever is protected is more often not named than named: the whole interval lies above it."""


def verdict(measured: ProtectionMeasured) -> Verdict:
    """What a measurement says, by its interval: whole above a half, whole below it, or around it."""
    return _by(measured.interval or (0.0, 1.0))


def _by(interval: tuple[float, float]) -> Verdict:
    low, high = interval
    if low > HALF:
        return "protected"
    return "not protected" if high < HALF else "cannot tell"


def in_words(measured: ProtectionMeasured) -> str:
    """``98 % (63 of 64 probes of 8 people, 95 % interval 92-100 %)``."""
    text = percent(measured.protection_rate)
    if measured.interval is None:
        return f"{text} by law" if measured.law else text
    missed = round(measured.protection_rate * measured.n_probes)
    of = f" of {len(measured.people)} people" if measured.people else ""
    weakened = f"; {measured.weakened}" if measured.weakened else ""
    interval = percents(*measured.interval)
    return f"{text} ({missed} of {measured.n_probes} probes{of}, 95 % interval {interval}{weakened})"


def briefly(measured: ProtectionMeasured) -> str:
    """``98 %``, as a caption has it: people, probes and interval stand in the table and under the chart's cursor."""
    text = percent(measured.protection_rate)
    if measured.interval is None and measured.law:
        return f"{text} by law"
    return f"{text} (weakened)" if measured.weakened else text


def among(measured: ProtectionMeasured) -> str:
    """``asked alone among 530 people``; empty where that was not kept."""
    return f"asked {measured.asked} among {measured.n_gallery} people" if measured.asked and measured.n_gallery else ""


def fates(measured: Iterable[ProtectionMeasured]) -> str:
    """What became of everything that was posted under an attack, survivors first, in whole, short sentences.

    The verdict is that of the interval; the figure is how much of the clean photos is not named.

    Of each cohort that model counts which the trainer's own test picked last, or else the one in use: never the one
    that does best by the probes.

    Args:
        measured: everything that a run measured; cited figures, and what a law decided, are left out.
    """
    latest: dict[str, dict[str, ProtectionMeasured]] = {}
    for event in measured:
        if event.attack and event.cohort != WHOLE_ARCHIVE and event.interval is not None and event.basis == "measured":
            models = latest.setdefault(event.cohort, {})
            models.pop(event.generation, None)  # the latest stands last
            models[event.generation] = event
    said: dict[str, list[str]] = {heading: [] for heading in FATES}
    for cohort, models in latest.items():
        rate, interval = _picked(list(models.values())[-1])
        held = sum(verdict(event) == "protected" for event in models.values())
        heading = _heading(_by(interval), held == len(models))
        last = list(models.values())[-1]
        alone = sum(list(others.values())[-1].attack == last.attack for others in latest.values()) == 1
        name = f"{last.attack}{' weakened' if last.weakened else ''}" if alone else cohort
        what = f"{name} {percent(rate)}"
        if 0 < held < len(models):
            what += f" (still hides from {held} of {len(models)} models)"
        said[heading].append(what)
    found = [f"{heading}: {', '.join(which)}." for heading, which in said.items() if which]
    return " ".join(found) or "Nothing was posted under an attack and measured."


FATES = (
    "Survives every model so far",
    "Survives the model that the trainer's own test picks",
    "Cannot be told with so few people",
    "No longer protected",
)


def _heading(by_pick: Verdict, always: bool) -> str:
    if by_pick == "protected":
        return FATES[0] if always else FATES[1]
    return FATES[2] if by_pick == "cannot tell" else FATES[3]


def _picked(event: ProtectionMeasured) -> tuple[float, tuple[float, float]]:
    """Rate and interval with the model that counts at the time of a measurement."""
    if event.best_protection_rate is not None and event.best_interval is not None:
        return event.best_protection_rate, event.best_interval
    assert event.interval is not None
    return event.protection_rate, event.interval


class Measurements(Sequence[ProtectionMeasured]):
    """The measurements of the whole archive and of every cohort, at one time, with one pipeline."""

    def __init__(self, measured: Sequence[ProtectionMeasured]) -> None:
        self._measured = tuple(measured)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self._measured[index]

    def __len__(self) -> int:
        return len(self._measured)

    def __iter__(self) -> Iterator[ProtectionMeasured]:
        return iter(self._measured)

    def _repr_html_(self) -> str:
        """The measurements in a notebook."""
        return cohort_table(self._measured)._repr_html_()

    def __repr__(self) -> str:
        return "; ".join(f"{m.cohort} {in_words(m)}" for m in self._measured)

    @property
    def whole(self) -> ProtectionMeasured:
        """Everything the trainer holds."""
        return self.cohort(WHOLE_ARCHIVE)

    def cohort(self, name: str) -> ProtectionMeasured:
        """One cohort by its name, or by its attack where only one cohort is under it.

        Raises:
            UsageError: there is none.
        """
        named = [m for m in self._measured if m.cohort == name]
        hits = named or [m for m in self._measured if m.attack == name and m.cohort != WHOLE_ARCHIVE]
        if len(hits) != 1:
            known = ", ".join(m.cohort for m in self._measured)
            raise UsageError(f"expected the name of one cohort, got {name!r}; measured were {known}")
        return hits[0]
