"""One fold: the terminal's (Python) and the page's (JavaScript) give the same, move for move and number for number."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facetui.engine.records import journal
from facetui.engine.records.events import (
    WHOLE_ARCHIVE,
    Answered,
    AnyEvent,
    Asked,
    Counted,
    DefenceApplied,
    Event,
    OpenSetMeasured,
    encode,
)
from facetui.engine.records.rates import percent
from facetui.tui.runs.archive import unpacked_for_now
from facetui.tui.state.playhead import MOVES, begins_move
from facetui.tui.state.snapshot import Scene, cohort_label
from facetui.tui.text.sentences import VERBS, outcome

from ...support.sample_run import sample_events

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "fold.json"
SCRIPT = resources.files("facetui.tui.sharing.web") / "fold.js"
NODE = shutil.which("node") or shutil.which("nodejs")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")

ASK = """
const { runs } = INPUT;
const asked = runs.map(({ events, at }) => at.map((until) => Fold.plain(events, until)));
const begins = runs.map(({ events }) => events.map((e, i) => Fold.begins(e, events[i - 1])));
"""


def plain(events: list[Event], until: int) -> dict[str, Any]:
    """What the terminal knows after some events, as plain values."""
    scene = Scene.of(events[: until + 1])
    table = scene.table
    cells = [(row, column) for row in table.cohorts for column in table.generations if (row, column) in table.cells]
    return {
        "t": scene.t,
        "moves": scene.moves,
        "note": scene.note.text if scene.note else "",
        "told": told(scene),
        "slots": [{"t": s.t, "moves": [list(m) for m in s.moves], "measured": s.measured} for s in scene.slots],
        "curves": [
            [name, [[p.slot, p.rate, *p.interval, p.kept, *p.kept_interval] for p in points]]
            for name, points in scene.curves.items()
        ],
        "unprotected": [list(pair) for pair in scene.unprotected],
        "cited": [[c.slot, c.event.protection_rate, c.event.source] for c in scene.cited],
        "rows": table.cohorts,
        "columns": table.generations,
        "cells": [[*key, percent(table.cells[key].protection_rate), table.rises(*key)] for key in cells],
    }


def told(scene: Scene) -> str:
    """What the last round of measurements found, in words."""
    if not any(event.cohort == WHOLE_ARCHIVE for event in scene.round):
        return ""
    fresh = {name for name, points in scene.curves.items() if len(points) == 1}
    labels = {e.cohort: cohort_label(e.cohort, [other.cohort for other in scene.round]) for e in scene.round}
    return outcome(scene.round, scene.before, fresh, labels)


def raw(events: list[Event]) -> list[Any]:
    return [json.loads(encode(event)) for event in events]


def in_javascript(runs: list[dict[str, Any]]) -> Any:
    """The same from the page's script, in node or in a browser."""
    program = f"const INPUT = {json.dumps({'runs': runs})};\n{SCRIPT.read_text()}\n{ASK}"
    if NODE is not None:
        told = f"{program}\nprocess.stdout.write(JSON.stringify({{ asked, begins }}));"
        ran = subprocess.run([NODE, "-"], input=told, capture_output=True, text=True, timeout=60)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)
    if CHROMIUM is None:
        pytest.skip("neither node nor Chromium is here to run the page's script")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            return browser.new_page().evaluate(f"() => {{ {program}\nreturn {{ asked, begins }}; }}")
        finally:
            browser.close()


