"""The crowd is everybody else: who in it is the user, under another name, takes no part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch

from facetui.engine.applications.check.album import Album
from facetui.engine.applications.check.trainers import Crowd
from facetui.engine.lab.world.world import World
from facetui.engine.people import same_photo
from facetui.engine.people.persons import People
from facetui.engine.people.recurring import similarities
from facetui.engine.records.errors import DataError

LEAST = 2
"""People in a crowd."""

CLOSE = 0.6
"""Where between strangers (0) and photos of one person (1) somebody lies, on average, who looks like the user. By the
embedded extractors 19 of 22 people are so close to their own other photos, and nobody to anybody else (0.46 at most).
"""


def without_user(people: People, world: World, album: Album, crowd: Crowd, strange: torch.Tensor) -> People:
    """The crowd without the user's own photos in it.

    Args:
        people: everybody else, as they were given.
        world: in which the user is, too.
        album: the user's photos.
        crowd: as enrolled.
        strange: ``(n,)`` bool, which of the user's photos show somebody else.

    Raises:
        DataError: too few people are left.
    """
    close = alike(world, album, crowd, strange) if not people.fictional else set()
    mine = {world.people.persons[who].name: why for who, why in _the_user(album, crowd, close)}
    if not mine:
        return people
    persons = tuple(person for person in people.persons if person.name not in mine)
    said = tuple(f"{name} was left out of the crowd: {why}" for name, why in mine.items())
    if len(persons) < LEAST:
        raise DataError(f"--people holds nobody but you ({'; '.join(said[:3])}); give a folder of other people")
    return replace(people, persons=persons, left_out=(*people.left_out, *said))


def _the_user(album: Album, crowd: Crowd, close: set[int]) -> Iterator[tuple[int, str]]:
    photos = torch.cat([album.clean, album.protected])
    copies = (same_photo.likeness(crowd.photos, photos) >= same_photo.SAME).any(1)
    for person in crowd.people.unique().tolist():
        n = int(copies[crowd.people == person].sum())
        if n:
            yield person, f"{n} of the photos there {'is' if n == 1 else 'are'} yours"
        elif person in close:
            yield person, "they look like you; if that is somebody else, say --as-given"


def alike(world: World, album: Album, crowd: Crowd, strange: torch.Tensor) -> set[int]:
    """Who in the crowd looks like the user: all released extractors have to agree.

    Nobody where everybody has one photo: how similar two photos of one person are is not known then.
    """
    if crowd.size == len(crowd.people):
        return set()
    close = set(crowd.people.tolist())
    for generation in world.cast.generations:
        mine, others = (
            world.networks.embeddings(generation.extractor, photos) for photos in (album.clean, crowd.photos)
        )
        within, apart = similarities(others, crowd.people)
        near = mine[~strange].mean(0) @ others.T
        least = apart + CLOSE * (within - apart)
        close = {person for person in close if float(near[crowd.people == person].mean()) > least}
    return close
