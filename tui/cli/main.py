"""The command line. Imports torch and textual only in commands that need them."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from facetui.engine.records.errors import FacetuiError, OutOfMemory, lack_of_lab, lack_of_memory
from facetui.engine.records.text import clean
from facetui.tui.cli import streams
from facetui.tui.cli.defaults import defaults, looks
from facetui.tui.cli.options import NoConsoleOption, NoMotionOption, NoMouseOption, typed_in

EXAMPLES = """\
Watch how the protection of poisoned photos decays.

  facetui                                      in a terminal: the app
  facetui demo                                 a recording, at once
  facetui run arms_race                        the whole story, on fictional people
  facetui run naive_poisoning --seed 3         another story, other people who protect themselves
  facetui run arms_race --people ~/faces       your own faces: one folder a person
  facetui list                                 stories, attacks, extractors, defences, casts
  facetui runs                                 what was run; `facetui replay RUN` shows it again
  facetui run arms_race --detach               in the background; `facetui follow RUN` watches it
  facetui doctor                               what this machine can do

`facetui --help` lists every command.
"""

TOO_LITTLE = "there is too little memory here; use fewer people or photos, or raise the limit (ulimit -v)"

REFUSALS = {
    errno.ENOSPC: "make room, then run the same command again",
    errno.EDQUOT: "make room, then run the same command again",
    errno.EROFS: "choose another place with --out, FACETUI_RUNS, FACETUI_CACHE or TMPDIR",
    errno.EACCES: "choose another place with --out, FACETUI_RUNS, FACETUI_CACHE or TMPDIR",
    errno.EPERM: "choose another place with --out, FACETUI_RUNS, FACETUI_CACHE or TMPDIR",
    errno.EIO: "the disk could not be read or written; try another",
    errno.EMFILE: "allow more open files (ulimit -n 256) and run the same command again",
    errno.ENFILE: "close other programs and run the same command again",
    errno.EAGAIN: "allow more processes (ulimit -u) and run the same command again",
}
"""The way out of what the system refuses, by error number."""

NEED_TORCH = frozenset({"run", "sweep", "repl", "play", "protect", "check", "board", "bench"})

SPINS = "1000"
"""Rounds that a thread of OpenMP waits before it sleeps. On two cores arms_race at workshop strength took 29.7 s alone
(28.1 with OpenMP's 300,000, 37.8 with none), and four at once 135 s (with 10,000 more than 150).
"""

COMMANDS = {
    "run": "stories.run:run",
    "sweep": "stories.sweep:sweep",
    "new": "stories.new:new",
    "repl": "stories.repl:repl",
    "play": "stories.play:play",
    "protect": "photos.protect:protect",
    "list": "machine.list:list_names",
    "check": "photos.check:check",
    "board": "photos.board:app",
    "replay": "runs.watch:replay",
    "follow": "runs.follow:follow",
    "publish": "runs.publish:publish",
    "report": "runs.manage:report",
    "diff": "runs.diff:diff",
    "demo": "runs.watch:demo",
    "results": "machine.results:results",
    "doctor": "machine.doctor:doctor",
    "runs": "runs.manage:runs_app",
    "bench": "machine.bench:app",
    "models": "machine.models:app",
    "cache": "machine.cache:app",
    "config": "machine.config:config",
}
"""Where each command is: a function, or an app of several."""


class Commands(TyperGroup):
    """Commands that are imported when they are called: whoever types ``facetui`` waits for none of them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """One command; where there is none of that name, all are made, for the suggestion."""
        for name in [cmd_name] if cmd_name in COMMANDS else COMMANDS:
            if name not in self.commands:
                self.commands[name] = _made(name)
        return self.commands.get(cmd_name)


def _made(name: str) -> Any:
    module, attribute = COMMANDS[name].split(":")
    found = getattr(import_module(f"facetui.tui.cli.{module}"), attribute)
    if not isinstance(found, typer.Typer):
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(name)(found)
        return get_command(alone)
    group = get_command(found)
    group.name = name
    return group


app = typer.Typer(
    cls=Commands,
    name="facetui",
    help="A laboratory in which people see that poisoning photos does not protect them for long.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=False,
)


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

        print(f"facetui {version('facetui-core')}")
        raise typer.Exit
    if context.invoked_subcommand is not None:
        # With --help, nothing is played, and the help is the way out of what may be wrong with the file.
        context.default_map = (
            {} if "--help" in sys.argv else {context.invoked_subcommand: defaults(context.invoked_subcommand)}
        )
        return
    from facetui.tui.app.terminal.capabilities import resolve

    if resolve("auto") != "tui":
        print(EXAMPLES, end="")
        return
    from facetui.engine.records.journal import runs_folder
    from facetui.tui.app import launch

    said: dict[str, Any] = {"motion": not no_motion, "mouse": not no_mouse}
    typed = {name for name in said if f"no_{name}" in typed_in(context)}
    said |= {name: value for name, value in looks().items() if name not in typed}
    raise typer.Exit(launch.app(runs_folder(), **said, console=not no_console))


def with_address(arguments: Sequence[str]) -> list[str]:
    """Arguments in which ``--publish`` without an address has the one that it then means."""
    given = list(arguments)
    for at, argument in enumerate(given):
        if argument == "--publish" and not (at + 1 < len(given) and re.search(r":\d+$", given[at + 1])):
            from facetui.tui.sharing.web.server_process import LOOPBACK

            given.insert(at + 1, LOOPBACK)
            break
    return given


def main() -> None:
    """Entry point: one clear sentence and an exit code for everything that goes wrong."""
    streams.open_streams()
    # Before torch is loaded: threads that wait would spin for milliseconds, and hold up whoever else computes here.
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}.intersection(os.environ):
        os.environ["GOMP_SPINCOUNT"] = SPINS
    os.environ.setdefault("PYTORCH_ENABLE_MPS_FALLBACK", "1")  # what Apple's processors lack the CPU computes
    try:
        if NEED_TORCH.intersection(sys.argv[1:2]) and "--help" not in sys.argv:
            streams.refuse_too_little_memory(TOO_LITTLE)
        app(args=with_address(sys.argv[1:]))
        code: Any = 0
    except SystemExit as end:
        code = end.code or 0
    except FacetuiError as error:
        print(f"facetui: {clean(str(error))}", file=sys.stderr)
        code = error.exit_code
    except KeyboardInterrupt:
        print("facetui: stopped", file=sys.stderr)
        code = 130
    except Exception as error:  # noqa: BLE001  the last net: no traceback on the screen, all of it in a log
        code = _unforeseen(error)
    sys.exit(streams.exit_code(code))


