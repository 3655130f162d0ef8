"""The home screen: stories to run, runs to see again, what this machine has, and how to use one's own faces."""

from __future__ import annotations

from facetui.engine.records.text import clean
from facetui.tui.runs.recent import Recent
from facetui.tui.state.app_state import Stage
from facetui.tui.text.spans import Line, cells, fit, left, pad, wrap

SIGNS = {"running": "●", "finished": "■", "stopped": "■", "failed": "×", "killed": "×", "damaged": "×", "empty": "·"}
PROMISE = "Poisoning photos does not protect people from facial recognition for long. Watch how it decays."
OWN_FACES = (
    "Your own faces: facetui run STORY --people DIR, one folder of photos a person; nothing leaves this machine."
)


SOME = 3
"""Runs that are shown at least, if there are so many."""


def took(seconds: float | None) -> str:
    """``82 s``, ``3 min``; empty when it was never measured."""
    if seconds is None:
        return ""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def paint(stage: Stage, width: int, height: int) -> list[Line]:
    """The page, exactly ``width`` by ``height``."""
    roomy = height >= 20
    lines: list[Line] = [[]] if roomy else []
    lines += [[(f" {text}", "caption")] for text in wrap(PROMISE, width - 2, 2 if roomy else 1)]
    lines += [[], [(" stories", "title"), ("   enter runs one", "dim")]] if roomy else [[(" stories", "title")]]
    name = max((cells(clean(story.name)) for story in stage.stories), default=8) + 2
    for number, story in enumerate(stage.stories):
        time = took(story.seconds)
        text = story.title if width >= 64 else ""
        body = f" {left(story.name, name)}{left(text, max(0, width - name - 12))}"
        lines.append(_choice(stage, number, body, f"{time:>8} ", width))
    runs = [_run(stage, len(stage.stories) + i, run, width) for i, run in enumerate(stage.recent)]
    below: list[Line] = [[], [(" device   ", "title"), (stage.device or "looking, PyTorch is being loaded …", "")]]
    own: list[Line] = [[(f" {text}", "dim")] for text in wrap(OWN_FACES, width - 2, 2)]
    # Where rows are few, runs go before what the documents say too.
    below += own if roomy and height - len(lines) - len(below) - len(own) - 2 >= min(len(runs), SOME) else []
    room = height - len(lines) - len(below) - 2
    if runs and room > 0:
        heading: list[Line] = [[], [(" runs", "title"), ("   enter shows one again", "dim")]]
        at = max(0, min(stage.selection.entry - len(stage.stories) - room // 2, len(runs) - room))
        lines += [*heading, *runs[at : at + room]]
    if len(lines) + len(below) > height:  # a small screen: the list follows the cursor
        room = height - 2
        at = max(0, min(stage.selection.entry - room // 2, len(stage.stories) - room + 1))
        lines = [*(lines[:1]), *[_choice_line for _choice_line in (lines[2:] + runs)[at : at + room - 1]]]
        below = below[1:2]
    return pad([*lines, *[[]] * max(0, height - len(lines) - len(below)), *below], width, height)


def _choice(stage: Stage, number: int, body: str, right: str, width: int) -> Line:
    here = stage.selection.entry == number
    role = "cursor" if here else ""
    return [*fit([("▸" if here else " ", role), (body, role)], width - len(right), role), (right, role or "dim")]


def _run(stage: Stage, number: int, run: Recent, width: int) -> Line:
    body = f" {left(run.folder.name, 38)} {SIGNS.get(run.state, '·')} {run.state:<9}"
    return _choice(stage, number, body, f"{run.when}  {took(run.seconds):>7} " if width >= 76 else "", width)
