"""What happens in a run, as a flat list of events; everything anybody sees is a fold over them.

An event is plain numbers and strings, so a journal can be read with ``grep``, copied with ``scp`` and replayed without
torch. Pictures are named by content hash and lie beside the journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from facetui.engine.records.errors import Cancelled
from facetui.engine.records.fields import (
    Amount,
    Count,
    Date,
    Interval,
    Name,
    Position,
    Rate,
    Seconds,
    Similarity,
    Text,
    Whole,
)
from facetui.engine.records.text import json

Actor = Literal["users", "friends", "trainer", "law", "lab"]
Basis = Literal["measured", "cited"]

AnsweredBy = Literal["room", "nobody", "unasked", "before"]

WHOLE_ARCHIVE = "whole archive"
"""The cohort name under which a measurement of everything the trainer holds is reported."""

ENROL, LINK = "enrol", "link"
"""What the trainer does besides defences of the registry: see ``lab.trainer``."""

RESCAN = "rescan"
GALLERY = "gallery"
"""The defence that searches the archive again; with a date, a step of a pipeline: ``rescan until 2020-12``."""


def generation_name(extractor: str, classifier: str = "nearest", steps: Sequence[str] = (), law: str = "") -> str:
    """A trainer's pipeline as a column of the table of cohorts by generations."""
    name = extractor if classifier == "nearest" else f"{extractor}, {classifier}"
    return " + ".join(filter(None, [name, *steps, law]))


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """The fields every event carries."""

    seq: Position = -1
    """Position in the journal, from 0, without gaps."""
    t: Date = ""
    """ISO date in the story (``2020-07`` or ``2020-07-29``); empty before the clock is set."""
    wall: Seconds = 0.0
    """Seconds since the run began."""
    actor: Actor = "lab"
    line: Count | None = None
    """Line of the scenario that was running."""

    @property
    def kind(self) -> str:
        """The event's kind, as in JSON."""
        return str(self.__struct_config__.tag)


class RunBegan(Event, frozen=True, kw_only=True, tag="run_began"):
    scenario: Name
    title: Name
    """First line of the scenario's docstring."""
    source: Text
    """The scenario's text, so that a replay can show the running line."""
    seed: Count
    device: Name
    cast: Name
    people: Name
    n_people: Count
    users: list[Name]
    """Identities who protect their photos."""
    surrogates: list[Name]
    """Extractors the users' tools may run."""
    extractors: dict[Name, Name]
    """Extractor name to weights hash, surrogates and generations."""
    versions: dict[Name, Name]
    pid: Count = 0
    """Process that writes the journal."""
    preprocessing: dict[Name, Name] = {}
    """Extractor name to what it does to pixels first."""
    fictional: bool = False
    """Whether the people are those that come with the package, who do not exist; told by their content, and believed
    of a journal that was made here only."""
    parameters: dict[Name, Whole | float | Text | bool] = {}
    """What was set of the scenario's parameters."""
    n_crowd: Count = 0
    """How many further people only have clean photos on the web."""
    crowd: Name = ""
    """Where they come from: ``embedded``, or the folder's name."""
    asked: Name = ""
    """How protected people are asked for, ``alone`` or ``together``; empty: together, by an older version."""
    strength: Name = ""
    """Of tools whose settings the story left open: ``release``, or ``workshop``, which weakens them; empty: unknown."""
    left_out: list[Name] = []
    """Extractors of the cast that it is played without, because their weights were not at hand."""
    private: bool = False
    """Somebody's own photos are in it: nothing of the run may leave this machine."""
    n_postable: Count = 0
    """Photos that every protected person can post; 0: not said."""
    per_person: Count = 0
    """How many photos of each person of a folder were taken at most; 0: unknown, by an older version."""
    repeats: Name = ""
    """How well the device repeats: ``to the byte``, or ``within a tolerance``; empty: unknown, by an older version."""
    changes: list[Name] = []
    """What is otherwise than the story has it, by the number of the move: ``3: attack=lowkey``."""
    branch_of: Name = ""
    """The run that it branches from with these changes: its folder's name, or ``demo:STORY``; empty: none is known."""


class ClockMoved(Event, frozen=True, kw_only=True, tag="clock_moved"):
    pass


