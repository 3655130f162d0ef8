"""The page on a telephone: every mark of its lanes has its words, none lies over another, its text is kept.

What changed on purpose is written anew by running this file with FACETUI_UPDATE=1.
"""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import msgspec
import pytest

from facetui.engine.records import journal
from facetui.engine.records.events import DefenceApplied, Event, PhotosPosted, PhotosScraped, RunBegan
from facetui.engine.records.journal import Journal
from facetui.tui.runs.recordings import unpacked as demo
from facetui.tui.state.snapshot import Scene

from ...support.sample_run import BEGAN

PHONE = {"viewport": {"width": 390, "height": 844}, "reduced_motion": "reduce"}
GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "phone.txt"

LANES = """() => {
  const box = (node) => { const b = node.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; };
  const text = (node) => [...node.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data).join("");
  const drawn = [...document.querySelectorAll("svg.live text.mark, svg.live text.number, svg.live text.words")];
  return {
    drawn: drawn.map((node) => ({ kind: node.classList[0] === "dim" ? "words" : node.classList[0], text: text(node),
      box: box(node), says: node.querySelector("title")?.textContent ?? "" })),
    dates: [...document.querySelectorAll("svg.live text.date")].map((node) => ({ text: text(node), box: box(node) })),
    list: [...document.querySelectorAll("ul.moves li")].map((node) => node.innerText.replace(/\\s+/g, " ")),
    svg: box(document.querySelector("svg.live")),
    wide: document.documentElement.scrollWidth,
  };
}"""


def apart(one: list[float], other: list[float]) -> bool:
    """Whether two boxes touch nowhere; less than half a pixel is rounding."""
    return one[2] <= other[0] + 0.5 or other[2] <= one[0] + 0.5 or one[3] <= other[1] + 3 or other[3] <= one[1] + 3


def checked(page) -> dict:
    """What the lanes show, held to: words whole, nothing over another, nothing outside."""
    shown = page.evaluate(LANES)
    assert shown["wide"] <= 390
    for one, other in itertools.combinations([*shown["drawn"], *shown["dates"]], 2):
        assert apart(one["box"], other["box"]), (one, other)
    for piece in [*shown["drawn"], *shown["dates"]]:
        assert piece["box"][0] >= shown["svg"][0] - 0.5 and piece["box"][2] <= shown["svg"][2] + 0.5, piece
    listed = " | ".join(shown["list"])
    pieces = shown["drawn"]
    for place, mark in enumerate(pieces):
        if mark["kind"] != "mark":
            continue
        actor, _, words = mark["says"].partition(": ")
        after = pieces[place + 1] if place + 1 < len(pieces) else None
        if after is not None and after["kind"] == "words":
            assert after["text"] == words
            continue
        assert words in listed, f"{words} stands neither beside its mark nor in the list"
        if mark["text"] != "·":
            assert after is not None and after["kind"] == "number"
            entry = next(entry for entry in shown["list"] if f"{mark['text']}{after['text']} " in f"{entry} ")
            assert entry.endswith(words) and actor
    return shown


@pytest.fixture
def recording():
    with demo() as (folder, _):
        yield folder


def test_marks_have_their_words_at_every_move(visit, served, recording):
    page = visit(served(recording), **PHONE)
    page.wait_for_selector("svg.live")
    last = Scene.of(journal.read(recording)).moves
    page.keyboard.press("g")
    seen = []
    for _ in range(last + 3):
        seen.append(checked(page))
        page.keyboard.press("}")
    marks = [sum(piece["kind"] == "mark" for piece in shown["drawn"]) for shown in seen]
    assert marks == sorted(marks) and marks[-1] >= 9
    assert all(piece["text"] != "·" for piece in seen[-1]["drawn"])
    moves = {number for slot in Scene.of(journal.read(recording)).slots for _, _, number in slot.moves}
    numbers = {int(piece["text"]) for piece in seen[-1]["drawn"] if piece["kind"] == "number"}
    assert numbers and numbers <= moves, "the numbers are those of the moves, as in the app"


@pytest.mark.parametrize("count", [3, 12, 40])
def test_however_many_moves_there_are_nothing_lies_over_another(visit, served, tmp_path, count):
    book, events = Journal(tmp_path), many(count)
    for event in events:
        book.append(event)
    book.close()
    page = visit(served(tmp_path), **PHONE)
    page.wait_for_selector("svg.live")
    shown = checked(page)
    assert sum(piece["kind"] == "mark" for piece in shown["drawn"]) >= 2 * count // 3


def many(count: int) -> list[Event]:
    events: list[Event] = [RunBegan(**BEGAN)]
    for number in range(count):
        t = f"20{20 + number // 12}-{1 + number % 12:02}"
        name = f"tool-{number} with a name"
        posted = PhotosPosted(cohort=f"{t} {name}", attack=name, budget="-", n_people=8, n_photos=8, actor="users")
        adapted = DefenceApplied(
            defence="adapt", against=[name], extractor="x", n_photos=1, n_people=1, actor="trainer"
        )
        turn = (posted, PhotosScraped(n_new=1, n_archive=1, actor="trainer"), adapted)[number % 3]
        events.append(msgspec.structs.replace(turn, t=t))
    return [msgspec.structs.replace(event, seq=seq) for seq, event in enumerate(events)]


def test_the_page_says_what_it_said(visit, served, recording):
    page = visit(served(recording), **PHONE)
    page.wait_for_selector("svg.live")
    page.wait_for_function("document.querySelector('#state').textContent.includes('finished')")
    parts = {name: page.locator(f"#{name}").inner_text() for name in ("caption", "reading", "when", "table")}
    parts["figure"] = page.locator("#chart figcaption").inner_text()
    # Which words stand beside a mark and which in the list depends on the machine's fonts; which there are does not.
    parts["lanes"] = "\n".join(piece["says"] for piece in checked(page)["drawn"] if piece["says"])
    parts["lines"] = "\n".join(page.locator("#chart ul:not(.moves) li").all_inner_texts())
    text = "".join(f"== {name}\n{said.strip()}\n" for name, said in parts.items())
    if os.environ.get("FACETUI_UPDATE"):
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")
