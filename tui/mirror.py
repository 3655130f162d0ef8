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
from typing import IO
from urllib.parse import urlsplit

import msgspec

from facetui.engine import files, journal
from facetui.engine.errors import JournalError, UsageError
from facetui.engine.events import PicturesShown, decode
from facetui.tui import cues, picture_policy
from facetui.tui.cues import CUES

try:
    import fcntl
except ImportError:  # Windows: a copy then looks killed while it still grows
    fcntl = None  # type: ignore[assignment]

WAIT_SECONDS = 10
"""How long the presenter's side may hold an answer: it is heard of at least so often."""

PATIENCE = 8.0
"""Seconds beyond that after which a connection is given up."""

BACK_OFF = (0.25, 0.5, 1.0, 2.0, 4.0)
LONGEST_LINE = 1 << 20
RUN_MOST = 512 << 20
"""Bytes of a run that is followed, at most."""

ANSWER_MOST = 64 << 20
"""Bytes of one answer, at most: it is held in memory."""

LEAST_RATE = 1000.0
"""Bytes a second below which an answer is given up once ``PATIENCE`` is over: a drip would hold the connection."""

PIECE = 1 << 16
TRIES = 3
"""Times that a picture is asked for."""

PART = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})", re.ASCII)
LENGTH = re.compile(r"\d{1,15}", re.ASCII)


class _Seq(msgspec.Struct):
    seq: int = -1


class Foreign(JournalError):
    """What the presenter's side sends cannot be followed; trying again would not help."""