class PhotosPosted(Event, frozen=True, kw_only=True, tag="photos_posted"):
    cohort: Name
    """Photos posted at one date under one attack: ``2020-07 pgd``; photos without one: ``2020-07 clean``."""
    attack: Name | None
    budget: Name | None
    n_people: Count
    """People who posted under the attack (for friends: people who are shown)."""
    n_photos: Count
    """Photos in the cohort."""
    n_others: Count = 0
    """Clean photos that everybody else posted at the same time."""
    linf: Rate | None = None
    """Largest change of any channel of any pixel, in [0, 1]."""
    dssim: Rate | None = None
    """Mean structural dissimilarity, in [0, 1]."""
    psnr: Amount | None = None
    """Mean peak signal-to-noise ratio, dB."""
    about: Text = ""
    """What in the attack differs from its published release."""
    weakened: Text = ""
    """``weakened, 10 of 50 steps``: the tool was run at less than its release's strength; empty: at its own."""


class PhotosScraped(Event, frozen=True, kw_only=True, tag="photos_scraped"):
    n_new: Count
    n_archive: Count


class ExtractorReleased(Event, frozen=True, kw_only=True, tag="extractor_released"):
    extractor: Name
    released: Name
    """Date of release in the cast, which is the story's."""
    weights: Name
    published: Name = ""
    """Year, or year and month, in which it was really published; empty: not said."""


class DefenceApplied(Event, frozen=True, kw_only=True, tag="defence_applied"):
    defence: Name
    against: list[Name]
    extractor: Name
    """The extractor that results."""
    n_people: Count = 0
    """People it was trained on; none of them is ever evaluated."""
    n_photos: Count = 0
    accuracy_before: Rate | None = None
    """Rank-1 accuracy on clean probes of people neither protected nor trained on."""
    accuracy_after: Rate | None = None
    n_probes: Count = 0
    """Probes behind the two accuracies."""
    detail: Text = ""


class LawPassed(Event, frozen=True, kw_only=True, tag="law_passed"):
    law: Name
    """``retention``, ``moratorium`` or ``scraping``."""
    text: Text
    months: Count | None = None


class Preview(msgspec.Struct, frozen=True):
    """One photo as a tool changes it."""

    person: Name
    original: Name
    """Content hash, as in ``PicturesShown``."""
    now: Name
    """What would be posted if the tool stopped here."""
    similarity: Similarity
    """Cosine similarity of the two, by the first extractor that the tool attacks."""


class Progress(Event, frozen=True, kw_only=True, tag="progress"):
    task: Name
    done: Count
    total: Count
    unit: Name = "image-steps"
    rate: Amount | None = None
    """Units a second since the task began."""
    preview: Preview | None = None
    """While users run a tool: one of the photos."""
    failing: Rate | None = None
    """While the trainer learns: the share of searches on trial, for other people, that fail with the network by then.

    Among few people, so it lies below what is measured later.
    """


class ProtectionMeasured(Event, frozen=True, kw_only=True, tag="protection_measured"):
    cohort: Name
    """``whole archive`` or the name of one cohort, then measured as if its photos were all the trainer had of them."""
    attack: Name | None
    extractor: Name
    defence: Name | None
    """How the extractor came to be, when it was not simply released: ``adapt``."""
    classifier: Name
    protection_rate: Rate
    """1 - rank-1 accuracy on clean probes of protected people."""
    n_probes: Count
    interval: Interval | None
    """95 % interval; absent for most cited figures, and where a law decides."""
    method: Name = "Wilson, over probes"
    """How the interval was made."""
    people: list[Count] = []
    """Of each protected person, how many probes there are; empty: not kept."""
    missed: list[Count] = []
    """Of each of them, how many probes were not named right."""
    weakened: Text = ""
    """``weakened, 10 of 50 steps``: the tool was run at less than its release's strength; empty: at its own."""
    unprotected_error: Rate | None = None
    """Share of clean probes of people neither protected nor ever trained on that are not named right, same gallery."""
    n_unprotected: Count = 0
    best_protection_rate: Rate | None = None
    """What is left when the trainer uses, of all pipelines it has had, the one that its own test picks (``best-of``).

    The test is a rehearsal on people it may use; the probes play no part in it. Absent: it has nobody to test with.
    """
    best_interval: Interval | None = None
    """Its 95 % interval."""
    best_generation: Name | None = None
    """The pipeline that its test picks."""
    steps: list[Name] = []
    """What the pipeline does beyond its extractor and classifier: ``jpeg 75``, ``rescan until 2020-12``."""
    against: list[Name] = []
    """Attacks that its extractor, or the second one, was trained against; empty for extractors as released."""
    law: Name = ""
    """What the law forbade at that date: ``12 months' retention``, ``moratorium``; empty for nothing."""
    asked: Name = ""
    """``alone``: each protected person among everybody else's clean photos; ``together``: all of them protect theirs at
    once; empty: as older versions did, together."""
    n_gallery: Count = 0
    """How many people the trainer searched among; 0: nobody, or not kept."""
    basis: Basis = "measured"
    source: Text = ""
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

    extractor: Name
    k: Count
    recall: Rate
    """Share of the protected person's photos among the first ``k``, of those that could be there."""
    discovery: Rate
    """Share of searches with any photo of the right person among the first ``k``."""
    discovery_interval: Interval
    """95 % interval, people resampled."""
    identity_uniformity: Rate
    """(identities - distinct ones among the first ``k``) / identities."""
    n_probes: Count
    n_enrolled: Count
    """Photos of the protected people in the archive."""
    n_decoys: Count
    """Decoys in the archive."""
    steps: list[Name] = []
    """As in ``ProtectionMeasured``."""

    @property
    def generation(self) -> str:
        """The trainer's pipeline."""
        return generation_name(self.extractor, steps=self.steps)


