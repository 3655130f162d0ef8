"""A published run and those who follow it: real processes, real sockets, and what can go wrong between them."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facetui.engine import journal
from facetui.engine.errors import UsageError
from facetui.engine.events import Note, PicturesShown, RunBegan, RunEnded
from facetui.engine.journal import Journal
from facetui.tui import cues, publishing
from facetui.tui.app import FacetApp
from facetui.tui.ink import text_of
from facetui.tui.mirror import Mirror
from facetui.tui.serving import policy

from .sample_run import sample_events, write_sample

MAIN = [sys.executable, "-m", "facetui.tui.cli"]


class Presenter:
    """A run that the test writes, and the process that serves it."""

    def __init__(self, folder: Path, pictures: str = "fictional", **environment: str) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.book = Journal(folder)
        self.events = sample_events()
        self.written = 0
        before = dict(os.environ)
        os.environ.update(environment)
        try:
            self.server = publishing.start(folder, pictures=pictures)
        finally:
            os.environ.clear()
            os.environ.update(before)
        self.url = self.server.url
        parts = urlsplit(self.url)
        self.host, self.port, self.path = parts.hostname, parts.port, parts.path
        until(lambda: self.ask("HEAD", "events.jsonl")[0] == 200)

    def write(self, n: int = 1) -> None:
        for event in self.events[self.written : self.written + n]:
            self.book.append(event)
        self.written += n

    def finish(self) -> None:
        self.write(len(self.events))
        self.book.close()

    def ask(self, method: str, name: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
        try:
            connection.request(method, self.path + name, headers={k.replace("_", "-"): v for k, v in headers.items()})
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read()
        except ConnectionRefusedError:
            return 0, {}, b""
        finally:
            connection.close()


def until(wanted, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not wanted():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


@pytest.fixture
def presenter(tmp_path):
    made = Presenter(tmp_path / "run")
    yield made
    made.server.stop()


@pytest.fixture
def follow(tmp_path):
    mirrors = []

    def make(url: str) -> Mirror:
        mirrors.append(Mirror(url, tmp_path))
        mirrors[-1].start()
        return mirrors[-1]

    yield make
    for mirror in mirrors:
        mirror.close()


def copied(mirror: Mirror) -> bytes:
    return (mirror.folder / journal.EVENTS).read_bytes()


def count(mirror: Mirror) -> int:
    """Events of the copy so far."""
    try:
        return len(journal.read(mirror.folder))
    except journal.JournalError:  # not one line has come yet
        return 0


# --- the server ---------------------------------------------------------------------------------------------------


def test_a_growing_journal_is_read_by_ranges(presenter):
    presenter.write(3)
    time.sleep(0.1)  # how the run stands is asked for so often and not more often
    whole = (presenter.folder / journal.EVENTS).read_bytes()
    status, headers, body = presenter.ask("GET", "events.jsonl")
    assert (status, body, headers["facetui-status"]) == (200, whole, "running") and "content-encoding" not in headers
    tag = headers["etag"]
    status, headers, body = presenter.ask("GET", "events.jsonl", Range="bytes=10-19", Accept_Encoding="gzip")
    assert (status, body, headers["content-range"]) == (206, whole[10:20], f"bytes 10-19/{len(whole)}")
    assert presenter.ask("GET", "events.jsonl", Range=f"bytes={len(whole) + 5}-")[0] == 416
    assert presenter.ask("GET", "events.jsonl", Range="bytes=5-", If_Range='"other"')[2] == whole
    assert presenter.ask("GET", "events.jsonl", Range="nonsense")[2] == whole
    status, headers, body = presenter.ask("HEAD", "events.jsonl")
    assert (status, body, int(headers["content-length"])) == (200, b"", len(whole))
    began = time.monotonic()
    assert presenter.ask("GET", "events.jsonl", Range=f"bytes={len(whole)}-", Prefer="wait=1")[0] == 204
    assert 0.9 < time.monotonic() - began < 5, "held for a second"
    threading.Timer(0.3, presenter.write).start()
    status, headers, body = presenter.ask("GET", "events.jsonl", Range=f"bytes={len(whole)}-", Prefer="wait=20")
    assert status == 206 and body.endswith(b"\n") and headers["etag"] == tag, "the tag is the run's, not its length's"
    presenter.finish()
    until(lambda: presenter.ask("HEAD", "events.jsonl")[1]["facetui-status"] == "finished")


def test_whoever_lacks_the_token_learns_nothing(presenter):
    presenter.write(3)
    (presenter.folder / "secret.txt").write_text("secret")
    right = presenter.path
    refused = set()
    for path in ("/", "/x/events.jsonl", right[:-2] + "/events.jsonl", "/%2e%2e/events.jsonl", right.upper(), "//"):
        presenter.path = path
        refused.add(presenter.ask("GET", "")[::2])
        refused.add(presenter.ask("POST", "")[::2])
    assert refused == {(404, b"not found\n")}
    presenter.path = right
    for name in (
        "secret.txt",
        "../run/secret.txt",
        "%2e%2e/secret.txt",
        "engine.log",
        "pictures/",
        "pictures/../x.png",
    ):
        assert presenter.ask("GET", name)[0] == 404
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert presenter.ask(method, "events.jsonl")[0] == 405
    headers = presenter.ask("GET", "")[1]
    assert "default-src 'none'" in headers["content-security-policy"] and headers["x-content-type-options"] == "nosniff"
    assert "http" not in policy("<script>1</script><style>2</style>").decode()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "TRACE", "get", "\x00"]) | st.text("ABC \r\n", max_size=5),
    path=st.text(max_size=30)
    | st.lists(st.sampled_from(["..", ".", "%2e", "/", "pictures", "events.jsonl", "\x1b[2J"])).map("/".join),
    token=st.booleans(),
    header=st.sampled_from(["Range", "Prefer", "If-Range", "Facetui-Cues"]),
    value=st.text(max_size=20)
    | st.sampled_from(["bytes=-", "bytes=9-1", "bytes=0-0,5-6", "bytes=99999999999999999-", "wait=0", "wait=-1"]),
)
def test_no_request_gets_more_than_it_may(fuzzed, method, path, token, header, value):
    before = sorted(fuzzed.folder.rglob("*"))
    line = f"{method} {fuzzed.path if token else '/'}{path} HTTP/1.1\r\nHost: x\r\n{header}: {value}\r\n"
    line += "Connection: close\r\n\r\n"
    with socket.create_connection((fuzzed.host, fuzzed.port), timeout=10) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(line.encode("utf-8", "replace"))
            connection.shutdown(socket.SHUT_WR)
        said = b""
        with contextlib.suppress(OSError):
            while data := connection.recv(65536):
                said += data
    assert b"SECRET" not in said and b"Traceback" not in said
    assert not said or said.split()[1] in (b"200", b"204", b"206", b"400", b"404", b"405", b"416")
    assert token or b"facetui_journal" not in said
    assert sorted(fuzzed.folder.rglob("*")) == before and fuzzed.server.process.poll() is None


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzzed") / "run"
    made = Presenter(folder)
    made.finish()
    (folder.parent / "outside.txt").write_text("SECRET")
    (folder / "engine.log").write_text("SECRET")
    yield made
    made.server.stop()


@pytest.mark.parametrize(
    ("people", "pictures", "seen"),
    [("embedded", "fictional", 200), ("family", "fictional", 404), ("family", "all", 200), ("embedded", "none", 404)],
)
def test_pictures_leave_the_machine_only_when_they_may(people, pictures, seen, tmp_path):
    presenter = Presenter(tmp_path / "run", pictures)
    try:
        names = [presenter.book.add_picture(data) for data in (b"one", b"two", b"never shown")]
        began, *rest = sample_events((names[0], names[1]))
        assert isinstance(began, RunBegan)
        presenter.events = [msgspec.structs.replace(began, people=people), *rest]
        presenter.finish()
        assert presenter.ask("GET", f"pictures/{names[0]}.png")[0] == seen
        assert presenter.ask("GET", f"pictures/{names[2]}.png")[0] == 404, "only what the journal shows"
    finally:
        presenter.server.stop()


def test_addresses_that_cannot_be_published_at(tmp_path):
    for wrong in ("nowhere", "localhost:x", "localhost:99999", "203.0.113.7:0"):
        with pytest.raises(UsageError, match="HOST:PORT"):
            publishing.start(tmp_path, wrong)
    with pytest.raises(UsageError, match="pictures"):
        publishing.start(tmp_path, pictures="some")
    for wrong in ("https://x/y", "http://", "http://x:99999/"):
        with pytest.raises(UsageError):
            Mirror(wrong, tmp_path)


def test_the_code_for_telephones_says_the_address():
    rows = publishing.qr("http://127.0.0.1:8000/abcdefghijkl/")
    assert len({len(row) for row in rows}) == 1 and len(rows[0]) in range(2 * len(rows) - 2, 2 * len(rows) + 1)
    assert set("".join(rows)) <= set("█▀▄ ") and set(rows[0]) == {"█"}, "with its quiet zone"


# --- those who follow ---------------------------------------------------------------------------------------------


def test_a_follower_catches_up_and_then_is_live_to_the_last_byte(presenter, follow):
    presenter.write(5)
    mirror = follow(presenter.url)
    until(lambda: count(mirror) == 5)
    assert journal.is_locked(mirror.folder), "it goes on"
    presenter.book._file.write(b'{"kind":"note",')  # half a line
    presenter.book._file.flush()
    until(lambda: copied(mirror).endswith(b'note",'))
    assert count(mirror) == 5 and mirror.failed is None
    rest = msgspec.json.encode({"seq": 5, "text": "whole now"})[1:]
    presenter.book._file.write(rest + b"\n")
    presenter.events[6:] = [msgspec.structs.replace(e, seq=i) for i, e in enumerate(presenter.events[5:], 6)]
    presenter.written = 6
    presenter.finish()
    until(lambda: mirror.over)
    assert copied(mirror) == (presenter.folder / journal.EVENTS).read_bytes()
    assert journal.status(mirror.folder, journal.read(mirror.folder)) == "finished" == mirror.status


def test_a_dead_engine_is_told_from_a_slow_step_and_from_a_dead_presenter(presenter, follow):
    presenter.write(4)
    mirror = follow(presenter.url)
    until(lambda: count(mirror) == 4)
    time.sleep(0.5)
    assert (mirror.status, mirror.trouble, mirror.over) == ("running", "", False), "a slow step"
    presenter.server.process.kill()
    until(lambda: "presenter has not answered" in mirror.trouble)
    assert journal.is_locked(mirror.folder), "the run may go on"
    again = publishing.start(presenter.folder)  # at another address; here the first one stays dead
    other = follow(again.url)
    until(lambda: count(other) == 4)
    presenter.book.close()  # without a last event: killed
    until(lambda: other.over)
    assert other.status == "killed" and not journal.is_locked(other.folder)
    again.stop()


class Wire:
    """A network between a follower and a presenter, which can be cut."""

    def __init__(self, port: int) -> None:
        self._to, self.cut, self._open = port, False, []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                one, _ = self._listener.accept()
            except OSError:
                return
            if self.cut:
                one.close()
                continue
            other = socket.create_connection(("127.0.0.1", self._to))
            self._open += [one, other]
            for source, target in ((one, other), (other, one)):
                threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def cut_off(self) -> None:
        self.cut = True
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.cut_off()
        self._listener.close()


@pytest.mark.parametrize("seconds", [2, pytest.param(30, marks=pytest.mark.slow)])
def test_a_network_that_is_cut_for_a_while(seconds, presenter, follow):
    wire = Wire(presenter.port)
    presenter.write(3)
    mirror = follow(presenter.url.replace(str(presenter.port), str(wire.port)))
    until(lambda: count(mirror) == 3)
    wire.cut_off()
    presenter.write(3)
    until(lambda: "trying again" in mirror.trouble)
    time.sleep(seconds)
    wire.cut = False
    presenter.finish()
    until(lambda: mirror.over)
    assert copied(mirror) == (presenter.folder / journal.EVENTS).read_bytes() and mirror.trouble == ""
    wire.close()


def test_a_machine_that_was_asleep_goes_on(presenter, follow):
    presenter.write(3)
    mirror = follow(presenter.url)
    until(lambda: count(mirror) == 3)
    os.kill(presenter.server.process.pid, signal.SIGSTOP)
    presenter.write(3)
    time.sleep(2)
    os.kill(presenter.server.process.pid, signal.SIGCONT)
    until(lambda: count(mirror) == 6)
    assert mirror.failed is None


def test_a_run_begun_anew_is_told_from_one_that_was_cut_off(presenter, follow):
    presenter.write(6)
    mirror = follow(presenter.url)
    until(lambda: count(mirror) == 6)
    first = mirror.folder
    presenter.book.close()
    (presenter.folder / journal.EVENTS).unlink()
    time.sleep(1.1)  # when a run began is known to the second
    presenter.book = Journal(presenter.folder)
    presenter.written = 0
    presenter.write(2)
    until(lambda: mirror.folder != first or mirror.over)
    if not mirror.over:
        until(lambda: count(mirror) == 2)
        assert not first.exists() and mirror.failed is None


def test_a_journal_that_was_cut_off_is_read_anew(presenter, follow):
    presenter.write(6)
    mirror = follow(presenter.url)
    until(lambda: count(mirror) == 6)
    first = mirror.folder
    lines = (presenter.folder / journal.EVENTS).read_bytes().split(b"\n")
    with (presenter.folder / journal.EVENTS).open("r+b") as file:
        file.truncate(len(b"\n".join(lines[:4])) + 1)
    until(lambda: mirror.folder != first)
    until(lambda: count(mirror) == 3)


class Liar(BaseHTTPRequestHandler):
    """A presenter's side that sends what the test tells it to."""

    protocol_version = "HTTP/1.1"
    script: list[tuple[int, str, bytes]]
    header = b'{"facetui_journal":1,"began":"2026-01-01"}\n'

    def do_GET(self) -> None:
        status, part, body = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        self.send_response(status)
        for name, value in (("ETag", '"x"'), ("Facetui-Status", "running"), ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        if part:
            self.send_header("Content-Range", part)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def liar(follow):
    servers = []

    def make(*script: tuple[int, str, bytes]) -> Mirror:
        handler = type("Told", (Liar,), {"script": list(script)})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return follow(f"http://127.0.0.1:{server.server_address[1]}/token/")

    yield make
    for server in servers:
        server.shutdown()


def line(seq: int, text: str = "x") -> bytes:
    return msgspec.json.encode(Note(seq=seq, text=text)) + b"\n"


HEAD = Liar.header


def part(start: int, body: bytes) -> tuple[int, str, bytes]:
    return 206, f"bytes {start}-{start + len(body) - 1}/{start + len(body)}", body


def test_ranges_that_come_twice_or_too_early_do_no_harm(liar):
    one = HEAD + line(0)
    mirror = liar(part(0, one), part(0, one + line(1)), part(len(one) + 999, line(7)), part(0, one + line(1) + line(2)))
    until(lambda: count(mirror) == 3)
    assert [event.seq for event in journal.read(mirror.folder)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"facetui_journal":99}\n', "upgrade facetui"),
        (b"<!doctype html><title>a web page</title>\n", "not a facetui journal"),
        (HEAD + line(0) + line(2), "events are missing"),
        (HEAD + line(0) + b'{"kind":"note","seq":1}\n', "damaged"),
        (HEAD + b"x" * (1 << 20) + b"xx", "longer than 1 MB"),
        (HEAD + b"[" * 100_000 + b"\n", "damaged"),
    ],
)
def test_what_is_no_run_is_not_followed(body, said, liar):
    mirror = liar(part(0, body))
    until(lambda: mirror.failed is not None)
    assert said in str(mirror.failed) and mirror.over


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.lists(
        st.binary(max_size=60) | st.sampled_from([HEAD, line(0), line(1), line(0, "\x1b[2J<b>")]), max_size=8
    ),
    cut=st.integers(1, 50),
)
def test_no_bytes_from_outside_break_the_copy(data, cut, tmp_path):
    """Whatever comes, in pieces of whatever size: only whole, numbered events are kept, or following ends in words."""
    mirror = Mirror("http://127.0.0.1:9/x/", tmp_path)
    sent = b"".join(data)
    try:
        for at in range(0, len(sent), cut):
            mirror._take(sent[at : at + cut])
    except journal.JournalError as error:
        assert str(error)
    kept = copied(mirror)
    assert sent.startswith(kept)
    if kept.count(b"\n"):
        assert [event.seq for event in journal.read(mirror.folder)] == list(range(len(journal.read(mirror.folder))))
    mirror.close()


