"""Every mark in a lane has its words whole on the same screen: beside it, under it, or in the list by its number."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facetui.engine.records import journal
from facetui.engine.records.events import (
    DefenceApplied,
    Event,
    ExtractorReleased,
    LawPassed,
    PhotosPosted,
    PhotosScraped,
    ProtectionMeasured,
    RunBegan,
)
from facetui.tui.figures.lanes import LANES, newest
from facetui.tui.runs.recordings import unpacked as demo
from facetui.tui.screens import frame
from facetui.tui.state.app_state import Stage
from facetui.tui.text import spans
from facetui.tui.text.sentences import MARKS

from ...support.sample_run import BEGAN, sample_events

ROOMY = ((80, 24), (120, 40), (160, 50))
NAMES = ("pgd", "lowkey", "fawkes-0.3", "fawkes-1.0 weakened", "a tool whose name is long indeed", "面部隐私")


def staged(events: list[Event], head: int) -> Stage:
    stage = Stage(motion=False)
    stage.view = "timeline"
    stage.extend(events)
    stage.player.jump(head)
    stage.fold()
    return stage


def pieces(lines: list[spans.Line]) -> list[tuple[str, str, str, int]]:
    """What stands on the screen of moves: the lane of its row, the text, whose it is, and its place on the axis."""
    found = []
    for line in lines:
        whole = "".join(text for text, _ in line).lstrip("│")
        lane = next((lane for lane in LANES if whole.startswith(f"{lane} ")), "")
        for text, role in line:
            name, _, slot = role.partition("@move:")
            if slot and text.strip():
                found.append((lane, text.strip(), name.split()[0], int(slot)))
    return found


def told(stage: Stage, size: tuple[int, int]) -> int:
    """Check every mark on a screen, and that nothing of a move is cut or covered; how many moves are dots only."""
    shown = pieces(frame.paint(stage, *size))
    dots = 0
    for _, text, actor, slot in shown:
        place = stage.now.slots[slot]
        moves = [(label, number) for lane, label, number in place.moves if LANES.get(lane) == actor]
        allowed = {MARKS[actor], "·"}
        for label, number in moves:
            allowed |= {label, str(number), f"{MARKS[actor]}{number} {label}"}
        assert text in allowed, f"{text!r} is none of {allowed}: cut, or covered by another"
    for lane, text, actor, slot in shown:
        place = stage.now.slots[slot]
        label, number = place.label(lane) if lane else "", place.number(lane) if lane else 0
        if lane == "scrapes":
            continue  # the lane's name is the word
        if text == "·":
            dots += 1
        elif text == MARKS[actor]:
            words = {other for _, other, its, at in shown if its == actor and at == slot}
            assert label in words or (str(number) in words and f"{text}{number} {label}" in words), (label, words)
    marked = {(slot, actor) for _, _, actor, slot in shown}
    for slot, place in enumerate(stage.now.slots):
        for lane, label, _ in place.moves:
            if label and lane in LANES and lane != "scrapes":
                assert (slot, LANES[lane]) in marked, f"{label} has no mark at {size}"
    return dots


def moves() -> st.SearchStrategy[list[Event]]:
    name = st.sampled_from(NAMES)
    posted = {"budget": "linf 8/255", "n_people": 8, "n_photos": 32}
    event = st.one_of(
        name.map(lambda n: PhotosPosted(cohort=f"2020 {n}", attack=n, actor="users", **posted)),
        name.map(lambda n: PhotosPosted(cohort="clean", attack=None, actor="friends", **posted)),
        st.just(PhotosScraped(n_new=1, n_archive=2, actor="trainer")),
        name.map(lambda n: ExtractorReleased(extractor=n, released=None, weights="0", actor="trainer")),
        st.just(
            DefenceApplied(defence="adapt", against=["pgd"], extractor="x", n_photos=1, n_people=1, actor="trainer")
        ),
        st.just(LawPassed(law="retention", text="forget", actor="law")),
        st.just(next(e for e in sample_events() if isinstance(e, ProtectionMeasured))),
    )
    dated = st.tuples(event, st.sampled_from(("2020-07", "2021-01-21", "2022-03")))
    return st.lists(dated, min_size=1, max_size=40).map(_in_order)


def _in_order(dated: list[tuple[Event, str]]) -> list[Event]:
    import msgspec

    ordered = sorted(dated, key=lambda pair: pair[1])
    return [
        RunBegan(**BEGAN),
        *(msgspec.structs.replace(event, t=t, seq=seq) for seq, (event, t) in enumerate(ordered, start=1)),
    ]


@settings(deadline=None, max_examples=60)
@given(events=moves(), size=st.sampled_from(ROOMY), data=st.data())
def test_every_mark_has_its_words_on_the_screen(events, size, data):
    head = data.draw(st.integers(0, len(events) - 1))
    stage = staged(events, head)
    dots = told(stage, size)
    if len(stage.known.slots) <= 9:
        assert not dots, "a story of nine places leaves room for all words"


def test_the_recording_has_no_mark_without_words_at_any_move():
    with demo() as (folder, _):
        events = journal.read(folder)
    for head in range(0, len(events), 7):
        for size in ROOMY:
            assert told(staged(events, head), size) == 0
    listed = pieces(frame.paint(staged(events, len(events) - 1), 80, 24))
    numbers = {text for lane, text, _, _ in listed if lane and text.isdecimal()}
    assert numbers and all(any(text[1:].startswith(f"{n} ") for _, text, _, _ in listed) for n in numbers)


@settings(deadline=None, max_examples=40)
@given(events=moves(), data=st.data())
def test_a_small_screen_says_the_last_move_whole(events, data):
    stage = staged(events, data.draw(st.integers(0, len(events) - 1)))
    last = newest(stage.now)
    text = " ".join(spans.text_of(frame.paint(stage, 40, 12)).split())
    if last is not None:
        assert " ".join(last[0].split()) in text


@pytest.mark.parametrize("head", [11, 20])
def test_lanes_take_no_more_rows_as_a_replay_goes_on(head):
    events = sample_events()
    first, later = (frame.paint(staged(events, at), 80, 24) for at in (3, head))
    axis = [
        next(y for y, line in enumerate(lines) if "found└" in "".join(t for t, _ in line)) for lines in (first, later)
    ]
    assert axis[0] == axis[1], "the chart does not jump"
