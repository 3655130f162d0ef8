"""``facetui run``: play a story, here or in the app, alone or with people who follow."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facetui.engine.people import PER_PERSON
from facetui.engine.records import journal, places
from facetui.engine.records.cohort_table import CohortTable
from facetui.engine.records.errors import Cancelled, UsageError
from facetui.engine.records.events import NOBODY
from facetui.tui.app.terminal import capabilities
from facetui.tui.cli import shell_completion
from facetui.tui.cli.options import (
    AnswersOption,
    CastOption,
    CrowdOption,
    DeviceOption,
    DisplayOption,
    NoCacheOption,
    NoConsoleOption,
    NoMotionOption,
    NoMouseOption,
    PaceOption,
    PartlyOption,
    PeopleOption,
    PerPersonOption,
    PicturesOption,
    SeedOption,
    StrengthOption,
    StrictOption,
    TogetherOption,
    TrustOption,
    UsersOption,
    VotesOption,
    settings_of,
)
from facetui.tui.cli.runs.publish import published
from facetui.tui.cli.stories.branching import branched
from facetui.tui.runs import interrupts
from facetui.tui.text import plain
from facetui.tui.text.table import pooled_lines

if TYPE_CHECKING:
    from facetui.engine.runs.run import Outcome
    from facetui.engine.runs.scenario import Scenario
    from facetui.engine.runs.settings import Settings


def run(
    context: typer.Context,
    story: Annotated[
        str,
        typer.Argument(
            autocompletion=shell_completion.stories,
            help="A story's name, or a scenario file ending in .py.",
            metavar="STORY",
        ),
    ],
    people: PeopleOption = None,
    per_person: PerPersonOption = PER_PERSON,
    users: UsersOption = None,
    cast: CastOption = "embedded",
    with_what_is_there: PartlyOption = False,
    seed: SeedOption = 0,
    strength: StrengthOption = "release",
    crowd: CrowdOption = None,
    together: TogetherOption = False,
    seeds: Annotated[
        int, typer.Option(help="Play so many seeds, from --seed on; ends with one table of all.", min=1)
    ] = 1,
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
    what_if: Annotated[
        list[str] | None,
        typer.Option(
            "--what-if",
            help="Make a move otherwise, by its number on the timeline: '1: attack=lowkey'; again for more.",
            metavar="MOVE: NAME=VALUE",
        ),
    ] = None,
    branch_of: Annotated[
        str | None,
        typer.Option(
            "--branch-of",
            autocompletion=shell_completion.runs,
            help="With --what-if: the run that this one branches from; what is not said is as it was there.",
            metavar="RUN",
        ),
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
    votes: VotesOption = False,
    answers: AnswersOption = None,
    pictures: PicturesOption = "fictional",
    no_motion: NoMotionOption = False,
    no_mouse: NoMouseOption = False,
    no_console: NoConsoleOption = False,
    pace: PaceOption = "read",
    into: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Play a story, and keep its journal."""
    from facetui import scenarios
    from facetui.engine.runs.scenario import Scenario
    from facetui.tui.cli.stories.new import explained

    shown = capabilities.resolve(display)
    if seeds > 1 and (detach or display == "tui"):
        raise UsageError("--seeds plays several runs one after the other; use --display plain, without --detach")
    if publish and (detach or seeds > 1):
        raise UsageError("--publish ends with this command; for a run with --detach, facetui publish RUN afterwards")
    if votes and not publish:
        raise UsageError("--votes needs --publish: those who follow vote; add --publish HOST:PORT")
    scenario = Scenario.read(scenarios.path_of(story))
    if help_scenario:
        for line in explained(scenario):
            plain.say(line)
        return
    asked = settings_of(
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
        answers,
    )
    asked = replace(asked, folder=into, values=scenario.values(values or []))
    settings = branched(context, asked, scenario, what_if or [], branch_of)
    shared = partial(published, address=publish, pictures=pictures, votes=votes)
    if not detach and (shown != "tui" or seeds > 1):
        if publish:
            settings = replace(settings, folder=into or journal.new_run_folder(settings.out, scenario.name))
        raise typer.Exit(
            _play_here(scenario, settings, range(settings.seed, settings.seed + seeds), shown, display, shared)
        )
    from facetui.tui.runs import engine_process

    engine = engine_process.start(story, _options(settings, no_cache, branch_of), settings.out, scenario.name)
    if detach:
        engine_process.wait_until_begun(engine, tell=lambda said: plain.say(said, sys.stderr))
        plain.say_path(engine.folder)
        return
    from facetui.tui.app import launch

    looks: dict[str, Any] = {"motion": not no_motion, "mouse": not no_mouse, "console": not no_console}
    with shared(engine.folder) as url:
        looks |= {"fast": pace == "fast", "published": url, "engine": engine}
        raise typer.Exit(launch.app(journal.runs_folder(), engine.folder, live=True, **looks))