def _unforeseen(error: Exception) -> int:
    """A sentence for what nobody raised on purpose, and its exit code."""
    if lack_of_memory(error):
        print(f"facetui: {TOO_LITTLE}", file=sys.stderr)
        return OutOfMemory.exit_code
    if (lab := lack_of_lab(error)) is not None:
        print(f"facetui: {lab}", file=sys.stderr)
        return lab.exit_code
    return _refused(error) if isinstance(error, OSError) else _bug(error)


def _refused(error: OSError) -> int:
    """What the system would not do, in a sentence; what is no fault of the machine is ours."""
    way_out = REFUSALS.get(error.errno or 0)
    if way_out is None:
        return _bug(error)
    what = f"{clean(str(error.filename))}: " if error.filename else ""
    print(f"facetui: {what}{error.strerror}; {way_out}", file=sys.stderr)
    return 4


def _bug(error: Exception) -> int:
    import traceback
    from datetime import datetime

    from facetui.engine.records import places

    text = "".join(traceback.format_exception(error))
    log = places.log() / f"error-{datetime.now():%Y%m%d-%H%M%S}.log"
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(text, encoding="utf-8", errors="backslashreplace")
        where = f"details: {clean(places.short(log))}"
    except OSError:
        where = "\n".join(map(clean, text.split("\n")))
    print(f"facetui: this is a bug ({type(error).__name__}: {clean(str(error))}); {where}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    main()
