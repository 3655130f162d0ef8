"""The timeline: beside the chart faces at 120x40, below it the table at 160x50; alone at 80x24; words at 40x12."""

from __future__ import annotations

from facetui.engine.records.events import WHOLE_ARCHIVE, Event, RunEnded, RunFailed
from facetui.engine.records.rates import percent
from facetui.engine.records.text import clean
from facetui.tui.figures import axis, chart, lanes
from facetui.tui.figures.photos import Looks, Placed
from facetui.tui.figures.reading import lines_of, reading
from facetui.tui.screens import beside, cohorts
from facetui.tui.state.app_state import Stage
from facetui.tui.state.branching import as_it_was
from facetui.tui.text.sentences import MARKS, brief, live, unit, words
from facetui.tui.text.spans import Line, box, cells, cut, fit, pad, side_by_side, whole_words, wrap

WIDE, TALL = 110, 30
VAST, HIGH = 150, 44
NARROW, LOW = 64, 16
SPARK = 6
"""Columns of the smallest sparkline."""
CODE = 44
"""Columns from which on the story's text stands there: in fewer it is cut off, and newcomers read that instead."""


NEXT: list[Line] = [
    [
        (" 2", "key @key:view('cohorts')"),
        (" every model  ", "dim"),
        ("3", "key @key:view('faces')"),
        (" the faces", "dim"),
    ],
    [(" e", "key @key:export"), (" keep it  ", "dim"), ("0", "key @key:view('home')"), (" another story", "dim")],
]
"""What one may want once a story is over."""


def paint(stage: Stage, width: int, height: int, looks: Looks) -> list[Line]:
    """The page, exactly ``width`` by ``height``; without header and footer."""
    if stage.now.began is None:
        return pad(_nothing(stage, width, height), width, height)
    if width < NARROW or height < LOW:
        return pad(_small(stage, width, height), width, height)
    if width >= WIDE and height >= TALL:
        return _wide(stage, width, height, looks)
    return pad(_medium(stage, width, height), width, height)


def _nothing(stage: Stage, width: int, height: int) -> list[Line]:
    if stage.run.problem:
        return [
            [],
            [(" the run stopped", "bad bold")],
            *([(" " + t, "")] for t in wrap(stage.run.problem, width - 2, 8)),
        ]
    what = stage.run.waiting or "no run is open: press 0 and choose a story"
    if stage.run.waiting and stage.clock >= 1:
        what += f" ({stage.clock:.0f} s)"
    return [[], *([(f" {text}", "dim")] for text in wrap(what, width - 2, 4))]


def title(stage: Stage, width: int) -> str:
    """What the chart shows, and what its band is, in as many words as there is room for."""
    model = "the model that its own test picks" if stage.kept else "the model in use"
    short = "picked model" if stage.kept else "model in use"
    sayings = (
        f"↑ hidden: new, unchanged photos that the trainer cannot name with {model}; ░ uncertain",
        f"↑ hidden: clean photos the trainer cannot name ({short}); ░ uncertain",
        f"↑ hidden from the trainer ({short}); ░ uncertain",
    )
    return next((saying for saying in sayings if len(saying) <= width), sayings[-1])


def _told(stage: Stage, width: int, rows: int) -> list[Line]:
    """What the audience is told, or what stands under the chart's cursor; at least two lines, whole if they fit."""
    slot, names = stage.selection.slot, lines_of(stage.now)
    if slot is not None and names:
        text = reading(stage.now, slot, names[stage.selection.line % len(names)], kept=stage.kept)
        said: list[Line] = [[(f" {part}", "lit")] for part in wrap(f"◉ {text}", width - 2, rows)]
    else:
        said = [[(f" {part}", "caption")] for part in wrap(stage.now.caption, width - 2, rows)]
    return said + [[] for _ in range(2 - len(said))]


