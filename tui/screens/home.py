"""The home screen: stories to run, runs to see again, what the chosen one shows, and what this machine has."""

from __future__ import annotations

from facetui.engine.records.text import clean
from facetui.tui.runs.recent import DEMO, Recent, Story, comparable
from facetui.tui.state.app_state import Stage
from facetui.tui.text.spans import Line, box, cells, fit, left, pad, side_by_side, whole_words, wrap

SIGNS = {"running": "●", "finished": "■", "stopped": "■", "failed": "×", "killed": "×", "damaged": "×", "empty": "·"}
PROMISE = "Poisoned photos do not hide people from facial recognition for long: watch."
OWN_FACES = (
    "Your own faces: facetui run STORY --people DIR, one folder of photos a person; nothing leaves this machine."
)

WIDE, PANE, UNDER = 110, 44, 2
"""From so many columns on, what is chosen is described beside the list, in so many; else in so many rows below."""

ROOM_FOR_DATES = 79
"""Columns from which on a run's date and time stand beside its name and state."""

SOME = 3
"""Runs that are shown at least, if there are so many."""

LEAST = 6
"""Stories that are listed at least before a list of its own follows the cursor through all there is."""

FEW = 2
"""The same where rows are few."""


def took(seconds: float | None) -> str:
    """``82 s``, ``3 min``; empty when it was never measured."""
    if seconds is None:
        return ""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def paint(stage: Stage, width: int, height: int) -> list[Line]:
    """The page, exactly ``width`` by ``height``."""
    if width < WIDE:
        return _list(stage, width, height, UNDER if height >= 20 else 0)
    wide = width - PANE
    return side_by_side(_list(stage, wide, height, 0), box("shows", _about(stage, PANE - 2), PANE, height))


