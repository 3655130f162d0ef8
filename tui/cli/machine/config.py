"""``facetui config``: what is set once and for all; shown, set, taken back. No torch."""

from __future__ import annotations

from typing import Annotated

import typer

from facetui.engine.records import places
from facetui.engine.records.errors import UsageError
from facetui.tui.app import config as file
from facetui.tui.cli import shell_completion as shell
from facetui.tui.text.plain import say

VALUES = {
    "theme": shell.one_of(*file.THEMES),
    "motion": shell.one_of("true", "false"),
    "mouse": shell.one_of("true", "false"),
    "pace": shell.one_of("read", "fast"),
    "device": shell.one_of("auto", "cpu", "mps", "cuda"),
    "people": shell.people,
    "crowd": shell.people,
    "cast": shell.casts,
    "strength": shell.one_of("release", "workshop"),
}
"""What a shell offers for a value, by the name of what is set."""


def _values(ctx: typer.Context, incomplete: str) -> shell.Found:
    offers = VALUES.get(str(ctx.params.get("key")))
    return offers(incomplete) if offers else []


def written(value: file.Value | None, default: str) -> str:
    """A value as it is typed."""
    return default if value is None else str(value).lower() if isinstance(value, bool) else value


def config(
    key: Annotated[
        str | None,
        typer.Argument(
            autocompletion=shell.one_of(*file.KEYS), help=f"{', '.join(file.KEYS)}; all when left out.", metavar="KEY"
        ),
    ] = None,
    value: Annotated[
        str | None,
        typer.Argument(autocompletion=_values, help="What it is to be from now on.", metavar="VALUE"),
    ] = None,
    unset: Annotated[bool, typer.Option("--unset", help="Take it out of the file.")] = False,
) -> None:
    """Show what is set once and for all, set it, or take it back; options and FACETUI_KEY go before it."""
    if unset:
        if key is None or value is not None:
            raise UsageError("say what is to be taken back: facetui config KEY --unset")
        say(f"{key} is no longer set" if file.unset(key) else f"{key} was not set in {places.short(file.place())}")
    elif key is not None and value is not None:
        kept = file.put(key, value)
        say(f"{key} = {written(kept, '')}, in {places.short(file.place())}")
        _overruled(key)
    else:
        _show(key)


def _show(key: str | None) -> None:
    found = file.settings()
    if key is not None:
        say(written(found[key].value, file.KEYS[key].default) if key in found else _no(key))
        return
    say(f"{places.short(file.place())}{'' if file.place().exists() else ' is not there yet'}")
    for name, known in file.KEYS.items():
        setting = found[name]
        where = "" if setting.value is None else f"  ({setting.source})"
        say(f"{name:<9} {written(setting.value, known.default):<24} {known.about}{where}")


def _no(key: str) -> str:
    file.unset(key)  # says which names there are
    return ""


def _overruled(key: str) -> None:
    source = file.settings()[key].source
    if source.startswith("FACETUI_"):
        say(f"but {source} is set, and goes before the file")
