"""The journal as a list, with a filter; Enter puts the play head on an event."""

from __future__ import annotations

from facetui.tui.state.app_state import Stage
from facetui.tui.state.selection import head, listed, row
from facetui.tui.text.sentences import MARKS, words
from facetui.tui.text.spans import Line, fit, left, pad, wrap


def paint(stage: Stage, width: int, height: int) -> list[Line]:
    """The page, exactly ``width`` by ``height``."""
    kept = listed(stage.player.events, stage.selection.words)
    if stage.selection.typing:
        about = f" / {stage.selection.words}▌   {len(kept)} events; enter keeps the filter, esc forgets it"
    else:
        wanted = f" with “{stage.selection.words}”" if stage.selection.words else ""
        about = f" {len(kept)} events{wanted}   / filter   enter: go there"
    lines: list[Line] = [[(about, "key" if stage.selection.typing else "dim")]]
    if not kept:
        return pad([*lines, [], [(" no event has these words; / and an empty line show all", "")]], width, height)
    detail = wrap(words(stage.player.events[stage.selection.event]), width - 2, 4)
    rows = max(1, height - 2 - len(detail))
    place = kept.index(stage.selection.event)
    begin = max(0, min(place - rows // 2, len(kept) - rows))
    kind_width = 20 if width >= 70 else 0
    for index in kept[begin : begin + rows]:
        event = stage.player.events[index]
        here, ahead = index == stage.selection.event, index > stage.player.head
        role = "cursor" if here else "dim" if ahead else ""
        sign = "▸" if here else "┇" if index == stage.player.head else " "
        kind = f"{left(event.kind.replace('_', ' '), kind_width - 1)} " if kind_width else ""
        start = f"{sign}{left(event.t, 10)} "
        text = row(event)[len(head(event)) :]
        mark = "cursor" if here else f"{event.actor} bold"
        line: Line = [(start, role), (MARKS[event.actor], mark), (f" {kind}{text}", role)]
        lines.append([(part, f"{its} @event:{index}") for part, its in fit(line, width, role)])
    lines += [[] for _ in range(rows - len(lines) + 1)]
    lines += [[], *([(f" {text}", "caption")] for text in detail)]
    return pad(lines, width, height)
