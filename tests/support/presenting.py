"""A presenter for the tests of publishing and following: a run that the test writes, and the process that serves it."""

from __future__ import annotations

import http.client
import os
import time
from pathlib import Path
from urllib.parse import urlsplit

from facetui.engine.records import journal
from facetui.engine.records.journal import Journal
from facetui.tui.runs.remote import Mirror
from facetui.tui.sharing.web import server_process

from ..support.sample_run import sample_events


class Presenter:
    """A run that the test writes, and the process that serves it."""

    def __init__(self, folder: Path, pictures: str = "fictional", votes: bool = False, **environment: str) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.book = Journal(folder)
        self.events = sample_events()
        self.written = 0
        before = dict(os.environ)
        os.environ.update(environment)
        try:
            self.server = server_process.start(folder, pictures=pictures, votes=votes)
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


def copied(mirror: Mirror) -> bytes:
    return (mirror.folder / journal.EVENTS).read_bytes()


def count(mirror: Mirror) -> int:
    """Events of the copy so far."""
    try:
        return len(journal.read(mirror.folder))
    except journal.JournalError:  # not one line has come yet
        return 0
