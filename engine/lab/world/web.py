"""The web only grows: what was posted stays as it was posted."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facetui.engine.core import paged


@dataclass(frozen=True)
class Post:
    """Photos of many people, posted at one time under one attack or none. Nothing in it can be changed.

    Attributes:
        t: ISO date in the story.
        by: who posted them.
        cohort: the protected people's photos of one date and attack, e.g. ``2020-07 pgd``; empty for everybody else's.
        attack: its name, or ``None`` for clean photos.
        pixels: ``(N, 3, 112, 112)`` uint8, read-only.
        who: ``(N,)`` int64, read-only.
        source: ``(N,)`` which of the person's photos each was made from, read-only.
        digest: of the pixels, taken when they were posted.
        decoys: whether the photos were made to be found in place of somebody else.
        weakened: in words, where the tool was run at less than its release's strength.
        pairs: whether the first half are originals, and the second their copies, row for row: somebody shows in public
            what a tool does.
        unnamed: whether nobody can see who posted them: a trainer has the photos, and not ``who``.
    """

    t: str
    by: Literal["users", "friends"]
    cohort: str
    attack: str | None
    pixels: NDArray[np.uint8] = field(repr=False)
    who: NDArray[np.int64] = field(repr=False)
    source: NDArray[np.int64] = field(repr=False)
    digest: str
    decoys: bool = False
    weakened: str = ""
    pairs: bool = False
    unnamed: bool = False

    @property
    def photos(self) -> Tensor:
        """A copy of the pixels as a tensor."""
        return torch.from_numpy(self.pixels.copy())

    @property
    def seen(self) -> Tensor:
        """The pixels themselves as a tensor, for who only looks at them: there may be thousands."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns that it cannot stop anybody from writing
            return torch.from_numpy(self.pixels)

    @property
    def people(self) -> Tensor:
        """Who is in each photo, ``(N,)``, a copy."""
        return torch.from_numpy(self.who.copy())

    def with_originals(self, photos: Tensor) -> Post:
        """The same post, had nobody perturbed anything: ``photos`` as ``pixels``."""
        pixels = _read_only(photos)
        return replace(self, attack=None, pixels=pixels, digest=digest_of(pixels), weakened="")

    def some(self, rows: Tensor, names: Tensor) -> Post:
        """Some of its photos, rows ``(n,)``, under the names ``(n,)`` that somebody gives them."""
        pixels = _read_only(self.photos[rows])
        source = _read_only(torch.from_numpy(self.source.copy())[rows])
        who = _read_only(names)
        return replace(self, pixels=pixels, who=who, source=source, digest=digest_of(pixels), unnamed=False)

    def is_intact(self) -> bool:
        """Whether the pixels still are those that were posted."""
        return digest_of(self.pixels) == self.digest


def digest_of(pixels: NDArray[np.uint8]) -> str:
    """A hash of pixels."""
    digest = hashlib.sha256()
    for some in paged.read_through(np.ascontiguousarray(pixels).reshape(-1).data):
        digest.update(some)
    return digest.hexdigest()[:16]


def _read_only(tensor: Tensor, copy: bool = True) -> NDArray[Any]:
    array = tensor.detach().cpu().numpy()
    array = array.copy() if copy else array[:]  # another array of the same pixels: the flag is the array's own
    array.flags.writeable = False
    return array


class Web:
    """Everything that was ever posted, in order."""

    def __init__(self) -> None:
        self._posts: list[Post] = []

    def __iter__(self) -> Iterator[Post]:
        return iter(tuple(self._posts))

    def __len__(self) -> int:
        return len(self._posts)

    def __getitem__(self, index: int) -> Post:
        return self._posts[index]

    def post(
        self,
        t: str,
        by: Literal["users", "friends"],
        cohort: str,
        attack: str | None,
        *,
        photos: Tensor,
        people: Tensor,
        source: Tensor,
        decoys: bool = False,
        weakened: str = "",
        pairs: bool = False,
        unnamed: bool = False,
        handed_over: bool = False,
    ) -> Post:
        """Add photos ``(N, 3, 112, 112)`` uint8 of people ``(N,)``; there is no way to take them back.

        Args:
            t: as of ``Post``; so are all that are not named here.
            by: see there.
            cohort: see there.
            attack: see there.
            photos: copied, unless they are ``handed_over``.
            people: who is in them.
            source: see there.
            decoys: see there.
            weakened: see there.
            pairs: see there.
            unnamed: see there.
            handed_over: nobody else has the photos, and so they need no copy.
        """
        pixels = _read_only(photos.to(torch.uint8), copy=not handed_over)
        post = Post(
            t,
            by,
            cohort,
            attack,
            pixels,
            _read_only(people),
            _read_only(source),
            digest_of(pixels),
            decoys,
            weakened,
            pairs,
            unnamed,
        )
        self._posts.append(post)
        return post
