"""A pipeline: an extractor, what cleans photos before it, and a classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from facetui.engine.core.interfaces import Classifier
from facetui.engine.defences.hybrid import Hybrid
from facetui.engine.defences.purifier import Purifier
from facetui.engine.lab.recognition.linear import Linear
from facetui.engine.lab.recognition.nearest import NearestNeighbour
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import RESCAN, generation_name

CLASSIFIERS = ("nearest", "linear", "end-to-end")


@dataclass(frozen=True)
class Pipeline:
    """One way from an archive to a name.

    Attributes:
        extractor: its name.
        defence: how the extractor came to be, when it was not simply released: ``adapt``.
        until: only photos posted by this date are searched; empty: all.
        classifier: ``nearest``, ``linear`` or ``end-to-end``.
        metric: of the nearest neighbour, ``cosine`` or ``euclidean``.
        purifier: what every photo goes through first, e.g. ``jpeg 75``; empty: nothing.
        detector: the name of a detector whose flagged photos are dropped; empty: none.
        second: a second extractor, with ``hybrid``.
        hybrid: how the answers of both become one or two.
        against: attacks that one of the extractors was trained against.
    """

    extractor: str
    defence: str | None = None
    until: str = ""
    classifier: str = "nearest"
    metric: str = "cosine"
    purifier: str = ""
    detector: str = ""
    second: str = ""
    hybrid: Hybrid | None = None
    against: tuple[str, ...] = ()

    @property
    def steps(self) -> list[str]:
        """What it does beyond its extractor and classifier, in a few words each."""
        both = ""
        if self.hybrid is not None:
            both = f"{self.second} {'as top-2' if self.hybrid.rule == 'top-2' else 'if unsure'}"
        filters = [f"{RESCAN} until {self.until}" if self.until else "", self.purifier]
        return list(filter(None, [*filters, "drop flagged" if self.detector else "", both]))

    @property
    def generation(self) -> str:
        """Its name as a column of the table of cohorts by generations."""
        return generation_name(self.extractor, self.classifier, self.steps)

    def purified(self, photos: Tensor) -> Tensor:
        """Photos ``(N, 3, 112, 112)`` uint8 as the extractor gets to see them."""
        return Purifier(self.purifier)(photos) if self.purifier else photos

    def classify(self) -> Classifier:
        """A classifier of embeddings that has seen nothing yet.

        Raises:
            UsageError: no such classifier or metric.
        """
        if self.classifier not in CLASSIFIERS:
            raise UsageError(f"expected a classifier {', '.join(CLASSIFIERS)}, got {self.classifier!r}")
        metric: Any = self.metric
        return Linear() if self.classifier == "linear" else NearestNeighbour(metric)
