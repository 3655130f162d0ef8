"""``facetui list``: every name there is, without importing torch."""

from __future__ import annotations

import difflib
import shutil
import textwrap
from collections.abc import Iterator
from typing import Annotated

import typer

from facetui.engine.records.errors import UnknownName
from facetui.tui.cli import shell_completion as shell
from facetui.tui.text.plain import say


def lines(what: str | None) -> Iterator[str]:
    """The lines of one kind, or of all.

    Raises:
        UnknownName: no such kind.
    """
    from facetui.engine.extractors.frbench import catalogue
    from facetui.engine.people import casts
    from facetui.tui.cli.machine.models import missing
    from facetui.tui.cli.names import ALSO, KINDS, REGISTRIES  # reads every story's first line

    if what is None:
        for kind in KINDS:
            yield f"{kind}:"
            yield from (f"  {line}" for line in lines(kind))
        return
    what = ALSO.get(what, what)
    if what not in KINDS:
        raise UnknownName("kind of thing", what, difflib.get_close_matches(what, KINDS, 2, 0.6), list(KINDS))
    if what == "people":
        yield "embedded    48 fictional people, 24 photos each, 8 of them only for tools to aim at; nobody real"
        yield "DIR         your own: a folder with one folder of photos a person (--people DIR)"
    elif what == "casts":
        for name in casts.names():
            cast = casts.load(name)
            generations = " -> ".join(f"{g.extractor} ({g.dates})" for g in cast.generations)
            yield f"{name:<18} {cast.title}"
            for said in (f"users attack {', '.join(cast.surrogates)}; the trainer has {generations}", cast.about):
                yield from _wrapped(" " * 19 + said, 19) if said else ()
            networks = dict.fromkeys([*cast.surrogates, *(g.extractor for g in cast.generations)])
            for way, of_them in missing(networks).items():
                # Not wrapped: it is a command to be copied.
                yield f"{'':<18} missing {len(of_them)} of {len(networks)} networks: {way}"
    else:
        registry = REGISTRIES[what]
        entries = {name: registry.entry(name) for name in registry.names()} | registry.patterns
        width = max(map(len, entries), default=0) + 2
        for name, entry in entries.items():
            facts = "; ".join(f"{heading} {fact}" for heading, fact in entry.facts.items())
            yield from _wrapped(name.ljust(width) + entry.summary, width)
            yield from _wrapped(" " * width + facts, width) if facts else ()
        if what == "extractors":
            yield from (line for text in catalogue.lines() for line in _wrapped(text, 4))


def _wrapped(text: str, indent: int) -> list[str]:
    room = max(60, shutil.get_terminal_size((100, 24)).columns)
    return textwrap.wrap(text, room, subsequent_indent=" " * indent, drop_whitespace=True) or [text]


def list_names(
    what: Annotated[
        str | None,
        typer.Argument(
            autocompletion=shell.kinds,
            help="stories, attacks, defences, extractors, people or casts; all when left out.",
        ),
    ] = None,
) -> None:
    """List what there is, by the names that everything else uses."""
    from facetui.tui.cli.machine.list import lines

    for line in lines(what):
        say(line)
