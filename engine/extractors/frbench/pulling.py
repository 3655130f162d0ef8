"""Fetching the weights of FRBench's networks: the manifest first, which says how large they are, then one archive.

FRBench's own downloader is not used: it neither asks nor says how much it fetches.
"""

from __future__ import annotations

import http.client
import json
import shutil
import tarfile
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from facetui.engine.extractors import weights
from facetui.engine.extractors.frbench import assets
from facetui.engine.extractors.frbench.assets import Asset, Found
from facetui.engine.extractors.frbench.model import Model
from facetui.engine.extractors.weights import Published
from facetui.engine.records import files
from facetui.engine.records.errors import DataError, DownloadError, MissingExtra

HOST = "https://github.com"
"""Where FRBench publishes its releases."""

LICENCE = "MIT, as FRBench; its training photos have terms of their own, most are for research"

MOST_WEIGHTS = 1 << 30
MOST_MEMBERS = 64
"""Bytes that an archive may unpack to, and files that it may hold."""


def root() -> Path:
    """The folder that weights of FRBench are fetched into."""
    return weights.model_folders()[0] / assets.FOLDER


def release() -> str:
    """The address of the release of weights that the installed FRBench was tested with, or that its settings say.

    Raises:
        MissingExtra: FRBench is not installed.
        DataError: FRBench's own settings are damaged.
    """
    try:
        import frbench
    except ImportError:
        raise MissingExtra("frbench:BACKBONE/LOSS/DATA", "frbench") from None
    try:
        return f"{HOST}/{frbench.REPO}/releases/download/{frbench.RELEASE}"
    except frbench.FRBenchError as error:
        raise DataError(f"FRBench's own settings cannot be read ({error}); mend or delete that file") from error


def entry(model: Model, address: str) -> Asset:
    """What the manifest says about a network: the one that the release has now, or without a network the one at hand.

    Args:
        model: the network.
        address: of the release.

    Raises:
        DownloadError: the manifest did not arrive, says nothing about the network, or not enough to fetch it.
    """
    try:
        manifest = _fetch_manifest(f"{address}/{assets.MANIFEST}")
    except DownloadError:
        manifest = assets.read_manifest(root())
        if model.key not in manifest:
            raise
    found = manifest.get(model.key)
    if found is None:
        raise DownloadError(f"the manifest at {address} has no sound entry {model.key}; facetui list extractors")
    if found.sha is None or found.size is None:
        raise DownloadError(f"the manifest at {address} gives no SHA-256 and size for {model.key}; it is not fetched")
    return found


def _fetch_manifest(url: str) -> dict[str, Asset]:
    request = urllib.request.Request(url, headers={"User-Agent": "facetui"})
    by_hand = f"try again, or fetch {url} by hand and put it at {root() / assets.MANIFEST}"
    try:
        with urllib.request.urlopen(request, timeout=weights.TIMEOUT) as response:
            content = response.read(assets.MOST_MANIFEST + 1)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise DownloadError(f"{url} cannot be reached ({reason}); {by_hand}") from error
    try:
        found = assets.parsed(json.loads(content)) if len(content) <= assets.MOST_MANIFEST else {}
    except (ValueError, RecursionError):
        found = {}
    if not found:
        raise DownloadError(f"{url} sent something else than a manifest; {by_hand}")
    try:
        root().mkdir(parents=True, exist_ok=True)
        files.write(root(), assets.MANIFEST, content)
    except OSError as error:
        raise DataError(
            f"{root()} cannot be written ({error.strerror}); set {weights.MODELS} to a folder of yours"
        ) from error
    return found


def published(asset: Asset, address: str) -> Published:
    """The archive of an entry that ``entry`` found."""
    return Published(f"{address}/{asset.asset_name}", asset.asset_name, asset.size or 0, asset.sha or "", LICENCE)


def pull(model: Model, asset: Asset, archive: Published, progress: Callable[[int, int], None]) -> Found:
    """Fetch an archive and unpack it, all of it or nothing; one that was fetched by hand is taken as it is.

    Args:
        model: the network.
        asset: its entry in the manifest.
        archive: what to fetch.
        progress: called as ``progress(bytes, size)``.

    Raises:
        DownloadError: it did not arrive, or not as published.
        DataError: it cannot be unpacked, or written.
    """
    path = weights.model_folders()[0] / archive.file
    if not path.is_file() or weights.sha256(path) != archive.sha256:
        path = weights.pull(archive, progress)
    try:
        unpack(path, asset, root())
    finally:
        path.unlink(missing_ok=True)
    found = assets.find(model)
    assets.forget(model)
    assets.seen(model, found)
    return found


def unpack(archive: Path, asset: Asset, where: Path) -> None:
    """Take out of an archive the files that the manifest names, and nothing else; links and paths lead nowhere.

    Args:
        archive: compressed tar, with one folder that holds the files.
        asset: its entry in the manifest.
        where: the folder in which the network's own is made, or replaced.

    Raises:
        DataError: damaged, too large, without one of the files, or the folder cannot be written.
    """
    wanted, room = set(asset.contents.values()), MOST_WEIGHTS
    try:
        with (
            tempfile.TemporaryDirectory(prefix=".unpacked-", dir=where) as folder,
            tarfile.open(archive, "r:gz") as tar,
        ):
            made = Path(folder) / asset.target_name
            for count, member in enumerate(tar):
                room -= member.size
                if count >= MOST_MEMBERS or room < 0:
                    raise DataError(f"{archive.name} unpacks to more than weights of a network; it is refused")
                inside = "/".join(PurePosixPath(member.name).parts[1:])
                content = tar.extractfile(member) if inside in wanted and member.isreg() else None
                if content is not None:
                    (made / inside).parent.mkdir(parents=True, exist_ok=True)
                    with (made / inside).open("wb") as file:
                        shutil.copyfileobj(content, file)
                    wanted.discard(inside)
            if wanted:
                raise DataError(f"{archive.name} holds no {' and no '.join(sorted(wanted))}; nothing of it was kept")
            target = where / asset.target_name
            if target.is_dir():
                shutil.rmtree(target)
            made.rename(target)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise DataError(f"{archive.name} cannot be unpacked into {where} ({error}); pull it again") from error
