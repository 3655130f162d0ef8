"""Voting in the terminal: in the app that follows and in the presenter's, and questions on every size of screen."""

from __future__ import annotations

import asyncio
import time

import msgspec
import pytest

from facetui.engine.records import journal
from facetui.engine.records.events import Answered, Asked, Counted, Event
from facetui.engine.records.journal import Journal
from facetui.engine.runs import ballots
from facetui.tui.app.app import FacetApp
from facetui.tui.app.dialogs.vote import Vote
from facetui.tui.runs import cues
from facetui.tui.runs.remote import Mirror
from facetui.tui.screens import frame
from facetui.tui.state.app_state import Stage
from facetui.tui.text.spans import length, text_of

from ...support.presenting import until
from ...support.sample_run import sample_events
from ...support.voting import HOSTILE, Room


async def seen(app: FacetApp, wanted: str, seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while wanted not in text_of(app.canvas.lines):
        assert time.monotonic() < end, text_of(app.canvas.lines)
        await asyncio.sleep(0.05)


async def follows(room: Room, tmp_path) -> FacetApp:
    mirror = Mirror(room.url, tmp_path)
    mirror.start()
    until(lambda: (mirror.folder / journal.EVENTS).stat().st_size > 100)
    return FacetApp(tmp_path, mirror.folder, live=True, mirror=mirror, look_for_device=False, motion=False)


async def test_who_follows_in_a_terminal_is_asked_once_and_votes_by_number(room, tmp_path):
    app = await follows(room, tmp_path)
    async with app.run_test(size=(100, 30)) as keys:
        await asyncio.to_thread(room.asks, "1", "as they are", "under a tool")
        await asyncio.to_thread(until, lambda: isinstance(app.screen, Vote))
        await keys.press("9", "x")
        assert isinstance(app.screen, Vote), "what is no answer does nothing"
        await keys.press("2")
        await asyncio.to_thread(until, lambda: room.votes == {2: 1})
        await seen(app, "✓2 under a tool")
        assert not isinstance(app.screen, Vote)
        await keys.press("v", "1")
        await asyncio.to_thread(until, lambda: room.votes == {1: 1})
        await keys.press("v", "escape")
        assert not isinstance(app.screen, Vote)
        await keys.press("2")
        assert app.stage.view == "cohorts", "then digits are the pages' again"
        room.tell(Answered(question="1", answer="as they are", choice=1, by="room", counts=[1, 0]))
        await asyncio.to_thread(room.asks, "2")
        await asyncio.to_thread(until, lambda: isinstance(app.screen, Vote))
        await keys.press("7", "5", "up", "left", "enter")
        await asyncio.to_thread(until, lambda: room.votes == {71: 1})
        await keys.press("v")
        room.tell(Answered(question="2", answer="71 %", choice=71, by="room", guesses=[71]))
        await asyncio.to_thread(until, lambda: not isinstance(app.screen, Vote))
        assert app.stage.run.vote is None
    assert app.mirror is not None
    app.mirror.close()


async def test_the_presenter_asks_beside_the_story_and_it_is_noted(room, tmp_path):
    app = FacetApp(tmp_path, room.folder, live=True, look_for_device=False, motion=False)
    async with app.run_test(size=(120, 30)) as keys:
        await seen(app, "0 here, 0 caught up")
        await keys.press("v")
        await keys.press(*"Would you? / me / not me", "enter")
        await seen(app, "Would you?")
        (cue,) = cues.read(room.folder)
        assert (cue.text, cue.options) == ("Would you?", ["me", "not me"])
        await asyncio.to_thread(until, lambda: room.question().startswith(cue.question))
        await asyncio.to_thread(room.vote, room.voter(), cue.question, 2)
        await seen(app, "1 vote, ")
        said = ballots.Said(room.folder)
        assert said.more() == []
        await asyncio.to_thread(room.server.process.kill)
        ballots.write(room.folder, ballots.Ballots(cue.question, {2: 1}, closed=True))  # as it does after its time
        told = "The room was asked: Would you? It answers: me 0, not me 1."
        await asyncio.to_thread(until, lambda: app.stage.run.asking is None)
        assert said.more() == [told] and said.more() == [] and cues.read(room.folder)[-1].text == told
        await keys.press("v")
        await keys.press(*"What now? / one", "enter")
        assert len(cues.read(room.folder)) == 2, "a question has two answers at least"
        await keys.press("v")
        await keys.press(*"Again?", "enter")
        assert cues.read(room.folder)[-1].options == ["yes", "no"]
        room.tell(Asked(question="1", text="On?", options=["a", "b"], seconds=60))  # the story goes before
        ballots.write(room.folder, ballots.Ballots("1", {1: 1}))
        await seen(app, "On?")
        assert app.stage.run.asking is None
    assert app.mirror is None


def stage_of(*events: Event) -> Stage:
    stage = Stage(motion=False)
    stage.view = "timeline"
    told = [*sample_events()[:9], *events]
    stage.extend([msgspec.structs.replace(event, seq=seq, wall=float(seq)) for seq, event in enumerate(told)])
    stage.player.latest()
    stage.fold()
    return stage


OPTIONS = ["as they are", HOSTILE, "x" * 100, *(f"option {n}" for n in range(4, 10))]


@pytest.mark.parametrize("size", [(40, 12), (64, 16), (80, 24), (120, 40), (200, 60)])
@pytest.mark.parametrize("options", [[], OPTIONS[:2], OPTIONS], ids=["guess", "two", "nine"])
def test_a_question_fits_every_screen_and_leaves_room_for_the_chart(size, options):
    asked = Asked(question="1", text=f"What now? {HOSTILE} " + "long " * 60, options=options, seconds=30)
    stage = stage_of(asked, Counted(question="1", counts=[3, 1][: len(options) or 1]))
    lines = frame.paint(stage, *size)
    told = text_of(lines)
    assert len(lines) == size[1] and {length(line) for line in lines} == {size[0]}
    assert "What now?" in told and "\x1b" not in told and "\u202e" not in told
    assert ("4 votes" if options else "3 guesses") in told
    if options and size[1] >= 40:
        assert all(f"{number} " in told for number in range(1, len(options) + 1))


def test_guesses_stand_at_the_axis_before_and_after_it_is_measured():
    asked = Asked(question="1", text="How many?", seconds=30)
    stage = stage_of(asked, Answered(question="1", answer="50 %", choice=50, by="room", guesses=[0, 50, 50, 100]))
    rows = [text_of([line]) for line in frame.paint(stage, 120, 40)]
    marked = [row[: row.find("∙∙") + 2] for row in rows if "∙∙" in row]
    assert len(marked) == 1 and "50%" in marked[0]
    assert "The room guesses 50 %: the middle of 4 guesses, 0 to 100 %." in text_of(frame.paint(stage, 120, 40))


def test_a_journal_of_a_run_that_was_asked_is_read_again(tmp_path):
    book = Journal(tmp_path)
    asked = [
        Asked(seq=0, question="1", text="What?", options=["a", "b"], seconds=30),
        Counted(seq=1, question="1", counts=[1, 0]),
        Answered(seq=2, question="1", answer="a", choice=1, by="room", counts=[1, 0]),
    ]
    for event in asked:
        book.append(event)
    book.close()
    assert journal.read(tmp_path) == asked
