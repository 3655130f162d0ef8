"""Searches a picture for faces, here or in processes that do nothing else.

A process is a plain Python that reads paths from its standard input and writes faces to its standard output. It is no
fork, which would copy locked locks along, and it imports nothing of the program that asks.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import queue
import struct
import subprocess
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO

import msgspec
import torch
from torch import Tensor

from facetui.engine import system
from facetui.engine.core import cache as caching
from facetui.engine.core.cache import Cache
from facetui.engine.core.cache_folder import Kind
from facetui.engine.core.interfaces import SIDE
from facetui.engine.people.alignment import NO_FACE, aligned_faces
from facetui.engine.people.pictures import opened
from facetui.engine.records.errors import DataError, FacetuiError, OutOfMemory, lack_of_memory

PATIENCE = 1.0
"""Seconds that processes have to finish the picture at hand when they are no longer needed."""

_ALONE = {
    name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
}


class _Reply(msgspec.Struct):
    """What a process found in a picture.

    Attributes:
        faces: pixels of ``n`` faces, one after the other.
        n: of them.
        wrong: what is wrong with the picture.
        memory: whether memory ran out.
        bug: the traceback of anything else.
    """

    faces: bytes = b""
    n: int = 0
    wrong: str = ""
    memory: bool = False
    bug: str = ""


Found = Tensor | DataError
"""A picture's faces ``(k, 3, 112, 112)`` uint8, or what is wrong with it."""


def cached_faces(path: Path, cache: Cache) -> Tensor:
    """As ``aligned_faces``; what took a search is kept under the file's content."""
    name, found = known(path, cache)
    if found is None:
        with _one_thread():
            found = aligned_faces(path)
        if name:
            cache.save(name, {"value": found}, Kind.FACES)
    return found


def known(path: Path, cache: Cache) -> tuple[str, Tensor | None]:
    """The name under which a picture's faces are kept, if at all, and its faces where that takes no search."""
    name = ""
    if cache.folder is not None and path.is_file():  # a pipe is refused below, and not waited for
        try:
            data = path.read_bytes()
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror}); remove or replace it") from error
        name = caching.key("aligned faces, sRGB, upright or not", hashlib.sha256(data).hexdigest())
        if (found := cache.load(name)) is not None:
            return name, found["value"]
    with opened(path) as picture:
        aligned = picture.size == (SIDE, SIDE)
    return name, aligned_faces(path) if aligned else None


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Meanwhile torch has one thread: a search gains nothing by more, and its last bits depend on how many."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Pool:
    """Processes that search pictures, and a thread for each that waits for it.

    Args:
        n: how many.
        cache: theirs, too.
    """

    def __init__(self, n: int, cache: Cache) -> None:
        self._workers = [_Worker(cache) for _ in range(n)]
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._threads = ThreadPoolExecutor(n, "searches pictures")

    def ask(self, path: Path) -> Future[Found]:
        """The faces in a picture, once somebody has the time."""
        return self._threads.submit(self._ask, path)

    def _ask(self, path: Path) -> Found:
        worker = self._idle.get()
        try:
            return worker.faces(path)
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        """Nobody asks any more."""
        for worker in self._workers:
            worker.leave()
        self._threads.shutdown(wait=False, cancel_futures=True)
        for worker in self._workers:
            worker.wait()
        self._threads.shutdown()


class _Worker:
    """A process that searches one picture after the other."""

    def __init__(self, cache: Cache) -> None:
        command = [sys.executable, "-P", "-m", __name__, str(cache.folder or "")]
        path = os.pathsep.join(entry for entry in sys.path if os.path.isabs(entry))
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **_ALONE, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is for the program that asks
            creationflags=system.OWN_GROUP,
        )

    def faces(self, path: Path) -> Found:
        """The faces in a picture, or what is wrong with it.

        Raises:
            FacetuiError: the process is no more.
            OutOfMemory: memory ran out.
            RuntimeError: a bug; its text is the traceback.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            _write(self._process.stdin, os.fsencode(path))
            answer = _read(self._process.stdout)
        except (OSError, ValueError):
            answer = None
        if answer is None:
            raise FacetuiError(f"the process that searched {path} for a face {self._end()}; {WAY_OUT}")
        reply = msgspec.msgpack.decode(answer, type=_Reply)
        if reply.memory:
            raise OutOfMemory(f"memory ran out while {path} was searched for a face; {WAY_OUT}")
        if reply.bug:
            raise RuntimeError(reply.bug)
        if reply.wrong:
            return DataError(reply.wrong)
        return (
            torch.frombuffer(bytearray(reply.faces), dtype=torch.uint8).view(-1, 3, SIDE, SIDE) if reply.n else NO_FACE
        )

    def _end(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._process.wait(PATIENCE)
            return f"was ended by signal {system.name_of_signal(-code)}" if code < 0 else f"left with exit code {code}"
        return "no longer answers"

    def leave(self) -> None:
        """Ask it to leave after the picture at hand."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def wait(self) -> None:
        """Wait for its end, and not for long."""
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


WAY_OUT = (
    "close other programs, or take the picture out if it happens again: what was found is in the cache, and the same "
    "command goes on from there"
)


def _write(stream: IO[bytes], data: bytes) -> None:
    stream.write(struct.pack(">I", len(data)) + data)
    stream.flush()


def _read(stream: IO[bytes]) -> bytes | None:
    """The next message; nothing at the end."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    length = struct.unpack(">I", head)[0]
    data = stream.read(length)
    return data if len(data) == length else None


def _reply(path: Path, cache: Cache) -> _Reply:
    try:
        faces = cached_faces(path, cache)
        return _Reply(faces.numpy().tobytes(), len(faces))
    except DataError as error:
        return _Reply(wrong=str(error))
    except Exception as error:  # noqa: BLE001  it is raised in the process that asked
        return _Reply(memory=True) if lack_of_memory(error) else _Reply(bug=traceback.format_exc())


def serve(cache: Cache, asked: IO[bytes], answers: IO[bytes]) -> None:
    """Search pictures until nobody asks any more."""
    torch.set_num_threads(1)
    while (path := _read(asked)) is not None:
        _write(answers, msgspec.msgpack.encode(_reply(Path(os.fsdecode(path)), cache)))


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # whoever asked is gone
        folder = sys.argv[1]
        serve(Cache(Path(folder) if folder else None), sys.stdin.buffer, sys.stdout.buffer)
