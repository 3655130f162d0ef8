"""Who is in a run: persons with their photos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from facetui.engine.core import cache as caching

EMBEDDED = "embedded"

Tell = Callable[[str, int, int], None]
"""Called as ``tell(what, done, total)``; may raise ``Cancelled``."""


def silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""


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
        persons: at least two, in the order of their names, which differ.
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