class OpenSetMeasured(Event, frozen=True, kw_only=True, tag="open_set_measured"):
    """A trainer that may answer "nobody": how often protected people stay unnamed when few strangers are named."""

    extractor: Name
    false_alarms: Rate
    """Share of searches for people who are not in the gallery that end in a name all the same, as it was set."""
    threshold: Similarity
    """Cosine similarity from which on it names somebody."""
    false_negatives: Rate
    """Share of clean probes of protected people that are not named right, or not at all."""
    interval: Interval
    """95 % interval, people resampled."""
    people: list[Count]
    """Of each protected person, how many probes there are."""
    missed: list[Count]
    """Of each of them, how many were not named right."""
    unprotected_error: Rate
    """The same share of people who are neither protected nor ever trained on."""
    n_unprotected: Count
    n_strangers: Count
    """Searches behind the threshold."""
    n_gallery: Count
    """How many people are searched among."""
    steps: list[Name] = []
    """As in ``ProtectionMeasured``."""

    @property
    def generation(self) -> str:
        """The trainer's pipeline."""
        return generation_name(self.extractor, steps=self.steps)


class SearchForecast(Event, frozen=True, kw_only=True, tag="search_forecast"):
    """What would be left among more photos than there are: foretold from the tail of strangers' similarities."""

    extractor: Name
    photos: list[Count]
    """Of strangers, how many there would be."""
    rates: list[Rate]
    """For each of these numbers, the share of clean probes of protected people that a stranger would be nearer to."""
    intervals: list[Interval]
    """95 %, people who are asked for and people among whom they are resampled."""
    unprotected: list[Rate]
    """The same shares of everybody else; empty: there is nobody."""
    n_probes: Count
    n_people: Count
    """How many of the protected people were asked for."""
    counted_among: list[Count]
    """Numbers of photos of strangers that there are, rising; to all of them, the last, the tail was fitted."""
    counted: list[Rate]
    """Share of probes that one of so many was nearer to, averaged over all choices of them."""
    checked_from: Count
    """How many of these the tail was fitted to for the check."""
    checked: Rate
    """What it then said of all of them, to be held against the last of ``counted``."""
    steps: list[Name] = []
    """As in ``ProtectionMeasured``."""

    @property
    def generation(self) -> str:
        """The trainer's pipeline."""
        return generation_name(self.extractor, steps=self.steps)


class DetectionMeasured(Event, frozen=True, kw_only=True, tag="detection_measured"):
    """How well a detector tells perturbed photos from clean ones, on people it never saw."""

    against: list[Name]
    """Attacks it was trained on."""
    attack: Name
    """The attack whose photos it was shown."""
    recall: Rate
    """Share of the perturbed photos that it flags."""
    recall_interval: Interval
    """95 %, people resampled; the next one likewise."""
    false_positive_rate: Rate
    """Share of the clean photos that it flags."""
    false_positive_interval: Interval
    precision: Rate | None
    """Share of perturbed ones among flagged photos when half of all photos are perturbed; absent: none is flagged."""
    base_rate: Rate
    """Share of perturbed photos in a crawl."""
    base_rate_precision: Rate | None
    """Precision at that share."""
    base_rate_precision_low: Rate
    """The same when both rates are as bad as their intervals allow."""
    n_clean: Count
    n_poisoned: Count
    recall_recoded: dict[Name, Rate] = {}
    """Recall once the same photos were re-encoded: ``jpeg 75``, ``resize 96``."""
    false_positive_recoded: dict[Name, Rate] = {}
    """The same of the clean ones."""


