"""The command line. Imports torch and textual only in commands that need them."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from dataclasses import replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from platformdirs import user_data_path, user_log_path

from facetui.engine import journal
from facetui.engine.errors import Cancelled, FacetuiError, JournalError, UsageError
from facetui.engine.folds import CohortTable
from facetui.tui import benching, displays, modelling
from facetui.tui.options import DeviceOption, NoCacheOption, SeedOption, TrustOption
from facetui.tui.seeds import spread_lines

EXAMPLES = """\
Watch how the protection of poisoned photos decays.

  facetui run arms_race                        the whole story, on fictional people, in a minute
  facetui run naive_poisoning --seed 3         another story, other people who protect themselves
  facetui run arms_race --people ~/faces       your own faces: one folder a person
  facetui list                                 stories, attacks, extractors, defences, casts
  facetui runs                                 what was run; `facetui replay RUN` shows it again
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
runs_app = typer.Typer(help="What was run: list, show, rm.", rich_markup_mode=None)
app.add_typer(runs_app, name="runs")
app.add_typer(benching.app, name="bench")
app.add_typer(modelling.app, name="models")

DisplayOption = Annotated[str, typer.Option("--display", help="auto, plain, json or none; also FACETUI_DISPLAY.")]


def runs_folder() -> Path:
    """``FACETUI_RUNS``, else the user's data folder."""
    override = os.environ.get("FACETUI_RUNS")
    return Path(override).expanduser() if override else user_data_path("facetui") / "runs"


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Say which version this is.")] = False,
) -> None:
    if show_version:
        print(f"facetui {version('facetui')}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(EXAMPLES, end="")


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
    display: DisplayOption = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Folder in which the run's folder is made; also FACETUI_RUNS.")
    ] = None,
    trust: TrustOption = False,
    no_cache: NoCacheOption = False,
) -> None:
    """Play a story, and keep its journal."""
    from facetui import scenarios
    from facetui.engine.runner import Scenario, Settings
    from facetui.engine.runner import run as play

    show = displays.choose(display)
    scenario = Scenario.read(scenarios.path_of(story))
    names = tuple(filter(None, (name.strip() for name in users.split(",")))) if users is not None else None
    if names == ():
        raise UsageError("--users expects names separated by commas, got none; leave it out to choose by the seed")
    cache_folder = None
    if not no_cache:
        from facetui.engine.cache import default_folder

        cache_folder = default_folder()
    settings = Settings(
        out=(out or runs_folder()).expanduser(),
        cast=cast,
        people=people,
        users=names,
        seed=seed,
        device=device,
        cache=cache_folder,
    )
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


@app.command()
def replay(
    name: Annotated[str, typer.Argument(help="A run's name, the beginning of it, or its folder.", metavar="RUN")],
    display: DisplayOption = "auto",
) -> None:
    """Show a finished run again, from its journal; needs no network and no torch."""
    show = displays.choose(display)
    folder = journal.find(name, [runs_folder()])
    events = journal.read(folder)
    for event in events:
        show(event)
    state = journal.status(folder, events)
    if state in ("killed", "empty"):
        raise JournalError(
            f"{displays.short(folder / journal.EVENTS)} ends in the middle: the run was killed after {len(events)} "
            "events; run the story again, it goes on from what is in the cache"
        )
    if state == "running":
        print("this run still goes on", file=sys.stderr)


@runs_app.callback(invoke_without_command=True)
def _runs(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        runs_list()


@runs_app.command("list")
def runs_list() -> None:
    """List runs, newest first."""
    folders = journal.runs(runs_folder())
    if not folders:
        print("no runs yet; try: facetui run arms_race")
    for folder in folders:
        when = datetime.fromtimestamp((folder / journal.EVENTS).stat().st_mtime).strftime("%Y-%m-%d %H:%M")
        try:
            events = journal.read(folder)
            state: str = journal.status(folder, events)
            took = f"{events[-1].wall:7.1f} s" if events else f"{'':9}"
        except JournalError:
            state, took = "damaged", f"{'':9}"
        print(f"{folder.name:<40} {state:<9} {took}  {when}")


@runs_app.command("show")
def runs_show(name: Annotated[str, typer.Argument(metavar="RUN")]) -> None:
    """Show how a run was made and what it found."""
    folder = journal.find(name, [runs_folder()])
    events = journal.read(folder)
    began = journal.began(events, folder)
    state = journal.status(folder, events)
    print(f"{folder.name}: {state}, {len(events)} events, {events[-1].wall:.1f} s")
    print(f"folder      {displays.short(folder)}")
    print(f"story       {began.scenario}: {began.title}")
    print(f"people      {began.people}, {began.n_people}; protected: {', '.join(began.users)}")
    print(f"cast        {began.cast}; seed {began.seed}; {began.device}")
    print("weights     " + ", ".join(f"{name} {weights}" for name, weights in began.extractors.items()))
    print("versions    " + ", ".join(f"{name} {number}" for name, number in began.versions.items()))
    from facetui.engine.folds import cohort_table

    for line in displays.table_lines(cohort_table(events)):
        print(line)


@runs_app.command("rm")
def runs_rm(names: Annotated[list[str], typer.Argument(metavar="RUN...")]) -> None:
    """Delete runs; never one that still goes on."""
    import shutil

    for name in names:
        folder = journal.find(name, [runs_folder()])
        if journal.is_locked(folder):
            raise UsageError(f"{folder.name} still goes on; stop it before you delete it")
        shutil.rmtree(folder)
        print(f"deleted {folder.name}")


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
