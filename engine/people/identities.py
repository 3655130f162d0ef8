"""Identities and their photos: the embedded fictional people, or any folder with a folder for each person."""

from __future__ import annotations

import difflib
import hashlib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from facetui.engine.core.cache import Cache
from facetui.engine.core.interfaces import Bank
from facetui.engine.people import PER_PERSON
from facetui.engine.people.alignment import to_tensor
from facetui.engine.people.persons import EMBEDDED, People, Person, Tell, silent
from facetui.engine.people.recurring import Describe
from facetui.engine.records.errors import UnknownName, UsageError
from facetui.engine.records.text import name as clean_name

FICTIONAL_SHA256 = "8279b9ce3ab4163e727b0013aec62680597d7009028554405f778e7a26acb07a"
"""Of the file that holds the fictional people: whatever else lies in its place is taken for photos of somebody."""

CROWD_SHA256 = "d45d777cb893d8244289653a0cf40d8b42459ba5a1a797d6871be9967f091e38"
"""Of the file that holds the crowd."""

TOOL_PEOPLE = 8
"""Embedded people whom the users' tool aims at, and who play no other part."""

TOOL_PHOTOS = 8
"""Photos of each of them."""


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


def load(
    source: str,
    *,
    cache: Cache | None = None,
    tell: Tell = silent,
    strict: bool = False,
    describe: Describe | None = None,
    per_person: int = PER_PERSON,
) -> People:
    """Load people by name or folder.

    Args:
        source: ``embedded``, or a folder of folders, one a person.
        cache: keeps aligned photos, so that faces are searched once.
        tell: called as ``tell(what, done, total)`` while reading; may raise ``Cancelled``.
        strict: a picture that cannot be read is an error; otherwise it is left out, and ``left_out`` names it.
        describe: tells which of several faces is the person's; absent: the largest is taken.
        per_person: how many photos of each person of a folder are taken at most; of the embedded people all are.

    Raises:
        UsageError: less than one photo a person.
        DataError: no such folder, fewer than two usable people; with ``strict`` an unreadable picture.
    """
    if source == EMBEDDED:
        return _embedded()
    from facetui.engine.people.from_folder import read

    return read(Path(source).expanduser(), cache or Cache(None), tell, strict, describe, per_person)


def crowd(
    wanted: str | None,
    people: People,
    *,
    cache: Cache | None = None,
    tell: Tell = silent,
    describe: Describe | None = None,
    per_person: int = PER_PERSON,
) -> People | None:
    """Further people, who only have clean photos on the web: among them everybody is searched for.

    Args:
        wanted: how many of the embedded crowd, or a folder of folders, one a person; absent: the whole embedded crowd
            around the embedded people, and nobody around people from a folder.
        people: everybody in the game; who has a name of theirs is left out.
        cache: keeps aligned photos.
        tell: called as ``tell(what, done, total)`` while reading.
        describe: tells which of several faces is the person's.
        per_person: as of ``load``.

    Raises:
        UsageError: more than there are.
        DataError: no such folder.
    """
    if wanted is None:
        wanted = "all" if people.source == EMBEDDED else "0"
    if wanted == "0":
        return None
    if wanted == "all" or wanted.isdecimal():
        found = _read_embedded("crowd.zip", CROWD_SHA256)
        if wanted != "all" and int(wanted) > len(found):
            raise UsageError(f"the embedded crowd has {len(found)} people, {wanted} were asked for; or name a folder")
        return found if wanted == "all" else replace(found, persons=found.persons[: int(wanted)])
    found = load(wanted, cache=cache, tell=tell, describe=describe, per_person=per_person)
    known = {person.name for person in people.persons}
    twice = [f"{person.name} of the crowd has a name of the game" for person in found.persons if person.name in known]
    persons = tuple(person for person in found.persons if person.name not in known)
    return replace(found, persons=persons, left_out=(*found.left_out, *twice))


def select(wanted: Sequence[str], known: Sequence[str]) -> list[int]:
    """Which people are meant: each entry is a name, or names separated by commas.

    Names are compared as ``text.name`` writes them, so that it does not matter how a keyboard or a file system
    composes letters.

    Args:
        wanted: as typed.
        known: everybody's names.

    Raises:
        UnknownName: nobody has such a name.
    """
    places = {name: number for number, name in enumerate(known)}
    chosen = []
    for entry in wanted:
        whole = clean_name(entry.strip())
        parts = [whole] if whole in places else list(filter(None, map(str.strip, whole.split(","))))
        for part in parts:
            if part not in places:
                raise UnknownName("person", part, difflib.get_close_matches(part, known, 3, 0.4), list(known[:12]))
            chosen.append(places[part])
    return sorted(set(chosen))


def _embedded() -> People:
    return _read_embedded("people.zip", FICTIONAL_SHA256)


def _read_embedded(file: str, sha256: str) -> People:
    photos: dict[str, list[Tensor]] = {}
    data = (resources.files("facetui.engine") / "data" / file).read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in sorted(archive.namelist()):
            person, _, picture_name = name.rpartition("/")
            if picture_name:
                with Image.open(io.BytesIO(archive.read(name))) as picture:
                    photos.setdefault(person, []).append(to_tensor(picture.convert("RGB")))
    persons = tuple(Person(name, torch.stack(rows)) for name, rows in photos.items())
    return People(EMBEDDED, persons, fictional=hashlib.sha256(data).hexdigest() == sha256)
