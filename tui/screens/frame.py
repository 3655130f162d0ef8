"""A whole screen: the line at the top, one of the pages, the keys at the bottom."""

from __future__ import annotations

from dataclasses import replace

from facetui.engine.records.events import RunFailed
from facetui.engine.records.text import clean
from facetui.tui.figures.photos import Looks, Placed
from facetui.tui.runs.cues import Cue
from facetui.tui.screens import keys, pages
from facetui.tui.screens.pages import page
from facetui.tui.state.app_state import Stage
from facetui.tui.text.plain import LEAST
from facetui.tui.text.spans import Line, between, cut, fit, pad, wrap

PLAIN = Looks()
SIGNS = {"live": "●", "playing": "▶", "paused": "‖", "at the end": "■"}


def header(stage: Stage, width: int) -> Line:
    """Story, date, move, and how the play head stands."""
    if stage.view == "home":
        return between([(" facetui", "title"), ("  a laboratory of protected photos", "dim")], [], width)
    now, player = stage.now, stage.player
    name = cut(clean(now.began.scenario), 40) if now.began else ""
    left: Line = [(" facetui", "title"), (f"  {name}", "bold")]
    if stage.run.recorded:
        when = f" {stage.run.recorded}; live: facetui run {name}" if width >= 100 else ""
        left.append((f"  recorded{when}", "dim"))
    at = player.state
    right: Line = [(f"{SIGNS[at]} {at}", "live" if at == "live" else "bold")]
    if isinstance(now.ended, RunFailed):
        right = [("■ stopped", "bold")] if now.ended.stopped else [("× failed", "bad bold")]
    elif stage.run.problem:
        right = [("× stopped", "bad bold")]
    elif stage.run.link:
        right = [("× no answer", "bad bold")]
    behind = len(player.events) - 1 - player.head
    if stage.running and behind:  # one's own wish, or a caption that is still being read
        right.append((f", {behind} behind", "dim"))
    if stage.running and width >= 64 and player.events:
        seconds = int(player.events[-1].wall + stage.clock)
        right.append((f"  {seconds // 60}:{seconds % 60:02d}", "dim"))
    if width >= 64:
        right = [(f"move {now.moves} of {stage.known.moves}   ", ""), *right]
        right = [(f"story {now.t}  ", ""), *right] if now.t else right
        right.append((f"  x{player.speed:g}{'' if stage.motion else '  no motion'}", "dim"))
    if width >= 100 and now.progress is not None and now.progress.rate:
        right.append((f"   {now.progress.rate:,.0f} {clean(now.progress.unit)}/s", "dim"))
    return between(left, [*right, (" ", "")], width)


def paint(stage: Stage, width: int, height: int, looks: Looks = PLAIN) -> list[Line]:
    """Exactly ``height`` lines of ``width`` columns; below 40x12 one sentence says what is needed.

    Args:
        stage: what to show.
        width: columns of the terminal.
        height: its rows.
        looks: what the terminal can show.
    """
    if width < LEAST[0] or height < LEAST[1]:
        sentence = f"facetui needs {LEAST[0]}x{LEAST[1]} characters, this terminal has {width}x{height}."
        return pad([[(text, "bold")] for text in wrap(sentence, width, height)], width, height)
    lines = [
        header(stage, width),
        *page(stage, width, height - 2, looks),
        cue_line(stage.run.cue, width) if stage.run.cue is not None else keys.footer(stage.view, width),
    ]
    return [fit(line, width) for line in lines]  # whatever a page let through of what is foreign ends here


def cue_line(cue: Cue, width: int) -> Line:
    """What the presenter says, and the keys that go there or not."""
    keys_: Line = [("  v", "key"), (" go there ", "dim"), (" esc", "key"), (" not now ", "dim")]
    return between([(" ◉ look here ", "lit"), (f" {clean(cue.text)}", "bold")], keys_, width)


def pictures(stage: Stage, width: int, height: int) -> list[Placed]:
    """The pictures of the whole screen, and where they stand on it."""
    if width < LEAST[0] or height < LEAST[1]:
        return []
    return [replace(picture, y=picture.y + 1) for picture in pages.pictures(stage, width, height - 2)]
