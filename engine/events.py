"""What happens in a run, as a flat list of events; everything anybody sees is a fold over them.

An event is plain numbers and strings, so a journal can be read with ``grep``, copied with ``scp`` and replayed without
torch. Pictures are named by content hash and lie beside the journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from facetui.engine.text import json

Actor = Literal["users", "friends", "trainer", "law", "lab"]
Basis = Literal["measured", "cited"]

WHOLE_ARCHIVE = "whole archive"
"""The cohort name under which a measurement of everything the trainer holds is reported."""

RESCAN = "rescan"
"""The defence that searches the archive again; with a date, a step of a pipeline: ``rescan until 2020-12``."""


def generation_name(extractor: str, classifier: str = "nearest", steps: Sequence[str] = (), law: str = "") -> str:
    """A trainer's pipeline as a column of the table of cohorts by generations."""
    name = extractor if classifier == "nearest" else f"{extractor}, {classifier}"
    return " + ".join(filter(None, [name, *steps, law]))


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """The fields every event carries."""

    seq: int = -1
    """Position in the journal, from 0, without gaps."""
    t: str = ""
    """ISO date in the story (``2020-07`` or ``2020-07-29``); empty before the clock is set."""
    wall: float = 0.0
    """Seconds since the run began."""
    actor: Actor = "lab"
    line: int | None = None
    """Line of the scenario that was running."""

    @property
    def kind(self) -> str:
        """The event's kind, as in JSON."""
        return str(self.__struct_config__.tag)


class RunBegan(Event, frozen=True, kw_only=True, tag="run_began"):
    scenario: str
    title: str
    """First line of the scenario's docstring."""
    source: str
    """The scenario's text, so that a replay can show the running line."""
    seed: int
    device: str
    cast: str
    people: str
    n_people: int
    users: list[str]
    """Identities who protect their photos."""
    surrogates: list[str]
    """Extractors the users' tools may run."""
    extractors: dict[str, str]
    """Extractor name to weights hash, surrogates and generations."""
    versions: dict[str, str]
    pid: int = 0
    """Process that writes the journal."""
    preprocessing: dict[str, str] = {}
    """Extractor name to what it does to pixels first."""
    fictional: bool = False
    """Whether the people are those that come with the package, who do not exist; told by their content, and believed
    of a journal that was made here only."""
    parameters: dict[str, int | float | str | bool] = {}
    """What was set of the scenario's parameters."""


class ClockMoved(Event, frozen=True, kw_only=True, tag="clock_moved"):
    pass


class PhotosPosted(Event, frozen=True, kw_only=True, tag="photos_posted"):
    cohort: str
    """Photos posted at one date under one attack: ``2020-07 pgd``; photos without one: ``2020-07 clean``."""
    attack: str | None
    budget: str | None
    n_people: int
    """People who posted under the attack (for friends: people who are shown)."""
    n_photos: int
    """Photos in the cohort."""
    n_others: int = 0
    """Clean photos that everybody else posted at the same time."""
    linf: float | None = None
    """Largest change of any channel of any pixel, in [0, 1]."""
    dssim: float | None = None
    """Mean structural dissimilarity, in [0, 1]."""
    psnr: float | None = None
    """Mean peak signal-to-noise ratio, dB."""
    about: str = ""
    """What in the attack differs from its published release."""


class PhotosScraped(Event, frozen=True, kw_only=True, tag="photos_scraped"):
    n_new: int
    n_archive: int


class ExtractorReleased(Event, frozen=True, kw_only=True, tag="extractor_released"):
    extractor: str
    released: str
    """Date of release in the cast."""
    weights: str


class DefenceApplied(Event, frozen=True, kw_only=True, tag="defence_applied"):
    defence: str
    against: list[str]
    extractor: str
    """The extractor that results."""
    n_people: int = 0
    """People it was trained on; none of them is ever evaluated."""
    n_photos: int = 0
    accuracy_before: float | None = None
    """Rank-1 accuracy on clean probes of people neither protected nor trained on."""
    accuracy_after: float | None = None
    n_probes: int = 0
    """Probes behind the two accuracies."""
    detail: str = ""


class LawPassed(Event, frozen=True, kw_only=True, tag="law_passed"):
    law: str
    """``retention`` or ``moratorium``."""
    text: str
    months: int | None = None


class Progress(Event, frozen=True, kw_only=True, tag="progress"):
    task: str
    done: int
    total: int
    unit: str = "image-steps"
    rate: float | None = None
    """Units a second since the task began."""