def test_a_follower_that_never_reads_holds_nobody_up(presenter, follow):
    presenter.events = (
        [presenter.events[0]]
        + [Note(seq=i, text="y" * 2000) for i in range(1, 3000)]
        + [RunEnded(seq=3000, peak_memory=0)]
    )
    presenter.write(2900)
    deaf = []
    for _ in range(20):
        deaf.append(socket.create_connection((presenter.host, presenter.port)))
        deaf[-1].sendall(f"GET {presenter.path}events.jsonl HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    mirror = follow(presenter.url)
    until(lambda: count(mirror) == 2900)
    presenter.finish()
    until(lambda: mirror.over)
    assert copied(mirror) == (presenter.folder / journal.EVENTS).read_bytes()
    for one in deaf:
        one.close()


def test_too_many_are_refused_politely_and_those_who_are_there_stay(tmp_path, follow):
    presenter = Presenter(tmp_path / "run", FACETUI_FOLLOWERS="40")
    try:
        presenter.write(3)
        mirror = follow(presenter.url)
        until(lambda: count(mirror) == 3)
        held = [socket.create_connection((presenter.host, presenter.port)) for _ in range(39)]
        refused = 0
        for _ in range(10_000):
            with (
                socket.create_connection((presenter.host, presenter.port), timeout=10) as one,
                contextlib.suppress(ConnectionResetError),
            ):
                refused += one.recv(400).startswith(b"HTTP/1.1 503") or 0
        assert refused > 9_900
        presenter.write(3)
        until(lambda: count(mirror) == 6)
        for one in held:
            one.close()
        until(lambda: presenter.ask("HEAD", "events.jsonl")[0] == 200)
    finally:
        presenter.server.stop()


# --- the commands -------------------------------------------------------------------------------------------------


def limited_disk() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))