def _options(settings: Settings, no_cache: bool, branch_of: str | None) -> list[str]:
    """The options with which another process plays the same."""
    given = {"--people": settings.people, "--cast": settings.cast, "--seed": settings.seed, "--device": settings.device}
    given |= {"--strength": settings.strength, "--crowd": settings.crowd, "--per-person": settings.per_person}
    options = [str(part) for pair in given.items() if pair[1] is not None for part in pair]
    options += [part for name, value in settings.values.items() for part in ("--set", f"{name}={value}")]
    options += [part for change in settings.changes for part in ("--what-if", str(change))]
    options += ["--branch-of", branch_of] if branch_of else []
    options += [part for name in settings.users or () for part in ("--users", name)]
    if settings.answers:
        options += ["--answers", ",".join("-" if given == NOBODY else str(given) for given in settings.answers)]
    options += ["--with-what-is-there"] * settings.with_what_is_there
    return options + ["--no-cache"] * no_cache + ["--strict"] * settings.strict + ["--together"] * settings.together


def _play_here(
    scenario: Scenario,
    settings: Settings,
    seeds: range,
    shown: plain.DisplayName,
    display: str,
    shared: Callable[[Path | None], AbstractContextManager[str]],
) -> int:
    """Play a story in this process, seed after seed, as lines; returns the exit code.

    Args:
        scenario: the story.
        settings: what it depends on but for the seed.
        seeds: at least one.
        shown: how events are shown, ``plain``, ``json`` or ``none``.
        display: the same as asked for.
        shared: lets others follow a run meanwhile.
    """
    from facetui.engine.runs.run import run as play

    show, tables = plain.without_screen(shown), []
    with interrupts.stoppable(settings.folder) as stop:
        for number in seeds:
            table, played = CohortTable(), replace(settings, seed=number)
            with shared(settings.folder):
                try:
                    outcome = play(scenario, played, [show, table.add], stop.event, tell=plain.Telling())
                except Cancelled as error:  # while people were read: there is no journal yet
                    plain.say(f"facetui: {error}", sys.stderr)
                    return stop.code(error.exit_code)
            plain.say(f"journal: {places.short(outcome.folder)}", sys.stderr)
            if outcome.error is not None:
                break
            tables.append(table)
    if len(seeds) > 1 and display != "json":
        for line in pooled_lines(tables):
            plain.say(line)
    return _ended(outcome, stop)


def _ended(outcome: Outcome, stop: interrupts.Stop) -> int:
    """Say what stopped the last run, if anything did; returns the exit code."""
    if outcome.error is None:
        return 0
    plain.say(f"facetui: {outcome.error}", sys.stderr)
    log = outcome.folder / "error.log"
    if log.exists():
        plain.say(f"details: {places.short(log)}", sys.stderr)
    code = outcome.error.exit_code
    return stop.code(code) if isinstance(outcome.error, Cancelled) else code
