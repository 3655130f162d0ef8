"""``facetui play``: a game, turn by turn, without Python."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facetui.engine.records import journal, places
from facetui.engine.records.errors import DataError, UsageError
from facetui.tui.app.terminal import capabilities
from facetui.tui.cli import shell_completion as shell
from facetui.tui.cli.options import NoMotionOption, NoMouseOption, SeedOption, StrengthOption

ROLES = ("user", "trainer")


def play(
    role: Annotated[
        str,
        typer.Option("--as", autocompletion=shell.one_of(*ROLES), help="user or trainer; absent: it is asked for."),
    ] = "",
    strength: StrengthOption = "release",
    seed: SeedOption = 0,
    me: Annotated[
        Path | None,
        typer.Option(
            help="A folder of your own photos, to protect or to recognise among fictional people. No picture of you is "
            "kept, and the run is neither published nor archived.",
            metavar="DIR",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder in which the game's run is made; also FACETUI_RUNS.")] = None,
    no_motion: NoMotionOption = False,
    no_mouse: NoMouseOption = False,
) -> None:
    """Play: protect photos, or recognise people; five turns, forms and arrow keys, no Python."""
    if role and role not in ROLES:
        raise UsageError(f"expected --as user or --as trainer, got {role!r}")
    if me is not None and not me.expanduser().is_dir():
        raise DataError(f"{me} is no folder; expected one with pictures of yourself in it")
    from facetui.engine.lab.world.strength import check  # where there is no lab, that is said first

    if why := capabilities.no_screen():
        raise UsageError(f"a game is drawn on a terminal, but {why}; facetui repl takes moves as Python without one")
    from facetui.tui.app import launch

    game = {"role": role, "strength": check(strength), "seed": seed, "me": str(me.expanduser().resolve()) if me else ""}
    runs = places.expanded(out) if out else journal.runs_folder()
    raise typer.Exit(launch.app(runs, motion=not no_motion, mouse=not no_mouse, game=game))
