"""What this installation made, told from what others made and only say that they did not.

A secret that never leaves this user's data folder signs what the engine makes here: a run's folder, and every picture
of fictional people. A journal is text: whoever can write one can claim anything in it. Where no secret can be kept
(a home that cannot be written) nothing counts as made here, and less is allowed.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from functools import lru_cache
from pathlib import Path

from facetui.engine.records import files, places

SECRET = "installation.key"
SEAL = "made-here"
"""In a run's folder: the signature of its journal's first line and place. It is neither packed nor served."""

VOUCHED = "fictional-pictures"
"""In a run's folder: signatures of pictures of fictional people, one a line."""

_MOST = 1 << 20
_HEADER_MOST = 4096


def _secret() -> bytes | None:
    return _secret_in(places.data())


@lru_cache(maxsize=4)
def _secret_in(folder: Path) -> bytes | None:
    """The secret, made when it is first needed; ``None`` where it cannot be kept."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            made = files.write(folder, f".{SECRET}.{os.getpid()}", secrets.token_hex(32))
            made.chmod(0o600)
            try:
                _claim(made, folder / SECRET)
            finally:
                made.unlink()
        found = files.read(folder, SECRET, 1024).strip()
    except OSError:
        return None
    return found if len(found) == 64 else None


def _claim(made: Path, target: Path) -> None:
    """Give a whole file its name; of two that do it at once, one is kept."""
    try:
        os.link(made, target)
    except FileExistsError:
        raise
    except OSError:  # memory cards and some network folders have no links
        files.write(target.parent, target.name, made.read_bytes(), replace=False)
        target.chmod(0o600)


def _signature(secret: bytes, what: str, *parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return hmac.new(secret, what.encode() + b"\0" + digest.digest(), hashlib.sha256).hexdigest()


def _of_run(secret: bytes, folder: Path, journal: str) -> str:
    with files.open_to_read(folder, journal) as file:
        header = file.readline(_HEADER_MOST)
        place = os.fstat(file.fileno()).st_ino
    return _signature(secret, "run", header, str(place).encode())


def seal(folder: Path, journal: str) -> None:
    """Sign a run's folder whose journal has just begun; where that cannot be done, it counts as made elsewhere."""
    if (secret := _secret()) is not None:
        with contextlib.suppress(OSError):
            files.write(folder, SEAL, _of_run(secret, folder, journal) + "\n")


def made_here(folder: Path, journal: str = "events.jsonl") -> bool:
    """Whether this installation made a run's folder; a copy of one counts as made elsewhere.

    Args:
        folder: the run's.
        journal: the name of its journal's file.
    """
    secret = _secret()
    if secret is None:
        return False
    try:
        seal = files.read(folder, SEAL, 1024).decode("ascii", "replace").strip()
        return hmac.compare_digest(seal.encode(), _of_run(secret, folder, journal).encode())
    except OSError:
        return False


def vouch(folder: Path, picture: bytes) -> None:
    """Sign a picture of fictional people that the engine puts into a run's folder."""
    if (secret := _secret()) is not None:
        with contextlib.suppress(OSError):
            files.append(folder, VOUCHED, _signature(secret, "fictional", picture).encode() + b"\n")


def is_vouched(folder: Path, picture: bytes) -> bool:
    """Whether a picture was made here and shows somebody fictional."""
    secret = _secret()
    if secret is None:
        return False
    try:
        signatures = files.read(folder, VOUCHED, _MOST).split()
    except OSError:
        return False
    own = _signature(secret, "fictional", picture).encode()
    return any(hmac.compare_digest(own, signature) for signature in signatures)
