"""``facetui bench paper`` and ``facetui results``: the paper's grid, measured and looked at."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facetui.engine.applications.benchmarks.cells import ANSWERS, Answer, Results
from facetui.engine.applications.sweep.folder import is_sweep
from facetui.engine.attacks import ATTACKS as REGISTERED
from facetui.engine.people import PER_PERSON
from facetui.engine.records import places
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import Event, Progress
from facetui.engine.records.rates import percent, percents
from facetui.tui.cli import shell_completion as shell
from facetui.tui.cli.options import CrowdOption, DeviceOption, NoCacheOption, PerPersonOption, SeedOption, comma_list
from facetui.tui.runs import labels
from facetui.tui.text.plain import say

if TYPE_CHECKING:
    from facetui.engine.people.persons import People

ATTACKS = "clean,fawkes-0.3,lowkey,fawkes-1.0,fawkes-0.3+fawkes-1.0"
ANSWERED = "nearest,linear,adapted,purified,combined"


def paper(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder of the results; what is there is not measured again.")
    ],
    cast: Annotated[
        str, typer.Option(help="Surrogates, extractors and training steps, where they are not said otherwise.")
    ] = "embedded",
    attacks: Annotated[
        str, typer.Option(autocompletion=shell.attack_list, help="Rows, as of bench grid; a+b: half and half.")
    ] = ATTACKS,
    extractors: Annotated[
        str | None, typer.Option(autocompletion=shell.extractor_list, help="Columns, separated by commas.")
    ] = None,
    surrogates: Annotated[
        str | None, typer.Option(autocompletion=shell.extractor_list, help="What tools attack.")
    ] = None,
    answers: Annotated[str, typer.Option(help=f"What trainers do: {', '.join(ANSWERS)}.")] = ANSWERED,
    people: Annotated[str, typer.Option(help="'embedded', or a folder of folders.")] = "embedded",
    per_person: PerPersonOption = PER_PERSON,
    users: Annotated[str | None, typer.Option(help="Who protects their photos, or how many.")] = None,
    photos: Annotated[int, typer.Option(help="Posted by everybody.", min=1)] = 8,
    crowd: CrowdOption = None,
    adapt_to: Annotated[
        str | None,
        typer.Option(autocompletion=shell.attack_list, help="Tools that trainers learn from; absent: the rows'."),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Of training, where a trainer adapts.", min=1)] = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    no_cache: NoCacheOption = False,
) -> None:
    """Measure the paper's grid: every tool, extractor and answer, each user asked alone; goes on where it stopped."""
    from facetui.engine.applications.benchmarks.cells import Store
    from facetui.engine.applications.benchmarks.grid import Row
    from facetui.engine.applications.benchmarks.paper import Plan, measure
    from facetui.engine.core.cache import Cache, default_folder
    from facetui.engine.core.device import choose
    from facetui.engine.extractors.describing import describe
    from facetui.engine.people import casts
    from facetui.engine.people import identities as peoples
    from facetui.engine.people.persons import EMBEDDED
    from facetui.engine.runs.environment import versions

    chosen = casts.load(cast)
    attacked = tuple(comma_list(surrogates)) if surrogates else chosen.surrogates
    columns = comma_list(extractors) if extractors else [g.extractor for g in chosen.generations]
    rows = [Row.parse(text, attacked) for text in comma_list(attacks)]
    if not rows or not columns:
        raise UsageError("expected at least one attack and one extractor")
    cache = Cache(None if no_cache else default_folder())
    how: dict[str, Any] = {"cache": cache, "describe": describe, "per_person": per_person}
    loaded = peoples.load(people if people == EMBEDDED else str(Path(people).expanduser()), **how)
    around = peoples.crowd(crowd, loaded, **how)
    say_left_out(loaded, around)
    everybody, tool = peoples.tool_faces(loaded)
    plan = Plan(
        rows=rows,
        extractors=columns,
        answers=_answers(answers),
        people=everybody,
        tool=tool,
        crowd=around,
        surrogates=attacked,
        users=comma_list(users) if users else None,
        photos=photos,
        training_steps=steps or chosen.training_steps,
        seed=seed,
        device=choose(device),
        cache=cache,
        versions=versions(),
        per_person=per_person,
        adapted_to=_known(adapt_to),
    )
    store = Store(out.expanduser(), plan.settings())
    wanted = len(rows) * len(columns) * len(plan.answers)
    done = set(store.results.cells)
    say(f"{wanted} cells, {len(done)} of them measured before; results in {places.short(out)}")
    for cell in measure(plan, done, _tell):
        store.add(cell)
        said = f"{percent(cell.rate)} ({percents(*cell.interval)})"
        say(f"{cell.attack}, {cell.extractor}, {cell.answer}: {said}; {cell.seconds:.0f} s")
    from facetui.tui.results.report import lines

    for line in lines(store.results):
        say(line)


