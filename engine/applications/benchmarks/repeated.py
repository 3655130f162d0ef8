"""Something that was measured several times: its median, and between what it lay."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Repeated:
    """The same, measured again and again.

    Attributes:
        values: in the order in which they were measured; at least one.
    """

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one, or the mean of the two in the middle."""
        return median(self.values)

    def words(self, digits: int = 0) -> str:
        """Median, lowest and highest: ``485 (450-490)``."""
        middle, low, high = (f"{value:,.{digits}f}" for value in (self.median, min(self.values), max(self.values)))
        return f"{middle} ({low}-{high})" if len(self.values) > 1 else middle