def _turn(stage: Stage) -> Line:
    """Whose move it is."""
    now = stage.now
    event: Event | None = now.progress or now.move
    if isinstance(now.ended, RunEnded) and stage.run.recorded:
        again = f"; live: {live(now.began)}" if now.began else ""
        return [("· the story is over; ", "bold"), (f"recorded {stage.run.recorded}{again}", "")]
    if isinstance(now.ended, RunEnded) and stage.run.against:
        return [("· what if, all it kept: ", "bold"), (stage.run.against, "")]
    if isinstance(now.ended, RunEnded):
        return [("· the story is over: ", "bold"), (words(now.ended), "")]
    if isinstance(now.ended, RunFailed):
        if now.ended.stopped:
            return [("■ its user stopped the run: ", "bold"), (words(now.ended), "")]
        return [("× the run failed: ", "bad bold"), (words(now.ended), "")]
    if now.room is not None and now.room.answered is None:
        return [("? the room ", "bold"), ("is asked", "")]
    if event is None:
        return [("· the lab ", "bold"), ("is made ready", "")]
    what = clean(now.progress.task) if now.progress else brief(event)
    return [(f"{MARKS[event.actor]} {event.actor} ", f"{event.actor} bold"), (what, "")]


def _bar(stage: Stage, width: int) -> Line:
    """Progress of the task at hand: a bar, a share in figures, and time left."""
    task = stage.now.progress
    if task is None or not task.total:
        return []
    share = min(1.0, task.done / task.total)
    left = f" {(task.total - task.done) / task.rate:,.0f} s left" if task.rate else ""
    figures = f" {share:4.0%}{left}"
    room = max(4, width - len(figures))
    full = round(share * room)
    return [("█" * full, "bar"), ("░" * (room - full), "barback"), (figures, "")]


def _figures(stage: Stage) -> list[str]:
    """What computes, and with what."""
    now, lines = stage.now, []
    if now.progress:
        task = now.progress
        rate = f", {task.rate:,.0f} a second" if task.rate else ""
        lines.append(f"{task.done:,} of {task.total:,} {clean(unit(task))}{rate}")
    memory = f", memory {stage.run.memory / 1e9:.1f} GB" if stage.run.memory else ""
    if isinstance(now.ended, RunEnded) and now.ended.peak_memory:
        memory = f", memory at most {now.ended.peak_memory / 1e9:.1f} GB"
    device = clean(now.began.device) if now.began else ""
    lines.append(f"device {device}{memory}")
    return lines


def _plot(stage: Stage, width: int, height: int, room: int) -> list[Line]:
    geo = axis.geometry(stage.now, stage.known, width - lanes.GUTTER - room, spare=stage.spare, glide=stage.glide())
    rows = lanes.lanes(stage.now, stage.known, geo, room, tall=height >= 24)
    names, slot = lines_of(stage.now), stage.selection.slot
    at = (slot, names[stage.selection.line % len(names)]) if names and slot is not None else None
    was = as_it_was(stage.now, stage.base, kept=stage.kept)
    look = chart.Look(stage.kept, stage.fall if stage.motion else 1.0, at, was)
    return [*chart.draw(stage.now, stage.known, geo, height - len(rows), room, look), *rows]


def _medium(stage: Stage, width: int, height: int) -> list[Line]:
    said = _told(stage, width, max(2, height - 14))
    room = 23 if width >= 76 else 18
    plot = _plot(stage, width, height - 2 - len(said), room)
    (mark, role), (what, its) = _turn(stage)
    status: Line = [(" ", ""), (mark, role), (whole_words(what, width - 2 - cells(mark)), its)]
    bar = _bar(stage, 30)
    if bar:
        doing = whole_words(what, width - 34 - cells(mark))
        status = [*fit([(" ", ""), (mark, role), (doing, "")], width - 32), (" ", ""), *bar]
    return [[(f" {title(stage, width - 2)}", "dim")], *plot, *said, status]


def _sides(width: int, height: int) -> tuple[int, int, int]:
    """How wide the right side is, how high its frame of faces, and the table below the chart (0: there is none)."""
    side = 46 if width >= VAST else 38
    return side, side // 2 + 1, 13 if width >= VAST and height >= HIGH else 0


def _wide(stage: Stage, width: int, height: int, looks: Looks) -> list[Line]:
    side, tall, low = _sides(width, height)
    main = width - side
    said = _told(stage, width, 5)
    rest = height - len(said)
    plot = _plot(stage, main - 2, rest - low - 2, 25)
    left = box(title(stage, main - 6), plot, main, rest - low)
    if low:
        left += box("table", cohorts.paint(stage, main - 2, low - 2), main, low)
    right = [
        *box(beside.title(stage), beside.face(stage, side - 2, tall - 2, looks), side, tall),
        *box("now", _now(stage, side - 2, rest - tall - 2), side, rest - tall),
    ]
    return [*side_by_side(left, right), *pad(said, width, len(said))]