class VerificationMeasured(Event, frozen=True, kw_only=True, tag="verification_measured"):
    """What a user sees who compares two photos: the same person, yes or no? Not what a search engine does."""

    extractor: Name
    threshold: Similarity
    """Cosine similarity that 1 % of pairs of different, unprotected people reach."""
    match_clean: Rate
    """Share of pairs of a protected person's probe and own photo, unperturbed, that reach it."""
    match_posted: Rate
    """The same with the photos as they were posted."""
    match_posted_interval: Interval | None = None
    """Its 95 % interval, people resampled; absent: older versions did not say."""
    similarity_clean: Similarity
    similarity_posted: Similarity
    n_pairs: Count


class Candidate(msgspec.Struct, frozen=True):
    """One line of a search result."""

    person: Name
    similarity: Similarity


class PicturesShown(Event, frozen=True, kw_only=True, tag="pictures_shown"):
    person: Name
    cohort: Name
    original: Name
    """Content hash: ``pictures/<hash>.png`` in the journal."""
    posted: Name
    probe: Name
    extractor: Name
    candidates: list[Candidate]
    """Whom the trainer names for the probe, best first."""
    named: Name = ""
    """A clean photo of whom it names first, by its content hash; empty: not kept."""
    own: Similarity | None = None
    """Of the person's own nearest photo; absent: not kept, or none is enrolled."""


class Asked(Event, frozen=True, kw_only=True, tag="asked"):
    """A question to the room; it stays open until its answer comes."""

    question: Name
    """Its number in the run, from 1: an answer and a vote name it."""
    text: Text
    options: Annotated[list[Name], Meta(max_length=9)] = []
    """What can be answered; empty: a share is guessed, 0 to 100 %."""
    seconds: Seconds = 0.0
    """For how long one can answer; 0: nobody can."""


class Counted(Event, frozen=True, kw_only=True, tag="counted"):
    """How many answers there are so far."""

    question: Name
    counts: list[Count]
    """Votes for each option; of guesses only how many, so that nobody guesses what others did."""


class Answered(Event, frozen=True, kw_only=True, tag="answered"):
    """What the room said, or what is taken in its place."""

    question: Name
    answer: Text
    """The option that goes on; of guesses the one in the middle, ``40 %``, or nothing where nobody guessed."""
    choice: Count | None
    """Its number, from 1; of guesses the one in the middle in per cent; absent: nobody guessed."""
    by: AnsweredBy = "room"
    """``room``; ``nobody``, or ``unasked`` where nobody could: the first option is taken; ``before``: it was given."""
    counts: list[Count] = []
    """Votes for each option."""
    guesses: list[Annotated[int, Meta(ge=0, le=100)]] = []
    """All of them, in per cent, the lowest first."""


NOBODY = -1
"""In the place of an answer that is given before a run: nobody answers."""


def answers_in(events: Iterable[Event]) -> tuple[int, ...]:
    """What the questions of a run were answered, so that it can be played again with the same answers."""
    said = [event for event in events if isinstance(event, Answered)]
    return tuple(NOBODY if one.by in ("nobody", "unasked") or one.choice is None else one.choice for one in said)


class Note(Event, frozen=True, kw_only=True, tag="note"):
    text: Text


class RunEnded(Event, frozen=True, kw_only=True, tag="run_ended"):
    peak_memory: Count
    """Bytes of main memory at the peak."""


class RunFailed(Event, frozen=True, kw_only=True, tag="run_failed"):
    error: Text
    exit_code: Count
    log: Name = ""
    """File with the traceback, when there is one."""

    @property
    def stopped(self) -> bool:
        """Whether its user stopped the run: nothing went wrong."""
        return self.exit_code == Cancelled.exit_code


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
    | OpenSetMeasured
    | SearchForecast
    | VerificationMeasured
    | PicturesShown
    | Asked
    | Counted
    | Answered
    | Note
    | RunEnded
    | RunFailed
)

MOVES = (
    PhotosPosted,
    PhotosScraped,
    ExtractorReleased,
    DefenceApplied,
    LawPassed,
    DetectionMeasured,
    SearchMeasured,
    OpenSetMeasured,
    SearchForecast,
    VerificationMeasured,
)
"""Kinds that are a move or a question of their own; a group of measurements is one, too."""

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
        msgspec.DecodeError: the line is not JSON in UTF-8, is nested too deeply, or a field is missing, of a wrong type
            or out of its range.
    """
    try:
        if msgspec.json.decode(line, type=_Kind).kind not in _KINDS:
            return None
        event: Event = _decoder.decode(line)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"it is not UTF-8: {error.reason}") from None
    except RecursionError:
        raise msgspec.DecodeError("it is nested too deeply") from None
    return event
