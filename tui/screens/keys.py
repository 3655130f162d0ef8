"""Every key, once: for the bindings, the help, the footer and the palette."""

from __future__ import annotations

from dataclasses import dataclass

from facetui.tui.screens.pages import PAGES
from facetui.tui.text.spans import Line, fit, length, wrap


@dataclass(frozen=True)
class Key:
    """A key of the app.

    Attributes:
        keys: names as the screen library knows them, separated by commas.
        shown: how it is written in the help.
        action: name of the app's action.
        short: one word for the footer; empty: not there.
        help: what it does.
        views: screens on which the footer shows it; empty: all of them.
    """

    keys: str
    shown: str
    action: str
    short: str
    help: str
    views: tuple[str, ...] = ()


TWO_COLUMNS = 100
"""From so many columns on the help has two."""

PLAYED = ("timeline", "cohorts", "faces")
KEYS = (
    Key("space", "space", "play", "play/pause", "play or pause", PLAYED),
    Key("left_square_bracket", "[", "step(-1)", "", "previous event"),
    Key("right_square_bracket", "]", "step(1)", "[ ] event", "next event; progress is passed over", PLAYED),
    Key("left_curly_bracket", "{", "step_move(-1)", "", "previous move"),
    Key("right_curly_bracket", "}", "step_move(1)", "{ } move", "next move", PLAYED),
    Key("g,home", "g Home", "first", "", "to the beginning"),
    Key("G,upper_g,end", "G End", "latest", "G live", "to the newest event, and on with it", ("timeline",)),
    Key("plus,equals_sign", "+", "faster(1)", "", "play faster"),
    Key("minus", "-", "faster(-1)", "", "play slower"),
    *(Key(p.keys, p.shown, f"view({p.name!r})", p.hint, p.help, p.views) for p in PAGES),
    Key("b", "b", "kept", "b model", "the model that the trainer's own test picks, or the one in use", ("timeline",)),
    Key("up,k", "↑ k", "move(-1, 0)", "↑ ↓ line", "cursor up; on the chart another line", ("timeline",)),
    Key("down,j", "↓ j", "move(1, 0)", "", "cursor down"),
    Key(
        "left,h", "← h", "move(0, -1)", "← → ask", "cursor left; on the chart it asks what stands there", ("timeline",)
    ),
    Key("right,l", "→ l", "move(0, 1)", "", "cursor right"),
    Key("pageup", "PgUp", "move(-10, 0)", "", "ten lines up"),
    Key("pagedown", "PgDn", "move(10, 0)", "", "ten lines down"),
    Key(
        "enter",
        "enter",
        "choose",
        "enter open",
        "run a story, see a run, go to what the cursor is on",
        ("home", "events"),
    ),
    Key("comma", ",", "faces(-1, 0)", ", . person", "faces: previous person", ("faces",)),
    Key("full_stop", ".", "faces(1, 0)", "", "faces: next person"),
    Key("less_than_sign", "<", "faces(0, -1)", "< > photo", "faces: previous photo", ("faces",)),
    Key("greater_than_sign", ">", "faces(0, 1)", "", "faces: next photo"),
    Key("slash", "/", "filter", "/ filter", "events: show only those with some words", ("events",)),
    Key("c", "c", "cue", "", "tell those who follow to look here, with words or without"),
    Key("v", "v", "go_to_cue", "", "go where the presenter's cue points"),
    Key("a", "a", "address", "", "the address under which this run is published"),
    Key("s", "s", "picture", "", "save this screen as SVG"),
    Key(
        "e",
        "e",
        "export",
        "e export",
        "save table (CSV, JSON), chart (SVG, PNG) and replay (asciicast, GIF)",
        ("cohorts",),
    ),
    Key("y", "y", "copy", "", "copy this screen as text to the clipboard (OSC 52)"),
    Key("t", "t", "next_theme", "", "another theme"),
    Key("m", "m", "motion", "", "reduced motion: step instead of gliding"),
    Key("question_mark", "?", "help", "? help", "this help"),
    Key("escape", "esc", "close", "", "back: close, clear the filter, the timeline, home"),
    Key("ctrl+c", "Ctrl+C", "interrupt", "", "stop the run; twice leaves"),
    Key("q", "q", "leave", "q quit", "leave; asks while a run goes on"),
)


CONSOLE = ("enter run", "tab complete", "↑↓ earlier", "PgUp PgDn scroll", "Ctrl+C stop", "esc back")
"""What the keys do while one types: letters are letters there."""


def footer(view: str, width: int) -> Line:
    """The keys that matter on a screen, as many as fit; help and quit always."""
    if view == "console":
        typing: Line = [span for text in CONSOLE for span in _pair(text)]
        return fit(typing if length(typing) <= width else [*_pair(CONSOLE[0]), *_pair(CONSOLE[-1])], width)
    always: Line = []
    for key in KEYS:
        if key.short and key.action in ("help", "leave"):
            always += _written(key)
    line: Line = []
    room = width - sum(len(text) for text, _ in always)
    for key in KEYS:
        if not key.short or key.action in ("help", "leave") or (key.views and view not in key.views):
            continue
        written = _written(key)
        size = sum(len(text) for text, _ in written)
        if size > room:
            break
        line, room = [*line, *written], room - size
    return fit([*line, *always], width)


def _written(key: Key) -> Line:
    target = f" @key:{key.action}"
    return [
        (text, role + target) for text, role in _pair(key.short if " " in key.short else f"{key.shown} {key.short}")
    ]


def _pair(text: str) -> Line:
    head, _, rest = text.rpartition(" ")
    return [(f" {head}", "key"), (f" {rest} ", "dim")]


def help_lines(width: int) -> list[Line]:
    """All keys with what they do; two columns where there is room."""
    room = (width if width < TWO_COLUMNS else width // 2) - 12
    entries: list[Line] = []
    for shown, said in [
        *((key.shown, key.help) for key in KEYS),
        ("Ctrl+P", "find any of these by a word, and stories"),
    ]:
        for row, part in enumerate(wrap(said, room, 3)):
            entries.append([(f" {shown if not row else '':>7}  ", "key"), (part, "")])
    about = "Time runs to the right, protection upwards. A posted photo stays as it was posted; models improve."
    lines: list[Line] = [[(f" {text}", "caption")] for text in wrap(about, width - 2, 3)]
    signs = [("▲ users  ", "users"), ("○ friends  ", "friends"), ("■ trainer  ", "trainer"), ("◆ law", "law")]
    lines += [[(" ", ""), *signs], []]
    if width < TWO_COLUMNS:
        return [*lines, *entries]
    half = -(-len(entries) // 2)
    right = [*entries[half:], []]
    return [*lines, *([*fit(left, width // 2), *other] for left, other in zip(entries[:half], right, strict=False))]
