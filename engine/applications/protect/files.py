"""Photos and the files they become: names, what an original holds beside its looks, and never overwriting."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageCms, ImageOps
from torch import Tensor

from facetui.engine.applications.protect.paste import STRIP, Box
from facetui.engine.people import inventory
from facetui.engine.people.colours import changed_in_own_space, is_deep, own_pixels, profile_of, to_srgb
from facetui.engine.people.pictures import SUFFIXES, opened
from facetui.engine.records.errors import DataError

MANIFEST = ".facetui-protect.jsonl"
LISTS = 4
"""Folders above a photo in which a list of results is looked for."""

RESULTS = "pictures in the output folder itself"
LONGEST_NAME = 255
"""Bytes of a file's name, in every usual file system."""

ORIENTATION = 0x0112
EXIF_IFD, MAKER_NOTE = 0x8769, 0x927C


def find_inputs(
    inputs: Sequence[Path], out: Path, left_out: inventory.Inventory | None = None
) -> list[tuple[Path, Path]]:
    """Photos and the files they become, without those that lie in ``out`` themselves; each photo once.

    The tree below a folder is kept. Photos that would become one file keep their endings (``a.jpg.png``), and where
    that is not enough get numbers (``a.jpg-2.png``).

    Args:
        inputs: photos, which are taken whatever they are called, and folders.
        out: where results will lie.
        left_out: is told what in a folder is not used, and why.

    Raises:
        DataError: a path that does not exist, or no picture at all.
    """
    found: dict[Path, tuple[Path, Path]] = {}
    left_out = inventory.Inventory() if left_out is None else left_out
    for path in inputs:
        if path.is_dir():
            held = inventory.walk(path)
            for why, paths in held.skipped.items():
                left_out.skipped.setdefault(why, []).extend(paths)
            for file in held.pictures:
                if out.resolve() in file.resolve().parents:
                    left_out.skip(file, RESULTS)
                else:
                    found.setdefault(file.resolve(), (file, file.relative_to(path)))
        elif path.exists():
            found.setdefault(path.resolve(), (path, Path(path.name)))
        else:
            raise DataError(f"there is no {path}; expected a photo or a folder of photos")
    if not found and left_out.skipped.get(RESULTS):
        raise DataError(f"every picture lies in the output folder {out} itself; choose another output folder")
    if not found:
        why = "; ".join(inventory.sentences(left_out.skipped, Path()))
        where = ", ".join(map(str, inputs))
        raise DataError(f"no picture ({', '.join(sorted(SUFFIXES))}) was found in {where}{f' ({why})' if why else ''}")
    names = distinct_names([relative for _, relative in found.values()])
    return [(file, out / name) for (file, _), name in zip(found.values(), names, strict=True)]


def distinct_names(relatives: Sequence[Path]) -> list[Path]:
    """A PNG's name for each photo; no two differ in case only, as some file systems take those for one.

    Names that a file system would refuse for their length are shortened.
    """
    plain = [relative.with_name(_short(relative.stem, ".png")) for relative in relatives]
    wanted = Counter(str(name).casefold() for name in plain)
    names: list[Path] = []
    taken: set[str] = set()
    for relative, name in zip(relatives, plain, strict=True):
        if wanted[str(name).casefold()] > 1:
            name = relative.with_name(_short(relative.name, ".png"))
        number = 1
        while str(name).casefold() in taken:
            number += 1
            name = relative.with_name(_short(relative.name, f"-{number}.png"))
        taken.add(str(name).casefold())
        names.append(name)
    return names


def _short(stem: str, ending: str) -> str:
    """A name with an ending, of at most ``LONGEST_NAME`` bytes, cut between characters."""
    while len(os.fsencode(stem)) > LONGEST_NAME - len(ending):
        stem = stem[:-1]
    return stem + ending


