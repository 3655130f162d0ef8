"""Identities and their photos: the embedded fictional people, or any folder with a folder for each person."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from facetui.engine import cache as caching
from facetui.engine.cache import Cache
from facetui.engine.errors import DataError
from facetui.engine.interfaces import Bank
from facetui.engine.photos import SUFFIXES, aligned_photo, to_tensor

EMBEDDED = "embedded"
FICTIONAL_SHA256 = "d8f28225130e1ff3d5329fa48ada207538e828c3e933db161006c58402ac3da0"
"""Of the file that holds the fictional people: whatever else lies in its place is taken for photos of somebody."""

PER_PERSON = 48
"""Photos loaded of one person at most, spread evenly over the file names in order."""

TOOL_PEOPLE = 8
"""Embedded people whom the users' tool aims at, and who play no other part."""

TOOL_PHOTOS = 8
"""Photos of each of them."""

MIN_PHOTOS = 3
"""A person with fewer cannot be evaluated and is left out."""


@dataclass(frozen=True)
class Person:
    """One identity.

    Attributes:
        name: the folder's name.
        photos: ``(n, 3, 112, 112)`` uint8, in the order of the file names.
    """

    name: str
    photos: Tensor


@dataclass(frozen=True)
class People:
    """Everybody in a run.

    Attributes:
        source: ``embedded`` or the folder's name, for journals; never a whole path, which may name its owner.
        persons: at least two, in the order of their names.
        left_out: what was not used and why, one sentence each; for the audience.
        fictional: they come with the package and do not exist. Nothing but the package's own data, checked by its
            content, is; no name of a folder makes it so.
    """

    source: str
    persons: tuple[Person, ...]
    left_out: tuple[str, ...] = ()
    fictional: bool = False

    def __len__(self) -> int:
        return len(self.persons)

    def fingerprint(self) -> str:
        """A hash of every pixel and name."""
        return caching.key([p.name for p in self.persons], *(p.photos for p in self.persons))


def tool_faces(people: People) -> tuple[People, People]:
    """The people of the game, and the faces that come with the users' tool.

    A targeted tool aims at people of its own, who play no part otherwise: aimed at somebody in the gallery, a poisoned
    photo would make the trainer misname *them*. Of the embedded people the last eight are the tool's; people from a
    folder all play, and the tool has the embedded ones.
    """
    if people.source != EMBEDDED:
        return people, _embedded()
    game, tool = people.persons[:-TOOL_PEOPLE], people.persons[-TOOL_PEOPLE:]
    return replace(people, persons=game), replace(people, persons=tool)


def aims(tool: People) -> Bank:
    """What a targeted attack aims at: photos of the tool's people, uint8, under numbers that nobody in a game has."""
    photos = [person.photos[:TOOL_PHOTOS] for person in tool.persons]
    return Bank(torch.cat(photos), torch.tensor([-1 - i for i, rows in enumerate(photos) for _ in rows]))


def load(source: str, *, cache: Cache | None = None, on_photo: Callable[[int, int], None] | None = None) -> People:
    """Load people by name or folder.

    Args:
        source: ``embedded``, or a folder of folders, one a person.
        cache: keeps aligned photos, so that faces are searched once.
        on_photo: called as ``on_photo(done, total)`` while reading.

    Raises:
        DataError: no such folder, fewer than two usable people, an unreadable picture.
    """
    if source == EMBEDDED:
        return _embedded()
    return _folder(Path(source).expanduser(), cache or Cache(None), on_photo)


def _embedded() -> People:
    photos: dict[str, list[Tensor]] = {}
    data = (resources.files("facetui.engine") / "data" / "people.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in sorted(archive.namelist()):
            person, _, file = name.rpartition("/")
            if file:
                with Image.open(io.BytesIO(archive.read(name))) as picture:
                    photos.setdefault(person, []).append(to_tensor(picture.convert("RGB")))
    persons = tuple(Person(name, torch.stack(rows)) for name, rows in photos.items())
    return People(EMBEDDED, persons, fictional=hashlib.sha256(data).hexdigest() == FICTIONAL_SHA256)


def _pictures(folder: Path) -> list[Path]:
    try:
        files = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({error.strerror}); remove it or mend its permissions") from error
    if len(files) > PER_PERSON:
        files = [files[i * len(files) // PER_PERSON] for i in range(PER_PERSON)]
    return files


def _folders(root: Path) -> list[Path]:
    try:
        entries = sorted(p for p in root.iterdir() if not p.name.startswith("."))
    except FileNotFoundError:
        raise DataError(f"there is no folder {root}; expected a folder with one folder of photos a person") from None
    except NotADirectoryError:
        raise DataError(f"{root} is a file; expected a folder with one folder of photos a person") from None
    except OSError as error:
        raise DataError(f"{root} cannot be read ({error.strerror}); choose another folder") from error
    folders = []
    for entry in entries:
        try:
            if entry.is_symlink():
                entry.resolve(strict=True)
        except (OSError, RuntimeError):  # RuntimeError: how Python before 3.13 reports a loop
            raise DataError(f"{entry} is a symbolic link that leads nowhere or in a circle; remove it") from None
        if entry.is_dir():
            folders.append(entry)
    return folders


def _folder(root: Path, cache: Cache, on_photo: Callable[[int, int], None] | None) -> People:
    files = {folder: _pictures(folder) for folder in _folders(root)}
    files = {folder: pictures for folder, pictures in files.items() if pictures}
    if not files:
        raise DataError(
            f"{root} has no folder with pictures in it ({', '.join(sorted(SUFFIXES))}); "
            "expected one folder of photos a person"
        )
    persons, left_out = [], []
    total, done, faceless = sum(map(len, files.values())), 0, 0
    for folder, pictures in files.items():
        photos = []
        for path in pictures:
            photo = _cached_photo(path, cache)
            done += 1
            if on_photo:
                on_photo(done, total)
            if photo is None:
                faceless += 1
            else:
                photos.append(photo)
        if len(photos) >= MIN_PHOTOS:
            persons.append(Person(folder.name, torch.stack(photos)))
        else:
            left_out.append(f"{folder.name} has {len(photos)} photos with a face, at least {MIN_PHOTOS} are needed")
    if faceless:
        left_out.insert(0, f"no face was found in {faceless} of {total} pictures")
    if len(persons) < 2:
        why = f" ({'; '.join(left_out[:3])})" if left_out else ""
        raise DataError(
            f"{root} has {len(persons)} usable {'person' if len(persons) == 1 else 'people'}, at least two are needed, "
            f"each with {MIN_PHOTOS} photos of their face in a folder of their own{why}"
        )
    return People(_source_of(root), tuple(persons), tuple(left_out))


def _source_of(root: Path) -> str:
    """A folder's name, which is never the one that stands for the fictional people."""
    name = root.resolve().name
    return f"./{name}" if name.casefold() == EMBEDDED else name


def _cached_photo(path: Path, cache: Cache) -> Tensor | None:
    if cache.folder is None:
        return aligned_photo(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); remove or replace it") from error
    name = caching.key("aligned photo", data.hex()) if data else ""
    found = cache.load(name) if name else None
    if found is None:
        photo = aligned_photo(path)
        if name and photo is not None and photo.shape[-1] and not _is_aligned(path):
            cache.save(name, {"value": photo})
        return photo
    return found["value"]


def _is_aligned(path: Path) -> bool:
    """Pictures that need no search are read faster than cached ones."""
    with Image.open(path) as picture:
        return picture.size == (112, 112)
