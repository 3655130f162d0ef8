"""A photo as a tool changes it, now and then while it does, so that there is something true to watch."""

from __future__ import annotations

import time

from torch import Tensor

from facetui.engine.core.budget import Budget
from facetui.engine.core.inference import embed
from facetui.engine.core.interfaces import Extractor
from facetui.engine.lab.world.recorder import Recorder
from facetui.engine.records import events

SECONDS = 2.0
"""Between two looks: each keeps a picture of 30 kB, and asks the extractor once."""


class Preview:
    """Watches the first photo of every batch.

    Args:
        recorder: keeps the pictures.
        network: the extractor by which similarity is told: the first one that the tool attacks.
        budget: what a photo is held to when it is posted.
        photos: ``(N, 3, 112, 112)`` uint8, clean.
        names: who is in each.

    Attributes:
        latest: what was seen last; absent: nothing yet.
    """

    def __init__(
        self, recorder: Recorder, network: Extractor, budget: Budget, photos: Tensor, names: list[str]
    ) -> None:
        self.latest: events.Preview | None = None
        self._recorder = recorder
        self._network = network
        self._budget = budget
        self._photos = photos
        self._names = names
        self._looked = time.monotonic() - SECONDS / 2

    def __call__(self, rows: Tensor, photos: Tensor) -> None:
        """Look at what becomes of ``photos`` ``(n, 3, 112, 112)``, which are ``rows`` ``(n,)``; seldom."""
        if not len(rows) or time.monotonic() - self._looked < SECONDS:
            return
        row = int(rows[0])
        clean = self._photos[row : row + 1]
        held = self._budget.project(clean.float() / 255, photos[:1].detach().float().cpu())
        now = self._budget.as_posted(clean, held)
        before, after = (embed(self._network, photo)[0] for photo in (clean, now))
        self.latest = events.Preview(
            person=self._names[row],
            original=self._recorder.picture(clean[0]),
            now=self._recorder.picture(now[0]),
            similarity=round(float(before @ after), 3),
        )
        self._looked = time.monotonic()