def test_followers_say_what_happens_in_lines(presenter, tmp_path):
    presenter.write(8)
    lines = tmp_path / "told.jsonl"
    with lines.open("wb") as out:
        command = [*MAIN, "follow", presenter.url, "--display", "json"]
        told = subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, text=True)
    full = subprocess.Popen(
        [*MAIN, "follow", presenter.url, "--display", "plain"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limited_disk,
    )
    until(lambda: "run_began" in lines.read_text())
    cues.send(presenter.folder, 4, "timeline", "the curve \x1b[31m")
    time.sleep(1)
    peak = int(
        next(
            row for row in Path(f"/proc/{told.pid}/status").read_text().splitlines() if row.startswith("VmHWM")
        ).split()[1]
    )
    assert peak < 60_000, f"a follower takes {peak} kB"
    presenter.finish()
    _, err = told.communicate(timeout=30)
    assert told.returncode == 0
    assert [json.loads(row)["seq"] for row in lines.read_text().splitlines()] == list(range(len(presenter.events)))
    assert "look here: the curve" in err and "\x1b" not in err
    _, err = full.communicate(timeout=30)
    assert full.returncode != 0 and "cannot be written" in err and "make room" in err


def test_a_run_whose_disk_is_full_ends_for_those_who_follow_it(tmp_path):
    story = tmp_path / "story.py"
    body = '    for _ in range(100):\n        lab.note("x" * 200)\n        time.sleep(0.4)\n'
    story.write_text(f'"""S."""\nimport time\n\n\ndef scenario(lab):\n{body}')
    environment = {**os.environ, "FACETUI_RUNS": str(tmp_path / "runs"), "CI": ""}
    command = [*MAIN, "run", str(story), "--display", "plain", "--publish"]
    run = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=limited_disk
    )
    url = run.stderr.readline().split()[-1]
    follower = subprocess.run([*MAIN, "follow", url, "--display", "json"], capture_output=True, text=True, timeout=60)
    assert follower.returncode != 0 and "killed" in follower.stderr
    _, err = run.communicate(timeout=60)
    assert run.returncode != 0 and "make room" in err


