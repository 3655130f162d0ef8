"""People from a folder with a folder of photos for each; what cannot be used is left out, counted and named once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from facetui.engine.core import cache as caching
from facetui.engine.core import paged
from facetui.engine.core.cache import Cache
from facetui.engine.core.cache_folder import Kind
from facetui.engine.core.interfaces import SIDE
from facetui.engine.core.paged import LARGE, Shelf
from facetui.engine.people import PER_PERSON, inventory, same_photo
from facetui.engine.people.alignment import NO_FACE
from facetui.engine.people.finding import faces_in
from facetui.engine.people.inventory import Inventory, named
from facetui.engine.people.persons import EMBEDDED, People, Person, Tell
from facetui.engine.people.pictures import SUFFIXES
from facetui.engine.people.recurring import Describe, recurring, strange
from facetui.engine.people.search_process import Found
from facetui.engine.records.errors import DataError, UsageError
from facetui.engine.records.text import name as clean_name

TRIED = 2.0
"""Seconds of reading from which the time for all pictures is estimated."""

FACE_BYTES = 3 * SIDE * SIDE
"""That one aligned photo takes."""

FEW = "at least two are needed"


@dataclass
class _Reading:
    """What was found while pictures are read.

    Attributes:
        root: the folder.
        total: pictures to read.
        tell: told how far it is.
        done: pictures read.
        faceless: pictures without a face.
        unreadable: what is wrong with pictures that could not be read.
        repeated: pictures that show what another of the same person shows.
        began: when the first one had been read.
        note: how long it will take, once that was measured.
    """

    root: Path
    total: int
    tell: Tell
    done: int = 0
    faceless: list[Path] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    repeated: list[Path] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    note: str = ""

    def step(self) -> None:
        """One more picture was read; tells how long all of them take as soon as that is known."""
        self.done += 1
        if self.done == 1:  # it waited for a network to be loaded
            self.began = time.monotonic()
        passed, timed = time.monotonic() - self.began, self.done - 1
        if not self.note and timed and passed >= TRIED and self.done < self.total:
            left = passed / timed * (self.total - self.done)
            took = f"{left:.0f} s" if left < 120 else f"{left / 60:.0f} min"
            self.note = f", about {took} more the first time ({passed / timed:.2f} s a picture)"
        self.waits()

    def waits(self) -> None:
        """Tell how far it is; nothing was found since, perhaps."""
        self.tell(f"find the face in each picture{self.note}", self.done, self.total)


def read(
    root: Path,
    cache: Cache,
    tell: Tell,
    strict: bool,
    describe: Describe | None = None,
    per_person: int = PER_PERSON,
) -> People:
    """As ``identities.load`` says, for a folder."""
    if per_person < 1:
        raise UsageError(f"expected at least 1 photo a person, got {per_person}")
    try:
        top = inventory.take(root)
    except DataError as error:
        raise DataError(f"{error}: expected a folder with one folder of photos a person") from None
    skipped = Inventory(skipped=top.skipped)
    if top.pictures:
        skipped.skipped["pictures beside the people's folders"] = top.pictures
    found = _pictures(top.folders, root, skipped)
    folders = {folder: _spread(pictures, per_person) for folder, pictures in found.items()}
    if not folders:
        why = "; ".join(inventory.sentences(skipped.skipped, root))
        raise DataError(
            f"{root} has no folder with pictures in it ({', '.join(sorted(SUFFIXES))}); "
            f"expected one folder of photos a person{f' ({why})' if why else ''}"
        )
    total = sum(map(len, folders.values()))
    where = "in a file" if cache.folder and total * FACE_BYTES >= LARGE else "of memory"
    tell(
        f"{len(folders):,} people, {total:,} pictures; their faces take {total * FACE_BYTES / 1e6:,.0f} MB {where}",
        0,
        total,
    )
    shelf = Shelf((total, 3, SIDE, SIDE), cache.folder)
    reading = _Reading(root, total, tell)
    persons, few, files = [], [], []
    names = _names(list(folders))
    with closing(faces_in((path for folder in names for path in folders[folder]), cache, reading.waits)) as faces:
        for folder, name in names.items():
            photos, paths = _faces(folders[folder], faces, reading, strict, describe)
            if len(photos):
                persons.append(Person(name, shelf.put(photos)))
                files.append(paths)
            else:
                few.append(name)
    beyond = _beyond(found, per_person, root)
    left_out = [*beyond, *inventory.sentences(skipped.skipped, root), *_told(reading, few)]
    if len(persons) < 2:
        why = f" ({'; '.join(left_out[:4])})" if left_out else ""
        raise DataError(
            f"{root} has {len(persons)} usable {'person' if len(persons) == 1 else 'people'}, {FEW}, "
            f"each with photos of their face in a folder of their own{why}"
        )
    if describe:
        tell("who does not look like the others in their folder", 0, 1)
        left_out += _said_of_strangers(root, [person.photos for person in persons], files, cache, describe)
    return People(source_of(root), tuple(persons), tuple(left_out))


def read_one(root: Path, name: str, cache: Cache, tell: Tell, describe: Describe | None = None) -> People:
    """One person's photos, all in one folder.

    Args:
        root: the folder; folders in it are not looked into.
        name: what the person is called.
        cache: as of ``read``; without a folder nothing of the photos is kept.
        tell: as of ``read``.
        describe: as of ``read``.

    Raises:
        DataError: no such folder, or fewer than two photos with a face.
    """
    skipped = Inventory()
    pictures = _pictures([root], root, skipped).get(root, [])
    taken = _spread(pictures, PER_PERSON)
    reading = _Reading(root, len(taken), tell)
    with closing(faces_in(iter(taken), cache, reading.waits)) as faces:
        photos, _ = _faces(taken, faces, reading, False, describe)
    left_out = [*_beyond({root: pictures}, PER_PERSON, root), *inventory.sentences(skipped.skipped, root)]
    left_out += _told(reading, [])
    if len(photos) < 2:
        why = f" ({'; '.join(left_out[:4])})" if left_out else ""
        raise DataError(
            f"{root} has {len(photos)} usable photos of a face, {FEW}: one to post and one to be asked for{why}"
        )
    return People(source_of(root), (Person(name, photos),), tuple(left_out))


def source_of(root: Path) -> str:
    """A folder's name, which is never the one that stands for the fictional people."""
    name = clean_name(root.resolve().name)
    return f"./{name}" if name.casefold() == EMBEDDED else name


