"""What commands do where their options are left out: as the environment or the file of settings says."""

from __future__ import annotations

from typing import Any

from facetui.engine.records.errors import UsageError
from facetui.tui.app import config

LOOKS = ("motion", "mouse", "pace")
LAB = ("device", "people", "crowd", "cast", "strength")
TAKEN = {
    "run": (*LOOKS, *LAB),
    "repl": LAB,
    "replay": ("motion", "mouse"),
    "demo": ("motion", "mouse"),
    "follow": LOOKS,
    "protect": ("device",),
    "check": ("device",),
    "board": ("device",),
    "bench": ("device",),
}
"""Which settings each command takes. What is measured for others to compare (``bench``, ``check``) takes no cast, no
people and no strength that is not said."""

ONLY_LOOKS = ("replay", "demo", "follow")
"""Commands that begin whatever the file says: the app tells what is wrong with it."""

BELOW = {"bench": ("attacks", "grid", "paper"), "board": ("tool",)}
"""Commands of a group that take what the group takes."""


def defaults(command: str) -> dict[str, Any]:
    """Values of a command's parameters by their names, and of those below it.

    Raises:
        UsageError: the file or a variable says what cannot be understood, and the command depends on it.
    """
    if command not in TAKEN:
        return {}
    try:
        found = config.settings()
    except UsageError:
        if command in ONLY_LOOKS:
            return {}
        raise
    taken: dict[str, Any] = {}
    for name in TAKEN[command]:
        value = found[name].value
        if isinstance(value, bool):
            taken[f"no_{name}"] = not value
        elif value is not None:
            taken[name] = value
    return {**taken, **{below: taken for below in BELOW.get(command, ())}}


def looks() -> dict[str, bool]:
    """Whether the app moves and hears the mouse, where nobody says it on the command line."""
    try:
        found = config.settings()
    except UsageError:
        return {}
    return {name: bool(value) for name in ("motion", "mouse") if (value := found[name].value) is not None}
