"""Results under a hash of everything they depend on: perturbed photos, embeddings, robust weights.

A file is written under another name and then renamed, so a killed run leaves whole results or none. Of several runs
that want what takes long, one computes it and the others wait; where nothing can be locked, they write the same bytes.
A file ends with a hash of its key and its content: a flipped bit, a cut, or another key's result under this name is as
if it was not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from facetui.engine import system
from facetui.engine.core import claims, paged
from facetui.engine.core.cache_folder import Kind, mark_in_use
from facetui.engine.records import places

VERSION = 1
"""Raised whenever code changes what the same key would compute."""


def default_folder() -> Path:
    """``FACETUI_CACHE``, else the user's cache folder."""
    return places.cache()


def key(*parts: Any) -> str:
    """A hash of plain values and tensors; equal parts give equal keys on every machine."""
    digest = hashlib.sha256(str(VERSION).encode())
    for part in parts:
        if isinstance(part, Tensor):
            digest.update(f"{part.dtype}{tuple(part.shape)}".encode())
            for some in paged.read_through(part.detach().cpu().contiguous().view(-1).numpy().view(np.uint8).data):
                digest.update(some)
        else:
            digest.update(msgspec.json.encode(part, order="deterministic"))
        digest.update(b"\0")
    return digest.hexdigest()


SEAL = 32
"""Bytes of the hash at the end of a file."""


def _seal(name: str, kept: bytes) -> bytes:
    digest = hashlib.sha256(name.encode() + b"\0")
    digest.update(kept)
    return digest.digest()


LOCKS = "locks"
"""Folder of the files that say what is being computed now."""

WAIT = 0.1
"""Seconds between two looks at whether somebody else has computed it."""


class Cache:
    """Tensors by key on disk.

    Args:
        folder: where; made when first needed. ``None`` keeps nothing.
        waits: for others who compute the same; otherwise it is computed again.
    """

    def __init__(self, folder: Path | None, *, waits: bool = True) -> None:
        self.folder = folder
        self._waits = waits

    def _path(self, name: str) -> Path | None:
        return self.folder / name[:2] / f"{name}.tensors" if self.folder else None

    def load(self, name: str) -> dict[str, Tensor] | None:
        """The tensors under a key, or ``None``; a file that is damaged, or belongs to another key, counts as absent."""
        path = self._path(name)
        if path is None or self.folder is None or not path.is_file():
            return None
        mark_in_use(self.folder)
        with contextlib.suppress(OSError):
            os.utime(path)  # its date is that of its last use
        try:
            with path.open("rb") as file:
                kept, seal = file.read(max(0, path.stat().st_size - SEAL)), file.read()
            return load(kept) if seal == _seal(name, kept) else None
        except (SafetensorError, OSError):
            return None

    def save(self, name: str, tensors: dict[str, Tensor], kind: Kind = Kind.OTHER) -> None:
        """Keep tensors under a key; a cache that cannot be written is no reason to stop a run.

        Args:
            name: the key.
            tensors: by name.
            kind: what they are, for ``facetui cache``.
        """
        path = self._path(name)
        if path is None or self.folder is None:
            return
        mark_in_use(self.folder)
        kept = save({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, {"kind": str(kind)})
        temporary: str | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
            with os.fdopen(handle, "wb") as file:
                file.write(kept)
                file.write(_seal(name, kept))
            system.replace(temporary, path)
        except OSError:
            if temporary is not None:
                with contextlib.suppress(OSError):
                    Path(temporary).unlink(missing_ok=True)

    def get(
        self,
        name: str,
        compute: Callable[[], Tensor],
        kind: Kind = Kind.OTHER,
        *,
        waiting: Callable[[], None] | None = None,
    ) -> Tensor:
        """The tensor under a key, computed and kept when it is not there.

        Args:
            name: the key.
            compute: makes it.
            kind: what it is.
            waiting: called now and then while another process computes it, may raise; absent: it takes no time, and
                nobody is waited for.
        """
        found = self.load(name)
        if found is not None and "value" in found:
            return found["value"]
        if waiting is not None:
            with self.alone(name, waiting):
                return self.get(name, compute, kind)
        value = compute()
        self.save(name, {"value": value}, kind)
        return torch.as_tensor(value)

    @contextlib.contextmanager
    def alone(self, name: str, waiting: Callable[[], None]) -> Iterator[None]:
        """Meanwhile nobody else computes what is under a key; whoever waited for that looks again whether it is there.

        The lock of a process that died is free. Whoever computes A and needs B for it may wait for B, never the other
        way round, so that nobody waits for ever.

        Args:
            name: the key.
            waiting: called every now and then while somebody else computes it; may raise.
        """
        held = None
        while self.folder is not None and self._waits:
            try:
                held = claims.claim(self.folder / LOCKS / f"{name}.lock")
            except OSError:
                break  # a cache that cannot be written, or that no lock holds: better twice than not at all
            if held is not None:
                break
            waiting()
            time.sleep(WAIT)
        try:
            yield
        finally:
            if held is not None:
                held.release()

    def drop(self, name: str) -> None:
        """Forget what is under a key."""
        path = self._path(name)
        if path is not None:
            with contextlib.suppress(OSError):  # a disk that became read-only, or went away
                path.unlink(missing_ok=True)


class Checkpoint:
    """Where a long computation leaves what it has done, and goes on after it was stopped or killed.

    Args:
        cache: keeps it.
        name: the key of the finished result; the unfinished one lies beside it.
        seconds: between two ``due`` ones.
    """

    def __init__(self, cache: Cache, name: str, seconds: float = 5.0) -> None:
        self._cache = cache
        self._name = key("unfinished", name)
        self._seconds = seconds
        self._last = time.monotonic()

    def load(self) -> dict[str, Tensor] | None:
        """What was left, or ``None``."""
        return self._cache.load(self._name)

    def due(self) -> bool:
        """Whether it is time to save again."""
        return time.monotonic() - self._last >= self._seconds

    def save(self, tensors: dict[str, Tensor]) -> None:
        """Leave what is done so far."""
        self._cache.save(self._name, tensors, Kind.CHECKPOINTS)
        self._last = time.monotonic()

    def clear(self) -> None:
        """The computation is finished."""
        self._cache.drop(self._name)
