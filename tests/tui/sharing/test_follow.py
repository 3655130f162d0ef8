"""Those who follow a run: real processes, real sockets, and what can go wrong between them."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facetui.engine.records import journal
from facetui.engine.records.events import Note, RunEnded
from facetui.engine.records.journal import Journal
from facetui.tui.runs.remote import Mirror
from facetui.tui.sharing.web import server_process

from ...support.presenting import Presenter, copied, count, until

MAIN = [sys.executable, "-m", "facetui.tui.cli.main"]


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
    again = server_process.start(presenter.folder)  # at another address; here the first one stays dead
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
