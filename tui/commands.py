"""The commands that are but a few lines: what they call is imported when they run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from facetui.engine.records import places
from facetui.tui.cli import shell_completion as shell
from facetui.tui.cli.options import (
    CastOption,
    DeviceOption,
    NoCacheOption,
    PeopleOption,
    SeedOption,
    StrictOption,
    UsersOption,
)
from facetui.tui.cli.stories.run import settings_of
from facetui.tui.text.plain import say


def new(file: Annotated[Path, typer.Argument(help="Where to write it, ending in .py.", metavar="FILE.py")]) -> None:
    """Write a commented scenario to begin with, one that runs."""
    from facetui.tui.cli.stories.new import write_new

    path = write_new(file.expanduser())
    say(f"wrote {path}; facetui run {path}")


def repl(
    story: Annotated[
        str | None,
        typer.Argument(
            autocompletion=shell.stories, help="A story or scenario file to play first.", metavar="[STORY|FILE.py]"
        ),
    ] = None,
    people: PeopleOption = None,
    users: UsersOption = None,
    strict: StrictOption = False,
    cast: CastOption = "embedded",
    seed: SeedOption = 0,
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
    from facetui.engine.runs.run import Scenario
    from facetui.tui.session.open_session import interact, open_session, run_script

    scripted = command is not None or not sys.stdin.isatty()
    settings = settings_of(people, users, cast, seed, device, out, no_cache, strict)
    played = Scenario.read(scenarios.path_of(story)) if story else None
    session = open_session(settings, played, quiet or scripted)
    if command is not None:
        raise typer.Exit(run_script(session, command, "<command>"))
    if scripted:
        raise typer.Exit(run_script(session, sys.stdin.read(), "<stdin>"))
    raise typer.Exit(interact(session, places.state() / "history.sqlite", quiet))


def protect(
    inputs: Annotated[list[Path], typer.Argument(help="Photos, or folders of photos.", metavar="PHOTO|DIR...")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results; nothing in it is overwritten.")],
    attack: Annotated[
        str, typer.Option(autocompletion=shell.attacks, help="Its name: facetui list attacks.")
    ] = "fawkes-1.0",
    mode: Annotated[str | None, typer.Option(help="Of attacks that have modes, e.g. low, mid, high.")] = None,
    budget: Annotated[str | None, typer.Option(help="e.g. 'linf 8/255'; left out: the attack's own.")] = None,
    surrogates: Annotated[
        str | None,
        typer.Option(autocompletion=shell.extractor_list, help="Extractors to run it against, separated by commas."),
    ] = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    keep_metadata: Annotated[
        bool, typer.Option("--keep-metadata", help="Keep EXIF and colour profile; dropped otherwise.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="The summary as one JSON object.")] = False,
) -> None:
    """Perturb the faces in your own photos, at full size; everything else in them stays as it is."""
    from facetui.tui.cli.photos.protect import protect as work

    code = work(
        inputs,
        attack,
        out.expanduser(),
        mode=mode,
        budget=budget,
        surrogates=surrogates,
        seed=seed,
        device=device,
        keep_metadata=keep_metadata,
        as_one_json=json,
    )
    raise typer.Exit(code)


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


def doctor() -> None:
    """Say what this machine can do, and what is missing."""
    from facetui.tui.cli.machine.doctor import examine

    raise typer.Exit(examine())
