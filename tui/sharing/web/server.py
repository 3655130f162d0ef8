"""A run for others to follow: its growing journal over HTTP, read only. A process of its own, without torch.

Whoever knows the address, which holds a random token, may read; nothing can be written but votes, where the presenter
allows them (``voting.py``). A follower asks for the bytes
that it lacks (``Range: bytes=N-``); with ``Prefer: wait=S`` (RFC 7240) the answer is held until there are any, or for S
seconds. Every answer says how the run stands: a follower can tell a slow step from a dead engine from a dead server.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from facetui.engine.records import files, journal
from facetui.engine.records.events import decode
from facetui.tui.runs import cues
from facetui.tui.runs.cues import CUES
from facetui.tui.runs.picture_policy import PicturePolicy
from facetui.tui.sharing.web.voting import Voting

LOOK_SECONDS = 0.1
"""Between two looks at files that somebody waits for."""

GATHER_LEAST, GATHER_MOST = 0.2, 0.8
"""Seconds in which what is written goes out together, for few followers and for two hundred and more: every answer
costs the machine that computes a little, wherever the followers are."""

MANY = 200
FRESH_SECONDS = 0.04
"""For so long, how a run stands is not asked for again."""

WAIT_MOST = 25.0
PIECE = 1 << 20
"""Bytes of one answer, at most."""

SMALL = 1 << 16
SEND_SECONDS = 30.0
"""A follower that does not read for so long is cut off."""

SAFE = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]
RANGE = re.compile(rb"bytes=(\d{1,15})-(\d{0,15})")
WAIT = re.compile(rb"(?:^|[,;\s])wait=(\d{1,4})(?:$|[,;\s])")
PICTURE = re.compile(r"pictures/([0-9a-f]{16})\.png")

CLIENT = b":client"
"""Beside the headers of a question: from where it came; no header is called so."""

Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class _Facts:
    """How a run stands: bytes of its journal, the file, what identifies it, its state, bytes of cues, and the votes."""

    size: int = 0
    inode: int = 0
    tag: bytes = b'"none"'
    state: journal.Status = "empty"
    cues: int = 0
    votes: int = 0


class Publication:
    """An ASGI application that shows one run.

    Args:
        folder: the run's folder; its journal may not be there yet.
        token: what the path begins with.
        pictures: which may be seen, see ``PicturePolicy``: ``none``, ``fictional`` or ``all``.
        votes: those who follow may vote.

    Raises:
        UsageError: no such choice of pictures.
    """

    def __init__(self, folder: Path, token: str, pictures: str = "fictional", *, votes: bool = False) -> None:
        self._folder = folder
        self._voting = Voting(folder) if votes else None
        self._token = token.encode()
        self._policy = PicturePolicy(folder, pictures)
        self._waiting = 0
        self._news = asyncio.Event()
        self._looker: asyncio.Task[None] | None = None
        self._facts = _Facts()
        self._asked = 0.0
        self._cues: tuple[tuple[int, int, int], bytes] = (0, 0, 0), b""
        self._read = journal.Tail(folder)
        self._page: tuple[_Facts, bytes, bytes] | None = None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        if scope["type"] != "http":
            return
        first, _, path = scope["path"].removeprefix("/").partition("/")
        # Compared in constant time, and before anything else: without the token every answer is the same.
        if not hmac.compare_digest(first.encode("utf-8", "surrogateescape"), self._token):
            await _answer(send, 404, b"not found\n")
        elif self._voting is not None and scope["method"] == "POST" and path == "vote":
            status, body = await self._voting.vote(scope, _headers(scope), receive)
            # After a vote that was not read the connection holds its rest: it is closed.
            await _answer(send, status, body, [] if status in (200, 400, 409) else [(b"connection", b"close")])
        elif scope["method"] not in ("GET", "HEAD"):
            await _answer(send, 405, b"read only\n", [(b"allow", b"GET, HEAD")])
        elif "/" not in scope["path"].removeprefix("/"):  # the page's own addresses are relative to the slash
            await _answer(send, 308, b"", [(b"location", b"/" + self._token + b"/")])
        else:
            headers = _headers(scope) | {CLIENT: repr(scope.get("client")).encode()}
            with contextlib.suppress(TimeoutError):
                await self._get(path, headers, send, scope["method"] == "HEAD")

    async def _live(self, receive: Any, send: Send) -> None:
        """From the server's beginning to its end votes are looked after."""
        await receive()
        keeper = asyncio.create_task(self._voting.keep()) if self._voting is not None else None
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if keeper is not None:
            keeper.cancel()
        await send({"type": "lifespan.shutdown.complete"})

    async def _get(self, path: str, headers: dict[bytes, bytes], send: Send, head: bool) -> None:
        number, cookie = b"", list[tuple[bytes, bytes]]()
        if self._voting is not None and path in ("", "voter"):
            number, cookie = self._voting.introduce(headers, b"/" + self._token + b"/")
        if path == "":
            body, allowed = self._whole_page()
            more = [(b"content-type", b"text/html; charset=utf-8"), (b"content-security-policy", allowed), *cookie]
            await _answer(send, 200, body, more, head=head)
        elif path == "voter" and self._voting is not None:
            await _answer(send, 200, number, [(b"content-type", b"text/plain"), *cookie], head=head)
        elif path in (journal.EVENTS, CUES):
            await self._part(path, headers, send, head)
        elif (named := PICTURE.fullmatch(path)) and (picture := self._picture(named[1])) is not None:
            await _answer(send, 200, picture, [(b"content-type", b"image/png")], head=head)
        else:
            await _answer(send, 404, b"not found\n", head=head)

    # --- the journal ---------------------------------------------------------------------------------------------

    async def _part(self, name: str, headers: dict[bytes, bytes], send: Send, head: bool) -> None:
        asked = RANGE.fullmatch(headers.get(b"range", b""))
        start = int(asked[1]) if asked else 0
        waits = WAIT.search(headers.get(b"prefer", b""))
        if self._voting is not None and waits and not head and name == journal.EVENTS:
            seconds = min(WAIT_MOST, float(waits[1]))
            self._voting.saw(headers, headers[CLIENT], seconds, caught_up=start >= self._size(name))
        if asked and waits and not head and start == self._size(name):
            await self._wait(name, start, min(WAIT_MOST, float(waits[1])), headers)
        size, tag = self._size(name), self._now().tag
        more = [
            (b"content-type", b"application/jsonl; charset=utf-8"),
            (b"accept-ranges", b"bytes"),
            (b"etag", tag),
            (b"facetui-status", self._now().state.encode()),
            (b"facetui-cues", str(self._now().cues).encode()),
            *(self._voting.told() if self._voting is not None else []),
        ]
        if headers.get(b"if-range", tag) != tag:  # another run: a part of it would fit nothing
            asked, start = None, 0
        if asked and asked[2] and int(asked[2]) < start:
            asked, start = None, 0
        if asked and start == size and waits:
            await _answer(send, 204, b"", more, head=head)
            return
        if asked and start >= size:
            await _answer(send, 416, b"", [*more, (b"content-range", b"bytes */%d" % size)], head=head)
            return
        end = min(size, int(asked[2]) + 1) if asked and asked[2] else size
        if asked:
            end = min(end, start + PIECE)
            more.append((b"content-range", b"bytes %d-%d/%d" % (start, end - 1, size)))
        pieces = _pieces(self._folder, name, start, end) if name != CUES else iter([self._cues[1][start:end]])
        await _send_pieces(send, 206 if asked else 200, pieces, end - start, more, head)

    def _size(self, name: str) -> int:
        return self._now().cues if name == CUES else self._now().size

    def _now(self) -> _Facts:
        """How the run stands; asked for once for all who ask at the same time."""
        if time.monotonic() - self._asked > FRESH_SECONDS:
            size, inode, _ = self._stat(journal.EVENTS)
            last = self._facts
            tag = last.tag if inode == last.inode and size >= last.size > 0 else self._tag(inode)
            state = last.state if size == last.size and last.state in journal.OVER else self._look(size)
            votes = self._voting.version if self._voting is not None else 0
            self._facts = _Facts(size, inode, tag, state, self._look_at_cues(), votes)
            self._asked = time.monotonic()
        return self._facts

    def _stat(self, name: str) -> tuple[int, int, int]:
        try:
            found = files.facts(self._folder, name)
        except OSError:
            return 0, 0, 0
        return found.st_size, found.st_ino, found.st_mtime_ns

    def _look_at_cues(self) -> int:
        """Bytes of the cues as they are given out: read and written anew, so that nothing else leaves in their name."""
        seen = self._stat(CUES)
        if seen != self._cues[0]:
            self._cues = seen, cues.encode(cues.read(self._folder))
        return len(self._cues[1])

    def _tag(self, inode: int) -> bytes:
        """Identifies the run, not its length: the journal's first line holds when it began."""
        try:
            with files.open_to_read(self._folder, journal.EVENTS) as file:
                first = file.readline(4096)
        except OSError:
            return b'"none"'
        return b'"%s"' % hashlib.sha256(first + str(inode).encode()).hexdigest()[:20].encode()

    def _look(self, size: int) -> journal.Status:
        """Whether it goes on, else how it ended."""
        if journal.is_locked(self._folder):
            return "running"
        try:
            with files.open_to_read(self._folder, journal.EVENTS) as file:
                file.seek(max(0, size - 65536))
                lines = file.read().split(b"\n")
            last = decode(lines[-2]) if len(lines) > 1 else None
        except (OSError, msgspec.DecodeError):
            last = None
        return journal.status(self._folder, [last] if last else []) if size else "empty"

    async def _wait(self, name: str, start: int, seconds: float, headers: dict[bytes, bytes]) -> None:
        """Until the file has grown, cues have come, the run has ended, or the time is over."""
        cues = _number(headers, b"facetui-cues", self._size(CUES))
        votes = _number(headers, b"facetui-votes", self._now().votes)
        state = self._now().state

        def news() -> bool:
            now = self._now()
            return self._size(name) != start or now.cues != cues or now.state != state or now.votes != votes

        if self._looker is None or self._looker.done():
            self._looker = asyncio.create_task(self._keep_looking())
        self._waiting += 1
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):  # no task of its own for each who waits: they are many
                    while not news():
                        await self._news.wait()
        finally:
            self._waiting -= 1

    async def _keep_looking(self) -> None:
        """One look for all who wait; what comes shortly after is gathered."""
        seen: object = None
        while self._waiting or seen is None:
            now = self._now()
            if seen is not None and now != seen:
                share = min(1.0, self._waiting / MANY)
                await asyncio.sleep(GATHER_LEAST + share * (GATHER_MOST - GATHER_LEAST) - LOOK_SECONDS)
                now = self._now()
                self._news.set()
                self._news = asyncio.Event()
            seen = now
            await asyncio.sleep(LOOK_SECONDS)

    # --- page and pictures ---------------------------------------------------------------------------------------

    def _picture(self, name: str) -> bytes | None:
        """A picture that may leave this machine."""
        with contextlib.suppress(journal.JournalError):
            self._policy.learn(self._read.more())
        return self._policy.picture(name)

    def _whole_page(self) -> tuple[bytes, bytes]:
        """The page with the run's last state, for browsers, and the policy that lets nothing but it run."""
        now = self._now()
        if self._page is None or self._page[0] != now:
            from facetui.tui.sharing.web.page import page

            try:
                events = journal.read(self._folder)
            except journal.JournalError:
                events = []
            text = page(events)
            self._page = now, text.encode(), policy(text)
        return self._page[1], self._page[2]


