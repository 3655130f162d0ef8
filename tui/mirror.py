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
from dataclasses import dataclass
from pathlib import Path
from typing import IO, get_args
from urllib.parse import urlsplit

import msgspec

from facetui.engine import files, journal
from facetui.engine.errors import JournalError, UsageError
from facetui.engine.events import PicturesShown, decode
from facetui.engine.text import brief
from facetui.tui import cues, picture_policy
from facetui.tui.answers import Clock
from facetui.tui.cues import CUES

try:
    import fcntl
except ImportError:  # Windows: a copy then looks killed while it still grows
    fcntl = None  # type: ignore[assignment]

PIECE = 1 << 16
TRIES = 3
"""Times that a picture is asked for."""

PART = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})", re.ASCII)
TAG = re.compile(r'"[!-~]{1,100}"')
LENGTH = re.compile(r"\d{1,15}", re.ASCII)


@dataclass(frozen=True)
class Limits:
    """What the presenter's side may take of time and memory, whoever it is.

    Attributes:
        wait: seconds for which it may hold an answer: it is heard of at least so often.
        patience: seconds beyond that after which an answer is given up.
        rate: bytes a second below which an answer is given up once ``patience`` is over: a drip would hold it.
        pause: seconds between two questions, at least, when the first brought nothing.
        back_off: seconds before asking again after so many failures.
        answer: bytes of one answer: it is held in memory.
        line: bytes of an event.
        run: bytes of a run with its pictures.
    """

    wait: int = 10
    patience: float = 8.0
    rate: float = 1000.0
    pause: float = 0.2
    back_off: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 4.0)
    answer: int = 64 << 20
    line: int = 1 << 20
    run: int = 512 << 20


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
        limits: what the presenter's side may take.

    Raises:
        UsageError: no address of this kind.
    """

    def __init__(self, url: str, parent: Path, limits: Limits | None = None) -> None:
        try:
            parts = urlsplit(url)
        except ValueError:
            raise UsageError(f"expected an address like http://host:8000/token/, got {brief(url)!r}") from None
        if parts.scheme != "http" or not parts.hostname:
            raise UsageError(f"expected an address like http://host:8000/token/, got {brief(url)!r}")
        try:
            self._host, self._port = parts.hostname, parts.port or 80
        except ValueError:
            raise UsageError(f"expected a port from 1 to 65535 in {brief(url)!r}") from None
        self._path = parts.path.rstrip("/") + "/"
        self._parent = parent
        self._limits = limits or Limits()
        self._stop = threading.Event()
        self._connection: http.client.HTTPConnection | None = None
        self._clock = Clock(self._stop)
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
                began, size, folder = time.monotonic(), self._size, self.folder
                self._ask()
                if self._size == size or self.folder != folder:  # a good presenter holds its answer until there is more
                    self._stop.wait(max(0.0, self._limits.pause - (time.monotonic() - began)))
                failures, self.trouble, self._heard = 0, "", time.monotonic()
            except JournalError as error:
                self._give_up(error)
            except (OSError, http.client.HTTPException) as error:
                self._hang_up()
                silent = time.monotonic() - self._heard
                self.trouble = f"the presenter has not answered for {silent:.0f} s ({_why(error)}); trying again"
                self._stop.wait(self._limits.back_off[min(failures, len(self._limits.back_off) - 1)])
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
        headers = {"Range": f"bytes={have}-", "Prefer": f"wait={self._limits.wait}", "Facetui-Cues": str(self._cues)}
        if self._tag:
            headers["If-Range"] = self._tag
        answer, body = self._get(journal.EVENTS, headers, self._limits.answer)
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
        if answer.headers.get("Facetui-Cues", "0") != str(self._cues):
            self._fetch_cues()
        # Whether a run has ended is known before its size is: then all of it is here.
        if self.status in journal.OVER and (
            answer.status == 204 or self._is_complete or self._size >= _total(answer, body)
        ):
            self._unlock()

    def _get(self, name: str, headers: dict[str, str], most: int) -> tuple[http.client.HTTPResponse, bytes]:
        if self._connection is None:
            # Whoever reads answers the rest of the time sets this anew with every read.
            longest = self._limits.wait + self._limits.patience
            self._connection = http.client.HTTPConnection(self._host, self._port, timeout=longest)
            self._connection.response_class = self._clock.response  # type: ignore[assignment]
        self._clock.start(self._limits.wait + self._limits.patience)
        self._connection.request("GET", self._path + name, headers=headers)
        answer = self._connection.getresponse()
        if self._clock.ended:  # the library takes half a head for a whole one
            raise http.client.IncompleteRead(b"")
        self._check_head(answer, most)
        return answer, self._body(answer, most)

    def _check_head(self, answer: http.client.HTTPResponse, most: int) -> None:
        """Refuse what is larger than allowed, or packed so that its size is not known."""
        lengths = answer.headers.get_all("Content-Length", [])
        if len(lengths) > 1 or not all(LENGTH.fullmatch(length) for length in lengths):
            raise Foreign("the presenter's side says an impossible length; this is not followed")
        if any(int(length) > most for length in lengths):
            raise Foreign(f"the presenter's side sent more than {_size(most)} at once; this is not followed")
        packed = answer.headers.get("Content-Encoding", "identity"), answer.headers.get("Transfer-Encoding", "chunked")
        if packed[0].lower() != "identity" or packed[1].lower() != "chunked":
            raise Foreign("the presenter's side sends compressed answers; this is not followed")

    def _body(self, answer: http.client.HTTPResponse, most: int) -> bytes:
        """What is left of an answer: so much and for so long as is reasonable, whatever its head promises."""
        body = bytearray()  # not a list of parts: small ones take many times their size
        self._clock.start(self._limits.patience)
        while part := answer.read1(PIECE):
            body += part
            if len(body) > most:
                raise Foreign(f"the presenter's side sent more than {_size(most)} at once; this is not followed")
            self._clock.add(len(part) / self._limits.rate)
        if answer.length:  # cut off: half an answer is none
            raise http.client.IncompleteRead(b"", answer.length)
        if not answer.isclosed():
            answer.read()  # nothing is left: it closes the answer, so that the connection can be asked again
        return bytes(body)

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
        if self._file is None:  # closed meanwhile
            return
        self._refuse_beyond(len(data))
        *lines, rest = (self._line + data).split(b"\n")
        longest = self._limits.line
        if long := next((i for i, line in enumerate((*lines, rest), self._lines + 1) if len(line) > longest), 0):
            raise Foreign(f"line {long} of this run is longer than {_size(longest)}; it is not followed any further")
        for line in lines:
            self._look_at(line)
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            raise self._unwritable(error) from error
        self._size, self._line = self._size + len(data), rest

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

    def _refuse_beyond(self, more: int) -> None:
        if self._size + self._extra + more > self._limits.run:
            raise Foreign(f"this run is larger than {_size(self._limits.run)}; it is not followed any further")

    def _keep(self, name: str, content: bytes) -> None:
        self._refuse_beyond(len(content))
        self._extra += len(content)
        try:
            files.write(self.folder, name, content)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> Foreign:
        way_out = f"make room in {self._parent} and follow again"
        return Foreign(f"the copy of the run cannot be written ({error.strerror}); {way_out}")


def _size(most: int) -> str:
    return f"{most >> 20} MB" if most >= 1 << 20 else f"{most} bytes"


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
    return brief(error) or type(error).__name__


def forget(folder: Path) -> None:
    """Remove copies whose process is gone; a copy that grows is locked."""
    for copy in folder.glob("followed-*"):
        with contextlib.suppress(OSError):
            if not journal.is_locked(copy) and time.time() - copy.stat().st_mtime > 86_400:
                shutil.rmtree(copy, ignore_errors=True)
