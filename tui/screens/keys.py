"""Every key, once: for the bindings, the help, the lines at the bottom and the palette."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from facetui.tui.runs import recordings
from facetui.tui.runs.recent import Recent, Story
from facetui.tui.screens.pages import PAGES
from facetui.tui.state.app_state import Stage
from facetui.tui.state.room import question
from facetui.tui.text.spans import Line, fit, length, wrap


@dataclass(frozen=True)
class Key:
    """A key of the app.

    Attributes:
        keys: names as the screen library knows them, separated by commas.
        shown: how it is written in the help.
        action: name of the app's action.
        help: what it does.
        hints: by screen on which it does something, how it is named at the bottom: keys, a bar, what they do, and
            for some that in more words after another bar; keys of one hint stand there together.
    """

    keys: str
    shown: str
    action: str
    help: str
    hints: Mapping[str, str] = field(default_factory=dict)


TWO_COLUMNS = 100
"""From so many columns on the help has two."""

RUN = ("timeline", "cohorts", "faces", "events")
ALL = ("home", *RUN)


def on(hint: str, *views: str) -> Mapping[str, str]:
    """The same hint on some screens."""
    return dict.fromkeys(views, hint)


_LISTS = on("↑↓ PgUp PgDn|line", "home", "events")
_BOTH = {"timeline": "←→↑↓|ask|ask the chart", "cohorts": "←→↑↓|cell"}
_PERSON, _PHOTO = on("↑↓ , .|person", "faces"), on("←→ < >|photo", "faces")
_PLAY = on("space + -|play|play, pause, speed", *RUN)
_SAVE = {**on("s e y|save|picture, files, copy", *RUN), "home": "s y|save|picture, copy"}

KEYS = (
    Key("space", "space", "play", "play or pause", _PLAY),
    Key("left_square_bracket", "[", "step(-1)", "previous event", on("[ ]|event", *RUN)),
    Key("right_square_bracket", "]", "step(1)", "next event; progress is passed over", on("[ ]|event", *RUN)),
    Key("left_curly_bracket", "{", "step_move(-1)", "previous move", on("{ }|move", *RUN)),
    Key("right_curly_bracket", "}", "step_move(1)", "next move", on("{ }|move", *RUN)),
    Key("g,home", "g Home", "first", "to the beginning", on("g G|ends|start, live end", *RUN)),
    Key(
        "G,upper_g,end", "G End", "latest", "to the newest event, and on with it", on("g G|ends|start, live end", *RUN)
    ),
    Key("plus,equals_sign", "+", "faster(1)", "play faster", _PLAY),
    Key("minus", "-", "faster(-1)", "play slower", _PLAY),
    Key("up,k", "↑ k", "move(-1, 0)", "cursor up; on the chart another line", {**_LISTS, **_BOTH, **_PERSON}),
    Key("down,j", "↓ j", "move(1, 0)", "cursor down", {**_LISTS, **_BOTH, **_PERSON}),
    Key("left,h", "← h", "move(0, -1)", "cursor left; on the chart it asks what stands there", {**_BOTH, **_PHOTO}),
    Key("right,l", "→ l", "move(0, 1)", "cursor right", {**_BOTH, **_PHOTO}),
    Key("comma", ",", "faces(-1, 0)", "faces: previous person", _PERSON),
    Key("full_stop", ".", "faces(1, 0)", "faces: next person", _PERSON),
    Key("less_than_sign", "<", "faces(0, -1)", "faces: previous photo", _PHOTO),
    Key("greater_than_sign", ">", "faces(0, 1)", "faces: next photo", _PHOTO),
    Key("pageup", "PgUp", "move(-10, 0)", "ten lines up", _LISTS),
    Key("pagedown", "PgDn", "move(10, 0)", "ten lines down", _LISTS),
    *(Key(p.keys, p.shown, f"view({p.name!r})", p.help, on("0-5|pages", *ALL)) for p in PAGES),
    Key(
        "enter",
        "enter",
        "choose",
        "run a story, see a run, go to what the cursor is on",
        {"home": "enter|run", **on("enter|go", "events", "timeline")},
    ),
    Key(
        "w",
        "w",
        "watch",
        "home: watch a recording of the story: nothing is computed; on the chart: what if that move were another",
        {"home": "w|watch|recording", "timeline": "w|what if|what if"},
    ),
    Key(
        "b",
        "b",
        "kept",
        "the model that the trainer's own test picks, or the one in use",
        on("b|model|other model", "timeline"),
    ),
    Key(
        "slash",
        "/",
        "filter",
        "events, stories and runs: show only those with some words",
        on("/|find", "home", "timeline", "events"),
    ),
    Key("p", "p", "game", "a game: be the user, or the trainer, turn by turn", on("p|play|a game", *ALL)),
    Key("r", "r", "rename", "home: call the run something else", on("r n|name|name, note", "home")),
    Key("n", "n", "note", "home: keep a line about the run", on("r n|name|name, note", "home")),
    Key(
        "d",
        "d",
        "compare",
        "home: mark a run; on another one: compare both; on the chart of a branch: with the run it comes from",
        {"home": "d|diff|compare two runs", "timeline": "d|diff|compare both runs"},
    ),
    Key("c", "c", "cue", "tell those who follow to look here, with words or without", on("c a|cue|cue, address", *RUN)),
    Key(
        "v",
        "v",
        "go_to_cue",
        "go where the presenter's cue points; vote on what is asked; who presents asks the room",
        on("v|room", *ALL),
    ),
    Key("a", "a", "address", "the address under which this run is published", on("c a|cue|cue, address", *RUN)),
    Key("s", "s", "picture", "save this screen as SVG", _SAVE),
    Key(
        "e",
        "e",
        "export",
        "save table (CSV, JSON), chart (SVG, PNG) and replay (asciicast, GIF)",
        on("s e y|save|picture, files, copy", *RUN),
    ),
    Key("y", "y", "copy", "copy this screen as text to the clipboard (OSC 52)", _SAVE),
    Key("t", "t", "next_theme", "another theme", on("t m|look|theme, motion", *ALL)),
    Key("m", "m", "motion", "reduced motion: step instead of gliding", on("t m|look|theme, motion", *ALL)),
    Key("escape", "esc", "close", "back: close, clear the filter, the timeline, home", on("esc|back", *ALL)),
    Key("question_mark", "?", "help", "this help", on("? ^P|help", *ALL)),
    Key("ctrl+p", "^P", "command_palette", "find any of these by a word, and stories (Ctrl+P)", on("? ^P|help", *ALL)),
    Key("ctrl+c", "^C", "interrupt", "stop the run; twice leaves (Ctrl+C)", on("q ^C|quit", *ALL)),
    Key("q", "q", "leave", "leave; asks while a run goes on", on("q ^C|quit", *ALL)),
)

CONSOLE = ("enter|run", "tab|complete", "↑↓|again", "PgUp PgDn|scroll", "^C|stop", "^P|find", "esc|back")
"""What the keys do while one types: letters are letters there."""

TYPING = ("enter|keep these", "backspace|take back", "esc|forget them")
"""And while one types the words that events must have."""

ARROWS = "←→↑↓"
"""Keys that stand there without blanks between them."""

ROOMY = (80, 16)
"""Columns and rows from which on every key that does something is named."""


def works(key: Key, stage: Stage) -> bool:
    """Whether a key does anything on the screen that is looked at, as it stands."""
    if key.action == "go_to_cue":
        return stage.view in key.hints and bool(_for_the_room(stage))
    if key.action == "game":
        return stage.view == "home" or (stage.game and stage.view in key.hints)
    if key.action in ("rename", "note"):
        return stage.view == "home" and isinstance(stage.chosen, Recent)
    if key.action == "compare" and stage.view == "home":
        return stage.comparable is not None
    if key.action == "compare" and stage.view == "timeline":
        return bool(stage.run.base)
    if key.action == "choose" and stage.view == "timeline":
        return stage.selection.slot is not None
    if key.action == "watch" and stage.view == "timeline":
        return stage.now.moves > 0
    if key.action == "watch" and stage.view == "home":
        return isinstance(stage.chosen, Story) and stage.chosen.name in recordings.names()
    return stage.view in key.hints


def _for_the_room(stage: Stage) -> str:
    """What ``v`` does, as it stands: vote, go where a cue points, ask; empty: nothing."""
    if stage.run.vote is not None:
        return "v|vote"
    if stage.run.cue is not None:
        return "v|go there"
    can = stage.run.ballots is not None and stage.view in RUN and question(stage) is None
    return "v|ask|ask the room" if can else ""


def footer(stage: Stage, width: int, height: int) -> list[Line]:
    """Every key that does something on a screen, in as few lines as can be; on a small one what matters most.

    Args:
        stage: what is looked at.
        width: of the screen.
        height: of the screen.
    """
    hints = _hints(stage)
    if width >= ROOMY[0] and height >= ROOMY[1]:
        lines, told = _flowed(hints, width), _flowed(_hints(stage, more=True), width)
        return told if len(told) <= len(lines) else lines  # more words only where they take no more rows
    if stage.view == "console" or stage.selection.typing:
        most = [hints.pop()]
    else:
        most = [_pair("q|quit", {"q": "leave"}), _pair("?|more", {"?": "help"})]
        hints = [
            hint for hint in hints if all("@key:leave" not in role and "@key:help" not in role for _, role in hint)
        ]
    line: Line = []
    room = width - sum(length(hint) for hint in most)
    for hint in hints:
        if length(line) + length(hint) > room:
            break
        line += hint
    return [fit([*line, *(span for hint in most for span in hint)], width)]


def _hints(stage: Stage, *, more: bool = False) -> list[Line]:
    """What stands at the bottom, one piece a group of keys."""
    if stage.view == "console":
        return [_pair(text, {}) for text in CONSOLE]
    if stage.view in ("events", "home") and stage.selection.typing:
        return [_pair(text, {}) for text in TYPING]
    actions: dict[str, dict[str, str]] = {}
    for key in KEYS:
        if works(key, stage):
            hint = _for_the_room(stage) if key.action == "go_to_cue" else key.hints[stage.view]
            named = actions.setdefault(hint, {})
            named |= dict.fromkeys(key.shown.split(), key.action)
    return [_pair(hint, named, more=more) for hint, named in actions.items()]


def _flowed(hints: list[Line], width: int) -> list[Line]:
    """Pieces in lines, each in the first one where there is room for it."""
    lines: list[Line] = [[]]
    for hint in hints:
        place = next((line for line in lines if length(line) + length(hint) - 1 <= width), None)
        if place is None:
            lines.append(place := [])
        place += hint
    return [fit([*line[:-1], (line[-1][0].rstrip(), line[-1][1])], width) for line in lines]


def _pair(hint: str, actions: Mapping[str, str], *, more: bool = False) -> Line:
    """A hint's keys and what they do; a click on a key does it, on the words what the first one does."""
    keys, *words = hint.split("|")
    does = words[-1 if more else 0]
    first = next(iter(actions.values()), "")

    def role(name: str, action: str) -> str:
        return f"{name} @key:{action}" if action else name

    parts: Line = []
    for word in keys.split():
        for place, key in enumerate(word if word[0] in ARROWS else [word]):
            parts.append((key if place else f" {key}", role("key", actions.get(key, first))))
    return [*parts, (f" {does} ", role("dim", first))]


def help_lines(width: int) -> list[Line]:
    """All keys with what they do; two columns where there is room."""
    room = (width if width < TWO_COLUMNS else width // 2) - 12
    entries: list[Line] = []
    for key in KEYS:
        for row, part in enumerate(wrap(key.help, room, 3)):
            entries.append([(f" {key.shown if not row else '':>7}  ", "key"), (part, "")])
    about = "Time runs to the right, protection upwards. A posted photo stays as it was posted; models improve."
    lines: list[Line] = [[(" ↑ ↓ PgUp PgDn", "key"), (" scroll  ", "dim"), ("esc", "key"), (" close", "dim")], []]
    lines += [[(f" {text}", "caption")] for text in wrap(about, width - 2, 3)]
    signs = [("▲ users  ", "users"), ("○ friends  ", "friends"), ("■ trainer  ", "trainer"), ("◆ law", "law")]
    lines += [[(" ", ""), *signs], []]
    if width < TWO_COLUMNS:
        return [*lines, *entries]
    half = -(-len(entries) // 2)
    right = [*entries[half:], []]
    return [*lines, *([*fit(left, width // 2), *other] for left, other in zip(entries[:half], right, strict=False))]