def _headers(scope: dict[str, Any]) -> dict[bytes, bytes]:
    return {name.lower(): value for name, value in scope["headers"]}


def _number(headers: dict[bytes, bytes], name: bytes, otherwise: int) -> int:
    """What a follower says that it knows."""
    told = headers.get(name, b"")
    return int(told) if told.isdigit() and len(told) < 16 else otherwise


def policy(page: str) -> bytes:
    """A Content-Security-Policy that allows a page's own script and style, by their hashes, and nothing else."""

    def hashes(tag: str) -> str:
        blocks = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digests = (base64.b64encode(hashlib.sha256(block.encode()).digest()).decode() for block in blocks)
        return " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"

    return (
        f"default-src 'none'; script-src {hashes('script')}; style-src {hashes('style')}; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ).encode()


async def _answer(send: Send, status: int, body: bytes, more: Headers | None = None, *, head: bool = False) -> None:
    headers = [*SAFE, *(more or []), *([] if status == 204 else [(b"content-length", str(len(body)).encode())])]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": b"" if head else body})


async def _send_pieces(send: Send, status: int, pieces: Iterator[bytes], size: int, more: Headers, head: bool) -> None:
    length = (b"content-length", str(size).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*SAFE, *more, length]})
    if head or size <= SMALL:
        async with asyncio.timeout(SEND_SECONDS):
            await send({"type": "http.response.body", "body": b"".join([] if head else pieces)})
        return
    for part in pieces:
        async with asyncio.timeout(SEND_SECONDS):
            await send({"type": "http.response.body", "body": part, "more_body": True})
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": b""})


def _pieces(folder: Path, name: str, start: int, end: int) -> Iterator[bytes]:
    """A part of a file; a journal only grows, so it is all there."""
    with contextlib.suppress(OSError), files.open_to_read(folder, name) as file:
        file.seek(start)
        while start < end and (part := file.read(min(PIECE // 4, end - start))):
            start += len(part)
            yield part