def placed(stage: Stage, width: int, height: int) -> list[Placed]:
    """The pictures beside the chart; empty where there is no room for them."""
    if stage.now.began is None or width < WIDE or height < TALL:
        return []
    side, tall, _ = _sides(width, height)
    return beside.moved(beside.faces_placed(stage, side - 2, tall - 2), width - side + 1, 1)


def _now(stage: Stage, width: int, height: int) -> list[Line]:
    """What is being done, who is hidden now, what one may press at the end; or the story's text, where it is read."""
    lines = [*_doing(stage, width), *beside.rehearsal(stage)]
    if stage.now.progress or width < CODE or stage.now.ended is not None:
        blocks = [beside.standing(stage.now, width, height - len(lines), kept=stage.kept)]
        if isinstance(stage.now.ended, RunEnded):  # what computed it matters less by then
            figures = _told_figures(stage, width)
            lines, blocks = lines[: len(lines) - len(figures)], [*blocks, NEXT, figures]
        for block in blocks:
            if block and len(lines) + len(block) <= height:
                apart = len(lines) + len(block) < height
                lines += [*([[]] if apart and block is blocks[0] else []), *block]
    source = height - len(lines) - 1
    if source < 4 or stage.now.progress or width < CODE:
        return lines
    return [*lines, [], *_source(stage, width, source)]


def _doing(stage: Stage, width: int) -> list[Line]:
    """Whose move it is, how far it has come, and with what."""
    (mark, role), (what, _) = _turn(stage)
    lines: list[Line] = [[(f" {mark}", role)]]
    lines += [[(f"   {text}", "")] for text in wrap(what, width - 4, 4)]
    bar = _bar(stage, width - 2)
    if bar:
        lines.append([(" ", ""), *bar])
    return [*lines, *_told_figures(stage, width)]


def _told_figures(stage: Stage, width: int) -> list[Line]:
    return [[(f" {text}", "dim")] for figure in _figures(stage) for text in wrap(figure, width - 2, 2)]


def _source(stage: Stage, width: int, rows: int) -> list[Line]:
    """The scenario around its running line, which is marked and lit."""
    text = stage.now.began.source.expandtabs(4).splitlines() if stage.now.began else []
    running = stage.now.line or 0
    begin = max(0, min(running - 1 - rows // 2, len(text) - rows))
    lines: list[Line] = []
    for number, line in enumerate(text[begin : begin + rows], start=begin + 1):
        code = cut(line.removeprefix("    "), width - 6)
        if number == running:
            lines.append(fit([(f"▸{number:>3} {code}", "lit")], width, "lit"))
        else:
            lines.append([(f" {number:>3} ", "dim"), (code, "code")])
    return lines


def _small(stage: Stage, width: int, height: int) -> list[Line]:
    """The last measurement as a number with a sparkline, the last move's words, the caption whole, what is done."""
    now, points = stage.now, stage.now.curves.get(WHOLE_ARCHIVE, [])
    moved = lanes.newest(now)
    lines: list[Line] = []
    if points:
        figure = f" {percent(points[-1].value(stage.kept))} hidden "
        room = width - len(figure) - 1
        beside = [("  ", ""), moved] if moved and room - cells(moved[0]) - 2 >= SPARK else []
        room -= sum(cells(text) for text, _ in beside)
        lines.append([(figure, "bold"), (chart.sparkline(now, room, kept=stage.kept), "whole"), *beside])
        moved = None if beside else moved
    if moved:
        lines += [[(f" {part}", moved[1])] for part in wrap(moved[0], width - 2, 3)]
    said = wrap(now.caption, width - 2, height - len(lines))
    lines += [[(f" {text}", "caption")] for text in said]
    if len(lines) + 2 <= height:
        lines.append([])
        room = height - len(lines)
        if bar := _bar(stage, width - 2):
            lines.append([(" ", ""), *bar])
        else:
            (mark, role), (what, _) = _turn(stage)
            told = wrap(f"{mark}{what}", width - 2, room)
            lines += [[(f" {text}", role if not row else "")] for row, text in enumerate(told)]
    return lines
