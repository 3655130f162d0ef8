"""The command line. Imports torch and textual only in commands that need them."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer
from platformdirs import user_log_path, user_state_path

from facetui.engine.errors import Cancelled, FacetuiError, UsageError
from facetui.engine.folds import CohortTable
from facetui.tui import benching, checking, displays, journals, modelling
from facetui.tui.options import (
    DeviceOption,
    NoCacheOption,
    NoConsoleOption,
    NoMotionOption,
    NoMouseOption,
    SeedOption,
    TrustOption,
)
from facetui.tui.seeds import spread_lines

if TYPE_CHECKING:
    from facetui.engine.runner import Settings

EXAMPLES = """\
Watch how the protection of poisoned photos decays.

  facetui                                      in a terminal: the app
  facetui run arms_race                        the whole story, on fictional people, in a minute
  facetui run naive_poisoning --seed 3         another story, other people who protect themselves
  facetui run arms_race --people ~/faces       your own faces: one folder a person
  facetui list                                 stories, attacks, extractors, defences, casts
  facetui runs                                 what was run; `facetui replay RUN` shows it again
  facetui run arms_race --detach               in the background; `facetui follow RUN` watches it
  facetui doctor                               what this machine can do

`facetui --help` lists every command.
"""

app = typer.Typer(
    name="facetui",
    help="A laboratory in which people see that poisoning photos does not protect them for long.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=False,
)
app.add_typer(journals.runs_app, name="runs")
app.add_typer(benching.app, name="bench")
app.add_typer(modelling.app, name="models")


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Say which version this is.")] = False,
    no_motion: NoMotionOption = False,
    no_mouse: NoMouseOption = False,
    no_console: NoConsoleOption = False,
) -> None:
    if show_version:
        from importlib.metadata import version

        print(f"facetui {version('facetui')}")
        raise typer.Exit
    if context.invoked_subcommand is not None:
        return
    if displays.resolve("auto") != "tui":
        print(EXAMPLES, end="")
        return
    from facetui.tui import launch

    raise typer.Exit(
        launch.app(journals.runs_folder(), motion=not no_motion, mouse=not no_mouse, console=not no_console)
    )


@app.command()
def run(
    story: Annotated[str, typer.Argument(help="A story's name, or a scenario file ending in .py.", metavar="STORY")],
    people: Annotated[
        str | None, typer.Option(help="'embedded', or a folder with one folder of photos a person.")
    ] = None,
    users: Annotated[str | None, typer.Option(help="Who protects their photos: names, separated by commas.")] = None,
    cast: Annotated[
        str, typer.Option(help="Surrogates and the trainer's extractors: a name or a TOML file.")
    ] = "embedded",
    seed: SeedOption = 0,
    seeds: Annotated[int, typer.Option(help="Play so many seeds, from --seed on; ends with the spread.", min=1)] = 1,
    device: DeviceOption = "auto",
    display: journals.DisplayOption = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Folder in which the run's folder is made; also FACETUI_RUNS.")
    ] = None,
    trust: TrustOption = False,
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
    no_motion: NoMotionOption = False,
    no_mouse: NoMouseOption = False,
    no_console: NoConsoleOption = False,
    into: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Play a story, and keep its journal."""
    from facetui import scenarios
    from facetui.engine.runner import Scenario
    from facetui.engine.runner import run as play

    shown = displays.resolve(display)
    if seeds > 1 and (detach or display == "tui"):
        raise UsageError("--seeds plays several runs one after the other; use --display plain, without --detach")
    scenario = Scenario.read(scenarios.path_of(story))
    if help_scenario:
        from facetui.tui.starting import explained

        for line in explained(scenario):
            print(line)
        return
    settings = replace(
        _settings(people, users, cast, seed, device, out, no_cache), folder=into, values=scenario.values(values or [])
    )
    if detach or (shown == "tui" and seeds == 1):
        from facetui.tui import detached

        given = {"--people": people, "--users": users, "--cast": cast, "--seed": seed, "--device": device}
        options = [str(part) for pair in given.items() if pair[1] is not None for part in pair]
        options += [part for text in values or [] for part in ("--set", text)]
        options += ["--no-cache"] if no_cache else []
        engine = detached.start(story, options, settings.out, scenario.name)
        if detach:
            detached.wait_until_begun(engine)
            print(engine.folder)
            return
        from facetui.tui import launch

        raise typer.Exit(
            launch.app(
                journals.runs_folder(),
                engine.folder,
                live=True,
                engine=engine,
                motion=not no_motion,
                mouse=not no_mouse,
                console=not no_console,
            )
        )
    show = displays.without_screen(shown)
    cancel = threading.Event()
    received: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if received and number == signal.SIGINT:
            raise KeyboardInterrupt  # the second Ctrl+C does not wait for the next step
        received.append(number)
        cancel.set()

    for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(number, stop)
    tables = []
    for number in range(seed, seed + seeds):
        table = CohortTable()
        outcome = play(scenario, replace(settings, seed=number), [show, table.add], cancel)
        print(f"journal: {displays.short(outcome.folder)}", file=sys.stderr)
        if outcome.error is not None:
            break
        tables.append(table)
    if seeds > 1 and display != "json":
        for line in spread_lines(tables):
            print(line)
    if outcome.error is None:
        return
    print(f"facetui: {outcome.error}", file=sys.stderr)
    log = outcome.folder / "error.log"
    if log.exists():
        print(f"details: {displays.short(log)}", file=sys.stderr)
    interrupted = isinstance(outcome.error, Cancelled) and received
    raise typer.Exit(128 + received[0] if interrupted else outcome.error.exit_code)