def test_a_run_is_published_while_it_is_played(tmp_path):
    story = tmp_path / "story.py"
    story.write_text(
        '"""S."""\nimport time\n\n\ndef scenario(lab):\n    for i in range(8):\n'
        "        lab.note(str(i))\n        time.sleep(0.5)\n"
    )
    environment = {**os.environ, "FACETUI_RUNS": str(tmp_path / "runs"), "CI": ""}
    run = subprocess.Popen(
        [*MAIN, "run", str(story), "--display", "plain", "--publish"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    line = run.stderr.readline()
    assert line.startswith("facetui follow http://127.0.0.1:")
    follower = subprocess.run(
        [*MAIN, "follow", line.split()[-1], "--display", "json"], capture_output=True, text=True, timeout=60
    )
    assert follower.returncode == 0, follower.stderr
    assert [e["text"] for e in map(json.loads, follower.stdout.splitlines()) if e["kind"] == "note"] == [
        str(i) for i in range(8)
    ]
    run.communicate(timeout=30)
    assert run.returncode == 0


async def test_cues_are_shown_and_followed_when_one_likes(presenter, tmp_path, follow):
    presenter.write(20)
    mirror = follow(presenter.url)
    until(lambda: count(mirror) == 20)
    app = FacetApp(tmp_path, mirror.folder, live=True, look_for_device=False, motion=False, mirror=mirror)
    own = FacetApp(tmp_path, presenter.folder, live=True, look_for_device=False, motion=False)
    async with own.run_test(size=(80, 24)) as keys:
        await keys.press("2", "g", "]", "]", "]", "c", *"look", "enter")
        await keys.pause(0.3)
    (cue,) = cues.read(presenter.folder)
    until(lambda: len(cues.read(mirror.folder)) == 1)
    assert (cue.view, cue.text) == ("cohorts", "look") and cue.at > 0
    async with app.run_test(size=(80, 24)) as keys:
        await keys.pause(0.5)
        head = app.stage.player.head
        cues.send(presenter.folder, cue.at, "cohorts", "and now")
        for _ in range(50):
            await keys.pause(0.1)
            if "and now" in text_of(app.canvas.lines):
                break
        assert "and now" in text_of(app.canvas.lines) and app.stage.player.head == head, "a cue moves nobody"
        await keys.press("v")
        assert app.stage.view == "cohorts" and app.stage.player.events[app.stage.player.head].seq == cue.at
        await keys.press("c")
        assert len(app.screen_stack) == 1, "only the presenter sends cues"
        presenter.server.process.kill()
        for _ in range(100):
            await keys.pause(0.1)
            if "no answer" in text_of(app.canvas.lines):
                break
        assert "no answer" in text_of(app.canvas.lines)


def test_pictures_come_along_and_are_what_they_are_called(tmp_path, follow):
    folder = tmp_path / "run"
    write_sample(folder)
    server = publishing.start(folder)
    try:
        mirror = follow(server.url)
        until(lambda: mirror.over)
        shown = [e for e in journal.read(folder) if isinstance(e, PicturesShown)]
        for name in {shown[0].original, shown[0].posted}:
            assert (mirror.folder / "pictures" / f"{name}.png").read_bytes() == (
                folder / "pictures" / f"{name}.png"
            ).read_bytes()
    finally:
        server.stop()


@pytest.mark.slow
def test_following_costs_little_and_loses_nothing():
    """Wide bounds, for machines that do other things meanwhile; the bench prints the figures."""
    from facetui.tui.followbench import measure

    cost = measure(followers=20, seconds=5, rounds=1)
    assert cost.lost == 0 and cost.lines > 20 * 5
    assert cost.behind[0] < 1.0 and cost.behind[1] < 4.0
    assert cost.slowed < 0.4 and 0 < cost.server < 150e6
