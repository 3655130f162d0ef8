"""A pipeline: an extractor, what cleans photos before it, and a classifier."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from facetui.engine.core.interfaces import Classifier, Combining, Estimating, Purifying
from facetui.engine.lab.recognition.linear import Linear
from facetui.engine.lab.recognition.nearest import Metric, NearestNeighbour
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import RESCAN, generation_name

END_TO_END = "end-to-end"
CLASSIFIERS = ("nearest", "linear", END_TO_END)


@dataclass(frozen=True)
class Pipeline:
    """One way from an archive to a name.

    Attributes:
        extractor: its name.
        defence: how the extractor came to be, when it was not simply released: ``adapt``.
        until: only photos posted by this date are searched; empty: all.
        crowd: how many people of the crowd are searched; ``None``: all of them.
        classifier: ``nearest``, ``linear`` or ``end-to-end``.
        metric: of the nearest neighbour, ``cosine``, or ``euclidean`` on raw embeddings, as in the paper.
        estimator: what scraped photos go through before all else, by person; none: nothing.
        purifier: what every photo goes through, scraped ones and probes alike; none: nothing.
        detector: the name of a detector whose flagged photos are dropped; empty: none.
        second: a second extractor, with ``hybrid``; empty: none.
        hybrid: how the answers of both become one or two.
        enrols: whether the gallery has what the trainer gave a name itself.
        against: attacks that one of the extractors was trained against.
    """

    extractor: str
    defence: str | None = None
    until: str = ""
    crowd: int | None = None
    classifier: str = "nearest"
    metric: Metric = "cosine"
    estimator: Estimating | None = None
    purifier: Purifying | None = None
    detector: str = ""
    second: str = ""
    hybrid: Combining | None = None
    enrols: bool = False
    against: tuple[str, ...] = ()

    @property
    def raw(self) -> bool:
        """Whether embeddings are compared as long as networks make them: distances depend on their lengths."""
        return self.metric == "euclidean"

    @property
    def steps(self) -> list[str]:
        """What it does beyond its extractor and classifier, in a few words each."""
        both = ""
        if self.hybrid is not None:
            both = f"{self.second} {self.hybrid.words}"
        filters = [f"{RESCAN} until {self.until}" if self.until else ""]
        filters += [step.recipe for step in (self.estimator, self.purifier) if step]
        filters.insert(0, "euclidean" if self.raw else "")
        filters.insert(0, "" if self.crowd is None else f"crowd of {self.crowd}")
        flags = ["drop flagged" if self.detector else "", "enrols" if self.enrols else ""]
        return list(filter(None, [*filters, *flags, both]))

    @property
    def generation(self) -> str:
        """Its name as a column of the table of cohorts by generations."""
        return generation_name(self.extractor, self.classifier, self.steps)

    def purified(self, photos: Tensor) -> Tensor:
        """Photos ``(N, 3, 112, 112)`` uint8 as the extractor gets to see them."""
        return self.purifier(photos) if self.purifier else photos

    def classify(self) -> Classifier:
        """A classifier of embeddings that has seen nothing yet.

        Raises:
            UsageError: no such classifier or metric.
        """
        if self.classifier not in CLASSIFIERS:
            raise UsageError(f"expected a classifier {', '.join(CLASSIFIERS)}, got {self.classifier!r}")
        return Linear() if self.classifier == "linear" else NearestNeighbour(self.metric)
