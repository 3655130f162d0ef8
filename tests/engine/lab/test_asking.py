"""What a story asks the room: who answers, what it returns, and that it can be played again with the same answers."""

from __future__ import annotations

import threading
import time

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facetui.engine.core.cache import Cache
from facetui.engine.lab.questions.audience import Audience, Votes
from facetui.engine.records.errors import Cancelled, UsageError
from facetui.engine.records.events import NOBODY, Answered, Asked, Counted, Note, answers_in
from facetui.engine.runs import ballots
from facetui.engine.runs.session import Session
from facetui.engine.runs.setup import Setup, audience_of

OPTIONS = ["as they are", "under a tool", "not at all"]


@pytest.fixture
def asked(make_lab):
    """A lab whose room is the test's, and its events."""

    def make(**how):
        events = []
        return make_lab(emit=events.append, audience=Audience(**how)), events

    return make


def test_without_anybody_the_first_option_is_taken_at_once_and_the_journal_says_so(make_lab):
    events = []
    lab = make_lab(emit=events.append)
    began = time.monotonic()
    assert lab.ask("What now?", OPTIONS, seconds=60) == OPTIONS[0] and lab.guess("How many?") is None
    assert time.monotonic() - began < 1
    first, said, second, nothing = events
    assert (first.seconds, said.by, said.choice, said.counts) == (0, "unasked", 1, [0, 0, 0])
    assert (second.options, nothing.by, nothing.choice) == ([], "unasked", None)


def test_the_room_decides_and_of_equals_the_first(asked, tmp_path):
    lab, events = asked(look=lambda question: Votes([3, 2, 2, 3, 1, 9], closed=True))
    assert lab.ask("What now?", OPTIONS, seconds=0.1) == "under a tool"
    assert events[-1].counts == [1, 2, 2] and events[-1].by == "room"
    lab, events = asked(look=lambda question: Votes([40, 10, 101, 80], closed=True))
    assert lab.guess("What is left?", seconds=0.1) == 0.4
    assert events[-1].guesses == [10, 40, 80] and isinstance(events[1], Counted) and events[1].counts == [3]


def test_votes_are_counted_while_they_come_twice_a_second_at_most_and_the_last_one_is_waited_for(asked, tmp_path):
    room = {"votes": [], "closed": False}
    lab, events = asked(look=lambda question: Votes(list(room["votes"]), room["closed"]))

    def vote():
        for _ in range(30):
            time.sleep(0.05)
            room["votes"].append(2)
        time.sleep(0.5)  # after the time is over
        room["votes"].append(2)
        room["closed"] = True

    threading.Thread(target=vote).start()
    assert lab.ask("What now?", OPTIONS, seconds=1.5) == OPTIONS[1]
    counted = [event for event in events if isinstance(event, Counted)]
    assert events[-1].counts == [0, 31, 0] and 3 <= len(counted) <= 6
    assert counted[-1].counts == [0, 31, 0]


def test_nobody_answers_in_time_and_a_server_that_is_gone_does_not_hold_the_story_up(asked, monkeypatch):
    monkeypatch.setattr("facetui.engine.lab.questions.audience.CLOSING_SECONDS", 0.2)
    lab, events = asked(look=lambda question: Votes())
    assert lab.ask("What now?", OPTIONS, seconds=0.2) == OPTIONS[0] and events[-1].by == "nobody"


def test_a_question_can_be_stopped(make_lab):
    stop = threading.Event()
    lab = make_lab(audience=Audience(look=lambda question: Votes()), cancelled=stop.is_set)
    threading.Timer(0.2, stop.set).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        lab.ask("What now?", OPTIONS, seconds=60)
    assert time.monotonic() - began < 5


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    votes=st.lists(st.integers(-2, 5), max_size=12),
    guesses=st.lists(st.integers(-5, 110), max_size=12),
)
def test_what_was_answered_is_answered_again(asked, votes, guesses):
    rooms = {"1": votes, "2": guesses}
    first, told = asked(look=lambda question: Votes(rooms[question], closed=True))
    got = first.ask("What?", OPTIONS, seconds=0.001), first.guess("How many?", seconds=0.001)
    again, events = asked(given=answers_in(told))
    assert (again.ask("What?", OPTIONS), again.guess("How many?")) == got
    assert answers_in(events) == answers_in(told)
    assert all(event.seconds == 0 for event in events if isinstance(event, Asked)), "nobody is asked again"


