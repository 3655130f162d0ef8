"""A replay as an asciicast: what the app would show of a run, at the pace at which it is played, as lines of text.

The format is asciinema's second (docs.asciinema.org/manual/asciicast/v2): a header, then ``[seconds, "o", text]``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.color import ColorSystem
from rich.style import Style

from facetui.engine.records.events import Event
from facetui.tui.figures.photos import Looks
from facetui.tui.screens import frame
from facetui.tui.state.app_state import Stage
from facetui.tui.text.spans import Line

STEP = 0.25
"""Seconds between two looks at the screen."""

LAST = 5.0
"""Seconds for which the last screen stays."""

CLEAR = "\x1b[?25l\x1b[2J"


def asciicast(
    events: Sequence[Event], folder: Path, size: tuple[int, int], style: Callable[[str], Style], *, title: str
) -> bytes:
    """The replay of a run from its first event to its last.

    Args:
        events: of the run.
        folder: the run's, for its pictures.
        size: columns and rows.
        style: how a role looks.
        title: of the recording.
    """
    width, height = size
    stage = Stage()
    stage.open(folder, live=False)
    stage.extend(events)
    header = {"version": 2, "width": width, "height": height, "title": title, "env": {"TERM": "xterm-256color"}}
    out, now = [json.dumps(header), json.dumps([0.0, "o", CLEAR])], 0.0
    before: list[Line] = [[] for _ in range(height)]
    while True:
        lines = frame.paint(stage, width, height, Looks())
        changed = [f"\x1b[{row + 1};1H{_written(line, style)}" for row, line in enumerate(lines) if line != before[row]]
        if changed:
            out.append(json.dumps([round(now, 2), "o", "".join(changed)], ensure_ascii=False))
        before = lines
        if stage.rests:
            out.append(json.dumps([round(now + LAST, 2), "o", "\x1b[?25h"]))
            return ("\n".join(out) + "\n").encode()
        stage.tick(STEP)
        now += STEP


def _written(line: Line, style: Callable[[str], Style]) -> str:
    return "".join(style(role).render(text, color_system=ColorSystem.TRUECOLOR) for text, role in line)
