"""``facetui bench``: tables of speed and of protection, measured here and now."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facetui.engine.people import PER_PERSON
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import Event, Progress, ProtectionMeasured
from facetui.engine.records.measurements import among
from facetui.engine.records.rates import percent
from facetui.tui.cli import shell_completion as shell
from facetui.tui.cli.machine.bench_forecast import forecast
from facetui.tui.cli.machine.bench_search import search
from facetui.tui.cli.machine.results import game, paper, say_left_out
from facetui.tui.cli.options import CrowdOption, DeviceOption, NoCacheOption, PerPersonOption, SeedOption, comma_list
from facetui.tui.text.plain import say

if TYPE_CHECKING:
    from facetui.engine.applications.benchmarks.grid import Line
    from facetui.engine.applications.benchmarks.load import Load

app = typer.Typer(
    add_completion=False,
    help="Measure: the attack loop, every attack, attacks by extractors, the app.",
    rich_markup_mode=None,
)

RoundsOption = Annotated[int, typer.Option(help="How often each is measured; median and spread are said.", min=1)]
SecondsOption = Annotated[float, typer.Option(help="Time for each measurement.", min=0.1)]

GRID = "clean,fawkes-0.3,fawkes-1.0,lowkey,pgd,robust-pgd,opom,filters"


@app.callback(invoke_without_command=True)
def loop(
    context: typer.Context, device: DeviceOption = "auto", seconds: SecondsOption = 3.0, rounds: RoundsOption = 5
) -> None:
    """Measure the attack loop against bare forward+backward of the same network, in one run."""
    if context.invoked_subcommand is not None:
        return
    from facetui.engine.applications.benchmarks.speed import attack_loop

    busy = Busy()
    say(f"image-steps a second; median (lowest-highest) of {rounds}, both measured alternately")
    say(f"{'network':<20} {'bare forward+backward':>32} {'attack loop':>24} {'ratio':>20}")
    for row in attack_loop(device, seconds, rounds):
        bare = f"{row.bare.words()}, batch {row.batch}"
        say(f"{row.network:<20} {bare:>32} {row.loop.words():>24} {row.ratio.words(2):>20}{busy.mark(row.load)}")
    busy.say()


@app.command()
def attacks(
    network: Annotated[str, typer.Option(autocompletion=shell.extractors, help="An extractor's name.")] = "compact-a",
    device: DeviceOption = "auto",
    seconds: SecondsOption = 3.0,
    rounds: RoundsOption = 3,
    peers: Annotated[bool, typer.Option(help="Also run PGD in foolbox, torchattacks and ART, if installed.")] = True,
) -> None:
    """Measure every attack against its own count of bare passes, and PGD against other libraries."""
    from facetui.engine.applications.benchmarks.speed import attacks as measure
    from facetui.engine.extractors import EXTRACTORS

    EXTRACTORS.entry(network)  # a name that does not exist is said before anything is printed

    busy = Busy()
    say(f"one run on {network}; floor: the same number of bare forward+backward passes, batch norm folded")
    say(f"seconds; median (lowest-highest) of {rounds}, both measured alternately")
    say(f"{'attack':<12} {'with':<10} {'passes':>6} {'wall':>20} {'floor':>20} {'wall/floor':>18}")
    for row in measure(network, device, seconds, rounds):
        wall, floor = row.wall.words(2), row.floor.words(2) if row.ratio else "-"
        ratio = row.ratio.words(2) if row.ratio else "-"
        line = f"{row.attack:<12} {row.settings:<10} {row.passes:>6} {wall:>20} {floor:>20} {ratio:>18}"
        say(line + busy.mark(row.load))
    if peers:
        _against_peers(network, device, rounds, busy)
    busy.say()


def _against_peers(network: str, device: str, rounds: int, busy: Busy) -> None:
    from facetui.engine.applications.benchmarks.load import Meter
    from facetui.engine.applications.benchmarks.peers import compare

    meter = Meter()
    say()
    say("the same PGD elsewhere: targeted, L-inf 8/255, 20 steps, cosine-to-centroids head, same photos and batches")
    say(f"{'library':<38} {'image-steps/s':>20} {'ours/theirs':>18} {'protection':>11} {'seconds':>18}")
    for peer in compare(network, device, rounds=rounds):
        if peer.rate is None or peer.seconds is None:
            say(f"{peer.library:<38} {peer.missing}")
            continue
        ratio, rate, seconds = peer.ratio.words(2) if peer.ratio else "-", peer.rate.words(), peer.seconds.words(2)
        say(f"{peer.library:<38} {rate:>20} {ratio:>18} {peer.protection:>11.0%} {seconds:>18}")
    busy.mark(meter.load())


class Busy:
    """Says of a machine that others use, too, that its figures are not its own: before, beside rows, and at the end."""

    def __init__(self) -> None:
        from facetui.engine.applications.benchmarks.load import busy_before

        self._worst, self._most = "", 0.0
        if before := busy_before():
            say(f"{before}: others compute here, too; what is measured now is too slow, and moves")

    def mark(self, load: Load) -> str:
        """What stands behind a row that was measured meanwhile: ``!`` where others took too much."""
        if not load.busy:
            return ""
        taken = (load.others or 0.0) + (load.stolen or 0.0)
        if taken >= self._most:
            self._most, self._worst = taken, str(load)
        return " !"

    def say(self) -> None:
        """What was wrong, in the end, if anything was."""
        if self._worst:
            say(f"! the machine was busy: {self._worst}; do not quote these figures, measure again when it is quiet")


@app.command()
def grid(
    rows: Annotated[
        str,
        typer.Option(
            "--attacks",
            autocompletion=shell.attack_list,
            help="Separated by commas; fawkes-0.3:mode=low, fawkes-1.0:share=0.5, lowkey@compact-a+compact-d.",
        ),
    ] = GRID,
    extractors: Annotated[
        str, typer.Option(autocompletion=shell.extractor_list, help="What the trainer uses, separated by commas.")
    ] = ("compact-a,compact-b,compact-c"),
    surrogates: Annotated[str, typer.Option(help="What attacks may use, separated by commas.")] = "compact-a",
    people: Annotated[str, typer.Option(help="'embedded', or a folder of folders.")] = "embedded",
    per_person: PerPersonOption = PER_PERSON,
    users: Annotated[str | None, typer.Option(help="Who protects their photos, separated by commas.")] = None,
    photos: Annotated[int, typer.Option(help="Posted by everybody.", min=1)] = 16,
    crowd: CrowdOption = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    no_cache: NoCacheOption = False,
) -> None:
    """Measure attacks by extractors: protection rates with their 95 % intervals."""
    from facetui.engine.applications.benchmarks import grid as grids
    from facetui.engine.core.cache import Cache, default_folder
    from facetui.engine.core.device import choose
    from facetui.engine.extractors.describing import describe
    from facetui.engine.people import identities as peoples
    from facetui.engine.people.persons import EMBEDDED

    chosen = [grids.Row.parse(text, comma_list(surrogates)) for text in comma_list(rows)]
    columns = comma_list(extractors)
    if not chosen or not columns:
        raise UsageError("expected at least one attack and one extractor")
    cache = Cache(None if no_cache else default_folder())
    source = people if people == EMBEDDED else str(Path(people).expanduser())
    how: dict[str, Any] = {"cache": cache, "describe": describe, "per_person": per_person}
    loaded = peoples.load(source, **how)
    everybody, tool = peoples.tool_faces(loaded)
    around = peoples.crowd(crowd, loaded, **how)
    say_left_out(loaded, around)
    width = max(len(line.words) for line in chosen) + 2
    first = True
    for line in grids.measure(
        chosen,
        columns,
        everybody,
        tool,
        users=[users] if users else None,
        photos=photos,
        crowd=around.persons if around else (),
        seed=seed,
        device=choose(device),
        cache=cache,
        emit=_tell,
    ):
        if first:
            cell = next(iter(line.cells.values()))
            say(f"protection rate and {cell.method}; {cell.n_probes} clean probes of {len(cell.people)} people,")
            say(f"{among(cell)}; {photos} photos posted by each; seed {seed}")
            say(f"{'attack':<{width}}" + "".join(f"{name:>22}" for name in columns))
            first = False
        for text in _measured(line, columns, width):
            say(text)


def _measured(line: Line, columns: Sequence[str], width: int) -> list[str]:
    """One attack against every extractor, and what is to be seen of it."""
    used, posted = f"against {', '.join(line.surrogates)}; " if line.surrogates else "", line.posted
    seen = f"L-inf {posted.linf * 255:.0f}/255, DSSIM {posted.dssim:.3f}; " if posted and posted.linf else ""
    others = max(cell.unprotected_error or 0.0 for cell in line.cells.values())
    return [
        f"{line.row.words:<{width}}" + "".join(f"{_cell(line.cells[name]):>22}" for name in columns),
        f"    {used}{seen}others misnamed {percent(others)}",
    ]


app.command()(paper)
app.command()(game)
app.command()(search)
app.command()(forecast)


@app.command()
def ui(
    columns: Annotated[int, typer.Option(help="Of the terminal.", min=40)] = 80,
    rows: Annotated[int, typer.Option(help="Of the terminal.", min=12)] = 24,
) -> None:
    """Measure the app in a pseudo-terminal: first frame, key to screen idle and under load, bytes over SSH."""
    if sys.platform == "win32":
        raise UsageError("facetui bench ui types into a pseudo-terminal of POSIX, which Windows lacks; run it in WSL")
    else:
        from facetui.tui.cli.machine.bench_screens import measure

        speed = measure(size=(columns, rows))
        say(f"first frame            facetui {1000 * speed.home:.0f} ms, facetui replay {1000 * speed.replay:.0f} ms")
        for name, (middle, most, longest) in (("idle", speed.idle), ("all processors busy", speed.loaded)):
            say(f"key to screen          {middle:.0f} ms, 95 % within {most:.0f} ms, longest {longest:.0f} ms; {name}")
        say(f"over SSH, playing x2   {speed.rate:.1f} kB a second, {speed.updates:.1f} updates a second")


@app.command()
def follow(
    followers: Annotated[int, typer.Option(help="Light ones, on this machine.", min=1)] = 200,
    seconds: Annotated[float, typer.Option(help="Of each phase.", min=2)] = 20.0,
    rounds: Annotated[int, typer.Option(help="Phases with followers, and as many without.", min=1)] = 3,
    votes: Annotated[bool, typer.Option("--votes", help="All of them vote, once in each phase.")] = False,
) -> None:
    """Measure followers of a computing engine: how far behind they are, what is lost, what it costs the engine."""
    from facetui.tui.cli.machine.bench_followers import measure

    cost = measure(followers, seconds, rounds, votes=votes)
    middle, most, worst = (1000 * delay for delay in cost.behind)
    say(f"{cost.followers} followers, {cost.lines:,} lines received, {cost.lost} lost, twice or out of order")
    say(f"behind the journal     median {middle:.0f} ms, 99 % within {most:.0f} ms, worst {worst:.0f} ms")
    phases = ", ".join(f"{a:.0f} and {f:.0f}" for a, f in zip(cost.alone, cost.followed, strict=True))
    say(f"engine slowed by       {100 * cost.slowed:.1f} % (image-steps a second alone and followed: {phases})")
    if votes:
        say(f"votes                  {cost.voted} sent and taken, {cost.counted} counted")
        say(f"a count with a vote    after {1000 * cost.shown[0]:.0f} ms (median), worst {1000 * cost.shown[1]:.0f} ms")
    say(f"memory of the server   {cost.server / 1e6:.0f} MB")


def _cell(event: ProtectionMeasured) -> str:
    low, high = event.interval or (0.0, 1.0)
    return f"{event.protection_rate:.2f} [{low:.2f}, {high:.2f}]"


def _tell(event: Event) -> None:
    """Where a long row stands, on a terminal only."""
    if isinstance(event, Progress) and sys.stderr.isatty():
        print(
            f"\r{event.task}: {event.done:,} of {event.total:,} {event.unit}, {event.rate:,.0f}/s ",
            end="",
            file=sys.stderr,
        )
        if event.done >= event.total:
            print("\r\033[K", end="", file=sys.stderr)
