"""A copy of somebody else's run that grows as theirs does, fetched over HTTP by the byte.

The copy is a run's folder like any other, so that everything that reads runs can read it; while the presenter's run
goes on, the copy's journal is locked, as a growing journal is.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, get_args
from urllib.parse import urlsplit

import msgspec

from facetui.engine import system
from facetui.engine.records import files, journal
from facetui.engine.records.errors import JournalError, UsageError
from facetui.engine.records.events import decode
from facetui.engine.records.text import brief
from facetui.tui.runs import cues, picture_policy
from facetui.tui.runs.answers import LENGTH, Connection, Foreign, Limits, size, why
from facetui.tui.runs.cues import CUES
from facetui.tui.runs.voter import Voter

TRIES = 3
"""Times that a picture is asked for."""

PART = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})", re.ASCII)
ADDRESS = re.compile(r"[!-~]{1,2000}")
TAG = re.compile(r'"[!-~]{1,100}"')


class _Seq(msgspec.Struct):
    seq: int = -1


class Mirror:
    """Follows one address, in a thread of its own.

    Attributes:
        folder: the copy so far; another one when the presenter's run was begun anew.
        status: how the presenter's run stands, as last heard.
        trouble: what is wrong with the connection, in words; empty: nothing.
        failed: why following ended for good; absent: it did not.
        voter: takes part in what the room is asked, where the presenter's side takes votes.

    Args:
        url: as the presenter's side prints it.
        parent: the folder in which copies are made.
        limits: what the presenter's side may take.

    Raises:
        UsageError: no address of this kind.
    """

    def __init__(self, url: str, parent: Path, limits: Limits | None = None) -> None:
        try:
            parts = urlsplit(url)
        except ValueError:
            raise UsageError(f"expected an address like http://host:8000/token/, got {brief(repr(url))}") from None
        if parts.scheme != "http" or not parts.hostname or not ADDRESS.fullmatch(url):
            raise UsageError(f"expected an address like http://host:8000/token/, got {brief(repr(url))}")
        try:
            host, port = parts.hostname, parts.port or 80
        except ValueError:
            raise UsageError(f"expected a port from 1 to 65535 in {brief(repr(url))}") from None
        self._parent = parent
        self._limits = limits or Limits()
        self._stop = threading.Event()
        there = host, port, parts.path.rstrip("/") + "/", self._limits, self._stop
        self._connection = Connection(*there)
        self.voter = Voter(Connection(*there))  # one of its own: the other one waits for news
        self._tag = ""
        self._file: IO[bytes] | None = None
        self._heard = time.monotonic()
        self.status: str = "empty"
        self.trouble = ""
        self.failed: JournalError | None = None
        self.folder = self._anew()

    # --- from outside --------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Follow until the run ends or ``close`` is called."""
        threading.Thread(target=self._follow, daemon=True).start()

    def close(self, *, forget: bool = True) -> None:
        """End following, and remove the copy unless it is to be kept."""
        self._stop.set()
        self._unlock()
        if forget:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def over(self) -> bool:
        """Whether nothing will come any more."""
        return self._file is None

    # --- the thread ----------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        failures = 0
        while not self._stop.is_set() and self._file is not None:
            try:
                began, before, folder = time.monotonic(), self._size, self.folder
                self._ask()
                if (
                    self._size == before or self.folder != folder
                ):  # a good presenter holds its answer until there is more
                    self._stop.wait(max(0.0, self._limits.pause - (time.monotonic() - began)))
                failures, self.trouble, self._heard = 0, "", time.monotonic()
            except JournalError as error:
                self._give_up(error)
            except (OSError, http.client.HTTPException) as error:
                self._connection.hang_up()
                silent = time.monotonic() - self._heard
                self.trouble = f"the presenter has not answered for {silent:.0f} s ({why(error)}); trying again"
                self._stop.wait(self._limits.back_off[min(failures, len(self._limits.back_off) - 1)])
                failures += 1
            except Exception as error:  # noqa: BLE001  whatever a stranger sends: who follows is told, and it ends
                self._give_up(Foreign(f"the presenter's side sent something that is not understood ({error!r:.200})"))
        self._connection.hang_up()
        self.voter.left()

    def _give_up(self, error: JournalError) -> None:
        self.failed, self.status = error, "killed"
        self._unlock()

    def _ask(self) -> None:
        """One request for what is missing."""
        have = self._size
        headers = {"Range": f"bytes={have}-", "Prefer": f"wait={self._limits.wait}", "Facetui-Cues": str(self._cues)}
        headers |= self.voter.headers()
        if self._tag:
            headers["If-Range"] = self._tag
        answer, body = self._connection.get(journal.EVENTS, headers, self._limits.answer)
        tag = answer.headers.get("ETag", "")
        tag = tag if TAG.fullmatch(tag) else ""
        if answer.status == 404:
            raise Foreign("there is no run at this address: it has ended, or a character of it is missing")
        if answer.status == 503:
            raise http.client.HTTPException("it has as many followers as it can serve")
        if answer.status not in (200, 204, 206, 416):
            raise Foreign(f"expected a published run, got the answer {answer.status}; check the address")
        if have and tag != self._tag:  # another run, begun at the same place
            self._begin_anew()
            have = 0
        if answer.status == 416:
            if _total(answer) < have:
                self._begin_anew()  # cut off, by whoever repaired it: what there is now counts
            return
        if answer.status in (200, 206):
            part = PART.fullmatch(answer.headers.get("Content-Range", ""))
            start = int(part[1]) if part else 0
            if (answer.status == 206 and part is None) or start > have:
                raise http.client.HTTPException("it sent another part than it was asked for")
            self._tag = tag
            self._take(body[have - start :])
        self._fetch_pictures()
        said = answer.headers.get("Facetui-Status", "")
        self.status = said if said in get_args(journal.Status) else "running"
        self.voter.heard(answer.headers.get("Facetui-Votes", ""), answer.headers.get("Facetui-Question", ""))
        if answer.headers.get("Facetui-Cues", "0") != str(self._cues):
            self._fetch_cues()
        # Whether a run has ended is known before its size is: then all of it is here.
        if self.status in journal.OVER and (
            answer.status == 204 or self._is_complete or self._size >= _total(answer, body)
        ):
            self._unlock()

    # --- the copy ------------------------------------------------------------------------------------------------

    def _anew(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="followed-", dir=self._parent))
        self._file = files.open_to_make(folder, journal.EVENTS)
        system.lock(self._file.fileno())
        self._size, self._line, self._seq, self._cues = 0, b"", -1, 0
        self._lines, self._extra, self._is_complete = 0, 0, False
        self._pictures: set[str] = set()
        self._wanted: dict[str, int] = {}
        return folder

    def _begin_anew(self) -> None:
        self._unlock()
        old, self.folder, self._tag = self.folder, self._anew(), ""
        shutil.rmtree(old, ignore_errors=True)

    def _unlock(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _take(self, data: bytes) -> None:
        """Add bytes to the copy, after every whole line among them was looked at."""
        self._refuse_beyond(len(data))
        *lines, rest = (self._line + data).split(b"\n")
        longest = self._limits.line
        if long := next((i for i, line in enumerate((*lines, rest), self._lines + 1) if len(line) > longest), 0):
            raise Foreign(f"line {long} of this run is longer than {size(longest)}; it is not followed any further")
        good = -len(self._line)  # so much of the first line is there already
        try:
            for line in lines:
                self._look_at(line)
                good += len(line) + 1
        except JournalError:  # what came before the damage is kept
            self._write(data[: max(0, good)])
            raise
        self._write(data)
        self._line = rest

    def _write(self, data: bytes) -> None:
        if self._file is None:  # closed meanwhile
            return
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            raise self._unwritable(error) from error
        self._size += len(data)

    def _look_at(self, line: bytes) -> None:
        self._lines += 1
        if self._lines == 1:
            journal.check_header(Path("the presenter's run"), line)
            return
        try:
            seq, event = msgspec.json.decode(line, type=_Seq).seq, decode(line)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            where = f"line {self._lines} of this run is damaged"
            raise Foreign(f"{where} ({brief(error)}); it is not followed any further") from None
        if seq != self._seq + 1:
            where = f"between {self._seq} and {brief(seq, 20)}, line {self._lines}"
            raise Foreign(f"events are missing from this run {where}; it is not followed any further")
        self._seq = seq
        self._is_complete = event is not None and event.kind in ("run_ended", "run_failed")
        for name in picture_policy.shown_by(event) if event is not None else ():
            if picture_policy.NAME.fullmatch(name) and name not in self._pictures:
                self._pictures.add(name)
                self._wanted[name] = TRIES

    def _fetch_pictures(self) -> None:
        """Those that events have shown, where they are published; a cut in the middle of one loses no event."""
        for name in list(self._wanted):
            self._wanted[name] -= 1
            if self._wanted[name] < 0:
                del self._wanted[name]
                continue
            answer, body = self._connection.get(f"pictures/{name}.png", {}, picture_policy.MOST)
            del self._wanted[name]
            if answer.status == 200 and picture_policy.is_picture(name, body):
                self._refuse_beyond(len(body))
                self._extra += len(body)
                self._keep(f"pictures/{name}.png", body)

    def _fetch_cues(self) -> None:
        answer, body = self._connection.get(CUES, {}, cues.MOST)
        if answer.status == 200:
            self._keep(CUES, body)
            self._cues = len(body)

    def _refuse_beyond(self, more: int) -> None:
        if self._size + self._extra + more > self._limits.run:
            raise Foreign(f"this run is larger than {size(self._limits.run)}; it is not followed any further")

    def _keep(self, name: str, content: bytes) -> None:
        try:
            files.write(self.folder, name, content)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> Foreign:
        way_out = f"make room in {self._parent} and follow again"
        return Foreign(f"the copy of the run cannot be written ({error.strerror}); {way_out}")


def _total(answer: http.client.HTTPResponse, body: bytes = b"") -> int:
    """Bytes of the whole journal, as the presenter's side says."""
    if answer.status == 200:
        return len(body)
    total = answer.headers.get("Content-Range", "").rpartition("/")[2]
    return int(total) if LENGTH.fullmatch(total) else 0


def forget(folder: Path) -> None:
    """Remove copies whose process is gone; a copy that grows is locked."""
    for copy in folder.glob("followed-*"):
        with contextlib.suppress(OSError):
            if not journal.is_locked(copy) and time.time() - copy.stat().st_mtime > 86_400:
                shutil.rmtree(copy, ignore_errors=True)
