"""Answers of HTTP that end in time.

A socket's timeout counts from one byte to the next, so that whoever sends a byte now and then (in a header, in an
endless row of interim answers, in what follows the last chunk) holds a reader for ever. Here all reads of an answer
share one deadline.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from typing import Any


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
