"""What the terminal can do, and which display fits it; decided before Textual is imported."""

from __future__ import annotations

import os
import sys
from typing import TextIO, cast

from facetui.engine import system
from facetui.engine.records.errors import UsageError
from facetui.tui.text.plain import LEAST, DisplayName

NAMES = ("auto", "tui", "plain", "json", "none")


def resolve(name: str | None) -> DisplayName:
    """Which display is meant; decided without importing anything that draws.

    Args:
        name: as on the command line; absent or ``auto``: ``FACETUI_DISPLAY``, else a screen where there is one.

    Raises:
        UsageError: no such display, or a screen is asked for where there is none.
    """
    if name in (None, "auto"):
        name = os.environ.get("FACETUI_DISPLAY") or "auto"
    if name not in NAMES:
        raise UsageError(f"expected a display {', '.join(NAMES)}, got {name!r}")
    if name == "auto":
        return "plain" if no_screen() or os.environ.get("CI") or too_small() else "tui"
    if name == "tui" and no_screen():
        raise UsageError(f"--display tui draws on a terminal, but {no_screen()}; use --display plain")
    return cast(DisplayName, name)


def no_screen() -> str:
    """Why nothing can be drawn here; empty when it can."""
    drawn = sys.stdout if system.WINDOWS else sys.stderr
    if not (sys.stdin and sys.stdin.isatty() and drawn and drawn.isatty()):
        return f"standard input or standard {'output' if system.WINDOWS else 'error'} is none"
    if os.environ.get("TERM", "windows" if system.WINDOWS else "") in ("", "dumb"):
        return f"TERM is {os.environ.get('TERM', '')!r}"
    return ""


def too_small() -> bool:
    """Whether the terminal is smaller than ``LEAST``."""
    try:
        size = os.get_terminal_size((sys.stdout if system.WINDOWS else sys.stderr).fileno())
    except (OSError, ValueError):
        return True
    return size.columns < LEAST[0] or size.lines < LEAST[1]


def few_colours() -> bool:
    """Whether the terminal has only its sixteen colours, or none are wanted."""
    if "NO_COLOR" in os.environ:
        return True
    if system.WINDOWS or os.environ.get("COLORTERM", "") in ("truecolor", "24bit"):
        return False
    return not any(name in os.environ.get("TERM", "") for name in ("256", "kitty", "ghostty", "direct"))


def drawn_on() -> TextIO | None:
    """The stream that Textual writes to on this system."""
    return sys.__stdout__ if system.WINDOWS else sys.__stderr__


def speaks_unicode() -> bool:
    """Whether the terminal can show more than ASCII; ``FACETUI_ASCII`` says no."""
    encoding = getattr(drawn_on(), "encoding", None) or "ascii"
    return encoding.lower().replace("-", "").startswith("utf") and not os.environ.get("FACETUI_ASCII")
