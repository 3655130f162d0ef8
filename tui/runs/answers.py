"""Questions to a presenter's side, whose answers end in time and fit the memory, whoever answers.

A socket's timeout counts from one byte to the next, so that whoever sends a byte now and then (in a header, in an
endless row of interim answers, in what follows the last chunk) holds a reader for ever. Here all reads of an answer
share one deadline.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

from facetui.engine.records import journal
from facetui.engine.records.errors import JournalError
from facetui.engine.records.text import brief

PIECE = 1 << 16
LENGTH = re.compile(r"[0-9]{1,15}")


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
    run: int = journal.MOST


class Foreign(JournalError):
    """What the presenter's side sends cannot be followed; trying again would not help."""


class Clock:
    """The deadline of the answer that is being read.

    Attributes:
        ended: the other side has ended the connection, or its half of it.

    Args:
        stop: nothing is read any more once it is set.
    """

    def __init__(self, stop: threading.Event) -> None:
        self.ended = False
        self._stop = stop
        self._until = 0.0

    def start(self, seconds: float) -> None:
        """From now on there are so many seconds left."""
        self._until = time.monotonic() + seconds

    def add(self, seconds: float) -> None:
        """So many more."""
        self._until += seconds

    def left(self) -> float:
        """Seconds left, more than none.

        Raises:
            TimeoutError: there are none, or nothing is to be read any more.
        """
        left = self._until - time.monotonic()
        if left <= 0 or self._stop.is_set():
            raise TimeoutError("it answers too slowly")
        return left

    def response(self, sock: socket.socket, *args: Any, **more: Any) -> http.client.HTTPResponse:
        """For ``HTTPConnection.response_class``."""
        answer = http.client.HTTPResponse(sock, *args, **more)
        self.ended = False
        answer.fp = io.BufferedReader(_Reads(answer.fp.detach(), sock, self))
        return answer


class _Reads(io.RawIOBase):
    """A socket's bytes, each read within what the clock leaves."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, clock: Clock) -> None:
        self._raw = raw
        self._sock = sock
        self._clock = clock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._clock.left())
        got = self._raw.readinto(buffer)
        self._clock.ended |= got == 0
        return got

    def close(self) -> None:
        self._raw.close()
        super().close()


class Connection:
    """Asks one address; connects when it must.

    Args:
        host: name or address.
        port: its port.
        path: what every file's path begins with, with a slash at its end.
        limits: what answers may take.
        stop: no answer is read any more once it is set.
    """

    def __init__(self, host: str, port: int, path: str, limits: Limits, stop: threading.Event) -> None:
        self._host, self._port, self._path, self._limits = host, port, path, limits
        self._clock = Clock(stop)
        self._connection: http.client.HTTPConnection | None = None

    def get(self, name: str, headers: dict[str, str], most: int) -> tuple[http.client.HTTPResponse, bytes]:
        """Ask for a file; gives the answer's head and its content.

        Args:
            name: of the file, below the address.
            headers: of the question.
            most: bytes that the content may have.

        Raises:
            Foreign: the answer is too large, compressed, or of an impossible length.
            OSError: nobody answers, or not in time.
            http.client.HTTPException: the answer is none, or breaks off.
        """
        return self._ask("GET", name, headers, most, None)

    def post(self, name: str, headers: dict[str, str], content: bytes, most: int) -> tuple[int, bytes]:
        """Send something small; gives the answer's status and its content. Raises as ``get`` does."""
        answer, body = self._ask("POST", name, headers, most, content)
        return answer.status, body

    def _ask(
        self, method: str, name: str, headers: dict[str, str], most: int, content: bytes | None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        if self._connection is None:
            # Whoever reads answers the rest of the time sets this anew with every read.
            longest = self._limits.wait + self._limits.patience
            self._connection = http.client.HTTPConnection(self._host, self._port, timeout=longest)
            self._connection.response_class = self._clock.response  # type: ignore[assignment]
        self._clock.start(self._limits.wait + self._limits.patience)
        self._connection.request(method, self._path + name, content, headers)
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
            raise Foreign(f"the presenter's side sent more than {size(most)} at once; this is not followed")
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
                raise Foreign(f"the presenter's side sent more than {size(most)} at once; this is not followed")
            self._clock.add(len(part) / self._limits.rate)
        if answer.length:  # cut off: half an answer is none
            raise http.client.IncompleteRead(b"", answer.length)
        if not answer.isclosed():
            answer.read()  # nothing is left: it closes the answer, so that the connection can be asked again
        return bytes(body)

    def hang_up(self) -> None:
        """The next question gets a connection of its own."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def size(most: int) -> str:
    """Bytes, as they are said."""
    return f"{most >> 20} MB" if most >= 1 << 20 else f"{most} bytes"


def why(error: Exception) -> str:
    """Why there was no answer, in words."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return brief(error) or type(error).__name__