class Mirror:
    """Follows one address, in a thread of its own.

    Attributes:
        folder: the copy so far; another one when the presenter's run was begun anew.
        status: how the presenter's run stands, as last heard.
        trouble: what is wrong with the connection, in words; empty: nothing.
        failed: why following ended for good; absent: it did not.

    Args:
        url: as the presenter's side prints it.
        parent: the folder in which copies are made.
    """

    def __init__(self, url: str, parent: Path) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise UsageError(f"expected an address like http://host:8000/token/, got {url!r}")
        try:
            self._host, self._port = parts.hostname, parts.port or 80
        except ValueError:
            raise UsageError(f"expected a port from 1 to 65535 in {url!r}") from None
        self._path = parts.path.rstrip("/") + "/"
        self._parent = parent
        self._stop = threading.Event()
        self._connection: http.client.HTTPConnection | None = None
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
                self._ask()
                failures, self.trouble, self._heard = 0, "", time.monotonic()
            except JournalError as error:
                self._give_up(error)
            except (OSError, http.client.HTTPException) as error:
                self._hang_up()
                silent = time.monotonic() - self._heard
                self.trouble = f"the presenter has not answered for {silent:.0f} s ({_why(error)}); trying again"
                self._stop.wait(BACK_OFF[min(failures, len(BACK_OFF) - 1)])
                failures += 1
            except Exception as error:  # noqa: BLE001  whatever a stranger sends: who follows is told, and it ends
                self._give_up(Foreign(f"the presenter's side sent something that is not understood ({error!r:.200})"))
        self._hang_up()

    def _give_up(self, error: JournalError) -> None:
        self.failed, self.status = error, "killed"
        self._unlock()

    def _ask(self) -> None:
        """One request for what is missing."""
        have = self._size
        headers = {"Range": f"bytes={have}-", "Prefer": f"wait={WAIT_SECONDS}", "Facetui-Cues": str(self._cues)}
        if self._tag:
            headers["If-Range"] = self._tag
        answer, body = self._get(journal.EVENTS, headers, ANSWER_MOST)
        tag = answer.headers.get("ETag", "")
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
        self.status = answer.headers.get("Facetui-Status", "running")
        if answer.headers.get("Facetui-Cues", "0") != str(self._cues):
            self._fetch_cues()
        # Whether a run has ended is known before its size is: then all of it is here.
        if self.status in journal.OVER and (
            answer.status == 204 or self._is_complete or self._size >= _total(answer, body)
        ):
            self._unlock()

    def _get(self, name: str, headers: dict[str, str], most: int) -> tuple[http.client.HTTPResponse, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, self._port, timeout=WAIT_SECONDS + PATIENCE)
        self._connection.request("GET", self._path + name, headers=headers)
        answer = self._connection.getresponse()
        self._check_head(answer, most)
        return answer, self._body(answer, most)

    def _check_head(self, answer: http.client.HTTPResponse, most: int) -> None:
        """Refuse what is larger than allowed, or packed so that its size is not known."""
        lengths = answer.headers.get_all("Content-Length", [])
        if len(lengths) > 1 or not all(LENGTH.fullmatch(length) for length in lengths):
            raise Foreign("the presenter's side says an impossible length; this is not followed")
        if any(int(length) > most for length in lengths):
            raise Foreign(f"the presenter's side sent more than {most >> 20} MB at once; this is not followed")
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise Foreign("the presenter's side sends compressed answers; this is not followed")

    def _body(self, answer: http.client.HTTPResponse, most: int) -> bytes:
        """What is left of an answer: so much and for so long as is reasonable, whatever its head promises."""
        began, parts, size = time.monotonic(), list[bytes](), 0
        while part := answer.read1(PIECE):
            parts.append(part)
            size += len(part)
            if size > most:
                raise Foreign(f"the presenter's side sent more than {most >> 20} MB at once; this is not followed")
            if self._stop.is_set():
                raise TimeoutError
            if time.monotonic() - began > PATIENCE + size / LEAST_RATE:
                raise TimeoutError("it answers too slowly")
        if answer.length:  # cut off: half an answer is none
            raise http.client.IncompleteRead(b"", answer.length)
        if not answer.isclosed():
            answer.read()  # nothing is left: it closes the answer, so that the connection can be asked again
        return b"".join(parts)

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # --- the copy ------------------------------------------------------------------------------------------------

    def _anew(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="followed-", dir=self._parent))
        self._file = files.open_to_make(folder, journal.EVENTS)
        if fcntl is not None:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        self._size, self._line, self._seq, self._cues = 0, b"", -1, 0
        self._first, self._is_complete = True, False
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
        if self._file is None:  # closed meanwhile
            return
        if self._size + len(data) > RUN_MOST:
            raise Foreign(f"this run is larger than {RUN_MOST >> 20} MB; it is not followed any further")
        *lines, rest = (self._line + data).split(b"\n")
        if any(len(line) > LONGEST_LINE for line in (*lines, rest)):
            raise Foreign("a line of this run is longer than 1 MB; it is not followed any further")
        for line in lines:
            self._look_at(line)
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            raise self._unwritable(error) from error
        self._size, self._line = self._size + len(data), rest

    def _look_at(self, line: bytes) -> None:
        if self._first:
            journal.check_header(Path("the presenter's run"), line)
            self._first = False
            return
        try:
            seq, event = msgspec.json.decode(line, type=_Seq).seq, decode(line)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise Foreign("a line of this run is damaged; it is not followed any further") from None
        if seq != self._seq + 1:
            raise Foreign(f"events are missing from this run between {self._seq} and {seq}")
        self._seq = seq
        self._is_complete = event is not None and event.kind in ("run_ended", "run_failed")
        if isinstance(event, PicturesShown):
            for name in (event.original, event.posted, event.probe):
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
            answer, body = self._get(f"pictures/{name}.png", {}, picture_policy.MOST)
            del self._wanted[name]
            if answer.status == 200 and picture_policy.is_picture(name, body):
                self._keep(f"pictures/{name}.png", body)

    def _fetch_cues(self) -> None:
        answer, body = self._get(CUES, {}, cues.MOST)
        if answer.status == 200:
            self._keep(CUES, body)
            self._cues = len(body)

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


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__


def forget(folder: Path) -> None:
    """Remove copies whose process is gone; a copy that grows is locked."""
    for copy in folder.glob("followed-*"):
        with contextlib.suppress(OSError):
            if not journal.is_locked(copy) and time.time() - copy.stat().st_mtime > 86_400:
                shutil.rmtree(copy, ignore_errors=True)
