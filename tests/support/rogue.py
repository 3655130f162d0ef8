"""A presenter's side that does as it likes with the bytes of its answers, over a real socket."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator

Wrong = Callable[["Asked"], Iterator[bytes]]
"""Bytes that are sent for a question instead of an answer; the connection is closed after them."""


class Asked:
    """A question: which one on this server, what path it ends with, and where the range that it asks for begins."""

    def __init__(self, number: int, head: bytes) -> None:
        self.number = number
        self.head = head
        self.name = head.split(b" ")[1].decode().partition("/token/")[2]
        found = re.search(rb"(?i)\r\nrange: bytes=(\d+)-", head)
        self.start = int(found[1]) if found else 0


class Rogue:
    """Serves a journal, its cues and pictures as a presenter would, but for the questions that ``wrong`` answers.

    Attributes:
        asked: names that were asked for, in order.
        sent: bytes that went out.

    Args:
        files: content by name; the journal among them.
        wrong: what is sent instead; ``None`` from it: the right answer.
    """

    def __init__(self, files: dict[str, bytes], wrong: Callable[[Asked], Iterator[bytes] | None]) -> None:
        self.files, self.wrong = files, wrong
        self.asked: list[str] = []
        self.sent = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/token/"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                one, _ = self._listener.accept()
                self._open.append(one)
                threading.Thread(target=self._talk, args=(one,), daemon=True).start()

    def _talk(self, one: socket.socket) -> None:
        with contextlib.suppress(OSError), one:
            while True:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    if not (data := one.recv(4096)):
                        return
                    head += data
                asked = Asked(len(self.asked), head)
                self.asked.append(asked.name)
                if (wrong := self.wrong(asked)) is not None:
                    for data in wrong:
                        one.sendall(data)
                        self.sent += len(data)
                    return
                one.sendall(self.answer(asked))

    def answer(self, asked: Asked) -> bytes:
        """The right one."""
        content = self.files.get(asked.name)
        if content is None:
            return b"HTTP/1.1 404 no\r\nContent-Length: 0\r\n\r\n"
        told = b'ETag: "one"\r\nFacetui-Status: finished\r\nFacetui-Cues: %d\r\n' % len(
            self.files.get("cues.jsonl", b"")
        )
        body, size = content[asked.start :], len(content)
        if asked.name != "events.jsonl":
            return b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (told, size, content)
        if not body:
            return b"HTTP/1.1 204 OK\r\n%s\r\n" % told
        part = b"Content-Range: bytes %d-%d/%d\r\n" % (asked.start, size - 1, size)
        return b"HTTP/1.1 206 OK\r\n%s%sContent-Length: %d\r\n\r\n%s" % (told, part, len(body), body)


# --- what can be sent instead -------------------------------------------------------------------------------------

OK = b"HTTP/1.1 200 OK\r\n"


def said(*parts: bytes) -> Wrong:
    return lambda asked: iter(parts)


def for_ever(head: bytes, piece: bytes, pause: float = 0.0) -> Wrong:
    def send(asked: Asked) -> Iterator[bytes]:
        yield head
        while True:
            time.sleep(pause)
            yield piece

    return send


def silent(asked: Asked) -> Iterator[bytes]:
    time.sleep(30)
    yield b""


DRIP = 0.03
LATE: dict[str, Wrong] = {
    "no answer": silent,
    "nothing at all": said(b""),
    "a drip of a status": for_ever(b"HTTP/1.1 200 ", b"O", DRIP),
    "a drip of a head": for_ever(OK + b"X-A: ", b"a", DRIP),
    "a drip of headers": for_ever(OK, b"A: b\r\n", DRIP),
    "interim answers": for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a drip of interim answers": for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n", DRIP),
    "a drip of a body": for_ever(OK + b"\r\n", b"x", DRIP),
    "a drip of a body with a length": for_ever(OK + b"Content-Length: 9000\r\n\r\n", b"x", DRIP),
    "a drip of chunks": for_ever(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", DRIP),
    "a drip of a chunk's size": for_ever(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0", DRIP),
    "trailers": for_ever(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n"),
    "a drip of trailers": for_ever(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"A: b\r\n", DRIP),
}
"""What never ends, or never begins."""

CUT: dict[str, Wrong] = {
    "half a status": said(b"HTTP/1."),
    "no HTTP": said(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "half a head": said(OK + b"Content-Le"),
    "half a body": said(OK + b"Content-Length: 90\r\n\r\n{"),
    "half a chunk": said(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"),
    "a chunk of no size": said(OK + b"Transfer-Encoding: chunked\r\n\r\nx\r\nab"),
    "a chunk of less than nothing": said(OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nab"),
    "a chunk of any size": said(OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 15 + b"\r\nab"),
    "two hundred headers": said(OK, b"A: b\r\n" * 200, b"\r\n"),
    "a header of a megabyte": said(OK, b"A: " + b"b" * (1 << 20), b"\r\n\r\n"),
    "another part": said(b"HTTP/1.1 206 OK\r\nContent-Range: bytes 99-100/200\r\nContent-Length: 2\r\n\r\nab"),
    "a part of no numbers": said("HTTP/1.1 206 OK\r\nContent-Range: bytes ²-³/²\r\n\r\nab".encode("latin-1")),
    "no part": said(b"HTTP/1.1 206 OK\r\nContent-Length: 2\r\n\r\nab"),
    "too many followers": said(b"HTTP/1.1 503 full\r\nContent-Length: 0\r\n\r\n"),
}
"""What is no answer, and might be one the next time."""

FATAL: dict[str, tuple[Wrong, str]] = {
    "a body without end": (for_ever(OK + b"\r\n", b"x" * 65536), "more than"),
    "a journal without end": (for_ever(OK + b"\r\n", b'{"facetui_journal":1}\n' * 4000), "more than"),
    "chunks without end": (for_ever(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"4\r\nabcd\r\n" * 8000), "more than"),
    "an enormous length": (said(OK + b"Content-Length: 999999999999999\r\n\r\n"), "more than"),
    "a length of too many digits": (said(OK + b"Content-Length: " + b"9" * 60 + b"\r\n\r\n"), "impossible length"),
    "a length that is a digit for Unicode": (
        said(OK + "Content-Length: ²\r\n\r\n".encode("latin-1")),
        "impossible length",
    ),
    "a negative length": (said(OK + b"Content-Length: -5\r\n\r\n"), "impossible length"),
    "a length with a sign": (said(OK + b"Content-Length: +5\r\n\r\n12345"), "impossible length"),
    "two lengths": (said(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n123456"), "impossible length"),
    "gzip": (said(OK + b"Content-Encoding: gzip\r\n\r\n", b"\x1f\x8b" + b"\0" * 4000), "compressed"),
    "brotli": (said(OK + b"Content-Encoding: identity, br\r\n\r\n"), "compressed"),
    "gzip as a transfer": (said(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n5\r\n\x1f\x8b\0\0\0\r\n"), "compressed"),
    "moved": (said(b"HTTP/1.1 301 x\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"), "301"),
    "moved for now": (said(b"HTTP/1.1 307 x\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"), "307"),
    "an error": (said(b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n"), "500"),
    "gone": (said(b"HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n"), "no run at this address"),
    "a web page": (said(OK + b"Content-Length: 16\r\n\r\n<!doctype html>\n"), "line 1: not a facetui journal"),
}
"""What cannot be followed, and what is said of it."""
