"""Votes on a published run: real processes, those who vote, and those who want to do harm."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facetui.engine.records import journal
from facetui.engine.records.events import Answered, Asked, Note, RunEnded
from facetui.engine.runs import ballots
from facetui.engine.runs.run import run
from facetui.engine.runs.scenario import Scenario
from facetui.engine.runs.settings import Settings
from facetui.tui.runs import archive, cues
from facetui.tui.sharing.web import server_process, voters, voting

from ...support.presenting import Presenter, until
from ...support.voting import JSON, Room

MAIN = [sys.executable, "-m", "facetui.tui.cli.main"]
STORY = '''"""The room decides."""


def scenario(lab):
    lab.at("2020-07")
    got = lab.ask("What now?", options=["wait", "go"], seconds=SECONDS)
    lab.note(f"it is: {got}")
    lab.note(f"guessed: {lab.guess('How many?', seconds=SECONDS)}")
'''


@pytest.fixture
def room(tmp_path):
    made = Room(tmp_path / "run")
    yield made
    made.server.stop()


# --- votes that count ---------------------------------------------------------------------------------------------


def test_everybody_votes_once_and_may_change_it(room):
    room.asks("1", "a", "b", "c")
    first, second, third = (room.voter() for _ in range(3))
    assert [room.vote(who, "1", n) for who, n in ((first, 1), (second, 3), (third, 3), (first, 3), (third, 2))] == [
        200
    ] * 5
    assert room.votes == {2: 1, 3: 2}, "kept before it is said to count"
    assert room.question().rpartition(" ")[2] == "0,1,2"
    assert room.vote(first, "1", 3) == 200 and room.votes == {2: 1, 3: 2}, "sent again it counts once"
    room.ends("1")
    assert room.vote(first, "1", 1) == 409 and room.votes == {2: 1, 3: 2}
    until(lambda: ballots.read(room.folder).closed)
    room.asks("2")
    assert room.vote(first, "1", 1) == 409 and room.vote(first, "2", 101) == 400
    assert room.vote(first, "2", 0) == 200 and room.vote(second, "2", 100) == 200
    assert room.votes == {0: 1, 100: 1} and room.question().rpartition(" ")[2] == "2", "only how many"


def test_a_question_closes_when_its_time_is_over_and_what_counted_by_then_is_all(room):
    room.asks("1", "a", "b", seconds=1.5)
    taken, end = 0, time.monotonic() + 3
    while time.monotonic() < end and (status := room.vote(room.voter(), "1", 2)) == 200:
        taken += 1
    assert status == 409 and taken
    until(lambda: ballots.read(room.folder).closed)
    assert room.votes == {2: taken}


def test_a_follower_who_waits_hears_of_the_question_and_its_counts(room):
    size = len((room.folder / journal.EVENTS).read_bytes())
    heard = []

    def wait() -> None:
        while not heard or "0,1" not in heard[-1]:
            headers = room.ask("GET", "events.jsonl", Range=f"bytes={size + 10_000}-")[1]
            version = headers["facetui-votes"]
            begin = headers["content-range"].split("/")[1]
            told = room.ask("GET", "events.jsonl", Range=f"bytes={begin}-", Prefer="wait=20", Facetui_Votes=version)
            heard.append(told[1].get("facetui-question", ""))

    listener = threading.Thread(target=wait)
    listener.start()
    room.asks("1", "a", "b")
    began = time.monotonic()
    assert room.vote(room.voter(), "1", 2) == 200
    listener.join(10)
    assert not listener.is_alive() and time.monotonic() - began < 3
    now = ballots.read(room.folder)
    assert now.here >= 1 and now.here >= now.caught_up


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), max_size=12))
def test_whatever_is_sent_the_last_good_vote_of_each_counts(shared_room, sent):
    number = str(shared_room.seq)
    shared_room.asks(number, "a", "b", "c")
    voters, last = [shared_room.voter() for _ in range(4)], {}
    for who, choice in sent:
        assert shared_room.vote(voters[who], number, choice) == (200 if 1 <= choice <= 3 else 400)
        if 1 <= choice <= 3:
            last[who] = choice
    now = ballots.read(shared_room.folder)
    counted = now.votes if now is not None and now.question == number else {}  # the engine looks whose votes they are
    assert counted == {n: list(last.values()).count(n) for n in sorted(set(last.values()))}
    shared_room.ends(number)


@pytest.fixture(scope="module")
def shared_room(tmp_path_factory):
    made = Room(tmp_path_factory.mktemp("votes") / "run")
    yield made
    made.server.stop()


# --- a story, an engine, a server ----------------------------------------------------------------------------------


def played(tmp_path, seconds: float, *options: str) -> subprocess.Popen[str]:
    story = tmp_path / "decides.py"
    story.write_text(STORY.replace("SECONDS", str(seconds)))
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*MAIN, "run", str(story), "--out", str(tmp_path / "runs"), *options], **pipes)


def test_the_room_decides_a_story_and_the_run_can_be_played_again_with_its_answers(tmp_path):
    running = played(tmp_path, 4, "--display", "json", "--publish", "--votes")
    assert running.stderr is not None
    url = next(line.split()[-1] for line in running.stderr if line.startswith("facetui follow "))
    threading.Thread(target=running.stderr.read, daemon=True).start()
    guest = Guest(url)
    voters = [guest.voter() for _ in range(12)]
    for question, choices in (("1", [2] * 8 + [1] * 4), ("2", [10] * 5 + [30] * 7)):
        until(lambda question=question: guest.question().startswith(f"{question} "), 60)
        with ThreadPoolExecutor(12) as crowd:
            votes = crowd.map(
                lambda pair, question=question: guest.vote(pair[0], question, pair[1]),
                zip(voters, choices, strict=True),
            )
            assert set(votes) == {200}
    out, _ = running.communicate(timeout=60)
    events = [json.loads(line) for line in out.splitlines()]
    first, second = [event for event in events if event["kind"] == "answered"]
    assert (first["answer"], first["counts"], first["by"]) == ("go", [4, 8], "room")
    assert (second["choice"], second["guesses"]) == (30, [10] * 5 + [30] * 7)
    assert any(event["kind"] == "counted" and event["counts"] == [4, 8] for event in events)
    assert not (next(journal.runs(tmp_path / "runs").__iter__()) / ballots.FILE).exists(), "the room has gone"
    name = journal.runs(tmp_path / "runs")[0]
    for answers in ("2,30", str(name)):
        again = played(tmp_path, 60, "--display", "json", "--answers", answers)
        told = [json.loads(line) for line in again.communicate(timeout=60)[0].splitlines()]
        notes = [[event["text"] for event in those if event["kind"] == "note"] for those in (events, told)]
        assert notes[0] == notes[1] == ["it is: go", "guessed: 0.3"]


class Guest(Room):
    """One who knows an address, and nothing else."""

    def __init__(self, url: str) -> None:
        self.host, self.port = url.split("/")[2].split(":")[0], int(url.split("/")[2].split(":")[1])
        self.path = "/" + url.split("/", 3)[3]


def test_without_an_audience_a_story_goes_on_at_once(tmp_path):
    began = time.monotonic()
    for options in ((), ("--publish",), ("--publish", "--no-votes")):
        out, _ = played(tmp_path, 60, "--display", "plain", *options).communicate(timeout=50)
        assert "Nobody was asked" in out and "it is: wait" in out, options
    assert time.monotonic() - began < 50
    said = played(tmp_path, 1, "--votes").communicate(timeout=50)[1]
    assert "--votes needs --publish" in said
    said = played(tmp_path, 1, "--answers", "two").communicate(timeout=50)[1]
    assert "expected --answers 2,1,40" in said


def test_what_the_presenter_was_told_is_noted_before_the_next_move(tmp_path):
    story = tmp_path / "notes.py"
    story.write_text('"""Notes."""\n\n\ndef scenario(lab):\n    lab.at("2020-07")\n    lab.note("own")\n')

    def tell(folder) -> None:
        ballots.say(folder, "the room says so")
        (folder / ballots.SAID).open("ab").write(b'{"no": "text"}\n"half a li')

    outcome = run(Scenario.read(story), Settings(out=tmp_path / "runs"), on_folder=tell)
    notes = [event.text for event in journal.read(outcome.folder) if isinstance(event, Note)]
    assert outcome.error is None and notes == ["the room says so", "own"]


# --- those who want to do harm -------------------------------------------------------------------------------------


def test_a_run_that_is_published_without_votes_is_read_only(tmp_path):
    presenter = Presenter(tmp_path / "run")
    try:
        presenter.finish()
        assert presenter.ask("POST", "vote")[0] == 405 and presenter.ask("GET", "voter")[0] == 404
        headers = presenter.ask("GET", "")[1] | presenter.ask("GET", "events.jsonl")[1]
        assert not {"set-cookie", "facetui-votes", "facetui-question"} & set(headers)
        assert not (presenter.folder / ballots.FILE).exists()
    finally:
        presenter.server.stop()


OTHER = "http://elsewhere.example"
GOOD = {"question": "1", "choice": 1}
WRONG = {
    "another site": (403, GOOD, {**JSON, "Origin": OTHER}),
    "a sandboxed frame": (403, GOOD, {**JSON, "Origin": "null"}),
    "a browser says so": (403, GOOD, {**JSON, "Sec_Fetch_Site": "cross-site"}),
    "a form": (415, b"question=1&choice=1", {"Content_Type": "application/x-www-form-urlencoded"}),
    "a form of plain text": (415, GOOD, {"Content_Type": "text/plain", "Facetui_Vote": "1"}),
    "without our header": (415, GOOD, {"Content_Type": "application/json"}),
    "a megabyte": (413, b"x" * (1 << 20), JSON),
    "one byte too many": (413, b" " * 1025, JSON),
    "no JSON": (400, b"{", JSON),
    "nested": (400, b"[" * 1000, JSON),
    "no UTF-8": (400, b'{"question":"\xff","choice":1}', JSON),
    "nothing": (400, b"", JSON),
    "more than a vote": (400, {**GOOD, "admin": True}, JSON),
    "text as a number": (400, {"question": "1", "choice": "1"}, JSON),
    "half an option": (400, {"question": "1", "choice": 1.5}, JSON),
    "no option": (400, {"question": "1", "choice": 0}, JSON),
    "one option too far": (400, {"question": "1", "choice": 3}, JSON),
    "a number beyond all": (400, b'{"question":"1","choice":' + b"9" * 500 + b"}", JSON),
    "another question": (409, {"question": "7", "choice": 1}, JSON),
}


def test_what_is_no_vote_changes_nothing(room):
    (room.folder / "secret.txt").write_text("secret")
    room.asks("1", "a", "b")
    honest = room.voter()
    assert room.vote(honest, "1", 2) == 200
    before, files = dict(room.votes), sorted(path.name for path in room.folder.rglob("*"))
    for what, (status, body, headers) in WRONG.items():
        with contextlib.suppress(ConnectionError):  # refused before all of it was sent
            assert room.post(body, **headers, Facetui_Voter=room.voter())[0] == status, what
    number, _, sign = honest.partition(".")
    forged = ["", "x", number, f"{number}.{'0' * 32}", f"{'0' * 16}.{sign}", honest.upper(), honest + "0", "'; drop"]
    assert {room.vote(who, "1", 1) for who in forged} == {403}
    assert room.post(GOOD, "vote/", **JSON, Facetui_Voter=honest)[0] == 405
    for path in ("events.jsonl", "voter", "votes.json", "cues.jsonl", ""):
        assert room.post(GOOD, path, **JSON, Facetui_Voter=honest)[0] == 405
    assert room.ask("GET", "votes.json")[0] == 404 and room.ask("GET", "vote")[0] == 404
    path, room.path = room.path, "/wrong/"
    assert room.vote(honest, "1", 1) == 404
    room.path = path
    chunked = f"POST {path}vote HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nFacetui-Vote: 1\r\n"
    chunked += f"Facetui-Voter: {honest}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"
    assert room.raw(chunked.encode()).recv(100).startswith(b"HTTP/1.1 411 ")
    assert room.votes == before and sorted(path.name for path in room.folder.rglob("*")) == files
    assert room.server.process.poll() is None and room.ask("GET", "events.jsonl")[0] == 200


def test_the_page_own_cookie_votes_and_is_out_of_reach_of_scripts_and_other_sites(room):
    room.asks("1", "a", "b")
    cookie = room.ask("GET", "")[1]["set-cookie"]
    assert cookie.endswith(f"; Path={room.path}; HttpOnly; SameSite=Strict")
    mine = cookie.partition(";")[0]
    assert "set-cookie" not in room.ask("GET", "", Cookie=f"other=1; {mine}")[1], "one keeps the number one has"
    own = f"http://{room.host}:{room.port}"
    assert room.post(GOOD, **JSON, Cookie=mine, Origin=own)[0] == 200
    assert room.post(GOOD, **JSON, Cookie=mine, Origin=own)[0] == 200 and room.votes == {1: 1}


def test_one_address_counts_as_a_room_and_not_as_a_town(room, monkeypatch):
    room.asks("1", "a", "b")

    def vote(_: int) -> int:
        return room.vote(room.voter(), "1", 1)

    with ThreadPoolExecutor(4) as crowd:
        told = list(crowd.map(vote, range(voting.ADDRESS_MOST + 20)))
    assert told.count(200) == voting.ADDRESS_MOST and set(told) == {200, 429}
    assert room.votes == {1: voting.ADDRESS_MOST}


FLOOD = """
import socket, sys, time
host, port, path, voter = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
body = b'{"question":"1","choice":1}'
post = (f"POST {path}vote HTTP/1.1\\r\\nHost: x\\r\\nContent-Type: application/json\\r\\nFacetui-Vote: 1\\r\\n"
        f"Facetui-Voter: {voter}\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n").encode() + body