def say_left_out(*read: People | None) -> None:
    """What of the folders of people was not used, a sentence a reason."""
    for sentence in [sentence for people in read if people for sentence in people.left_out]:
        say(f"Left out: {sentence}.", sys.stderr)


def _known(text: str | None) -> tuple[str, ...]:
    names = comma_list(text) if text else []
    for name in names:
        REGISTERED.entry(name)
    return tuple(names)


def _answers(text: str) -> list[Answer]:
    asked = comma_list(text)
    wrong = [name for name in asked if name not in ANSWERS]
    if wrong or not asked:
        raise UsageError(f"expected some of {', '.join(ANSWERS)}, got {', '.join(wrong) or 'nothing'}")
    return [answer for answer in ANSWERS if answer in asked]


def _tell(event: Event) -> None:
    """Where a long row stands, on a terminal only."""
    if isinstance(event, Progress) and sys.stderr.isatty():
        rate = f", {event.rate:,.0f}/s" if event.rate else ""
        print(f"\r{event.task}: {event.done:,} of {event.total:,} {event.unit}{rate} \033[K", end="", file=sys.stderr)
        if event.done >= event.total:
            print("\r\033[K", end="", file=sys.stderr)


def results(
    name: Annotated[
        str | None,
        typer.Argument(
            autocompletion=shell.runs,
            help="A folder that bench paper or a sweep made, or a run; absent: those that come along.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="FILE.html, .md, .svg, .png, .csv, .json or .parquet.")
    ] = None,
    users: Annotated[str | None, typer.Option(help="Only these protected people, separated by commas.")] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Lines, also on a terminal.")] = False,
    by_seed: Annotated[
        bool, typer.Option("--by-seed", help="Of a sweep, in a table: each seed for itself, not all together.")
    ] = False,
) -> None:
    """Look at a grid of results: what survives, cell by cell; or write it to a file."""
    on_screen = not plain and out is None and sys.stdout.isatty() and sys.stdin.isatty()
    if name is not None and is_sweep(places.expanded(Path(name))):
        if users:
            raise UsageError("--users chooses among the people of one grid; a sweep has several, leave it out")
        _of_sweep(places.expanded(Path(name)), out, by_seed, on_screen)
        return
    if by_seed:
        raise UsageError("--by-seed is for the folder of a sweep; leave it out")
    found = _load(name)
    if users:
        found = found.only(comma_list(users))
    if out is not None:
        from facetui.tui.results.report import TITLE, write

        write(found, places.expanded(out), TITLE)
        say(f"wrote {places.short(places.expanded(out))}")
        return
    if on_screen:
        from facetui.tui.results.browse import Browser

        Browser(found).run()
        return
    from facetui.tui.results.report import about, lines, survives, survivors

    say(about(found))
    for cell in survivors(found):
        say(survives(found, cell))
    say()
    for line in lines(found):
        say(line)


def _of_sweep(folder: Path, out: Path | None, by_seed: bool, on_screen: bool) -> None:
    from facetui.engine.applications.sweep.folder import Folder
    from facetui.engine.applications.sweep.results import read
    from facetui.tui.results import sweep

    found = read(Folder(folder))
    if out is not None:
        sweep.write(found, places.expanded(out), by_seed=by_seed)
        say(f"wrote {places.short(places.expanded(out))}")
    elif on_screen:
        sweep.SweepBrowser(found).run()
    else:
        for line in sweep.lines(found):
            say(line)


def _load(name: str | None) -> Results:
    from facetui.engine.applications.benchmarks import cells
    from facetui.engine.applications.benchmarks.from_run import results_of
    from facetui.engine.records import journal
    from facetui.tui.cli.runs.watch import unpacked

    if name is None:
        return cells.shipped()
    folder = places.expanded(Path(name))
    if (folder / cells.FILE).is_file():
        return cells.read(folder)
    with unpacked(name) as packed:
        run = packed or labels.find(name)
        return results_of(journal.read(run), run.name)


def game(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(help="That bench paper made: parts of a grid, seeds; absent: the results that come along."),
    ] = None,
    lag: Annotated[int, typer.Option(help="Months until a trainer has learnt from a tool.", min=0)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Every figure, for programs.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Lines, also on a terminal.")] = False,
) -> None:
    """The arms race as a game: who survives whom, and what waiting is worth to the trainer."""
    from facetui.engine.applications.benchmarks.cells import read, shipped
    from facetui.engine.applications.game.matrix import matrix
    from facetui.tui.results import game as words

    grids = [read(places.expanded(folder)) for folder in folders or ()] or [shipped()]
    found = matrix(grids, lag)
    if as_json:
        print(words.as_json(found))
        return
    if not plain and sys.stdout.isatty() and sys.stdin.isatty():
        from facetui.tui.results.game_screen import GameBrowser

        GameBrowser(found).run()
        return
    for line in words.lines(found):
        say(line)
