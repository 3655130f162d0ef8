"""``facetui report``: a run as something to take home, with what is needed to repeat it.

The report is made once, as headings, sentences and tables; HTML and Markdown only write these down.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence
from pathlib import Path

from facetui.engine.people import PER_PERSON, casts
from facetui.engine.records import files, journal
from facetui.engine.records.cohort_table import ROWS, TITLE, grid, marks
from facetui.engine.records.errors import JournalError, UsageError
from facetui.engine.records.events import (
    NOBODY,
    WHOLE_ARCHIVE,
    Answered,
    Asked,
    Event,
    Note,
    ProtectionMeasured,
    RunBegan,
    RunFailed,
    answers_in,
)
from facetui.engine.records.rates import percent
from facetui.engine.records.text import clean
from facetui.engine.runs.branches.comparison import compare
from facetui.engine.runs.settings import EMBEDDED_CROWD
from facetui.scenarios import SCENARIOS, path_of
from facetui.tui.figures import axis, chart, lanes
from facetui.tui.figures.drawing import draw, png, svg
from facetui.tui.figures.plots import forecast, trade_off
from facetui.tui.figures.table_data import table_csv
from facetui.tui.runs import named
from facetui.tui.runs.picture_policy import PicturePolicy
from facetui.tui.sharing.reports import comparison_report, document
from facetui.tui.sharing.reports.document import Block, Chart, Code, Faces, Heading, Items, Sentence, Table
from facetui.tui.state.branching import as_it_was
from facetui.tui.state.playhead import MOVES
from facetui.tui.state.snapshot import Scene
from facetui.tui.text.comparison import summary
from facetui.tui.text.sentences import MARKS, reported, who_protects, words
from facetui.tui.text.spans import text_of

KINDS = (".html", ".md", ".svg", ".png", ".csv")

STATES = {
    "running": "The run still goes on; this is how far it has come.",
    "stopped": "The run was stopped; this is how far it came.",
    "failed": "The run did not reach its end; this is how far it came.",
    "killed": "The run was killed; this is how far it came.",
}


def write(folder: Path, target: Path) -> None:
    """Write a run's handout; the file's ending says what it is.

    Raises:
        UsageError: an ending that is none of ``KINDS``.
        JournalError: the run cannot be read or has measured nothing, or the file cannot be written.
    """
    kind = target.suffix.lower()
    if kind not in KINDS:
        raise UsageError(f"expected a file ending in {', '.join(KINDS)}, got {target.name!r}")
    events = journal.read(folder)
    began = journal.began(events, folder)
    scene = Scene.of(events)
    if not scene.curves:
        raise JournalError(f"nothing was measured in {folder.name}; a story measures with lab.measure()")
    match kind:
        case ".html":
            content = document.html(began.scenario, blocks(folder, events, began, scene)).encode()
        case ".md":
            content = document.markdown(blocks(folder, events, began, scene)).encode()
        case ".svg":
            content = svg(draw(scene, kept=False, base=_base(folder, began)[1])).encode()
        case ".png":
            content = png(draw(scene, kept=False, base=_base(folder, began)[1]))
        case _:
            content = table_csv(scene.table).encode()
    try:
        files.write(target.parent, target.name, content)
    except OSError as error:
        raise JournalError(f"{target} cannot be written ({error.strerror}); choose another name with -o") from error


def blocks(folder: Path, events: Sequence[Event], began: RunBegan, scene: Scene) -> list[Block]:
    """The report."""
    when, state = journal.began_at(folder), journal.status(folder, list(events))
    notes = [event for event in events if isinstance(event, Note)]
    version = began.versions.get("facetui", "")
    made: list[Block] = [
        Heading(began.title, 1),
        Sentence(f"{began.scenario}, played with facetui {version} on {when[:10]} at {when[11:16]}", "soft"),
    ]
    if state in STATES:
        why = f" {words(scene.ended)}." if isinstance(scene.ended, RunFailed) else ""
        made.append(Sentence(f"{STATES[state]}{why}", "lead"))
    elif notes:
        made.append(Sentence(notes[-1].text, "lead"))
    base, was = _base(folder, began)
    made += [_chart(scene, was), *_what_if(began, base, events), Heading("What happened")]
    for t, said in _story(events):
        made += [Heading(t or "Before the story begins", 3), Items(said)]
    made += [Heading("Who is protected from which model"), _table(scene)]
    made += [Sentence(text, "soft") for text in marks(scene.table)]
    made += _trade_off(scene)
    made += _forecast(scene)
    made += _faces(folder, events, scene)
    made += [Heading("Cited, not measured here"), Items([f"× {reported(e)}" for e in scene.table.cited] or ["nothing"])]
    made += [Heading("How it was measured"), Items(_method(began))]
    return [*made, Heading("To repeat it"), *_repeat(folder, began, when, answers_in(events))]


def _base(folder: Path, began: RunBegan) -> tuple[list[Event], Scene | None]:
    """The run that this one branches from; nothing where there is none, or it is not at hand."""
    name = named.base_of(folder, began) if began.branch_of else ""
    events = named.read_base(name, began) if name else []
    return events, Scene.of(events) if events else None


def _what_if(began: RunBegan, base: Sequence[Event], events: Sequence[Event]) -> list[Block]:
    """What is otherwise than the story has it, and by how much that differs from the run it branches from."""
    if not began.changes:
        return []
    of = f" It branches from {began.branch_of} there." if began.branch_of else ""
    told = f"Some moves are otherwise than the story has them, by their numbers on the timeline.{of}"
    made: list[Block] = [Heading("What if"), Sentence(told), Items(began.changes)]
    if not base:
        missing = "The run that it branches from is not at hand, so nothing is compared." if of else ""
        return [*made, *([Sentence(missing, "soft")] if missing else [])]
    found = compare((began.branch_of, "this run"), (base, events))
    return [*made, Sentence(f"a: {began.branch_of}; b: this run. {summary(found)}"), *comparison_report.figures(found)]


def _trade_off(scene: Scene) -> list[Block]:
    """What each model costs and gains, where there are enough to compare."""
    models = trade_off.points(scene.table)
    if not models:
        return []
    label = "Each of the trainer's models: how many clean photos of protected people it names, and of everybody else."
    drawn = Chart(svg(trade_off.draw(models)), trade_off.characters(models), label)
    return [Heading("Accuracy against robustness"), drawn]


def _forecast(scene: Scene) -> list[Block]:
    """What would be left among more strangers than there are."""
    event = scene.forecast
    if event is None or not forecast.is_whole(event):
        return []
    drawn = Chart(svg(forecast.draw(event)), forecast.characters(event), "Not named, by how many photos are searched.")
    return [Heading("Among more people: a forecast"), Sentence(words(event)), drawn]


def _faces(folder: Path, events: Sequence[Event], scene: Scene) -> list[Block]:
    """One protected person, and whom the trainer named at first and at last; only of people who do not exist."""
    policy = PicturePolicy(folder, "fictional")
    policy.learn(events)
    shown = [event for event in scene.shown if event.person == scene.shown[0].person]
    found: list[tuple[bytes, str]] = []
    for event in (*shown[:1], *shown[1:][-1:]):  # the first and the last
        named = event.candidates[0] if event.candidates else None
        who = f"{event.t}, {event.extractor} names {named.person if named else 'nobody'}"
        for name, label in ((event.probe, f"{event.person}, a clean photo"), (event.named, who)):
            content = policy.picture(name)
            found += [(content, label)] if content is not None else []
    return [Heading("Whom the trainer names"), Faces(found)] if found else []


def _chart(scene: Scene, base: Scene | None) -> Chart:
    room = 25
    along = axis.geometry(scene, scene, 100 - lanes.GUTTER - room)
    look = chart.Look(as_it_was=as_it_was(scene, base, kept=False))
    lines = chart.draw(scene, scene, along, 18, room, look)
    drawn = text_of([*lines, *lanes.lanes(scene, scene, along, room, tall=False)])
    last = scene.curves[WHOLE_ARCHIVE][-1].value(False) if WHOLE_ARCHIVE in scene.curves else None
    end = f" At the end, with everything it holds, {percent(last)}." if last is not None else ""
    label = f"Clean photos of protected people not named, with the model in use.{end}"
    return Chart(svg(draw(scene, kept=False, base=base)), drawn, label)


def _story(events: Sequence[Event]) -> list[tuple[str, list[str]]]:
    """Moves, captions, and what was measured with the whole archive, by date."""
    dated: list[tuple[str, list[str]]] = []
    for event in events:
        whole = isinstance(event, ProtectionMeasured) and event.cohort == WHOLE_ARCHIVE and event.basis == "measured"
        if not (isinstance(event, (Note, Asked, Answered, *MOVES)) or whole):
            continue
        if not dated or dated[-1][0] != event.t:
            dated.append((event.t, []))
        said = words(event)
        dated[-1][1].append(
            said if isinstance(event, Note | Asked | Answered) else f"{MARKS[event.actor]} {event.actor}: {said}"
        )
    return dated


def _table(scene: Scene) -> Table:
    shown = grid(scene.table)
    rows = [[row.name, *(f"{cell.text}\n{cell.small}".strip() for cell in row.cells)] for row in shown.rows]
    caption = (
        f"{TITLE[0].upper()}{TITLE[1:]}, with 95 % intervals, probes and people. All of it was measured in this run."
    )
    return Table(caption, [ROWS, *shown.columns], rows)


def _method(began: RunBegan) -> list[str]:
    """What a number means; one list for every report."""
    said = [
        "Protection is 1 - rank-1 accuracy on clean photos of protected people that nobody posted: how often the "
        "trainer does not name the right person first.",
        "Intervals are 95 % and about people: those who were asked are drawn again and again, with all their probes; "
        "where all or none of the probes were missed, the exact interval over people.",
        "The chart shows what is left with the model in use; the table shows every model by itself. Nobody in "
        '"everybody else" was ever trained on.',
    ]
    if began.fictional:
        said.append("The people do not exist, and recognising them is easier than in life: this shows the mechanism.")
    seen: dict[str, list[str]] = {}
    for name, what in began.preprocessing.items():
        seen.setdefault(what or "unknown input", []).append(name)
    return said + [f"{', '.join(names)}: {what}" for what, names in seen.items()]


def is_shipped(began: RunBegan) -> bool:
    """Whether the story is one of those that come along, word by word."""
    if began.scenario not in SCENARIOS.names():
        return False
    return path_of(began.scenario).read_text(encoding="utf-8") == began.source


def command(began: RunBegan, answers: Sequence[int] = ()) -> str:
    """The command that repeats a run; users are named, so that it does not depend on how a seed chooses them.

    Args:
        began: what it depends on.
        answers: what its room answered, as ``answers_in`` gives it.
    """
    story = began.scenario if is_shipped(began) else f"{began.scenario}.py"
    cast = began.cast if began.cast in casts.names() else f"{began.cast}.toml"
    parts = ["facetui", "run", story, "--seed", str(began.seed), "--cast", cast]
    parts += ["--strength", began.strength] if began.strength not in ("", "release") else []
    joined = [",".join(began.users)] if not any("," in name for name in began.users) else began.users
    parts += [part for name in joined for part in ("--users", name)]
    if began.people != "embedded":
        parts += ["--people", began.people]
    if began.crowd not in ("", "embedded"):
        parts += ["--crowd", began.crowd]
    elif began.n_crowd != (EMBEDDED_CROWD if began.people == "embedded" else 0):
        parts += ["--crowd", str(began.n_crowd)]
    parts += ["--per-person", str(began.per_person)] if began.per_person not in (0, PER_PERSON) else []
    parts += ["--with-what-is-there"] if began.left_out else []
    parts += ["--together"] if began.asked != "alone" else []
    parts += [part for name, value in began.parameters.items() for part in ("--set", f"{name}={value}")]
    parts += [part for change in began.changes for part in ("--what-if", change)]
    parts += ["--answers", ",".join("-" if one == NOBODY else str(one) for one in answers)] if answers else []
    return clean(shlex.join(parts))


def _repeat(folder: Path, began: RunBegan, when: str, answers: Sequence[int]) -> list[Block]:
    made: list[Block] = []
    if not began.source.strip():
        made.append(Sentence('It was played move by move; save("mine.py") in that session keeps what was typed.'))
    else:
        if not is_shipped(began):
            made.append(Sentence(f"The story stands at the end; save it as {began.scenario}.py. Then:"))
        made.append(Code(command(began, answers)))
    if began.people != "embedded":
        made.append(
            Sentence(f"{began.people} is the name of the folder of photos; a journal does not say where it is.")
        )
    weights = (f"{name} {digest}" for name, digest in began.extractors.items())
    made.append(
        Table(
            "What the run depends on",
            ["", ""],
            [
                ["began", when],
                ["seed", str(began.seed)],
                ["cast", began.cast],
                ["people", f"{who_protects(began)}: {', '.join(began.users)}"],
                ["surrogates", ", ".join(began.surrogates)],
                ["device", f"{began.device}; repeats {began.repeats}" if began.repeats else began.device],
                ["versions", ", ".join(f"{name} {version}" for name, version in began.versions.items())],
                ["weights, SHA-256 begins", ", ".join(weights)],
                ["story, SHA-256", hashlib.sha256(began.source.encode()).hexdigest()],
                ["this journal, SHA-256", hashlib.sha256(journal.load(folder)).hexdigest()],
            ],
        )
    )
    same = (
        "nearly the same figures: this device" if began.repeats == "within a tolerance" else "the same figures; others"
    )
    made.append(Sentence(f"The same seed on the same machine gives {same} may differ in decimals.", "soft"))
    if began.source.strip() and not is_shipped(began):
        made += [Heading(f"{began.scenario}.py", 3), Code(began.source)]
    return made