def _list(stage: Stage, width: int, height: int, described: int) -> list[Line]:
    """Stories and runs, and the chosen one in so many rows."""
    roomy = height >= 26
    stories = stage.listed_stories
    lines: list[Line] = [[]] if roomy else []
    promise = wrap(PROMISE, width - 2, 2) if roomy else [whole_words(PROMISE, width - 2)]
    lines += [[(f" {text}", "caption")] for text in promise]
    lines += [[], [(" stories", "title"), ("   enter runs one", "dim")]] if roomy else [[(" stories", "title")]]
    lines[-1] += _sought(stage)
    name = max((cells(clean(story.name)) for story in stories), default=8) + 2
    room = max(0, width - name - 12)
    runs = [_run(stage, len(stories) + i, run, width) for i, run in enumerate(stage.listed_runs)]
    for number in _seen(stage, height - len(lines), len(runs)):
        story = stories[number]
        text = story.title if width >= 64 else ""
        body = f" {left(story.name, name)}{left(whole_words(clean(text), room), room)}"
        lines.append(_choice(stage, number, body, f"{took(story.seconds):>8} ", width))
    below: list[Line] = []
    gap: list[Line] = [[]]
    if runs and height - len(lines) - described - 3 < min(len(runs), FEW):  # few rows: a run goes before many words
        described, gap = min(described, 1), []
    if described:
        below = [[(f" {text}", "caption")] for text in wrap(_said(stage), width - 2, described)]
        below += [[] for _ in range(described - len(below))]
    below += [*gap, [(" device   ", "title"), (stage.device or "looking, PyTorch is being loaded …", "")]]
    own: list[Line] = [[(f" {text}", "dim")] for text in wrap(OWN_FACES, width - 2, 2)]
    # Where rows are few, runs go before what the documents say too.
    below += own if roomy and height - len(lines) - len(below) - len(own) - 2 >= min(len(runs), SOME) else []
    room = height - len(lines) - len(below) - (2 if roomy else 1)
    if runs and room > 0:
        heading: list[Line] = [[(" runs", "title"), ("   enter shows one again", "dim")]]
        at = max(0, min(stage.selection.entry - len(stories) - room // 2, len(runs) - room))
        lines += [*([[]] if roomy else []), *heading, *runs[at : at + room]]
    if len(lines) + len(below) > height:  # a small screen: the list follows the cursor
        room = height - 2
        at = max(0, min(stage.selection.entry - room // 2, len(stories) + len(runs) - room + 1))
        lines = [*(lines[:1]), *(lines[2:] + runs)[at : at + room - 1]]
        below = below[-1:]
    return pad([*lines, *[[]] * max(0, height - len(lines) - len(below)), *below], width, height)


def _seen(stage: Stage, rows: int, n_runs: int) -> range:
    """Which stories are listed in so many rows: around the chosen one, where all of them would leave none for runs."""
    n = len(stage.listed_stories)
    room = rows - 2 - (1 + min(n_runs, FEW) if n_runs else 0)  # a line on the chosen one, the device, and some runs
    if n <= room or room < LEAST:
        return range(n)
    at = max(0, min(stage.selection.entry - room // 2, n - room))
    return range(at, at + room)


def _sought(stage: Stage) -> Line:
    """The words that stories and runs must have, behind the heading."""
    chosen = stage.selection
    if not (chosen.typing or chosen.sought):
        return []
    count = len(stage.entries)
    return [
        (f"   / {chosen.sought}{'▌' if chosen.typing else ''}", "key"),
        (f"   {count} found" if count else "   nothing has these words", "dim"),
    ]


def _said(stage: Stage) -> str:
    """What the chosen line shows, in a sentence or two."""
    chosen = stage.chosen
    if isinstance(chosen, Recent):
        said = chosen.said or f"{chosen.scenario}, {chosen.state}"
        said = f"What if {chosen.changes}: {said}" if chosen.changes else said
        return clean(f"{chosen.label.note} {said}" if chosen.label.note else said)
    return clean(f"{chosen.title} Last time: {chosen.said}" if chosen.said else chosen.title) if chosen else ""


def _about(stage: Stage, width: int) -> list[Line]:
    """What the chosen line shows, how long it takes here, and what came out last."""
    chosen = stage.chosen
    if chosen is None:
        return []
    name = chosen.name if isinstance(chosen, Story) else chosen.label.name or chosen.folder.name
    lines: list[Line] = [[], *([(f" {part}", "bold")] for part in wrap(name, width - 2, 2))]
    if isinstance(chosen, Story):
        lines += [[], *([(f" {part}", "")] for part in wrap(chosen.title, width - 2, 6)), []]
        time = f"took {took(chosen.seconds)} here last" if chosen.seconds else "has not been run here yet"
        time = "nothing is computed; about two minutes" if chosen.name == DEMO else time
        lines.append([(f" {time}", "dim")])
    else:
        lines += [[(f" {part}", "dim")] for part in wrap(chosen.folder.name, width - 2, 2)] if chosen.label.name else []
        lines += [[], [(f" {chosen.state}, {chosen.when.strip()}, {took(chosen.seconds)}", "dim")]]
        if chosen.changes:
            lines += [[], *([(f" {part}", "")] for part in wrap(f"what if {chosen.changes}", width - 2, 3))]
        lines += (
            [[], *([(f" {part}", "")] for part in wrap(chosen.label.note, width - 2, 6))] if chosen.label.note else []
        )
    if chosen.said:
        lines += [[], [(" what came out", "title")]]
        lines += [[(f" {part}", "caption")] for part in wrap(chosen.said, width - 2, 16)]
    return lines


def _choice(stage: Stage, number: int, body: str, right: str, width: int) -> Line:
    here = stage.selection.entry == number
    role, target = "cursor" if here else "", f" @entry:{number}"
    marked = stage.selection.marked and comparable(stage.entries[number]) == stage.selection.marked
    line = fit([("◉" if marked else "▸" if here else " ", role), (body, role)], width - len(right), role)
    return [(text, its + target) for text, its in [*line, (right, role or "dim")]]


def _run(stage: Stage, number: int, run: Recent, width: int) -> Line:
    body = f" {left(run.label.name or run.folder.name, 38)} {SIGNS.get(run.state, '·')} {run.state:<9}"
    return _choice(
        stage, number, body, f"{run.when}  {took(run.seconds):>7} " if width >= ROOM_FOR_DATES else "", width
    )
