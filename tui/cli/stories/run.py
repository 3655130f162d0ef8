"""``facetui run``: play a story, here or in the app, alone or with people who follow."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facetui.engine.records import journal, places
from facetui.engine.records.cohort_table import CohortTable
from facetui.engine.records.errors import Cancelled, UsageError
from facetui.tui.cli import shell_completion
from facetui.tui.cli.options import (
    CastOption,
    DeviceOption,
    DisplayOption,
    NoCacheOption,
    NoConsoleOption,
    NoMotionOption,
    NoMouseOption,
    PeopleOption,
    PicturesOption,
    SeedOption,
    StrictOption,
    TrustOption,
    UsersOption,
)
from facetui.tui.runs import interrupts
from facetui.tui.seeds import spread_lines
from facetui.tui.sharing.web import server_process
from facetui.tui.text import plain

if TYPE_CHECKING:
    from facetui.engine.runs.run import Settings

FAREWELL_SECONDS = 1.0
"""For which a run stays published after its end."""


def run(
    story: Annotated[
        str,
        typer.Argument(
            autocompletion=shell_completion.stories,
            help="A story's name, or a scenario file ending in .py.",
            metavar="STORY",
        ),
    ],
    people: PeopleOption = None,
    users: UsersOption = None,
    cast: CastOption = "embedded",
    seed: SeedOption = 0,
    seeds: Annotated[int, typer.Option(help="Play so many seeds, from --seed on; ends with the spread.", min=1)] = 1,
    device: DeviceOption = "auto",
    display: DisplayOption = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Folder in which the run's folder is made; also FACETUI_RUNS.")
    ] = None,
    trust: TrustOption = False,
    strict: StrictOption = False,
    no_cache: NoCacheOption = False,
    values: Annotated[
        list[str] | None, typer.Option("--set", help="A parameter of the scenario: name=value; again for more.")
    ] = None,
    help_scenario: Annotated[
        bool, typer.Option("--help-scenario", help="Say what the scenario tells and what can be set, and leave.")
    ] = False,
    detach: Annotated[
        bool,
        typer.Option("--detach", help="Start it, print its folder, and leave it running; then facetui follow RUN."),
    ] = False,
    publish: Annotated[
        str | None,
        typer.Option(help="Let others follow: HOST:PORT, or nothing for this machine only.", metavar="[HOST:PORT]"),
    ] = None,
    pictures: PicturesOption = "fictional",
    no_motion: NoMotionOption = False,
    no_mouse: NoMouseOption = False,
    no_console: NoConsoleOption = False,
    into: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Play a story, and keep its journal."""
    from facetui import scenarios
    from facetui.engine.runs.run import Scenario
    from facetui.engine.runs.run import run as play

    shown = plain.resolve(display)
    if seeds > 1 and (detach or display == "tui"):
        raise UsageError("--seeds plays several runs one after the other; use --display plain, without --detach")
    if publish and (detach or seeds > 1):
        raise UsageError("--publish ends with this command; for a run with --detach, facetui publish RUN afterwards")
    scenario = Scenario.read(scenarios.path_of(story))
    if help_scenario:
        from facetui.tui.cli.stories.new import explained

        for line in explained(scenario):
            plain.say(line)
        return
    asked = settings_of(people, users, cast, seed, device, out, no_cache, strict)
    settings = replace(asked, folder=into, values=scenario.values(values or []))
    if detach or (shown == "tui" and seeds == 1):
        from facetui.tui.runs import engine_process

        given = {"--people": people, "--cast": cast, "--seed": seed, "--device": device}
        options = [str(part) for pair in given.items() if pair[1] is not None for part in pair]
        options += [part for text in values or [] for part in ("--set", text)]
        options += [part for name in users or [] for part in ("--users", name)]
        options += ["--no-cache"] * no_cache + ["--strict"] * strict
        engine = engine_process.start(story, options, settings.out, scenario.name)
        if detach:
            engine_process.wait_until_begun(engine)
            plain.say_path(engine.folder)
            return
        from facetui.tui.app import launch

        with published(engine.folder, publish, pictures) as url:
            code = launch.app(
                journal.runs_folder(),
                engine.folder,
                live=True,
                engine=engine,
                motion=not no_motion,
                mouse=not no_mouse,
                console=not no_console,
                published=url,
            )
        raise typer.Exit(code)
    if publish:
        from facetui.engine.records.journal import new_run_folder

        settings = replace(settings, folder=into or new_run_folder(settings.out, scenario.name))
    show = plain.without_screen(shown)
    tables = []
    with interrupts.stoppable() as stop:
        for number in range(seed, seed + seeds):
            table = CohortTable()
            played, telling = replace(settings, seed=number), plain.Telling()
            with published(settings.folder, publish, pictures):
                try:
                    outcome = play(scenario, played, [show, table.add], stop.event, tell=telling)
                except Cancelled as error:  # while people were read: there is no journal yet
                    plain.say(f"facetui: {error}", sys.stderr)
                    raise typer.Exit(stop.code(error.exit_code)) from None
            plain.say(f"journal: {places.short(outcome.folder)}", sys.stderr)
            if outcome.error is not None:
                break
            tables.append(table)
    if seeds > 1 and display != "json":
        for line in spread_lines(tables):
            plain.say(line)
    if outcome.error is None:
        return
    plain.say(f"facetui: {outcome.error}", sys.stderr)
    log = outcome.folder / "error.log"
    if log.exists():
        plain.say(f"details: {places.short(log)}", sys.stderr)
    code = outcome.error.exit_code
    raise typer.Exit(stop.code(code) if isinstance(outcome.error, Cancelled) else code)


@contextlib.contextmanager
def published(folder: Path | None, address: str | None, pictures: str) -> Iterator[str]:
    """Let others follow a run meanwhile; gives the address, empty when nobody is to.

    The last answers go out before it ends: whoever follows sees how the run ended.
    """
    if address is None or folder is None:
        yield ""
        return
    server = server_process.start(folder, address, pictures)
    for line in server_process.invitation(server.url):
        plain.say(line, sys.stderr)
    plain.say(server_process.who_can_read(server.url, pictures), sys.stderr)
    try:
        yield server.url
        time.sleep(FAREWELL_SECONDS)
    finally:
        server.stop()


def settings_of(
    people: str | None,
    users: list[str] | None,
    cast: str,
    seed: int,
    device: str,
    out: Path | None,
    no_cache: bool,
    strict: bool = False,
) -> Settings:
    """What a run depends on, as asked for on the command line."""
    from facetui.engine.runs.run import Settings

    names = tuple(users) if users else None  # an empty list is what the option gives where it was left out
    if names and not any(name.strip(" ,") for name in names):
        raise UsageError("--users expects names separated by commas, got none; leave it out to choose by the seed")
    cache_folder = None
    if not no_cache:
        from facetui.engine.core.cache import default_folder

        cache_folder = default_folder()
    return Settings(
        out=(out or journal.runs_folder()).expanduser(),
        cast=cast,
        people=people,
        users=names,
        strict=strict,
        seed=seed,
        device=device,
        cache=cache_folder,
    )
