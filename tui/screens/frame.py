"""A whole screen: the line at the top, one of the pages, the keys at the bottom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from facetui.engine.records.events import RunFailed
from facetui.engine.records.text import clean
from facetui.tui.figures.photos import Looks, Placed
from facetui.tui.runs.cues import Cue
from facetui.tui.screens import keys, pages
from facetui.tui.screens.pages import page
from facetui.tui.state.app_state import Stage
from facetui.tui.state.room import question
from facetui.tui.text.asking import asked_lines
from facetui.tui.text.plain import LEAST
from facetui.tui.text.spans import Line, Span, between, cut, fit, length, pad, whole_words, wrap

PLAIN = Looks()
ABOUT = "a laboratory of protected photos"
SIGNS = {"live": "●", "playing": "▶", "paused": "‖", "at the end": "■"}


def header(stage: Stage, width: int) -> Line:
    """Story, date, move, and how the play head stands."""
    if stage.view == "home":
        return fit([(" facetui", "title"), (f"  {whole_words(ABOUT, width - 10)}", "dim")], width)
    now = stage.now
    name = cut(clean(now.began.scenario), 40) if now.began else ""
    start: Line = [(" facetui", "title"), (f"  {name}", "bold")]
    end = [*_standing(stage), (" ", "")]

    def fits(piece: Span) -> bool:
        return length(start) + length(end) + length([piece]) + 1 <= width

    told = f"{'in the story it is' if width >= 100 else 'story'} {now.t}  " if now.t else ""
    where = (f"{told}move {now.moves} of {stage.known.moves}   ", "")
    if width >= 64 and fits(where):
        end = [where, *end]
    # The story's dates and the day on which it was computed are not to be taken for each other.
    recorded = (f"  a recording of {stage.run.recorded}" if width >= 100 else "  recorded", "dim")
    if stage.run.recorded and fits(recorded):
        start.append(recorded)
    for piece in _besides(stage) if width >= 64 else ():  # what matters most first, as long as there is room
        if fits(piece):
            end = [*end[:-1], piece, end[-1]]
    return between(start, end, width)


def _standing(stage: Stage) -> Line:
    """How the run and the play head stand."""
    now, player = stage.now, stage.player
    at = player.state
    said: Line = [(f"{SIGNS[at]} {at}", "live" if at == "live" else "bold")]
    if isinstance(now.ended, RunFailed):
        said = [("■ stopped", "bold")] if now.ended.stopped else [("× failed", "bad bold")]
    elif stage.run.problem:
        said = [("× stopped", "bad bold")]
    elif stage.run.link:
        said = [("× no answer", "bad bold")]
    behind = len(player.events) - 1 - player.head
    if stage.running and behind:  # one's own wish, or a caption that is still being read
        said.append((f", {behind} behind", "dim"))
    return said


def _besides(stage: Stage) -> Iterator[Span]:
    """What else is told where there is room: time since the run began, speed, what is computed."""
    now, player = stage.now, stage.player
    if stage.running and player.events:
        seconds = int(player.events[-1].wall + stage.clock)
        yield f"  {seconds // 60}:{seconds % 60:02d}", "dim"
    if stage.run.ballots is not None:
        yield f"  {stage.run.ballots.here} here, {stage.run.ballots.caught_up} caught up", "lit"
    yield f"  x{player.speed:g}{'' if stage.motion else '  no motion'}", "dim"
    if now.progress is not None and now.progress.rate:
        yield f"   {now.progress.rate:,.0f} {clean(now.progress.unit).removeprefix('image-')}/s", "dim"


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
    below = _below(stage, width, height)
    lines = [header(stage, width), *page(stage, width, height - 1 - len(below), looks), *below]
    return [fit(line, width) for line in lines]  # whatever a page let through of what is foreign ends here


def _below(stage: Stage, width: int, height: int) -> list[Line]:
    """The lines at the bottom: what the room is asked, a presenter's cue, and the keys."""
    told = [cue_line(stage.run.cue, width)] if stage.run.cue is not None else []
    asked = question(stage) if stage.view in keys.RUN else None
    told = [*(asked_lines(asked, width, height // 3) if asked is not None else []), *told]
    return [*told, *keys.footer(stage, width, height)]


def cue_line(cue: Cue, width: int) -> Line:
    """What the presenter says, and the keys that go there or not."""
    keys_: Line = [("  v", "key"), (" go there ", "dim"), (" esc", "key"), (" not now ", "dim")]
    return between([(" ◉ look here ", "lit"), (f" {clean(cue.text)}", "bold")], keys_, width)


def pictures(stage: Stage, width: int, height: int) -> list[Placed]:
    """The pictures of the whole screen, and where they stand on it."""
    if width < LEAST[0] or height < LEAST[1]:
        return []
    rows = height - 1 - len(_below(stage, width, height))
    return [replace(picture, y=picture.y + 1) for picture in pages.pictures(stage, width, rows)]