def rounded(value: Any) -> Any:
    """Numbers to nine digits: two languages add in another order."""
    if isinstance(value, float):
        return round(value, 9)
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return {key: rounded(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def recorded() -> list[Event]:
    with (
        resources.as_file(resources.files("facetui.tui.runs.recordings") / "arms_race.tar.zst") as packed,
        unpacked_for_now(packed) as folder,
    ):
        return journal.read(folder)


def test_the_sample_is_folded_as_the_golden_file_says():
    events = sample_events()
    told = [rounded(plain(events, until)) for until in range(len(events))]
    if os.environ.get("FACETUI_UPDATE"):
        GOLDEN.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert told == rounded(json.loads(GOLDEN.read_text(encoding="utf-8")))
    assert told[-1]["moves"] > 5 and len(told[-1]["curves"]) >= 2 and told[-1]["cited"], "it shows what can go wrong"


def test_the_page_folds_the_sample_and_the_recording_as_the_terminal_does():
    sample, demo = sample_events(), recorded()
    at = [*range(0, len(demo), max(1, len(demo) // 12)), len(demo) - 1]
    runs = [{"events": raw(sample), "at": list(range(len(sample)))}, {"events": raw(demo), "at": at}]
    told = in_javascript(runs)
    golden = rounded(json.loads(GOLDEN.read_text(encoding="utf-8")))
    assert rounded(told["asked"][0]) == golden
    assert rounded(told["asked"][1]) == [rounded(plain(demo, until)) for until in at]
    for events, begins in zip((sample, demo), told["begins"], strict=True):
        assert begins == [begins_move(events, index) for index in range(len(events))]


def test_galleries_and_open_sets_have_the_same_labels_on_both():
    events = [
        *sample_events(),
        DefenceApplied(actor="trainer", defence="gallery", against=[], extractor="x", n_people=530),
        OpenSetMeasured(
            actor="trainer",
            extractor="x",
            false_alarms=0.01,
            threshold=0.5,
            false_negatives=0.25,
            interval=(0.1, 0.5),
            people=[8],
            missed=[2],
            unprotected_error=0.0,
            n_unprotected=8,
            n_strangers=900,
            n_gallery=530,
        ),
    ]
    events = [msgspec.structs.replace(event, seq=seq) for seq, event in enumerate(events)]
    last = len(events) - 1
    told = in_javascript([{"events": raw(events), "at": [last]}])["asked"][0][0]
    assert rounded(told) == rounded(plain(events, last))
    labels = [label for slot in told["slots"] for _, label, _ in slot["moves"]]
    assert {"among 530", "may say nobody"} <= set(labels)


def test_what_the_room_says_is_the_same_on_both():
    asked = Asked(question="1", text="What now?", options=["a", "b"], seconds=30)
    guessed = Asked(question="2", text="How many?")
    events = [
        sample_events()[0],
        asked,
        Counted(question="1", counts=[0, 1]),
        Answered(question="1", answer="b", choice=2, by="room", counts=[1, 2]),
        guessed,
        Counted(question="9", counts=[7]),
        Answered(question="2", answer="40 %", choice=40, by="room", guesses=[10, 40, 90]),
        *(Answered(question="2", answer="a", choice=1, by=by) for by in ("nobody", "unasked", "before")),
        Answered(question="2", answer="", choice=None, by="unasked"),
        asked,
    ]
    events = [msgspec.structs.replace(event, seq=seq) for seq, event in enumerate(events)]
    program = f"const events = {json.dumps(raw(events))};\n{SCRIPT.read_text()}\n"
    program += "const at = events.map((_, i) => Fold.fold(events, i));\n"
    program += "const told = at.slice(1).map((s) => [s.caption, s.room.counts, Boolean(s.room.answered), s.guesses]);\n"
    if NODE is None:
        pytest.skip("node is not here")
    program += "process.stdout.write(JSON.stringify(told));"
    ran = subprocess.run([NODE, "-"], input=program, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    scenes = [Scene.of(events[: i + 1]) for i in range(1, len(events))]
    here = [[s.caption, list(s.room.counts), s.room.answered is not None, list(s.guesses)] for s in scenes if s.room]
    assert json.loads(ran.stdout) == here and len(here) == len(events) - 1


def kinds_in(name: str) -> set[str]:
    found = re.search(rf"const {name} = new Set\(\[(.*?)\]\)", SCRIPT.read_text(), re.DOTALL)
    assert found is not None
    return set(re.findall(r'"(\w+)"', found[1]))


def test_both_know_the_same_kinds_and_words():
    assert kinds_in("KINDS") == {kind.__struct_config__.tag for kind in get_args(AnyEvent)}
    assert kinds_in("MOVES") == {kind.__struct_config__.tag for kind in MOVES}
    verbs = re.search(r"const VERBS = \{(.*?)\}", SCRIPT.read_text())
    assert verbs is not None
    assert dict(re.findall(r'"?([\w-]+)"?: "(\w+)"', verbs[1])) == VERBS


@pytest.mark.slow
@settings(max_examples=15, deadline=None, derandomize=True)
@given(order=st.lists(st.integers(0, 10_000), min_size=1, max_size=60))
def test_any_order_of_events_is_folded_alike(order):
    known = sample_events()
    events = [msgspec.structs.replace(known[pick % len(known)], seq=number) for number, pick in enumerate(order)]
    told = in_javascript([{"events": raw(events), "at": [len(events) - 1]}])
    assert rounded(told["asked"][0][0]) == rounded(plain(events, len(events) - 1))


@pytest.mark.parametrize("rate", [0.0, 0.016, 0.0625, 0.0949, 0.0951, 0.0995, 0.125, 0.5, 0.985, 1.0])
def test_percentages_are_written_alike(rate):
    if NODE is None:
        pytest.skip("node is not here")
    program = f"{SCRIPT.read_text()}\nprocess.stdout.write(Fold.percent({rate}));"
    assert subprocess.run([NODE, "-"], input=program, capture_output=True, text=True).stdout == percent(rate)
