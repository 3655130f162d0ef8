"""What a folder of photos holds: every entry is a picture that is used, or left out for a reason that is said."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from facetui.engine.people.pictures import SUFFIXES
from facetui.engine.records.errors import DataError

SHOWN = 3
"""Names in a sentence about many."""

UNSEEN_FILES = frozenset({"thumbs.db", "desktop.ini", "icon\r"})
"""What systems leave in folders; not worth a word. Neither are names that begin with a dot."""


@dataclass
class Inventory:
    """The entries of one folder.

    Attributes:
        pictures: files to read, in the order of their names.
        folders: folders in it, in the order of their names.
        skipped: other entries by the reason why they are not used.
    """

    pictures: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    skipped: dict[str, list[Path]] = field(default_factory=dict)

    def skip(self, path: Path, why: str) -> None:
        """Leave an entry out."""
        self.skipped.setdefault(why, []).append(path)


def take(folder: Path, inside: Path | None = None) -> Inventory:
    """Look through one folder, not through those in it.

    A link is followed once, and only to something that lies in the folder that was named: what somebody else put into
    a folder of photos does not reach the rest of a disk.

    Args:
        folder: where to look.
        inside: where links may lead; absent: the folder itself.

    Raises:
        DataError: it is missing, no folder, or cannot be read.
    """
    try:
        entries = sorted(folder.iterdir())
    except FileNotFoundError:
        raise DataError(f"there is no folder {folder}; check the path") from None
    except NotADirectoryError:
        raise DataError(f"{folder} is a file, not a folder; check the path") from None
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({error.strerror}); mend its permissions or remove it") from error
    found = Inventory()
    root = Path(os.path.realpath(inside or folder))
    for entry in entries:
        if not entry.name.startswith(".") and entry.name.lower() not in UNSEEN_FILES:
            _sort(entry, root, found)
    return found


def walk(folder: Path) -> Inventory:
    """Look through a folder and all that lie in it, each once, links to folders inside included.

    Args:
        folder: where to begin; links may lead anywhere below it.

    Returns:
        Pictures in the order of their paths, and what was left out; ``folders`` are those that were looked through.

    Raises:
        DataError: it is missing, no folder, or cannot be read; a folder in it that cannot be read is left out.
    """
    found, waiting, seen = take(folder), [], {os.path.realpath(folder)}
    waiting, found.folders = found.folders, [folder]
    while waiting:
        inner = waiting.pop(0)
        if os.path.realpath(inner) in seen:
            continue
        seen.add(os.path.realpath(inner))
        try:
            inside = take(inner, folder)
        except DataError:
            found.skip(inner, "folders that cannot be read")
            continue
        found.folders.append(inner)
        found.pictures += inside.pictures
        waiting = [*inside.folders, *waiting]
        for why, paths in inside.skipped.items():
            for path in paths:
                found.skip(path, why)
    found.pictures.sort()
    return found


def _sort(entry: Path, root: Path, found: Inventory) -> None:
    try:
        real = Path(os.path.realpath(entry, strict=True)) if entry.is_symlink() else root
        if real != root and root not in real.parents:
            found.skip(entry, "links that lead out of the folder")
            return
        mode = entry.stat().st_mode
    except (OSError, RuntimeError):
        found.skip(entry, "links that lead nowhere or in a circle" if entry.is_symlink() else "what vanished meanwhile")
        return
    if stat.S_ISDIR(mode):
        found.folders.append(entry)
    elif not stat.S_ISREG(mode):
        found.skip(entry, "neither files nor folders")
    elif entry.suffix.lower() in SUFFIXES:
        found.pictures.append(entry)
    else:
        found.skip(entry, "files that are no pictures by their names")


def sentences(skipped: dict[str, list[Path]], root: Path) -> list[str]:
    """What was left out, one sentence a reason.

    Args:
        skipped: as in ``Inventory``.
        root: names are given below it.
    """
    return [f"{why} ({len(paths)}): {named(paths, root)}" for why, paths in skipped.items()]


def named(paths: list[Path], root: Path) -> str:
    """A few of many paths below a folder."""
    few = ", ".join(str(path.relative_to(root)) if root in path.parents else str(path) for path in paths[:SHOWN])
    return few + (f" and {len(paths) - SHOWN} more" if len(paths) > SHOWN else "")