sent, end = 0, time.time() + 4
while time.time() < end:
    try:
        with socket.create_connection((host, port), timeout=1) as one:
            for _ in range(50):
                one.sendall(post * 20)
                sent += 20
    except OSError:
        pass
print(sent)
"""


def test_a_flood_from_one_address_holds_no_reader_up_and_votes_once(room):
    room.asks("1", "a", "b")
    slow = []
    head = f"POST {room.path}vote HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nFacetui-Vote: 1\r\n"
    for _ in range(50):  # bodies that never come
        slow.append(room.raw(f"{head}Facetui-Voter: {room.voter()}\r\nContent-Length: 20\r\n\r\n{{".encode()))
    command = [sys.executable, "-c", FLOOD, room.host, str(room.port), room.path, room.voter()]
    flood = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    took = []
    while flood.poll() is None:
        began = time.monotonic()
        assert room.ask("GET", "events.jsonl")[0] == 200
        took.append(time.monotonic() - began)
        time.sleep(0.05)
    assert int(flood.communicate()[0]) > 5000
    assert sorted(took)[len(took) * 9 // 10] < 1.0 and max(took) < 5, "readers are answered meanwhile"
    assert sum(room.votes.values()) <= 1
    for one in slow:
        one.settimeout(voters.BODY_SECONDS + 5)
        assert one.recv(100).startswith(b"HTTP/1.1 408 ")
    until(lambda: room.vote(room.voter(), "1", 2) == 200)
    assert room.votes[2] == 1


def test_votes_stay_out_of_archives_and_leave_with_their_server(room, tmp_path):
    room.asks("1", "a", "b")
    assert room.vote(room.voter(), "1", 1) == 200
    room.tell(Answered(question="1", answer="a", choice=1, by="room", counts=[1, 0]))
    room.tell(RunEnded(peak_memory=0))
    room.book.close()
    assert b"choice" in (room.folder / journal.EVENTS).read_bytes()
    archive.pack(room.folder, tmp_path / "run.tar.zst")
    with archive.unpacked_for_now(tmp_path / "run.tar.zst") as folder:
        assert sorted(path.name for path in folder.iterdir()) == [journal.EVENTS]
    room.server.stop()
    assert ballots.read(room.folder) is None


def test_what_a_presenter_asks_beside_the_story_is_voted_on_too(room):
    cue = cues.send(room.folder, 0, "timeline", "Who would use it?", ["me", "not me"], 30)
    until(lambda: room.question().startswith(cue.question))
    assert room.vote(room.voter(), cue.question, 2) == 200 and room.votes == {2: 1}
    room.tell(Asked(question="1", text="What now?", options=["a", "b"], seconds=30))
    until(lambda: room.question().startswith("1 "))
    assert room.vote(room.voter(), cue.question, 2) == 409, "the story's own question goes before"
    again = server_process.start(room.folder, votes=True)
    again.stop()


@pytest.mark.slow
def test_two_hundred_vote_while_the_engine_computes(tmp_path):
    from facetui.tui.cli.machine.bench_followers import measure

    cost = measure(200, 8, 1, votes=True)
    assert cost.voted == cost.counted == 200, "every vote counted once, none lost"
    assert cost.shown[1] < 3, "within a second on a quiet machine"
    assert cost.lost == 0
