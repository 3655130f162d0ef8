"""A page from the boards of many tools: what survives comes first, then every tool by every trainer."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from facetui.engine.applications.board.record import KINDS, Board, Figure, differences
from facetui.engine.records.measurements import HALF
from facetui.engine.records.rates import METHOD, percent, percents
from facetui.engine.records.text import brief
from facetui.tui.sharing.reports import document
from facetui.tui.sharing.reports.document import Block, Code, Heading, Items, Sentence, Table

TITLE = "Which cloaking tools survive which trainers"
LEAK = "a tenth clean"
TRAINERS = (
    "naive: stands still, the first extractor of the cast",
    "newer: waited for a newer extractor",
    "other: an extractor that protection tools themselves attack",
    "adapted: learnt from public tools, run on other people's photos; it does not know the tool on trial",
    "purified: cleans every photo before it looks",
    "detected: throws away photos that look perturbed; who has none left cannot name anybody, and knows that they hide",
    f"{LEAK}: a tenth of the photos is out there clean, too, for trainers as released",
    "no tool: who is named where all photos are clean; a trainer who misses many there does not know people anyway",
)
NAME = 120
"""Characters of a foreign name in a sentence."""


def html(boards: Sequence[Board]) -> str:
    """One self-contained page; all text in boards is foreign and becomes no markup."""
    return document.html(TITLE, blocks(boards))


def markdown(boards: Sequence[Board]) -> str:
    """The same as Markdown."""
    return document.markdown(blocks(boards))


def in_order(boards: Sequence[Board]) -> list[Board]:
    """What holds best against the trainer that is best against it comes first; what was not measured, last."""

    def worst(board: Board) -> tuple[float, float]:
        best = board.best()
        return (-best.rate, -best.interval[0]) if best else (1.0, 1.0)

    return sorted(boards, key=worst)


def blocks(boards: Sequence[Board]) -> list[Block]:
    """The page; at least one board."""
    ordered = in_order(boards)
    alive = [text for board in ordered for text in survives(board)]
    nothing = "No tool here survives a trainer: against each, no interval lies above a half."
    made: list[Block] = [Heading(TITLE, 1), Sentence(about(ordered[0]), "soft")]
    made += [Sentence(text, "lead") for text in _apart(ordered)]
    made.append(Heading("What survives"))
    made.append(Items(alive) if alive else Sentence(nothing, "lead"))
    made += [Heading("Tools by trainers"), _rates(ordered), Items(TRAINERS)]
    made += [Heading("What it takes, and what one sees"), _facts(ordered)]
    failed = [text for board in ordered for text in _failed(board)]
    if failed:
        made += [Heading("Where a tool failed"), Items(failed)]
    for board in ordered:
        made += _tool(board)
    return [*made, Heading("How this was measured"), Items(list(_how()))]


def about(board: Board) -> str:
    """Who was asked, among whom."""
    s = board.settings
    kind = "people who do not exist" if s.fictional else "people"
    return (
        f"{s.n_people} {kind} ({_name(s.people)}), drawn by seed {s.seed}, each give {s.photos} photos of {s.size} "
        f"pixels to a tool. A trainer enrols what it made of them, among {s.n_crowd} other people, and is asked for "
        f"each alone, with other, clean photos. Per cent of them not named; 95 % intervals ({METHOD}). Cast "
        f"{_name(s.cast)}, tools that trainers learn from at {_name(s.strength)} strength."
    )


def _name(foreign: str) -> str:
    return brief(foreign, NAME)


def _apart(boards: Sequence[Board]) -> Iterator[str]:
    """Boards that were measured otherwise than the first."""
    for board in boards[1:]:
        other = differences(boards[0], board)
        if other:
            yield (
                f"{_name(board.tool)} was measured with other {', '.join(other)} than {_name(boards[0].tool)}: their "
                "figures cannot be compared."
            )


def survives(board: Board) -> list[str]:
    """What a tool survives, in one sentence: trainers who know people from clean photos, and do not name them.

    Who throws photos away is left out: that one names nobody by it, and knows that they hide.
    """
    figures = [f for f in board.figures() if f.trainer != "detected" and f.clean_interval[1] < HALF]
    held = [figure for figure in figures if figure.interval[0] > HALF]
    if not held:
        return []
    every = f"every trainer here ({len(held)})" if len(held) == len(figures) else f"{len(held)} of {len(figures)}"
    said = ", ".join(f"{f.trainer} {_name(f.extractor)} {_rate(f.rate, f.interval)}" for f in held)
    return [f"{_name(board.tool)} survives {every}: {said}"]


def _rate(rate: float, interval: tuple[float, float]) -> str:
    return f"{percent(rate)} ({percents(*interval)})"


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return "not measured"
    return f"{percent(figure.rate)}\n{percents(*figure.interval)}"


def _leaked(figure: Figure | None) -> str:
    if figure is None:
        return "not measured"
    return f"{percent(figure.leaked_rate)}\n{percents(*figure.leaked_interval)}"


def _rates(boards: Sequence[Board]) -> Table:
    rows = []
    for board in boards:
        worst = board.best()
        first = f"{percent(worst.rate)}\n{percents(*worst.interval)}, {worst.trainer}" if worst else "not measured"
        kinds = [_cell(board.best((kind,))) for kind in KINDS]
        rows.append([_name(board.tool), first, *kinds, _leaked(board.retroactive())])
    rows.append(["no tool", *_clean(boards[0])])
    caption = "Clean photos not named, by the extractor of each kind that names most of them."
    return Table(caption, ["tool", "at worst", *KINDS, LEAK], rows)


def _clean(board: Board) -> Iterator[str]:
    """The same while clean photos are enrolled, by the same extractors as in the first row."""
    for figure in [board.best(), *(board.best((kind,)) for kind in KINDS), board.retroactive()]:
        yield f"{percent(figure.clean_rate)}\n{percents(*figure.clean_interval)}" if figure else "not measured"


def _facts(boards: Sequence[Board]) -> Table:
    head = ["tool", "people", "probes", "faces hidden", "largest change", "DSSIM", "seconds a photo", "command"]
    rows = []
    for board in boards:
        hidden, photos = board.hidden
        best, seconds = board.best(), board.seconds_a_photo
        rows.append(
            [
                _name(board.tool),
                f"{len(board.measured)} of {len(board.persons)}",
                str(sum(best.probes)) if best else "0",
                f"{hidden} of {photos} photos",
                f"{board.linf:.0f}/255" if board.linf is not None else "not measured",
                f"{board.dssim:.4f}" if board.dssim is not None else "not measured",
                f"{seconds:.2f}" if seconds is not None else "not measured",
                "its own program" if board.command else "facetui protect",
            ]
        )
    caption = "Largest change: L-inf in the region of the face. DSSIM: mean over photos, 0 for no change."
    return Table(caption, head, rows)


def _failed(board: Board) -> Iterator[str]:
    for person in board.persons:
        if person.state != "measured":
            yield f"{_name(board.tool)}, {_name(person.name)}: {brief(person.why, 400)}"


def _tool(board: Board) -> Iterator[Block]:
    yield Heading(_name(board.tool))
    if board.command:
        yield Sentence("The command as it was given" + (", read by a shell:" if board.shell else ":"))
        yield Code(board.command)
    else:
        yield Sentence("An attack of this package" + (f": {brief(board.about, 400)}." if board.about else "."))
        yield Code(repeat(board))
    yield Table(
        "Clean photos not named, while what the tool made is enrolled, a tenth of it clean, and all of it clean.",
        ["trainer", "extractor", "the tool's photos", LEAK, "all clean", "people", "probes"],
        [
            [
                f.trainer,
                _name(f.extractor) + _detail(f),
                f"{percent(f.rate)}\n{percents(*f.interval)}",
                f"{percent(f.leaked_rate)}\n{percents(*f.leaked_interval)}",
                f"{percent(f.clean_rate)}\n{percents(*f.clean_interval)}",
                str(len(f.cells)),
                str(sum(f.probes)),
            ]
            for f in board.figures()
        ],
    )
    left_out = [f"{_name(person.name)}: {brief(text)}" for person in board.persons for text in person.left_out]
    if left_out:
        yield Sentence("Photos that took no part:")
        yield Items(left_out)
    weights, versions = board.settings.weights.items(), board.versions.items()
    facts = [
        ["weights, SHA-256 begins", ", ".join(f"{_name(name)} {_name(digest)}" for name, digest in weights)],
        ["versions", ", ".join(f"{_name(name)} {_name(version)}" for name, version in versions)],
        ["device", _name(board.device)],
    ]
    yield Table("", ["", ""], facts)


def _detail(figure: Figure) -> str:
    """What a trainer does besides, where it is the same for everybody."""
    said = {cell.detail for cell in figure.cells}
    return f"\n{_name(said.pop())}" if len(said) == 1 and said != {""} else ""


def repeat(board: Board) -> str:
    """The command that measures an attack of this package again."""
    s = board.settings
    parts = ["facetui", "board", _name(board.tool), "--people-count", str(s.n_people), "--photos", str(s.photos)]
    parts += ["--size", str(s.size), "--cast", _name(s.cast), "--strength", _name(s.strength), "--seed", str(s.seed)]
    return shlex.join(parts)


def _how() -> Iterator[str]:
    yield (
        "Of each kind of trainer that extractor counts which names most of these very photos: a trainer who has to "
        "choose before does not do better."
    )
    yield (
        "A tool survives a trainer whose interval lies above a half, and who names more than half of the photos where "
        "nobody protects any."
    )
    yield "No trainer knows the tool on trial; one who has it does better. No test shows that a future model will fail."
    yield (
        "The people do not exist, and their photos are one face each, enlarged, with its edge going on around it. What "
        "a tool does to photos of real people may be more, or less."
    )
    yield (
        "A face that is not found any more takes no part in the rates; a trainer with another detector may find it. "
        "Seconds include the start of the program, on the machine on which the board was measured."
    )


def lines(board: Board) -> Iterator[str]:
    """One tool as lines of text; the worst case last, where the eye rests."""
    yield f"{_name(board.tool)}: clean photos not named, 95 % intervals over {len(board.measured)} people"
    figures = board.figures()
    wide = max([len("extractor"), *(len(_name(f.extractor)) for f in figures)])
    if figures:
        yield f"{'trainer':<9} {'extractor':<{wide}} {'the tool':>16} {LEAK:>14} {'all clean':>10}"
    for f in figures:
        rate = f"{percent(f.rate)} {percents(*f.interval).removesuffix(' %')}"
        name = _name(f.extractor)
        yield f"{f.trainer:<9} {name:<{wide}} {rate:>16} {percent(f.leaked_rate):>14} {percent(f.clean_rate):>10}"
    hidden, photos = board.hidden
    if hidden:
        yield f"faces not found any more: {hidden} of {photos} photos"
    if board.linf is not None:
        dssim = f", DSSIM {board.dssim:.4f}" if board.dssim is not None else ""
        yield f"changed by at most {board.linf:.0f}/255{dssim}; {board.seconds_a_photo or 0:.2f} seconds a photo"
    worst = board.best()
    if worst:
        yield f"at worst {_rate(worst.rate, worst.interval)}: {worst.trainer} {_name(worst.extractor)}"
    else:
        yield "nothing could be measured"
