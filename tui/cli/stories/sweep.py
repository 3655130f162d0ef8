"""``facetui sweep``: a grid or stories over many settings, computed here or on a cluster."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facetui.engine.applications.sweep.executors import FORMS, check
from facetui.engine.applications.sweep.folder import Folder, is_sweep
from facetui.engine.applications.sweep.status import Status, status
from facetui.engine.records import places
from facetui.engine.records.errors import Cancelled, UsageError
from facetui.tui.cli import shell_completion as shell
from facetui.tui.cli.options import NoCacheOption, TrustOption
from facetui.tui.runs import interrupts
from facetui.tui.text.plain import say

if TYPE_CHECKING:
    from facetui.engine.applications.sweep.plan import Plan
    from facetui.engine.applications.sweep.queue import Queue
    from facetui.engine.applications.sweep.units import Unit

ENDING = ".sweep"
"""Of the folder beside the plan."""

TERMINAL_SECONDS, LINE_SECONDS = 1.0, 10.0
"""Between two tables on a terminal, and two lines elsewhere."""

SHARE = 0.02
"""Of the time, that is spent on looking how it stands."""


def sweep(
    file: Annotated[
        Path, typer.Argument(help="A plan, FILE.toml; or a sweep's folder, to see how it stands.", metavar="FILE")
    ],
    on: Annotated[
        str,
        typer.Option("--on", autocompletion=shell.one_of(*FORMS), help=f"Who computes: {', '.join(FORMS)}."),
    ] = "local:1",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder of the results; absent: FILE.sweep, beside the plan.")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Of a folder: go on showing it until it is finished.")] = False,
    dry: Annotated[bool, typer.Option("--dry", help="Say what would be computed, and leave.")] = False,
    trust: TrustOption = False,
    no_cache: NoCacheOption = False,
) -> None:
    """Measure a grid or stories over many settings; what is finished is not computed again."""
    if file.is_dir():
        _show(Folder(places.expanded(file)), live)
        return
    if no_cache:
        raise UsageError("a sweep shares what it computes through the cache; leave --no-cache out")
    from facetui.engine.applications.sweep.plan import read

    check(on)
    file = places.expanded(file)
    plan = read(file)
    folder = Folder((places.expanded(out) if out else file.with_suffix(ENDING)).absolute())
    with interrupts.stoppable() as stop:
        try:
            failed = _sweep(file, plan, folder, on, dry, stop)
        except Cancelled as error:
            say(f"facetui: {error}", sys.stderr)
            raise typer.Exit(stop.code(error.exit_code)) from None
    raise typer.Exit(1 if failed else 0)


def _sweep(file: Path, plan: Plan, folder: Folder, on: str, dry: bool, stop: interrupts.Stop) -> bool:
    """Compute a plan; returns whether something did not come out."""
    from facetui import scenarios
    from facetui.engine.applications.sweep import executors
    from facetui.engine.applications.sweep.drive import How, drive
    from facetui.engine.applications.sweep.expand import expand
    from facetui.engine.core.cache import Cache, default_folder

    cache = default_folder().absolute()
    units = expand(plan, Cache(cache), scenarios.path_of)
    done = folder.finished() & {unit.name for unit in units}
    said = f"{_counted(units)}, {len(done)} of them finished before; results in {places.short(folder.path)}"
    say(said)
    if dry:
        return False
    folder.begin(plan.title, file.read_text(encoding="utf-8"), units)
    executor = executors.start(on, folder.path, {"slurm": plan.slurm, "ray": plan.ray})
    table = _Table(folder)
    queue = drive(
        folder,
        units,
        executor,
        How(cache, plan.device, plan.threads),
        tell=table.tell,
        stopped=stop.event.is_set,
    )
    table.close()
    for name, why in list(queue.failed.items())[:5]:
        say(f"{name}: {why}", sys.stderr)
    if queue.failed:
        say(f"{len(queue.failed)} units did not come out; the same command tries them again", sys.stderr)
    say(f"facetui results {places.short(folder.path)} shows what was measured")
    return bool(queue.failed)


def _counted(units: list[Unit]) -> str:
    kinds = {"perturb": "to perturb", "measure": "to measure", "story": "stories"}
    counts = [(sum(unit.task.kind == kind for unit in units), words) for kind, words in kinds.items()]
    return f"{len(units)} units ({', '.join(f'{n} {words}' for n, words in counts if n)})"


class _Table:
    """How a sweep stands: on a terminal a table that changes; elsewhere a line now and then, and a table at the end."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._terminal = sys.stderr.isatty()
        self._last = 0.0
        self._pause = TERMINAL_SECONDS if self._terminal else LINE_SECONDS
        self._rows = 0
        self._said = ""

    def tell(self, queue: Queue, at_once: int) -> None:
        """Say how it stands, if it is time."""
        now = time.monotonic()
        if now - self._last < self._pause:
            return
        self.show(status(self._folder), "" if at_once else "nobody computes: no worker is there")
        self._last = time.monotonic()
        self._pause = max(self._pause, (self._last - now) / SHARE)

    def show(self, found: Status, more: str = "") -> None:
        """Say how it stands."""
        from facetui.tui.results.sweep import status_lines, summary

        if not self._terminal:
            line = "; ".join(filter(None, [summary(found), more]))
            if line != self._said:
                say(line, sys.stderr)
            self._said = line
            return
        columns, rows = shutil.get_terminal_size((80, 24))
        if self._rows:
            print(f"\033[{self._rows}F\033[J", end="", file=sys.stderr)
        lines = [line[: columns - 1] for line in [*status_lines(found, rows), *filter(None, [more])]]
        for line in lines:
            say(line, sys.stderr)
        self._rows = len(lines)

    def close(self) -> None:
        """The last table."""
        from facetui.tui.results.sweep import status_lines

        found = status(self._folder)
        if self._terminal:
            self.show(found)
            return
        for line in status_lines(found):
            say(line)


def _show(folder: Folder, live: bool) -> None:
    """Say how a sweep stands, once or until it is finished."""
    from facetui.tui.results.sweep import status_lines

    if not is_sweep(folder.path):
        raise UsageError(f"{folder.path} holds no sweep; expected a plan, FILE.toml, or the folder that a sweep made")
    found = status(folder)
    if not live:
        for line in status_lines(found):
            say(line)
        for name, why in list(found.failures.items())[:5]:
            say(f"{name}: {why}", sys.stderr)
        return
    table = _Table(folder)
    with interrupts.stoppable() as stop:
        while found.finished + found.failed < found.total and not stop:
            table.show(found)
            stop.event.wait(TERMINAL_SECONDS)
            found = status(folder)
    table.close()
