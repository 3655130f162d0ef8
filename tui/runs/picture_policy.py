"""Which pictures of a run may leave this machine: decided here, for servers and archives alike."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from facetui.engine.records import files, installation, journal
from facetui.engine.records.errors import JournalError, UsageError
from facetui.engine.records.events import Event, PicturesShown, Progress, RunBegan

PICTURES = ("none", "fictional", "all")
NAME = re.compile(r"[0-9a-f]{16}")
MOST = 4 << 20
"""Bytes of one picture."""

_PNG = b"\x89PNG\r\n\x1a\n"


def is_picture(name: str, content: bytes) -> bool:
    """Whether this is the PNG of that name: names are the beginning of the content's SHA-256."""
    named = NAME.fullmatch(name) is not None
    return named and content.startswith(_PNG) and hashlib.sha256(content).hexdigest().startswith(name)


def read(folder: Path, name: str) -> bytes | None:
    """A picture in a run's folder; ``None`` for anything else, and for what lies behind a link."""
    if not NAME.fullmatch(name):
        return None
    try:
        content = files.read(folder, f"pictures/{name}.png", MOST)
    except OSError:
        return None
    return content if is_picture(name, content) else None


def shown_by(event: Event) -> tuple[str, ...]:
    """The pictures that an event shows, by their names."""
    if isinstance(event, PicturesShown):
        return event.original, event.posted, event.probe, event.named
    if isinstance(event, Progress) and event.preview is not None:
        return event.preview.original, event.preview.now
    return ()


def refuse_private(folder: Path) -> None:
    """Stop where somebody's own photos are in a run: nothing of it may leave this machine.

    Raises:
        UsageError: they are.
    """
    try:
        began = next(iter(journal.read(folder)[:1]), None)
    except JournalError:
        return  # it has not begun, or cannot be read, which others say
    if isinstance(began, RunBegan) and began.private:
        raise UsageError(
            "this run is about somebody's own photos: it is neither published nor archived, pictures or not"
        )


class PicturePolicy:
    """Decides for one run.

    ``fictional`` gives out what the engine of this installation drew of people who do not exist, and signed. What a
    journal says of its people is not enough: it may come from elsewhere.

    Args:
        folder: the run's.
        asked: ``none``, ``fictional`` or ``all``.

    Raises:
        UsageError: anything else was asked.
    """

    def __init__(self, folder: Path, asked: str) -> None:
        if asked not in PICTURES:
            raise UsageError(f"expected --pictures {', '.join(PICTURES)}, got {asked!r}")
        self._folder = folder
        self._asked = asked
        self._claims_fictional = False
        self._shown: set[str] = set()

    def learn(self, events: Iterable[Event]) -> None:
        """Take in what the journal says: a picture that it does not show is not asked for."""
        for event in events:
            if isinstance(event, RunBegan):
                self._claims_fictional = event.fictional
            self._shown |= set(shown_by(event))

    @property
    def names(self) -> list[str]:
        """Of the pictures that the journal shows and that could be given out, in order."""
        if self._asked == "none" or (self._asked == "fictional" and not self._claims_fictional):
            return []
        return sorted(name for name in self._shown if NAME.fullmatch(name))

    def picture(self, name: str) -> bytes | None:
        """The content of a picture that may leave, else ``None``."""
        content = read(self._folder, name) if name in self.names else None
        if content is None:
            return None
        if self._asked == "fictional" and not installation.is_vouched(self._folder, content):
            return None
        return content