def _settings(
    people: str | None, users: str | None, cast: str, seed: int, device: str, out: Path | None, no_cache: bool
) -> Settings:
    """What a run depends on, as asked for on the command line."""
    from facetui.engine.runner import Settings

    names = tuple(filter(None, (name.strip() for name in users.split(",")))) if users is not None else None
    if names == ():
        raise UsageError("--users expects names separated by commas, got none; leave it out to choose by the seed")
    cache_folder = None
    if not no_cache:
        from facetui.engine.cache import default_folder

        cache_folder = default_folder()
    return Settings(
        out=(out or journals.runs_folder()).expanduser(),
        cast=cast,
        people=people,
        users=names,
        seed=seed,
        device=device,
        cache=cache_folder,
    )


@app.command()
def new(file: Annotated[Path, typer.Argument(help="Where to write it, ending in .py.", metavar="FILE.py")]) -> None:
    """Write a commented scenario to begin with, one that runs."""
    from facetui.tui.starting import write_new

    path = write_new(file.expanduser())
    print(f"wrote {path}; facetui run {path}")


@app.command()
def repl(
    story: Annotated[
        str | None, typer.Argument(help="A story or scenario file to play first.", metavar="[STORY|FILE.py]")
    ] = None,
    people: Annotated[
        str | None, typer.Option(help="'embedded', or a folder with one folder of photos a person.")
    ] = None,
    users: Annotated[str | None, typer.Option(help="Who protects their photos: names, separated by commas.")] = None,
    cast: Annotated[
        str, typer.Option(help="Surrogates and the trainer's extractors: a name or a TOML file.")
    ] = "embedded",
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
    from facetui.engine.runner import Scenario
    from facetui.tui.repl import interact, open_session, run_script

    scripted = command is not None or not sys.stdin.isatty()
    settings = _settings(people, users, cast, seed, device, out, no_cache)
    played = Scenario.read(scenarios.path_of(story)) if story else None
    session = open_session(settings, played, quiet or scripted)
    if command is not None:
        raise typer.Exit(run_script(session, command, "<command>"))
    if scripted:
        raise typer.Exit(run_script(session, sys.stdin.read(), "<stdin>"))
    raise typer.Exit(interact(session, user_state_path("facetui") / "history.sqlite", quiet))


@app.command()
def protect(
    inputs: Annotated[list[Path], typer.Argument(help="Photos, or folders of photos.", metavar="PHOTO|DIR...")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the results; nothing in it is overwritten.")],
    attack: Annotated[str, typer.Option(help="Its name: facetui list attacks.")] = "fawkes-1.0",
    mode: Annotated[str | None, typer.Option(help="Of attacks that have modes, e.g. low, mid, high.")] = None,
    budget: Annotated[str | None, typer.Option(help="e.g. 'linf 8/255'; left out: the attack's own.")] = None,
    surrogates: Annotated[str | None, typer.Option(help="Extractors to run it against, separated by commas.")] = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    keep_metadata: Annotated[
        bool, typer.Option("--keep-metadata", help="Keep EXIF and colour profile; dropped otherwise.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="The summary as one JSON object.")] = False,
) -> None:
    """Perturb the faces in your own photos, at full size; everything else in them stays as it is."""
    from facetui.tui.protecting import protect as work

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


@app.command("list")
def list_names(
    what: Annotated[
        str | None, typer.Argument(help="attacks, extractors, defences, scenarios, people or casts; all when left out.")
    ] = None,
) -> None:
    """List what there is, by the names that everything else uses."""
    from facetui.tui.listing import lines

    for line in lines(what):
        print(line)


app.command()(checking.check)
app.command()(journals.replay)
app.command()(journals.follow)


@app.command()
def doctor() -> None:
    """Say what this machine can do, and what is missing."""
    from facetui.tui.doctor import examine

    raise typer.Exit(examine())


def main() -> None:
    """Entry point: one clear sentence and an exit code for everything that goes wrong."""
    try:
        app()
    except FacetuiError as error:
        print(f"facetui: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("facetui: stopped", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output has gone; point it elsewhere so that flushing at exit does not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except Exception as error:  # noqa: BLE001  the last net: no traceback on the screen, all of it in a log
        sys.exit(_bug(error))


def _bug(error: Exception) -> int:
    text = "".join(traceback.format_exception(error))
    log = user_log_path("facetui") / f"error-{datetime.now():%Y%m%d-%H%M%S}.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(text, encoding="utf-8")
        where = f"details: {displays.short(log)}"
    except OSError:
        where = text
    print(f"facetui: this is a bug ({type(error).__name__}: {error}); {where}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    main()
