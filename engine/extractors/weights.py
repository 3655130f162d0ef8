"""Weights that do not come with the package: where they live, where they were published, and how to fetch them.

Nothing here is called by a constructor: weights are fetched by ``facetui models pull`` and by nothing else.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import tempfile
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from facetui.engine.records import places
from facetui.engine.records.errors import DataError, DownloadError, Untrusted

MODELS = "FACETUI_MODELS"
"""Environment variable: the folder with weights that do not come with the package."""

TRUST = "FACETUI_TRUST"
"""Environment variable: 1 lets files run code of their own; ``--trust`` sets it for one command."""

TIMEOUT = 30.0
"""Seconds that a host may be silent."""

CHUNK = 1 << 20


@dataclass(frozen=True)
class Published:
    """A file of weights as it was published.

    Attributes:
        url: where.
        file: what it is called in the folder with weights.
        size: bytes.
        sha256: 64 hexadecimal digits.
        licence: of the weights.
    """

    url: str
    file: str
    size: int
    sha256: str
    licence: str

    def by_hand(self, folder: Path) -> str:
        """How to do without ``pull``."""
        return f"or fetch {self.url} by hand and put it at {folder / self.file}; its SHA-256 is {self.sha256}"


_FACENET = "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/"

PUBLISHED: dict[str, Published] = {
    "facenet-vggface2": Published(
        _FACENET + "20180402-114759-vggface2.pt",
        "20180402-114759-vggface2.pt",
        111_898_327,
        "281cebca8662831adb987a874bdcb36e73f5b1c6dc5ee5878f305e985625d99b",
        "MIT; trained on VGGFace2, whose photos are for research",
    ),
    "facenet-casia": Published(
        _FACENET + "20180408-102900-casia-webface.pt",
        "20180408-102900-casia-webface.pt",
        115_887_415,
        "7a67afdbbc995fce5e10128675e318799a70698c2f433ba75dd7eb9a2f096e7d",
        "MIT; trained on CASIA-WebFace, whose photos are for research",
    ),
}
"""Weights that ``pull`` fetches, by the extractor's name."""


def trusted() -> bool:
    """Whether files that could run code of their own may be opened."""
    return os.environ.get(TRUST, "") not in ("", "0")


def check_trusted(path: Path, what: str) -> None:
    """Refuse a file that could run code of its own.

    Raises:
        Untrusted: nobody vouched for it.
    """
    if not trusted():
        raise Untrusted(
            f"{path} is {what}, which can run code of its own on this machine; if you know who made it, "
            f"say --trust or set {TRUST}=1"
        )


def model_folders() -> list[Path]:
    """Where weights are looked for, in order: ``FACETUI_MODELS``, then the user's data folder."""
    override = os.environ.get(MODELS)
    return [*([Path(override).expanduser()] if override else []), places.data() / "models"]


def weights_at_hand(name: str) -> Path | None:
    """The weights file of an extractor: ``NAME.safetensors``, or the file under the name it was published by."""
    files = [f"{name}.safetensors", *([PUBLISHED[name].file] if name in PUBLISHED else [])]
    return next((folder / file for folder in model_folders() for file in files if (folder / file).is_file()), None)


def find_weights(name: str) -> Path:
    """The weights file of that extractor.

    Raises:
        DataError: in none of the folders; says how to get it.
    """
    path = weights_at_hand(name)
    if path is not None:
        return path
    where = " or ".join(map(str, model_folders()))
    if name in PUBLISHED:
        raise DataError(f"the weights of {name} are not in {where}; facetui models pull {name} fetches them")
    raise DataError(
        f"the weights {name}.safetensors are not in {where}; convert the published weights as "
        f"docs/real-networks.md says and set {MODELS} to their folder"
    )


def find_file(text: str) -> Path:
    """A file by its path; a relative one may also lie in a folder with weights.

    Raises:
        DataError: there is none.
    """
    path = Path(text).expanduser()
    candidates = [path] if path.is_absolute() else [path, *(folder / path for folder in model_folders())]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise DataError(f"there is no file {text}, neither here nor in {' or '.join(map(str, model_folders()))}")


def sha256(path: Path) -> str:
    """The SHA-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pull(published: Published, progress: Callable[[int, int], None] = lambda done, total: None) -> Path:
    """Fetch a published file into the first folder with weights, all of it or nothing.

    Args:
        published: the file.
        progress: called as ``progress(bytes, size)``.

    Returns:
        Where it is now.

    Raises:
        DownloadError: the host cannot be reached, the transfer broke off, or something else than the published file
            came; no part of it is left behind.
        DataError: the folder cannot be written.
    """
    folder = model_folders()[0]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, part_name = tempfile.mkstemp(prefix=f".{published.file}-", suffix=".part", dir=folder)
    except OSError as error:
        raise DataError(f"{folder} cannot be written ({error.strerror}); set {MODELS} to a folder of yours") from error
    part = Path(part_name)
    try:
        with os.fdopen(handle, "wb") as file:
            digest = _transfer(published, file.write, folder, progress)
        if digest != published.sha256:
            raise DownloadError(
                f"{published.url} sent a file with SHA-256 {digest}, not the published {published.sha256}; it was "
                "thrown away; try again on another network"
            )
        part.chmod(0o644)
        part.replace(folder / published.file)
    finally:
        part.unlink(missing_ok=True)
    return folder / published.file


def _transfer(
    published: Published, write: Callable[[bytes], int], folder: Path, progress: Callable[[int, int], None]
) -> str:
    """Write what the host sends; the SHA-256 of it."""
    digest, done = hashlib.sha256(), 0
    request = urllib.request.Request(published.url, headers={"User-Agent": "facetui"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            while chunk := response.read(CHUNK):
                done += len(chunk)
                if done > published.size:
                    break
                digest.update(chunk)
                write(chunk)
                progress(done, published.size)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        state = f"broke off after {done:,} bytes" if done else "cannot be reached"
        raise DownloadError(f"{published.url} {state} ({reason}); try again, {published.by_hand(folder)}") from error
    if done != published.size:
        came = f"more than {published.size:,}" if done > published.size else f"{done:,}"
        raise DownloadError(
            f"{published.url} sent {came} bytes, expected {published.size:,}; try again, {published.by_hand(folder)}"
        )
    return digest.hexdigest()