@pytest.mark.parametrize("given", [(0,), (4,), (-2,)])
def test_an_answer_that_is_none_is_said(asked, given):
    lab, _ = asked(given=given)
    with pytest.raises(UsageError, match="takes 1 to 3"):
        lab.ask("What now?", OPTIONS)
    lab, _ = asked(given=(101,))
    with pytest.raises(UsageError, match="takes 0 to 100"):
        lab.guess("How many?")
    lab, events = asked(given=(NOBODY, NOBODY))
    assert (lab.ask("What?", OPTIONS), lab.guess("How many?")) == (OPTIONS[0], None) and events[-1].by == "nobody"


@pytest.mark.parametrize(
    ("text", "options", "seconds"),
    [
        ("", OPTIONS, 30),
        ("x" * 301, OPTIONS, 30),
        (7, OPTIONS, 30),
        ("What?", ["one"], 30),
        ("What?", "yes", 30),
        ("What?", ["one", "one"], 30),
        ("What?", ["one", ""], 30),
        ("What?", ["one", 2], 30),
        ("What?", [str(number) for number in range(10)], 30),
        ("What?", OPTIONS, 0),
        ("What?", OPTIONS, 601),
        ("What?", OPTIONS, "30"),
        ("What?", OPTIONS, float("nan")),
    ],
)
def test_what_cannot_be_asked_is_said_before_anybody_is(asked, text, options, seconds):
    lab, events = asked()
    with pytest.raises(UsageError, match="expected"):
        lab.ask(text, options, seconds)
    assert events == []


def test_a_session_takes_questions_back_and_asks_nobody_twice(few, tool, tiny_cast, tmp_path):
    setup = Setup(tiny_cast, few, tool, torch.device("cpu"), Cache(None), None, 3)
    session = Session(setup, tmp_path)
    ballots.write(session.journal.folder, ballots.Ballots("1", {2: 3}, closed=True))
    with session.cell('lab.ask("What?", ["a", "b"], seconds=0.1)'):
        assert session.lab.ask("What?", ["a", "b"], seconds=0.1) == "b"
    with session.cell('lab.note("on")'):
        session.lab.note("on")
    session.undo()
    assert [event.answer for event in session.events if isinstance(event, Answered)] == ["b"]
    assert not any(isinstance(event, Note) and event.text == "on" for event in session.events)
    session.undo()
    with session.cell("again"):
        assert session.lab.ask("What?", ["a", "b"]) == "a", "in the new journal's folder nobody can vote"
    session.close()


def test_a_file_of_votes_that_is_none_is_nobody_who_can_vote(tmp_path):
    assert audience_of(lambda: tmp_path).look("1") is None
    for wrong in (
        b"",
        b"[",
        b'{"question":1}',
        b'{"votes":{"x":1}}',
        b'{"votes":{"101":1}}',
        b"[" * 9999,
        b" " * 99999,
    ):
        (tmp_path / ballots.FILE).write_bytes(wrong)
        assert ballots.read(tmp_path) is None and audience_of(lambda: tmp_path).look("1") is None
    ballots.write(tmp_path, ballots.Ballots("1", {1: 2, 3: 1}, here=4))
    assert audience_of(lambda: tmp_path).look("1").choices == [1, 1, 3]
    assert audience_of(lambda: tmp_path).look("2") == Votes()
    (tmp_path / ballots.FILE).unlink()
    (tmp_path / ballots.FILE).symlink_to("/etc/passwd")
    assert ballots.read(tmp_path) is None, "nothing is read through a link"