@dataclass(frozen=True)
class Beside:
    """What an original holds beside what it looks like.

    Attributes:
        own: its pixels in its own space, ``L`` or ``RGB``, upright.
        profile: of that space; none: sRGB.
        alpha: its transparency, upright; ``None`` if it has none.
        options: its profile and what is kept of the metadata, for Pillow's ``save``.
        said: what is written otherwise than it was, in words; empty: nothing.
    """

    own: Image.Image
    profile: ImageCms.ImageCmsProfile | None
    alpha: Image.Image | None
    options: dict[str, Any]
    said: str = ""

    @property
    def is_grey(self) -> bool:
        """Whether it has no colours, and so no change may have any."""
        return self.own.mode == "L"

    def written(self, before: Tensor, after: Tensor, window: Box) -> Image.Image:
        """The picture to write: in its own space, with its transparency, changed as one sees.

        What did not change keeps its very bytes. ``own`` itself is changed, as it may be large.

        Args:
            before: ``(3, h, w)`` uint8 in sRGB, the part of the picture that a window holds.
            after: the same, changed.
            window: where that part is.

        Raises:
            ValueError: its profile cannot be written with.
        """
        rows, columns = changed_lines(before, after)
        if len(rows):
            left, right = int(columns[0]), int(columns[-1]) + 1
            limit = 1 + max(int((before[:, row].int() - after[:, row]).abs().max()) for row in rows.tolist())
            for top in range(int(rows[0]), int(rows[-1]) + 1, STRIP):
                bottom = min(top + STRIP, int(rows[-1]) + 1)
                shown = (p[:, top:bottom, left:right].permute(1, 2, 0).contiguous().numpy() for p in (before, after))
                at = window[0] + left, window[1] + top
                part = self.own.crop((*at, window[0] + right, window[1] + bottom))
                self.own.paste(changed_in_own_space(part, self.profile, *shown, limit=limit), at)
        if self.alpha is not None:
            self.own.putalpha(self.alpha)
        return self.own


def changed_lines(before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
    """In which rows and which columns two pictures ``(3, H, W)`` differ, two index lists."""
    rows, columns = [], torch.zeros(before.shape[2], dtype=torch.bool)
    for one, other in zip(before.split(STRIP, 1), after.split(STRIP, 1), strict=True):
        differs = (one != other).any(0)
        rows.append(differs.any(1))
        columns |= differs.any(0)
    return torch.cat(rows).nonzero()[:, 0], columns.nonzero()[:, 0]


def read_beside(path: Path, metadata: bool) -> Beside:
    """What a picture that ``read_picture`` could read holds besides, with ``metadata`` its EXIF, too.

    The profile is always kept: it says what the colours look like, and nothing about anybody. EXIF's orientation is
    reset, as the pixels are upright. Left out is what would show the face: EXIF's thumbnail and the camera's own notes,
    which may hold a preview.

    Raises:
        DataError: more than eight bits a channel, which a PNG of ours would lose; damaged EXIF.
    """
    options: dict[str, Any] = {}
    if metadata:
        with opened(path) as as_it_lies:
            options = _metadata(as_it_lies, path)
    with opened(path) as picture:
        if is_deep(picture):
            raise DataError(f"{path} has more than 8 bits a channel, which would be lost; convert it to 8 bits first")
        mode, kept = picture.mode, picture.info.get("icc_profile") or b""
        ImageOps.exif_transpose(picture, in_place=True)
        alpha = picture.convert("RGBA").getchannel("A") if picture.has_transparency_data else None
        own, profile = own_pixels(picture), profile_of(picture)
        said = {"P": "a palette becomes RGB", "PA": "a palette becomes RGB", "1": "black and white becomes grey"}
        if own.mode == "CMYK":
            own, profile, said = to_srgb(picture), None, {"CMYK": "CMYK becomes RGB in sRGB"}
        own.info = {}  # what a picture knows of its file would be written, too
        if kept[16:20] == (b"GRAY" if own.mode == "L" else b"RGB "):
            options["icc_profile"] = kept
        else:
            profile = None
        return Beside(own, profile, alpha, options, said.get(mode, ""))


def _metadata(picture: Image.Image, path: Path) -> dict[str, Any]:
    options: dict[str, Any] = {}
    try:
        exif = picture.getexif()
        if len(exif):
            if ORIENTATION in exif:
                exif[ORIENTATION] = 1
            exif.get_ifd(EXIF_IFD).pop(MAKER_NOTE, None)
            options["exif"] = exif.tobytes()  # of the first directory only: the thumbnail is in the second
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, struct.error) as error:
        raise DataError(f"the EXIF of {path} is damaged ({error}); protect it without keeping metadata") from error
    return options


