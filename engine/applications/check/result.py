"""What a check found, as plain values: the same for the terminal, the report and JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from facetui.engine.applications.check.pairing.pair import LeftOut, Pair
from facetui.engine.applications.check.search import Ranks, Share


@dataclass(frozen=True)
class Row:
    """One trainer with one extractor: how often clean photos of the user are identified.

    Attributes:
        trainer: ``naive`` (the cast's first generation), ``newer``, ``other`` (in the cast, but no generation of the
            trainer's), ``adapted``, ``purified`` or ``detected``.
        extractor: its name.
        detail: what the trainer does besides, in a few words.
        protected: while the protected photos are enrolled.
        clean: while the clean photos are enrolled instead: whether the extractor knows the user at all.
        leaked: while a tenth of the photos is enrolled clean, the others protected.
    """

    trainer: str
    extractor: str
    detail: str
    protected: Ranks
    clean: Ranks
    leaked: Ranks


@dataclass(frozen=True)
class Pairwise:
    """What two photos of the user have in common, one to one; mean cosine similarities.

    Attributes:
        extractor: its name.
        own_copy: a photo and its own protected copy: what most people try, and what tells nothing.
        before: a clean photo and another clean photo of the user.
        after: a clean photo and the protected copy of another one.
        threshold: what one of a hundred pairs of strangers in the crowd reaches.
        own_copy_match: share of the first kind above the threshold.
        before_match: of the second.
        after_match: of the third.
    """

    extractor: str
    own_copy: float
    before: float
    after: float
    threshold: float
    own_copy_match: Share
    before_match: Share
    after_match: Share


@dataclass(frozen=True)
class Recoded:
    """Rank-1 while the protected photos are enrolled as they come out of a new encoding.

    Attributes:
        recoding: which; empty: none.
        extractor: its name.
        first: how often the user was named.
        n_faces: protected photos in which a face was still found.
    """

    recoding: str
    extractor: str
    first: Share
    n_faces: int


ALARMS = 0.2
"""Of the user's clean photos: a detector that flags more of them tells nothing about the protected ones."""


@dataclass(frozen=True)
class Detection:
    """What a detector of perturbed photos says that never saw the user.

    Attributes:
        clean: share of the user's clean photos it flags.
        protected: share of the protected ones.
        false_positives: share of clean photos it flags of people in the crowd it was not trained on.
        recall: of perturbed photos of the same people, by the public tool.
    """

    clean: Share
    protected: Share
    false_positives: Share
    recall: dict[str, Share]

    @property
    def tells(self) -> bool:
        """Whether it says anything about the user: not where it flags what the user never changed."""
        return (self.clean.rate or 0.0) <= ALARMS


@dataclass(frozen=True)
class Purification:
    """The purifier chosen on other people.

    Attributes:
        recipe: e.g. ``jpeg 40``.
        named: for each candidate, and for none (``""``), how many searches for other people it answers right.
        n: how many searches.
    """

    recipe: str
    named: dict[str, int]
    n: int


@dataclass(frozen=True)
class Photo:
    """How visible the change of one photo is, and what became of it; the worst photo comes first.

    Attributes:
        name: of the original's file.
        protected_name: of the protected file.
        linf: largest change of a channel in the region of the face, of 255.
        dssim: structural dissimilarity there.
        psnr: there, in dB; ``None`` if nothing was changed.
        flagged: whether the detector takes the protected copy for perturbed.
        undone: what was undone before comparing: some of ``turned``, ``framed``, ``cropped`` and ``mirrored``.
        by_content: whether the copy was found by what is in it, not by its name.
        sure: that it is a copy of this photo, in [0, 1].
    """

    name: str
    protected_name: str
    linf: float
    dssim: float | None
    psnr: float | None
    flagged: bool
    undone: list[str]
    by_content: bool
    sure: float


@dataclass(frozen=True)
class Report:
    """Everything a check found.

    Attributes:
        protocol: ``leave-one-out`` or ``probes``.
        n_pairs: photos before and after.
        n_groups: different ones among them: copies, and photos of the same moment, count once in every rate.
        n_probes: clean photos that were searched for.
        by_content: pairs found by what is in them instead of by their names.
        hidden: photos in whose copies no face is found any more; they take no part.
        undone: copies that lay on their side (``turned``), in a frame (``framed``), or were ``cropped`` or
            ``mirrored``.
        unchanged: pairs without any change in the face.
        crowd: the folder's name, or ``embedded``.
        fictional: whether nobody in the crowd exists.
        n_crowd: people in the crowd.
        n_enrolled: their photos in the gallery.
        cast: its name.
        preprocessing: of each extractor.
        tools: what the trainers learn from.
        n_training: photos, and people, that are perturbed for it.
        rows: one a trainer and extractor.
        pairwise: one an extractor.
        recoded: one a recoding and extractor.
        detection: of perturbed photos.
        purification: how the purifier was chosen.
        photos: worst first.
        warnings: one sentence each.
        left_out: photos that took no part.
        seed: of every random draw.
        pictures: the pairs of ``photos``, in their order; not in JSON.
    """

    protocol: str
    n_pairs: int
    n_groups: int
    n_probes: int
    by_content: int
    hidden: int
    undone: dict[str, int]
    unchanged: int
    crowd: str
    fictional: bool
    n_crowd: int
    n_enrolled: int
    cast: str
    preprocessing: dict[str, str]
    tools: str
    n_training: tuple[int, int]
    rows: list[Row]
    pairwise: list[Pairwise]
    recoded: list[Recoded]
    detection: Detection
    purification: Purification
    photos: list[Photo]
    warnings: list[str]
    left_out: list[LeftOut]
    seed: int
    pictures: list[Pair] = field(repr=False)

    def as_dict(self) -> dict[str, Any]:
        """Every figure, without pictures."""
        figures = asdict(replace(self, pictures=[]))
        del figures["pictures"]
        return figures