def _pictures(folders: list[Path], root: Path, skipped: Inventory) -> dict[Path, list[Path]]:
    """The pictures of each person, and for what is not used why."""
    found = {}
    for folder in folders:
        try:
            inside = inventory.take(folder, root)
        except DataError as error:
            why = getattr(error.__cause__, "strerror", None) or "gone"
            skipped.skip(folder, f"folders that cannot be read ({why})")
            continue
        for why, paths in inside.skipped.items():
            skipped.skipped.setdefault(why, []).extend(paths)
        for below in inside.folders:
            skipped.skip(below, "folders below a person's, which are not looked into")
        if inside.pictures:
            found[folder] = inside.pictures
    return found


def _spread(pictures: list[Path], most: int) -> list[Path]:
    """So many of them at most, evenly spread."""
    n = len(pictures)
    return [pictures[i * n // most] for i in range(most)] if n > most else pictures


def _beyond(found: dict[Path, list[Path]], most: int, root: Path) -> list[str]:
    """How many pictures are left out because there are more of somebody than are taken; nothing where there are none.

    Args:
        found: everybody's pictures.
        most: taken of each at most.
        root: names are given below it.
    """
    over = [pictures for pictures in found.values() if len(pictures) > most]
    left = [path for pictures in over for path in sorted(set(pictures) - set(_spread(pictures, most)))]
    who = "1 person" if len(over) == 1 else f"{len(over):,} people"
    told = (
        f"{len(left):,} pictures of {who} with more than {most}, of each of whom {most} are taken, evenly spread over "
        f"the names of the files; --per-person N takes up to N ({named(left, root)})"
    )
    return [told] if over else []


def _names(folders: list[Path]) -> dict[Path, str]:
    """A name for each folder; those that look the same once they are cleaned get numbers."""
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for folder in folders:
        plain = name = clean_name(folder.name)
        number = 1
        while name in taken:
            number += 1
            name = f"{plain} ({number})"
        taken.add(name)
        names[folder] = name
    return dict(sorted(names.items(), key=lambda pair: pair[1]))


def _faces(
    pictures: list[Path], faces: Iterator[Found], reading: _Reading, strict: bool, describe: Describe | None
) -> tuple[Tensor, list[Path]]:
    """One person's photos ``(n, 3, 112, 112)``, their face in each, without copies of one another; and their files.

    Args:
        pictures: this person's files.
        faces: what is in them, and in those of the people after them.
        reading: is told what was found.
        strict: a picture that cannot be read is an error.
        describe: tells which of several faces is the person's.
    """
    found: dict[Path, Tensor] = {}
    for path in pictures:
        seen = next(faces)
        if isinstance(seen, DataError):
            if strict:
                raise seen
            reading.unreadable.append(str(seen).replace(f"{reading.root}/", "", 1))
        elif len(seen):
            found[path] = seen
        else:
            reading.faceless.append(path)
        reading.step()
    if not found:
        return NO_FACE, []
    several = list(found.values())
    rows = recurring(several, describe) if describe else [0] * len(several)
    photos = torch.stack([some[row] for some, row in zip(several, rows, strict=True)])
    first = same_photo.firsts(same_photo.groups(photos)).tolist()
    reading.repeated += [path for number, path in enumerate(found) if number not in first]
    return photos[first], [list(found)[number] for number in first]


def _said_of_strangers(
    root: Path, people: list[Tensor], files: list[list[Path]], cache: Cache, describe: Describe
) -> Iterator[str]:
    """Which photos are unlike the others in their folder; they take part, as nobody but their owner can know."""
    name = caching.key("unlike the others", [_hashed(photos) for photos in people])
    flags = cache.get(name, lambda: torch.cat(strange(people, describe)), Kind.STRANGERS).tolist()
    odd = [path for path, unlike in zip([path for paths in files for path in paths], flags, strict=True) if unlike]
    if odd:
        yield (
            f"in {len(odd)} pictures the face is unlike the others in the same folder ({named(odd, root)}); they take "
            "part: if that is somebody else, take them out"
        )


def _hashed(photos: Tensor) -> str:
    paged.let_go()  # those of the people before
    return caching.key(photos)


def _told(reading: _Reading, few: list[str]) -> list[str]:
    """What was left out of a folder of people, one sentence a reason."""
    told, shown = [], inventory.SHOWN
    if reading.unreadable:
        more = f"; and {len(reading.unreadable) - shown} more" if len(reading.unreadable) > shown else ""
        first = "; ".join(text.partition(";")[0] for text in reading.unreadable[:shown])
        told.append(f"{len(reading.unreadable)} of {reading.total} pictures could not be read: {first}{more}")
    if reading.faceless:
        where = named(reading.faceless, reading.root)
        told.append(f"no face was found in {len(reading.faceless)} of {reading.total} pictures: {where}")
    if reading.repeated:
        where = named(reading.repeated, reading.root)
        told.append(
            "copies of another photo of the same person, or of the same moment, which count once "
            f"({len(reading.repeated)}): {where}"
        )
    if few:
        more = f" and {len(few) - shown} more" if len(few) > shown else ""
        who = "people have" if len(few) > 1 else "person has"
        told.append(f"{len(few)} {who} no photo with a face: {', '.join(few[:shown])}{more}")
    return told
