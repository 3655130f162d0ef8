"""``facetui publish`` and ``--publish``: the process that serves a run, and the address to pass on."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facetui.engine import system
from facetui.engine.records.errors import JournalError, UsageError
from facetui.engine.runs import ballots
from facetui.tui.runs.picture_policy import PicturePolicy, refuse_private

LOOPBACK = "127.0.0.1:0"
"""Where a run is published unless told otherwise: this machine only, any free port."""

NICENESS = 10
MOST = 1000
"""Connections at a time, unless ``FACETUI_FOLLOWERS`` says otherwise."""

SHARED = "shared"
"""In the place of a descriptor, where processes inherit none: what stands for it comes on standard input."""

HEADER_SECONDS = 10.0
"""How long a connection may be open without a request."""


DATA_MOST, AHEAD_MOST = 1 << 14, 8
"""Bytes that may come at once on a connection, and questions that may wait there for their answers."""


@dataclass
class Server:
    """A process that serves a run.

    Attributes:
        url: what followers type.
        process: the process; it ends with the one that started it.
        voted: the folder of the run that is voted on; absent: those who follow only read.
    """

    url: str
    process: subprocess.Popen[bytes]
    voted: Path | None = None

    def stop(self) -> None:
        """End it; from then on nobody can vote."""
        if self.process.poll() is None:
            self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        if self.voted is not None:
            ballots.remove(self.voted)


def start(folder: Path, address: str = LOOPBACK, pictures: str = "fictional", *, votes: bool = False) -> Server:
    """Serve a run, as long as this process lives.

    Args:
        folder: the run's folder.
        address: ``HOST:PORT``; port 0 is any free one.
        pictures: which may be read: ``none``, ``fictional`` or ``all``.
        votes: those who follow may vote where the story, or the presenter, asks the room.

    Raises:
        UsageError: no such address here, or it is taken; or the run is about somebody's own photos.
        JournalError: votes cannot be kept in the run's folder.
    """
    refuse_private(folder)
    PicturePolicy(folder, pictures)  # a choice that does not exist is said here, not by the process
    listener = _listen(address)
    host, port = listener.getsockname()[:2]
    token = secrets.token_urlsafe(12)
    command = [
        sys.executable,
        "-m",
        "facetui.tui.sharing.web.server_process",
        SHARED if sys.platform == "win32" else str(listener.fileno()),
        str(folder),
        pictures,
        "votes" if votes else "no-votes",
    ]
    if votes:
        try:
            ballots.write(folder, ballots.Ballots())  # before a story asks whether anybody can vote
        except OSError as error:
            listener.close()
            raise JournalError(f"votes cannot be kept in {folder}: {error.strerror}; leave out --votes") from error
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,  # it ends when this pipe does
        stdout=subprocess.DEVNULL,
        pass_fds=[] if sys.platform == "win32" else [listener.fileno()],
        env={**os.environ, "FACETUI_TOKEN": token},  # not an argument: every user of a machine can read those
        start_new_session=True,
        creationflags=system.OWN_GROUP,
    )
    if sys.platform == "win32":
        assert process.stdin is not None
        shared = listener.share(process.pid)
        process.stdin.write(len(shared).to_bytes(4, "big") + shared)
        process.stdin.flush()
    listener.close()
    shown = _reachable(host)
    return Server(
        f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/{token}/", process, folder if votes else None
    )


def _listen(address: str) -> socket.socket:
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise UsageError(f"expected --publish HOST:PORT, like 0.0.0.0:8000, got {address!r}")
    host = host.strip("[]") or "127.0.0.1"
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        if sys.platform == "win32":  # where the other option would let others listen at the same address
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(1024)
    except OSError as error:
        raise UsageError(f"cannot publish at {address}: {error.strerror or error}; choose another HOST:PORT") from error
    return listener


def _reachable(host: str) -> str:
    """A name under which others find this machine, when it listens on all its addresses."""
    if host not in ("0.0.0.0", "::"):
        return host
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # nothing is sent: it only chooses the address that leads outside
        return str(probe.getsockname()[0])
    return socket.gethostname()


# --- the process itself -------------------------------------------------------------------------------------------


def protocol() -> type[Any]:
    """The server library's protocol: on httptools where that is installed, else on h11, which always is."""
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    except ModuleNotFoundError:
        from uvicorn.protocols.http.h11_impl import H11Protocol

        return H11Protocol
    return HttpToolsProtocol


def limited(most: int) -> type[Any]:
    """The server library's protocol, with a limit: one connection too many is refused politely and at once."""
    base: Any = protocol()

    class Limited(base):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(self.connections) > most:
                body = b"too many followers; try again later\n"
                head = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 10\r\nconnection: close\r\n"
                transport.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
                transport.close()
                return
            self.loop.call_later(HEADER_SECONDS, self._hurry)

        def data_received(self, data: bytes) -> None:
            """Who follows sends little, and few questions before the first is answered: reading them costs time."""
            if len(data) <= DATA_MOST:
                super().data_received(data)
            if len(data) > DATA_MOST or len(getattr(self, "pipeline", ())) > AHEAD_MOST:
                self.transport.abort()

        def _hurry(self) -> None:
            """Close a connection on which no request was whole; the first one makes a cycle of question and answer."""
            if self.cycle is None and not self.transport.is_closing():
                self.transport.close()

    return Limited


def main() -> None:
    """Serve until the pipe on standard input ends, or a signal comes."""
    import threading

    import uvicorn

    from facetui.tui.sharing.web.server import Publication

    descriptor, folder, pictures, votes = sys.argv[1:5]
    system.yield_to(os.getpid(), NICENESS)
    most = int(os.environ.get("FACETUI_FOLLOWERS", MOST))
    app = Publication(Path(folder), os.environ.pop("FACETUI_TOKEN"), pictures, votes=votes == "votes")
    config = uvicorn.Config(
        app,
        http=limited(most),
        log_level="critical",
        access_log=False,
        server_header=False,
        lifespan="on",
        ws="none",
        timeout_keep_alive=60,
        timeout_graceful_shutdown=1,
    )

    def end_with_the_parent() -> None:
        sys.stdin.buffer.read()
        os.kill(os.getpid(), signal.SIGTERM)

    listener = _taken(descriptor)
    threading.Thread(target=end_with_the_parent, daemon=True).start()
    uvicorn.Server(config).run(sockets=[listener])


def _taken(descriptor: str) -> socket.socket:
    """The socket that the starting process listens on."""
    if sys.platform == "win32":
        length = int.from_bytes(sys.stdin.buffer.read(4), "big")
        return socket.fromshare(sys.stdin.buffer.read(length))
    else:
        return socket.socket(fileno=int(descriptor))


if __name__ == "__main__":
    main()