class ProtectionMeasured(Event, frozen=True, kw_only=True, tag="protection_measured"):
    cohort: str
    """``whole archive`` or the name of one cohort, then measured as if its photos were all the trainer had of them."""
    attack: str | None
    extractor: str
    defence: str | None
    """How the extractor came to be, when it was not simply released: ``adapt``."""
    classifier: str
    protection_rate: float
    """1 - rank-1 accuracy on clean probes of protected people."""
    n_probes: int
    interval: tuple[float, float] | None
    """95 % Wilson interval; absent for most cited figures."""
    unprotected_error: float | None = None
    """Share of clean probes of unprotected people not named right, same gallery."""
    n_unprotected: int = 0
    best_protection_rate: float | None = None
    """What is left when the trainer uses, of all pipelines it has had, the one that names most of these probes.

    Known in hindsight only; a trainer picks by validation on people it may use, see ``best-of``.
    """
    best_generation: str | None = None
    steps: list[str] = []
    """What the pipeline does beyond its extractor and classifier: ``jpeg 75``, ``rescan until 2020-12``."""
    against: list[str] = []
    """Attacks that its extractor, or the second one, was trained against; empty for extractors as released."""
    law: str = ""
    """What the law forbade at that date: ``12 months' retention``, ``moratorium``; empty for nothing."""
    basis: Basis = "measured"
    source: str = ""
    """For a cited figure: where it was reported."""

    @property
    def generation(self) -> str:
        """The trainer's pipeline as a column of the table of cohorts by generations."""
        return generation_name(self.extractor, self.classifier, self.steps, self.law)

    @property
    def is_news(self) -> bool:
        """Whether the photos are under an attack that a robust extractor was not trained against."""
        return bool(self.against) and self.attack is not None and self.attack not in self.against


class SearchMeasured(Event, frozen=True, kw_only=True, tag="search_measured"):
    """A face search engine, asked with clean probes of protected people; a human reads its first ``k`` answers."""

    extractor: str
    k: int
    recall: float
    """Share of the protected person's photos among the first ``k``, of those that could be there."""
    discovery: float
    """Share of searches with any photo of the right person among the first ``k``."""
    discovery_interval: tuple[float, float]
    """95 % Wilson interval."""
    identity_uniformity: float
    """(identities - distinct ones among the first ``k``) / identities."""
    n_probes: int
    n_enrolled: int
    """Photos of the protected people in the archive."""
    n_decoys: int
    """Decoys in the archive."""
    steps: list[str] = []
    """As in ``ProtectionMeasured``."""

    @property
    def generation(self) -> str:
        """The trainer's pipeline."""
        return generation_name(self.extractor, steps=self.steps)


class DetectionMeasured(Event, frozen=True, kw_only=True, tag="detection_measured"):
    """How well a detector tells perturbed photos from clean ones, on people it never saw."""

    against: list[str]
    """Attacks it was trained on."""
    attack: str
    """The attack whose photos it was shown."""
    recall: float
    """Share of the perturbed photos that it flags."""
    recall_interval: tuple[float, float]
    false_positive_rate: float
    """Share of the clean photos that it flags."""
    false_positive_interval: tuple[float, float]
    precision: float | None
    """Share of perturbed ones among flagged photos when half of all photos are perturbed; absent: none is flagged."""
    base_rate: float
    """Share of perturbed photos in a crawl."""
    base_rate_precision: float | None
    """Precision at that share."""
    base_rate_precision_low: float
    """The same when both rates are as bad as their intervals allow."""
    n_clean: int
    n_poisoned: int


class VerificationMeasured(Event, frozen=True, kw_only=True, tag="verification_measured"):
    """What a user sees who compares two photos: the same person, yes or no? Not what a search engine does."""

    extractor: str
    threshold: float
    """Cosine similarity that 1 % of pairs of different, unprotected people reach."""
    match_clean: float
    """Share of pairs of a protected person's probe and own photo, unperturbed, that reach it."""
    match_posted: float
    """The same with the photos as they were posted."""
    similarity_clean: float
    similarity_posted: float
    n_pairs: int


class Candidate(msgspec.Struct, frozen=True):
    """One line of a search result."""

    person: str
    similarity: float


class PicturesShown(Event, frozen=True, kw_only=True, tag="pictures_shown"):
    person: str
    cohort: str
    original: str
    """Content hash: ``pictures/<hash>.png`` in the journal."""
    posted: str
    probe: str
    extractor: str
    candidates: list[Candidate]
    """Whom the trainer names for the probe, best first."""


class Note(Event, frozen=True, kw_only=True, tag="note"):
    text: str


class RunEnded(Event, frozen=True, kw_only=True, tag="run_ended"):
    peak_memory: int
    """Bytes of main memory at the peak."""


class RunFailed(Event, frozen=True, kw_only=True, tag="run_failed"):
    error: str
    exit_code: int
    log: str = ""
    """File with the traceback, when there is one."""


AnyEvent = (
    RunBegan
    | ClockMoved
    | PhotosPosted
    | PhotosScraped
    | ExtractorReleased
    | DefenceApplied
    | LawPassed
    | Progress
    | ProtectionMeasured
    | SearchMeasured
    | DetectionMeasured
    | VerificationMeasured
    | PicturesShown
    | Note
    | RunEnded
    | RunFailed
)

_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(AnyEvent)
_KINDS = frozenset(str(event.__struct_config__.tag) for event in AnyEvent.__args__)


class _Kind(msgspec.Struct):
    kind: str = ""


def encode(event: Event) -> bytes:
    """One line of JSON, without the line break; whatever a terminal would obey is escaped."""
    return json(event)


def decode(line: bytes | str) -> Event | None:
    """The event on a line; ``None`` for a kind this version does not know.

    Raises:
        msgspec.DecodeError: the line is not JSON, or a field is missing or of a wrong type.
    """
    if msgspec.json.decode(line, type=_Kind).kind not in _KINDS:
        return None
    event: Event = _decoder.decode(line)
    return event
