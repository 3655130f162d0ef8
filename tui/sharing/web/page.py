"""A run as one page for browsers: its last state without JavaScript, live and with a play head with it.

The page loads nothing but what it is given under its own address: the journal, cues and pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources

from facetui.engine.records.cohort_table import CohortTable, table_html
from facetui.engine.records.events import Event, Note, RunBegan
from facetui.engine.records.text import UNSEEN, html
from facetui.tui.figures.drawing import draw, svg
from facetui.tui.state.snapshot import Scene
from facetui.tui.text.sentences import LONGEST, reported, words


@cache
def _file(name: str) -> str:
    return (resources.files("facetui.tui.sharing.web") / name).read_text(encoding="utf-8")


@cache
def script() -> str:
    """The page's script; it cleans what it shows of what ``text.clean`` cleans."""
    unseen = "".join(c if c == "-" else f"\\u{{{ord(c):x}}}" for c in UNSEEN)
    return _file("fold.js") + _file("lanes.js") + _file("room.js") + _file("page.js").replace("UNSEEN", unseen)


def text(foreign: str) -> str:
    """Text of a journal, for HTML: no control characters, no markup."""
    return html(foreign[:LONGEST])


CONTROLS = """\
<nav id="controls" aria-label="play head" hidden>
<button type="button" id="first" title="to the beginning (g)">first</button>
<button type="button" id="back" title="previous move ({)" aria-label="previous move">◀ move</button>
<button type="button" id="play" title="play or pause (space)">play</button>
<button type="button" id="on" title="next move (})" aria-label="next move">move ▶</button>
<button type="button" id="latest" title="to the newest event, and on with it (G)">live</button>
<input type="range" id="slider" min="0" max="0" value="0" aria-label="event">
<span id="when" class="dim"></span>
</nav>
"""

READING = """\
The trainer is whoever scrapes what people post and learns to name them by it, as a search engine for faces does. It is
asked for clean photos: new ones that no tool has changed, as a camera in the street takes them. The thick line is what
it makes of all photos that it kept; a thin one, had it only those under one tool. Grey is uncertain, since few people
were asked.
"""

SIMILARITY = "Numbers: how alike two photos are to the model, from -1 to 1; no percentages."

FOOTER = """\
Every number was measured in this run, with a 95 % interval (people drawn again), or is cited, drawn as ×. Lines show
what is left with the model in use. ▲ users, ○ friends, ■ trainer, ◆ law; ↑ higher than with the model
before, ! under an attack that the model was not trained against. Keys: space, [ ] ← → events,
{ } moves, g first, G live.
"""


def page(events: Sequence[Event]) -> str:
    """The page, as far as the run has come.

    Args:
        events: of the run, in order; none yet is fine.
    """
    scene = Scene.of(events)
    began = events[0] if events and isinstance(events[0], RunBegan) else None
    name = text(began.scenario) if began else "a run"
    chart = svg(draw(scene, kept=False)) if scene.curves else '<p class="dim">nothing was measured yet</p>'
    notes = [f"<li>{text(e.t)}: {text(e.text)}</li>" for e in events if isinstance(e, Note)]
    caption = text(scene.caption)
    cited = [f"<li>× {text(reported(e))}</li>" for e in scene.table.cited]
    now = text(words(events[-1])) if events else "the run is about to begin"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name} - facetui</title>
<link rel="icon" href="data:,">
<style>{_file("page.css")}</style>
</head>
<body>
<header>
<h1 id="story">{name}</h1>
<span id="title" class="dim">{text(began.title) if began else ""}</span>
<span id="state" role="status"></span>
</header>
<main>
<p id="cue" role="alert" hidden></p>
<section id="room" aria-label="question to the room" hidden></section>
<figure id="chart">{chart}</figure>
<p id="caption" aria-live="polite">{caption}</p>
<p id="now">{now}</p>
<div id="watched" class="photos"></div>
{CONTROLS}<p id="reading" class="dim">{READING}</p>
<h2>Who is protected from which model</h2>
<div id="table" class="wide" tabindex="0" role="region" aria-label="table">{_table(scene.table)}</div>
<h2>Whom the trainer names</h2>
<p class="dim">{SIMILARITY}</p>
<div id="faces" class="photos"><noscript>Pictures are shown with JavaScript, where they are published.</noscript></div>
<h2>What happened</h2>
<ol id="notes">{"".join(notes)}</ol>
<ul id="sources">{"".join(cited)}</ul>
</main>
<footer>{FOOTER}</footer>
<script>{script()}</script>
</body>
</html>
"""


def _table(table: CohortTable) -> str:
    return "".join(table_html(table)) or '<p class="dim">nothing was measured yet</p>'
