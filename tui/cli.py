"""The command line. Imports torch and textual only in commands that need them."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from platformdirs import user_log_path, user_state_path

from facetui.engine.errors import FacetuiError
from facetui.tui import benching, checking, displays, journals, modelling, publishing, running
from facetui.tui.options import (
    DeviceOption,
    NoCacheOption,
    NoConsoleOption,
    NoMotionOption,
    NoMouseOption,
    SeedOption,
)
from facetui.tui.running import settings_of

if TYPE_CHECKING:
    pass

EXAMPLES = """\
Watch how the protection of poisoned photos decays.

  facetui                                      in a terminal: the app
  facetui demo                                 a recording, at once
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
app.command()(running.run)


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
    settings = settings_of(people, users, cast, seed, device, out, no_cache)
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
app.command()(journals.publish)
app.command()(journals.report)
app.command()(journals.demo)


@app.command()
def doctor() -> None:
    """Say what this machine can do, and what is missing."""
    from facetui.tui.doctor import examine

    raise typer.Exit(examine())


def with_address(arguments: Sequence[str]) -> list[str]:
    """Arguments in which ``--publish`` without an address has the one that it then means."""
    given = list(arguments)
    for at, argument in enumerate(given):
        if argument == "--publish" and not (at + 1 < len(given) and re.search(r":\d+$", given[at + 1])):
            given.insert(at + 1, publishing.LOOPBACK)
            break
    return given


def main() -> None:
    """Entry point: one clear sentence and an exit code for everything that goes wrong."""
    try:
        app(args=with_address(sys.argv[1:]))
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