def write_new(picture: Image.Image, target: Path, options: dict[str, Any]) -> None:
    """Write a PNG under another name, then give it its own, unless there is a file of that name.

    Raises:
        FileExistsError: there is.
        OSError: it cannot be written; nothing is left behind.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".facetui-{secrets.token_hex(6)}.png")
    try:
        with temporary.open("xb") as file:
            picture.save(file, "PNG", **options)
        try:
            os.link(temporary, target)
        except FileExistsError:
            raise
        except OSError:  # memory cards and some network folders have no links
            copy_new(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def copy_new(source: Path, target: Path) -> None:
    """Copy a file to a name that is free.

    Raises:
        FileExistsError: it is not.
        OSError: it cannot be written; nothing is left behind.
    """
    data = source.read_bytes()
    file = target.open("xb")
    try:
        with file:
            file.write(data)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


class Manifest:
    """What was finished in an output folder, one JSON object a line.

    Args:
        folder: made when needed.

    Raises:
        DataError: the folder or its manifest cannot be made or read.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / MANIFEST
        self._known: dict[str, tuple[str, str, int]] = {}
        self._results: set[str] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            text = self._path.read_text(encoding="utf-8", errors="replace") if self._path.exists() else ""
        except OSError as error:
            raise DataError(f"{folder} cannot be used ({error.strerror}); choose another output folder") from error
        for entry in _entries(text):
            self._known[entry["output"]] = (entry["source"], entry["settings"], int(entry["faces"]))
            if int(entry["faces"]):
                self._results.add(entry.get("result", ""))
        self._torn = bool(text) and not text.endswith("\n")

    def faces(self, name: str, source: str, settings: str) -> int | None:
        """How many faces a finished photo has; ``None`` if it was not finished from this source, with these settings.

        Args:
            name: of the output, relative to the folder.
            source: hash of the original file.
            settings: hash of everything else that decides the pixels.
        """
        known = self._known.get(name)
        return known[2] if known and known[:2] == (source, settings) else None

    def made(self, digest: str) -> bool:
        """Whether a file of that hash was changed here, whatever it is called now and wherever it lies."""
        return digest in self._results

    def add(self, name: str, source: str, settings: str, faces: int) -> None:
        """Remember a finished photo, which lies in the folder; arguments as of ``faces``."""
        result = hashlib.sha256((self._path.parent / name).read_bytes()).hexdigest()
        if faces:
            self._results.add(result)
        entry = {"output": name, "source": source, "settings": settings, "faces": faces, "result": result}
        with self._path.open("a", encoding="utf-8") as file:
            file.write("\n" * self._torn + json.dumps(entry) + "\n")
        self._torn = False


def _entries(text: str) -> Iterator[dict[str, Any]]:
    """The entries of a manifest that are whole."""
    for line in text.splitlines():
        try:
            entry = json.loads(line)
            if entry["output"] and entry["source"] and entry["settings"] is not None and int(entry["faces"]) >= 0:
                yield entry
        except (ValueError, KeyError, TypeError):
            continue  # the line that a killed run was writing


def is_result(photo: Path, digest: str) -> bool:
    """Whether a photo was changed by ``protect``: the list in its folder, or in one above it, says so."""
    for folder in list(photo.resolve().parents)[:LISTS]:
        try:
            facts = (folder / MANIFEST).stat()
        except OSError:
            continue
        names, digests = _changed(folder, facts.st_mtime_ns, facts.st_size)
        if digest in digests or photo.resolve().relative_to(folder).as_posix() in names:
            return True
    return False


@lru_cache(maxsize=LISTS)
def _changed(folder: Path, modified: int, size: int) -> tuple[frozenset[str], frozenset[str]]:
    """Names and hashes of what a folder's list says was changed; read again only when the list is another."""
    try:
        text = (folder / MANIFEST).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset(), frozenset()
    entries = [entry for entry in _entries(text) if int(entry["faces"])]
    return frozenset(entry["output"] for entry in entries), frozenset(entry.get("result", "") for entry in entries)
