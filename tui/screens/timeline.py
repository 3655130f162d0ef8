"""The timeline at three sizes: wide with source and side panel, 80x24 without, and a few sentences at 40x12."""

from __future__ import annotations

from facetui.engine.records.events import Event, RunEnded, RunFailed
from facetui.engine.records.rates import percent
from facetui.engine.records.text import clean
from facetui.tui.figures import axis, chart
from facetui.tui.state.app_state import Stage
from facetui.tui.state.snapshot import Scene
from facetui.tui.text.sentences import MARKS, words
from facetui.tui.text.spans import Line, box, cut, fit, pad, side_by_side, wrap

WIDE, TALL = 110, 30
NARROW, LOW = 64, 16


def paint(stage: Stage, width: int, height: int) -> list[Line]:
    """The page, exactly ``width`` by ``height``; without header and footer."""
    if stage.now.began is None:
        return pad(_nothing(stage, width, height), width, height)
    if width < NARROW or height < LOW:
        return pad(_small(stage, width, height), width, height)
    if width >= WIDE and height >= TALL:
        return _wide(stage, width, height)
    return pad(_medium(stage, width, height), width, height)


def _nothing(stage: Stage, width: int, height: int) -> list[Line]:
    if stage.run.problem:
        return [
            [],
            [(" the run stopped", "bad bold")],
            *([(" " + t, "")] for t in wrap(stage.run.problem, width - 2, 8)),
        ]
    what = stage.run.waiting or "no run is open: press 0 and choose a story"
    return [[], *([(f" {text}", "dim")] for text in wrap(what, width - 2, 4))]


def title(stage: Stage) -> str:
    """What the chart shows."""
    model = "with the model its own test picks" if stage.kept else "with the model in use"
    return f"clean photos of protected people not named ({model})"


def caption(now: Scene) -> str:
    """What the audience is told: the story's note, else words about the move."""
    if isinstance(now.ended, RunFailed):
        return words(now.ended)
    if now.note is not None:
        return words(now.note)
    return words(now.move) if now.move is not None else (words(now.began) if now.began else "")


def _turn(stage: Stage) -> Line:
    """Whose move it is."""
    now = stage.now
    event: Event | None = now.progress or now.move
    if isinstance(now.ended, RunEnded) and stage.run.recorded:
        live = f"facetui run {clean(now.began.scenario) if now.began else ''}"
        return [(f"· a recording of {stage.run.recorded}; run it live: ", "bold"), (live, "")]
    if isinstance(now.ended, RunEnded):
        return [("· the story is over: ", "bold"), (words(now.ended), "")]
    if isinstance(now.ended, RunFailed):
        if now.ended.stopped:
            return [("■ its user stopped the run: ", "bold"), (words(now.ended), "")]
        return [("× the run failed: ", "bad bold"), (words(now.ended), "")]
    if event is None:
        return [("· the lab ", "bold"), ("is made ready", "")]
    what = clean(now.progress.task) if now.progress else words(event)
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
        lines.append(f"{task.done:,} of {task.total:,} {clean(task.unit)}{rate}")
    memory = f", memory {stage.run.memory / 1e9:.1f} GB" if stage.run.memory else ""
    if isinstance(now.ended, RunEnded) and now.ended.peak_memory:
        memory = f", memory at most {now.ended.peak_memory / 1e9:.1f} GB"
    device = clean(now.began.device) if now.began else ""
    lines.append(f"device {device}{memory}")
    return lines


def _plot(stage: Stage, width: int, height: int, room: int, *, everybody: bool) -> list[Line]:
    geo = axis.geometry(stage.now, stage.known, width - chart.GUTTER - room, spare=stage.spare, glide=stage.glide())
    rows = chart.lanes(stage.now, stage.known, geo, room, everybody=everybody)
    return [*chart.draw(stage.now, stage.known, geo, height - len(rows), room, kept=stage.kept), *rows]


def _medium(stage: Stage, width: int, height: int) -> list[Line]:
    said: list[Line] = [[(f" {text}", "caption")] for text in wrap(caption(stage.now), width - 2, max(2, height - 14))]
    said += [[] for _ in range(2 - len(said))]
    room = 23 if width >= 76 else 18
    plot = _plot(stage, width, height - 2 - len(said), room, everybody=False)
    status: Line = [(" ", ""), *_turn(stage)]
    bar = _bar(stage, 30)
    if bar:
        status = [*fit(status, width - 32), (" ", ""), *bar]
    return [[(f" {title(stage)}", "dim")], *plot, *said, status]


def _wide(stage: Stage, width: int, height: int) -> list[Line]:
    side = max(30, min(52, width // 4 + 2))
    main = width - side
    said: list[Line] = [[(f" {text}", "caption")] for text in wrap(caption(stage.now), width - 2, 5)]
    said += [[] for _ in range(2 - len(said))]
    plot = _plot(stage, main - 2, height - len(said) - 2, 25, everybody=True)
    left = box(title(stage), plot, main, height - len(said))
    low = 11
    name = f"{clean(stage.now.began.scenario)}.py" if stage.now.began else ""
    rest = height - len(said) - low
    source = box(name, _source(stage, side - 2, rest - 2), side, rest)
    here = box("now", _now(stage, side - 2), side, low)
    return [*side_by_side(left, [*source, *here]), *pad(said, width, len(said))]


def _now(stage: Stage, width: int) -> list[Line]:
    (mark, role), (what, _) = _turn(stage)
    lines: list[Line] = [[(f" {mark}", role)]]
    lines += [[(f"   {text}", "")] for text in wrap(what, width - 4, 4)]
    bar = _bar(stage, width - 2)
    if bar:
        lines.append([(" ", ""), *bar])
    return [*lines, *([(f" {text}", "dim")] for figure in _figures(stage) for text in wrap(figure, width - 2, 2))]


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
    """The last measurement as a sentence, the progress line, a sparkline."""
    now, whole = stage.now, stage.now.whole
    lines: list[Line] = []
    if whole is None:
        sentence = caption(now)
    else:
        rate = whole.protection_rate
        if stage.kept and whole.best_protection_rate is not None:
            rate = whole.best_protection_rate
        model = f"With {whole.best_generation}, which its own test picks" if stage.kept else f"With {whole.generation}"
        sentence = f"{model}, the trainer fails to name {percent(rate)} of the protected people's clean photos."
    lines += [[(f" {text}", "bold")] for text in wrap(sentence, width - 2, max(2, height - 5))]
    lines.append([])
    lines.append([(" ", ""), *_turn(stage)])
    lines.append([(" ", ""), *(_bar(stage, width - 2) or [(cut(caption(now), width - 2), "dim")])])
    spark = chart.sparkline(now, width - 8, kept=stage.kept)
    if spark:
        lines += [
            [],
            [(f" {spark}", "whole"), (f" {percent(now.curves['whole archive'][-1].value(stage.kept))}", "bold")],
        ]
    return lines
