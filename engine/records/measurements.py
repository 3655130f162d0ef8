"""What one ``lab.measure()`` found, in the words of the audience."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from facetui.engine.records.cohort_table import cohort_table
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import WHOLE_ARCHIVE, ProtectionMeasured
from facetui.engine.records.rates import percent, percents


def in_words(measured: ProtectionMeasured) -> str:
    """``98 % (63 of 64 probes, 95 % interval 92-100 %)``."""
    text = percent(measured.protection_rate)
    if measured.interval is None:
        return text
    missed = round(measured.protection_rate * measured.n_probes)
    return f"{text} ({missed} of {measured.n_probes} probes, 95 % interval {percents(*measured.interval)})"


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
