"""Where FRBench's weights lie, and how they are fetched: by ``facetui models pull`` and by nothing else.

The folder ``frbench`` in a folder with weights is laid out as FRBench's own cache, so either can be used by both:
``manifest.json`` names for each network a folder and, in it, a configuration and the weights. FRBench's own cache is
looked at, and never written. FRBench publishes a SHA-256 for each archive in that manifest, and none for the manifest,
nor for the files once unpacked: those are written down when they are first seen, and compared from then on.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from facetui.engine.extractors import weights
from facetui.engine.extractors.frbench.model import Model
from facetui.engine.records import files, places
from facetui.engine.records.errors import DataError

MANIFEST = "manifest.json"
HASHES = "seen.json"
FOLDER = "frbench"

MOST_MANIFEST = 1 << 22
MOST_CONFIG = 1 << 16
"""Bytes that a manifest and a configuration may have."""

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
"""A name of a file or folder that leads nowhere else."""


class Asset(msgspec.Struct, frozen=True):
    """An entry of the manifest.

    Attributes:
        asset_name: of the archive.
        target_name: of the folder that it becomes.
        contents: files in it, by what they are: ``config`` and ``weight``.
        sha: SHA-256 of the archive.
        size: of the archive, bytes.
    """

    asset_name: str
    target_name: str
    contents: dict[str, str]
    sha: str | None = None
    size: Annotated[int, msgspec.Meta(ge=1)] | None = None

    @property
    def is_sound(self) -> bool:
        """Whether it names what a network needs, and nothing outside its folder."""
        inside = [part for path in self.contents.values() for part in path.split("/")]
        names = (self.asset_name, self.target_name, *inside)
        return {"config", "weight"} <= self.contents.keys() and all(map(_PLAIN.fullmatch, names))


@dataclass(frozen=True)
class Found:
    """A network's files.

    Attributes:
        root: the folder with the manifest.
        folder: the network's own.
        config: what the network is, and what it expects.
        weight: its weights.
    """

    root: Path
    folder: Path
    config: Path
    weight: Path


def own_cache() -> Path:
    """Where FRBench keeps what it fetched itself: its environment variable, its configuration, or its default."""
    default = Path("~/.frbench")
    configuration = places.expanded(Path(os.path.expandvars(os.environ.get("FRBENCH_CONFIG", default / "config.json"))))
    cache = os.environ.get("FRBENCH_CACHE")
    if cache is None:
        try:
            said = json.loads(files.read(configuration.parent, configuration.name, MOST_CONFIG))
            cache = said.get("cache")
        except (OSError, ValueError, AttributeError, RecursionError):
            cache = None
    return places.expanded(Path(os.path.expandvars(cache if isinstance(cache, str) else str(default))))


def roots() -> list[Path]:
    """Folders that may hold weights of FRBench, in the order in which they are looked at."""
    return [*(folder / FOLDER for folder in weights.model_folders()), own_cache()]


def read_manifest(root: Path) -> dict[str, Asset]:
    """The sound entries of a manifest; none where there is no manifest, or it is damaged."""
    try:
        entries = json.loads(files.read(root, MANIFEST, MOST_MANIFEST))
    except (OSError, ValueError, RecursionError):
        return {}
    return parsed(entries)


def parsed(entries: Any) -> dict[str, Asset]:
    """The sound entries among what a manifest says."""
    found: dict[str, Asset] = {}
    for key, entry in entries.items() if isinstance(entries, dict) else ():
        try:
            asset = msgspec.convert(entry, Asset)
        except msgspec.ValidationError:
            continue
        if asset.is_sound:
            found[key] = asset
    return found


def manifests() -> Iterator[tuple[Path, dict[str, Asset]]]:
    """Every manifest there is, with its folder."""
    for root in roots():
        if entries := read_manifest(root):
            yield root, entries


def at_hand(model: Model) -> Found | None:
    """The files of a network, all of those that the manifest names; ``None`` where they are not here."""
    for root, manifest in manifests():
        asset = manifest.get(model.key)
        if asset is None:
            continue
        folder = root / asset.target_name
        if all((folder / name).is_file() for name in asset.contents.values()):
            return Found(root, folder, folder / asset.contents["config"], folder / asset.contents["weight"])
    return None


def find(model: Model) -> Found:
    """The files of a network.

    Raises:
        DataError: in none of the folders; says how to get them.
    """
    found = at_hand(model)
    if found is None:
        where = " or ".join(places.short(root) for root in roots())
        raise DataError(
            f"the weights of {model.name} are not in {where}; facetui models pull {model.name} fetches them"
        )
    return found


def seen(model: Model, found: Found) -> str:
    """SHA-256 of a network's weights, the same as when they were first seen, and so is its configuration.

    Raises:
        DataError: they are others than those that were used before.
    """
    root = weights.model_folders()[0] / FOLDER
    now = {"config": weights.sha256(found.config), "weight": weights.sha256(found.weight)}
    known = _known(root)
    before = known.setdefault(model.key, now)
    if before != now:
        changed = next(what for what in now if before.get(what) != now[what])
        raise DataError(
            f"the {changed} of {model.name} in {places.short(found.folder)} is not what was first used (SHA-256 "
            f"{now[changed]}, then {before.get(changed)}); facetui models rm {model.name}, and pull it again"
        )
    _write_known(root, known)
    return now["weight"]


def _known(root: Path) -> dict[str, dict[str, str]]:
    try:
        return msgspec.json.decode(files.read(root, HASHES, MOST_MANIFEST), type=dict[str, dict[str, str]])
    except (OSError, msgspec.DecodeError):
        return {}


def _write_known(root: Path, known: dict[str, dict[str, str]]) -> None:
    if known != _known(root):
        try:
            root.mkdir(parents=True, exist_ok=True)
            files.write(root, HASHES, json.dumps(known, indent=1, sort_keys=True))
        except OSError:
            return  # a folder that only others may write; the hash stands in every run all the same


def remove(model: Model, found: Found) -> None:
    """Delete a network's files, and what was written down about them.

    Raises:
        DataError: they cannot be deleted.
    """
    try:
        shutil.rmtree(found.folder)
    except OSError as error:
        raise DataError(f"{found.folder} cannot be deleted ({error.strerror}); delete it by hand") from error
    forget(model)


def forget(model: Model) -> None:
    """Take back what was written down about a network's files, for others take their place."""
    root = weights.model_folders()[0] / FOLDER
    known = _known(root)
    known.pop(model.key, None)
    _write_known(root, known)
