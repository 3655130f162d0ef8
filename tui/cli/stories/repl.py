"""``facetui repl``: Python with a lab in it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from facetui.engine.people import PER_PERSON
from facetui.engine.records import places
from facetui.tui.cli import shell_completion as shell
from facetui.tui.cli.options import (
    CastOption,
    CrowdOption,
    DeviceOption,
    NoCacheOption,
    PartlyOption,
    PeopleOption,
    PerPersonOption,
    SeedOption,
    StrengthOption,
    StrictOption,
    TogetherOption,
    UsersOption,
    settings_of,
)


def repl(
    story: Annotated[
        str | None,
        typer.Argument(
            autocompletion=shell.stories, help="A story or scenario file to play first.", metavar="[STORY|FILE.py]"
        ),
    ] = None,
    people: PeopleOption = None,
    per_person: PerPersonOption = PER_PERSON,
    users: UsersOption = None,
    strict: StrictOption = False,
    cast: CastOption = "embedded",
    with_what_is_there: PartlyOption = False,
    seed: SeedOption = 0,
    strength: StrengthOption = "release",
    crowd: CrowdOption = None,
    together: TogetherOption = False,
    device: DeviceOption = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Folder in which the session's folder is made; also FACETUI_RUNS.")
    ] = None,
    command: Annotated[str | None, typer.Option("-c", help="Run this, quietly, and leave.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but what is asked for.")] = False,
    no_cache: NoCacheOption = False,
) -> None:
    """Python with a lab in scope: play move by move; a script from standard input runs quietly."""
    from facetui import scenarios
    from facetui.engine.runs.scenario import Scenario
    from facetui.tui.session.ipython import interact
    from facetui.tui.session.open_session import open_session
    from facetui.tui.session.script import run_script

    scripted = command is not None or not sys.stdin.isatty()
    settings = settings_of(
        people,
        users,
        cast,
        seed,
        device,
        out,
        no_cache,
        strict,
        strength,
        crowd,
        together,
        with_what_is_there,
        per_person,
    )
    played = Scenario.read(scenarios.path_of(story)) if story else None
    session = open_session(settings, played, quiet or scripted)
    if command is not None:
        raise typer.Exit(run_script(session, command, "<command>"))
    if scripted:
        raise typer.Exit(run_script(session, sys.stdin.read(), "<stdin>"))
    raise typer.Exit(interact(session, places.state() / "history.sqlite", quiet))
