"""Colours: our themes, and what actors and lines look like in any theme, sixteen-colour ones included."""

from __future__ import annotations

from textual.theme import Theme

from facetui.tui.app import config

_DARK = {
    "actor-users": "#ffb454",
    "actor-friends": "#95d96c",
    "actor-trainer": "#59c2ff",
    "actor-law": "#d2a6ff",
    "line-whole": "#ffffff",
    "line-cohort0": "#ffb454",
    "line-cohort1": "#7fe0c8",
    "line-cohort2": "#f2a0c0",
    "line-cohort3": "#c8b6ff",
    "line-base": "#8a94a3",
    "line-band": "#3a4656",
    "line-cited": "#ff8f80",
    "line-head": "#e6c84f",
    "text-dim": "#8a94a3",
    "text-good": "#95d96c",
    "text-bad": "#ff7a85",
    "level0": "#4a2128",
    "level1": "#5a3a26",
    "level2": "#5a5026",
    "level3": "#3f5a2c",
    "level4": "#2a6038",
}
_LIGHT = {
    "actor-users": "#9a5b00",
    "actor-friends": "#2f6f1c",
    "actor-trainer": "#005f9e",
    "actor-law": "#6f3fb0",
    "line-whole": "#000000",
    "line-cohort0": "#9a5b00",
    "line-cohort1": "#00705a",
    "line-cohort2": "#a3305f",
    "line-cohort3": "#5a47b0",
    "line-base": "#66707c",
    "line-band": "#c2cad3",
    "line-cited": "#b03325",
    "line-head": "#8a6d00",
    "text-dim": "#5b6570",
    "text-good": "#2f6f1c",
    "text-bad": "#b01030",
    "level0": "#f3cdd1",
    "level1": "#f5dcc2",
    "level2": "#f0ecbd",
    "level3": "#d9ecc4",
    "level4": "#bfe6c8",
}
_ANSI = {
    "actor-users": "ansi_yellow",
    "actor-friends": "ansi_green",
    "actor-trainer": "ansi_cyan",
    "actor-law": "ansi_magenta",
    "line-whole": "ansi_default",
    "line-cohort0": "ansi_yellow",
    "line-cohort1": "ansi_cyan",
    "line-cohort2": "ansi_magenta",
    "line-cohort3": "ansi_blue",
    "line-base": "ansi_default",
    "line-band": "ansi_default",
    "line-cited": "ansi_red",
    "line-head": "ansi_yellow",
    "text-dim": "ansi_default",
    "text-good": "ansi_green",
    "text-bad": "ansi_red",
    **{f"level{i}": "ansi_default" for i in range(5)},
}

THEMES = (
    Theme(
        name="facetui",
        primary="#59c2ff",
        secondary="#ffb454",
        accent="#e6c84f",
        foreground="#e8ebef",
        background="#0f141a",
        surface="#161d26",
        panel="#202a36",
        success="#95d96c",
        warning="#ffb454",
        error="#ff7a85",
        dark=True,
    ),
    Theme(
        name="facetui-light",
        primary="#005f9e",
        secondary="#9a5b00",
        accent="#8a6d00",
        foreground="#15191e",
        background="#fbfbf8",
        surface="#f0f0ec",
        panel="#e2e4e4",
        success="#2f6f1c",
        warning="#9a5b00",
        error="#b01030",
        dark=False,
    ),
    Theme(
        name="facetui-contrast",
        primary="#00d7ff",
        secondary="#ffd700",
        accent="#ffff00",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#303030",
        success="#00ff5f",
        warning="#ffd700",
        error="#ff5f5f",
        dark=True,
    ),
)
CYCLE = config.THEMES
"""The themes that a key goes through; the palette has all of Textual's."""


def variables(*, ansi: bool, dark: bool) -> dict[str, str]:
    """Colours of actors and lines for a theme that says nothing of them."""
    return dict(_ANSI if ansi else _DARK if dark else _LIGHT)
