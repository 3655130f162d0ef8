"""How figures are written."""

from __future__ import annotations


def percent(rate: float) -> str:
    """``98 %``; below ten with one digit, so that small errors stay visible."""
    value = 100 * rate
    return f"{value:.1f} %" if 0 < value < 9.95 else f"{value:.0f} %"
