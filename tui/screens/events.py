"""The journal as a list, with a filter; Enter puts the play head on an event."""

from __future__ import annotations

from facetui.engine.records.events import Event, Progress, RunBegan
from facetui.engine.records.text import clean
from facetui.tui.state.app_state import Stage
from facetui.tui.text.sentences import LONGEST, MARKS, words
from facetui.tui.text.spans import Line, fit, left, pad, wrap


def listed(stage: Stage) -> list[int]:
    """Indices of the events in the list: of a task's progress only the last, and only what the filter lets through."""
    events = stage.player.events
    wanted = stage.words.lower().split()
    kept = []
    for index, event in enumerate(events):
        after = events[index + 1] if index + 1 < len(events) else None
        if isinstance(event, Progress) and isinstance(after, Progress) and after.task == event.task:
            continue
        if wanted and not all(word in row(event).lower() for word in wanted):
            continue
        kept.append(index)
    return kept


def row(event: Event) -> str:
    """One event as one line of text."""
    text = f"{event.scenario}: {event.title}"[:LONGEST] if isinstance(event, RunBegan) else words(event)
    return f"{_head(event)}{clean(text)}"


def _head(event: Event) -> str:
    return f"{left(event.t, 10)} {MARKS[event.actor]} {event.kind} "


def move(stage: Stage, by: int) -> None:
    """Move the cursor by so many lines of the list."""
    kept = listed(stage)
    if kept:
        place = min(range(len(kept)), key=lambda i: abs(kept[i] - stage.picked))
        stage.picked = kept[max(0, min(place + by, len(kept) - 1))]


def paint(stage: Stage, width: int, height: int) -> list[Line]:
    """The page, exactly ``width`` by ``height``."""
    kept = listed(stage)
    if stage.typing:
        about = f" / {stage.words}▌   {len(kept)} events; enter keeps the filter, esc forgets it"
    else:
        wanted = f" with “{stage.words}”" if stage.words else ""
        about = f" {len(kept)} events{wanted}   / filter   enter: go there"
    lines: list[Line] = [[(about, "key" if stage.typing else "dim")]]
    if not kept:
        return pad([*lines, [], [(" no event has these words; / and an empty line show all", "")]], width, height)
    move(stage, 0)
    detail = wrap(words(stage.player.events[stage.picked]), width - 2, 4)
    rows = max(1, height - 2 - len(detail))
    place = kept.index(stage.picked)
    begin = max(0, min(place - rows // 2, len(kept) - rows))
    kind_width = 20 if width >= 70 else 0
    for index in kept[begin : begin + rows]:
        event = stage.player.events[index]
        here, ahead = index == stage.picked, index > stage.player.head
        role = "cursor" if here else "dim" if ahead else ""
        head = "▸" if here else "┇" if index == stage.player.head else " "
        kind = f"{left(event.kind, kind_width - 1)} " if kind_width else ""
        start = f"{head}{left(event.t, 10)} "
        text = row(event)[len(_head(event)) :]
        mark = "cursor" if here else f"{event.actor} bold"
        line: Line = [(start, role), (MARKS[event.actor], mark), (f" {kind}{text}", role)]
        lines.append(fit(line, width, role))
    lines += [[] for _ in range(rows - len(lines) + 1)]
    lines += [[], *([(f" {text}", "caption")] for text in detail)]
    return pad(lines, width, height)
