"""A published run: who may read what of it, by real requests to a real process."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facetui.engine.records import journal
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import RunBegan
from facetui.tui.runs.remote import Mirror
from facetui.tui.sharing.web import invitation, server_process
from facetui.tui.sharing.web.server import policy

from ...support.presenting import Presenter, until
from ...support.sample_run import a_picture, sample_events
from ...support.without import without

MAIN = [sys.executable, "-m", "facetui.tui.cli.main"]


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


BASES = {"httptools": (), "h11": ("httptools", "uvloop")}
"""What the server speaks HTTP with, and what is not installed then."""


@pytest.fixture(scope="module", params=BASES)
def fuzzed(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzzed") / "run"
    made = Presenter(folder, **without(folder.parent / "missing", *BASES[request.param]))
    made.finish()
    (folder.parent / "outside.txt").write_text("SECRET")
    (folder / "engine.log").write_text("SECRET")
    yield made
    made.server.stop()


def connected(presenter: Presenter, said: bytes) -> socket.socket:
    connection = socket.create_connection((presenter.host, presenter.port), timeout=20)
    connection.sendall(said)
    return connection


def rest(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(4096), b""))


@pytest.mark.slow
def test_with_either_library_connections_are_few_and_none_is_kept_for_nothing(tmp_path):
    """Nobody waits longer than ``HEADER_SECONDS`` for a request, and one connection too many is refused at once."""
    presenters = {
        base: Presenter(tmp_path / base, FACETUI_FOLLOWERS="3", **without(tmp_path / f"no-{base}", *missing))
        for base, missing in BASES.items()
    }
    opened = []
    try:
        for base, presenter in presenters.items():
            presenter.finish()
            request = f"GET {presenter.path}events.jsonl HTTP/1.1\r\nHost: x\r\n".encode()
            silent, slow = connected(presenter, b""), connected(presenter, request)  # the second one ends no request
            served = connected(presenter, request + b"\r\n")
            assert served.recv(15) == b"HTTP/1.1 200 OK", base
            said = rest(connected(presenter, b""))
            assert said.startswith(b"HTTP/1.1 503 ") and b"retry-after: 10" in said and b"try again" in said, base
            opened.append((base, request, silent, slow, served))
        began = time.monotonic()
        for base, request, silent, slow, served in opened:
            assert silent.recv(1) == b"" and slow.recv(1) == b"", base
            assert time.monotonic() - began < server_process.HEADER_SECONDS + 5, base
            served.settimeout(5)
            served.sendall(request + b"\r\n")
            assert served.recv(1 << 20), f"{base}: who asked once may ask again"
        assert time.monotonic() - began > server_process.HEADER_SECONDS / 2
    finally:
        for presenter in presenters.values():
            presenter.server.stop()


@pytest.mark.parametrize(
    ("fictional", "pictures", "seen"),
    [(True, "fictional", 200), (False, "fictional", 404), (False, "all", 200), (True, "none", 404)],
)
def test_pictures_leave_the_machine_only_when_they_may(fictional, pictures, seen, tmp_path):
    presenter = Presenter(tmp_path / "run", pictures)
    try:
        names = [presenter.book.add_picture(a_picture(shade), fictional=fictional) for shade in (1, 2, 3)]
        began, *rest = sample_events((names[0], names[1]))
        assert isinstance(began, RunBegan)
        presenter.events = [msgspec.structs.replace(began, fictional=fictional), *rest]
        presenter.finish()
        assert presenter.ask("GET", f"pictures/{names[0]}.png")[0] == seen
        assert presenter.ask("GET", f"pictures/{names[2]}.png")[0] == 404, "only what the journal shows"
    finally:
        presenter.server.stop()


def test_addresses_that_cannot_be_published_at(tmp_path):
    for wrong in ("nowhere", "localhost:x", "localhost:99999", "203.0.113.7:0"):
        with pytest.raises(UsageError, match="HOST:PORT"):
            server_process.start(tmp_path, wrong)
    with pytest.raises(UsageError, match="pictures"):
        server_process.start(tmp_path, pictures="some")
    for wrong in ("https://x/y", "http://", "http://x:99999/"):
        with pytest.raises(UsageError):
            Mirror(wrong, tmp_path)


def test_the_code_for_telephones_says_the_address():
    rows = invitation.qr("http://127.0.0.1:8000/abcdefghijkl/")
    assert len({len(row) for row in rows}) == 1 and len(rows[0]) in range(2 * len(rows) - 2, 2 * len(rows) + 1)
    assert set("".join(rows)) <= set("█▀▄ ") and set(rows[0]) == {"█"}, "with its quiet zone"
