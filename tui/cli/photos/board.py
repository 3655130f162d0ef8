"""``facetui board``: cloaking tools on the same fictional people, and one page from many tools."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from facetui.engine.applications.board import record
from facetui.engine.records import files
from facetui.engine.records.errors import Cancelled, DataError, UsageError
from facetui.engine.records.places import expanded, short
from facetui.engine.records.text import brief
from facetui.tui.cli import shell_completion as shell
from facetui.tui.cli.options import CastOption, DeviceOption, NoCacheOption, SeedOption, StrengthOption
from facetui.tui.cli.photos.progress_bar import ProgressBar
from facetui.tui.runs import interrupts
from facetui.tui.text.plain import say

if TYPE_CHECKING:
    from facetui.engine.applications.board.measure import Plan
    from facetui.engine.applications.board.tools import Tool

FAILED = 4
"""Exit code where a tool failed on somebody's photos."""

PAGES = (".html", ".htm", ".md")


class _Boards(TyperGroup):
    """Whatever is no command of its own is the name of a tool."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Arguments with the command that they mean."""
        if args and args[0] not in (*self.commands, "--help"):
            args = ["tool", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_Boards,
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="A board for cloaking tools: facetui board TOOL -- COMMAND {input} {output}, and a page from many tools.",
)


@app.command("tool")
def measure_tool(
    tool: Annotated[
        str, typer.Argument(autocompletion=shell.attacks, help="Its name; without a command, one of our attacks.")
    ],
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="-- COMMAND...",
            help="What protects a folder of photos; {input} and {output} are replaced by folders. Without {output}, "
            "what it writes beside the originals is taken.",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="FILE.json; left out: TOOL.json.")] = None,
    people_count: Annotated[int, typer.Option(help="Fictional people whose photos it is given.")] = 8,
    photos: Annotated[int, typer.Option(help="Of each of them; the others are asked for.")] = 8,
    size: Annotated[int, typer.Option(help="Pixels of a photo's side; 112: the face alone, aligned.")] = 448,
    limit: Annotated[float, typer.Option(help="Seconds that the command may take for one person.", min=1)] = 600.0,
    through_shell: Annotated[bool, typer.Option("--shell", help="Let a shell read the command.")] = False,
    cast: CastOption = "embedded",
    strength: StrengthOption = "release",
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    no_cache: NoCacheOption = False,
) -> None:
    """Run a cloaking tool on photos of fictional people and ask every trainer who is in clean ones."""
    from facetui.engine.applications.board.measure import Plan
    from facetui.engine.applications.board.tools import OwnAttack, Program
    from facetui.engine.core.cache import Cache, default_folder
    from facetui.engine.core.device import choose
    from facetui.engine.lab.world.strength import check as check_strength
    from facetui.engine.people import casts

    target = expanded(out) if out is not None else Path(f"{record.check_name(tool)}.json")
    _refuse_unwritable(target, (".json",))
    _refuse_other_file(target)
    chosen, where, strong = casts.load(cast), choose(device), check_strength(strength)
    program: Program | OwnAttack
    if command:
        program = Program.parse(command, shell=through_shell, limit=limit)
    else:
        program = OwnAttack(tool, chosen, strength=strong, seed=seed, device=where)
    cache = Cache(None if no_cache else default_folder())
    plan = Plan(chosen, people_count, photos, size, seed, strong, where, cache)
    about = "" if isinstance(program, Program) else program.about
    facts = {"tool": tool, "command": _as_given(command), "shell": through_shell and bool(command), "about": about}
    raise typer.Exit(_measured(plan, program, facts, target))


def _as_given(command: list[str] | None) -> str:
    import shlex

    return "" if not command else command[0] if len(command) == 1 else shlex.join(command)


def _measured(plan: Plan, tool: Tool, facts: dict[str, Any], target: Path) -> int:
    """Measure a tool, keep what is known after each person, and say it; returns the exit code."""
    from facetui.engine.applications.board.measure import measure
    from facetui.engine.core.device import describe
    from facetui.engine.runs.environment import versions
    from facetui.tui.sharing.reports.board_page import lines

    settings = plan.settings()
    facts |= {"settings": settings, "versions": versions(), "device": describe(plan.device) if plan.device else ""}
    persons: list[record.Person] = []
    with interrupts.stoppable() as stop, ProgressBar("passed") as bar:

        def tell(task: str, done: int, total: int) -> None:
            if stop:
                kept = f"; what is known of {len(persons)} people is in {short(target)}" if persons else ""
                raise Cancelled(f"stopped{kept}")
            bar.show(task, done, total)

        try:
            for person in measure(plan, tool, tell, stop.event.is_set):
                persons.append(person)
                record.write(record.Board(**facts, persons=persons), target)
        except Cancelled as error:
            bar.close()
            say(f"facetui: {error}", sys.stderr)
            return stop.code(error.exit_code)
    board = record.Board(**facts, persons=persons)
    for line in lines(board):
        say(line)
    say(f"wrote {short(target)}; facetui board page {target.name} -o board.html makes a page of it", sys.stderr)
    failed = [person for person in persons if person.state == "failed"]
    for person in failed:
        say(f"facetui: {person.name}: {person.why}", sys.stderr)
    return FAILED if failed else 0


@app.command("page")
def page(
    boards: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Made by facetui board TOOL.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="FILE.html or FILE.md.")],
) -> None:
    """Make one page from many tools: what survives comes first."""
    from facetui.tui.sharing.reports import board_page

    target = expanded(out)
    _refuse_unwritable(target, PAGES)
    found = [record.read(expanded(path)) for path in boards]
    make = board_page.markdown if target.suffix.lower() == ".md" else board_page.html
    try:
        files.write(target.parent, target.name, make(found))
    except OSError as error:
        raise DataError(f"{short(target)} cannot be written ({error.strerror}); choose another name") from error
    say(f"wrote {short(target)}: {len(found)} tools")


def _refuse_unwritable(out: Path, endings: tuple[str, ...]) -> None:
    """Say before anything is computed that a file cannot be written."""
    if out.suffix.lower() not in endings:
        raise UsageError(f"expected a file ending in {' or '.join(endings)}, got {brief(out.name)!r}")
    if out.is_dir() or not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        raise UsageError(f"{short(out)} cannot be written; choose a name in a folder that is there and is yours")


def _refuse_other_file(target: Path) -> None:
    """An earlier board is measured anew; another file, as a project's ``package.json``, is not written over."""
    if target.exists():
        try:
            record.read(target)
        except DataError:
            raise UsageError(f"{short(target)} is there and is no board; choose another name with -o") from None
