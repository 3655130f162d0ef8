"""The trainer: scrapes what is posted, keeps all of it, and moves last, as often as it likes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from facetui.engine import defences
from facetui.engine.core.interfaces import Combining, Defence, Detecting, Estimating, Purifying, Training
from facetui.engine.defences import DEFENCES
from facetui.engine.defences.adapt import Adapt
from facetui.engine.defences.hybrid import Hybrid
from facetui.engine.defences.purifier import Purifier
from facetui.engine.lab.recognition.nearest import Metric
from facetui.engine.lab.recognition.pipeline import Pipeline
from facetui.engine.lab.recognition.trainer_state import TrainerState
from facetui.engine.lab.trainer.adapt import adapt
from facetui.engine.lab.trainer.combine_and_choose import choose, combine, sure
from facetui.engine.lab.trainer.detect import detect
from facetui.engine.lab.trainer.enrol import Enrolment, Linkage, enrol, link
from facetui.engine.lab.trainer.pair_sources import SOURCES, UPLOADS, pairs_from
from facetui.engine.lab.trainer.purify import purify
from facetui.engine.lab.trainer.subtract import subtract
from facetui.engine.lab.world.moves import Player, move
from facetui.engine.lab.world.web import Post
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import (
    GALLERY,
    RESCAN,
    DefenceApplied,
    DetectionMeasured,
    ExtractorReleased,
    PhotosScraped,
)
from facetui.engine.records.fields import DATE


class Trainer(Player):
    """Whoever scrapes photos and recognises people by them: one party, which knows what all of them know.

    Args:
        state: what it has.

    Attributes:
        state: the same, for questions and tests; a story calls moves.
    """

    actor = "trainer"

    def __init__(self, state: TrainerState) -> None:
        self.recorder = state.world.recorder
        self.state = state
        self._classify_by: tuple[str, Metric] = ("nearest", "cosine")

    @property
    def archive(self) -> tuple[Post, ...]:
        """Everything scraped so far."""
        return tuple(self.state.archive)

    @property
    def pipelines(self) -> tuple[Pipeline, ...]:
        """Every pipeline the trainer has had, the current one last; none is ever thrown away."""
        return tuple(self.state.pipelines)

    @move
    def scrape(self) -> None:
        """Keep everything on the web that is not in the archive yet, as far as the law lets it."""
        self._ready()
        archive = self.state.archive
        there = {id(post) for post in archive}
        new = [p for p in self.state.world.web if id(p) not in there and self.state.law.may_scrape(p.t)]
        archive.extend(new)
        self.recorder.emit(
            PhotosScraped(
                actor="trainer",
                n_new=sum(len(post.who) for post in new),
                n_archive=sum(len(post.who) for post in archive),
            )
        )

    @move
    def use(self, extractor: str = "newest") -> None:
        """Take a released extractor as it is and re-embed the whole archive with it.

        Nothing about any attack needs to be known: the oblivious trainer of the paper.

        Args:
            extractor: a name, or ``newest``: the cast's newest at the story's date.

        Raises:
            UnknownName: no such extractor.
        """
        world, pipelines = self.state.world, self.state.pipelines
        generations = {generation.extractor: generation for generation in world.cast.generations}
        name = world.cast.newest(world.t).extractor if extractor == "newest" else extractor
        pipeline = self._pipeline(name)
        if pipelines and pipelines[-1] == pipeline:
            return
        weights = world.networks.weights(name)
        pipelines.append(pipeline)
        released, published = (
            (generations[name].released, generations[name].published) if name in generations else ("", "")
        )
        self.recorder.emit(
            ExtractorReleased(actor="trainer", extractor=name, released=released, published=published, weights=weights)
        )

    def _ready(self) -> None:
        """See to it that there is a pipeline."""
        if not self.state.pipelines:
            self.use("newest")

    def _pipeline(self, extractor: str) -> Pipeline:
        classifier, metric = self._classify_by
        return Pipeline(extractor, classifier=classifier, metric=metric)

    @move
    def search_among(self, crowd: int) -> None:
        """Search among so many people of the crowd only, from now on: what a trainer does who has scraped less.

        Args:
            crowd: how many of them; everybody in the game is searched among, too.

        Raises:
            UsageError: fewer than none, or more than there are.
        """
        there = len(self.state.world.crowd)
        if not 0 <= crowd <= there:
            raise UsageError(f"expected 0 to {there} people of the crowd, got {crowd}; --crowd sets how many there are")
        self._ready()
        self.state.pipelines.append(replace(self.state.current, crowd=crowd))
        everybody = len(self.state.world.players) + crowd
        self.recorder.emit(
            DefenceApplied(
                actor="trainer",
                defence=GALLERY,
                against=[],
                extractor=self.state.current.extractor,
                n_people=everybody,
                detail=f"searches among {everybody} people",
            )
        )

    @move
    def classify_by(self, classifier: str = "nearest", *, metric: Metric = "cosine") -> None:
        """Choose how embeddings become a name, from now on.

        Args:
            classifier: ``nearest``, as a search engine does it, ``linear``: standardised embeddings and logistic
                regression, or ``end-to-end``: a new head, and all layers trained on the scraped photos.
            metric: of the nearest neighbour: ``cosine`` or ``euclidean``.

        Raises:
            UsageError: no such classifier or metric.
        """
        Pipeline("", classifier=classifier, metric=metric).classify()  # says what is wrong, if anything
        self._classify_by = (classifier, metric)
        if self.state.pipelines:
            changed = replace(self.state.current, classifier=classifier, metric=metric)
            if changed != self.state.current:
                self.state.pipelines.append(changed)

    @move
    def adapt(
        self,
        against: Sequence[str] | None = None,
        *,
        pairs: str = "own",
        uploads: int = UPLOADS,
        defence: str = "adapt",
        **settings: Any,
    ) -> None:
        """Train an extractor that sees through tools.

        The trainer runs each tool on photos of people who are not evaluated, and fine-tunes its current extractor
        on clean and perturbed copies. Or it runs nothing, and takes the pairs that such people published themselves, or
        what the public demonstrations of closed tools make of a few photos that it uploads.

        Args:
            against: names of attacks; absent: every attack that was used so far, or that there are pairs or
                demonstrations of.
            pairs: ``own``: it runs the tools; ``published``: it takes what ``lab.users.publish_pairs`` showed;
                ``server``: it uploads photos of other people.
            uploads: how many photos it uploads to each demonstration, which takes few in all.
            defence: its name in the registry; one that trains an extractor.
            settings: the defence's own settings, e.g. ``steps=100`` (else what the cast says) or
                ``objective="shared-label"``.

        Raises:
            UnknownName: no such attack or defence.
            UsageError: there is nothing to adapt to, a tool that the trainer cannot run, or nobody to train on.
        """
        if pairs not in SOURCES:
            raise UsageError(f"expected pairs {' or '.join(SOURCES)}, got {pairs!r}")
        made = defences.make(defence, Training, "trains an extractor", **self._as_cast(defence, settings))
        self._ready()
        names = self._tools(against, "adapt") if pairs == "own" else list(against or ())
        found = pairs_from(pairs, self.state, names, uploads)
        adapt(self.state, made, found, self._pipeline(self.state.current.extractor))

    def _as_cast(self, defence: str, settings: dict[str, Any]) -> dict[str, Any]:
        """Settings with what the cast says of training, where our own is asked for without it."""
        ours = issubclass(DEFENCES.get(defence), Adapt)
        return {**self.state.world.training, **settings} if ours else settings

    @move
    def detect(
        self,
        against: Sequence[str] | None = None,
        *,
        also: Sequence[str] = (),
        action: str = "drop",
        base_rate: float = 0.001,
        defence: str = "detect",
        **settings: Any,
    ) -> list[DetectionMeasured]:
        """Train a detector of perturbed photos, test it on people it never saw, and drop or flag what it finds.

        Args:
            against: attacks it learns from; absent: every attack that was used so far.
            also: attacks it is tested on besides those it learnt from and those that were used.
            action: ``drop``: the current pipeline searches no flagged photo from now on; ``flag``: it only says how
                many of whose photos were flagged.
            base_rate: share of perturbed photos in a crawl, for the precision that it would have there.
            defence: its name in the registry; one that detects.
            settings: the defence's own settings.

        Raises:
            UnknownName: no such attack or defence.
            UsageError: nothing to learn from, no such action, or a base rate outside (0, 1).
        """
        made = defences.make(defence, Detecting, "detects", **settings)
        names = self._tools(against, "detect")
        return detect(self.state, made, names, also, action=action, base_rate=base_rate)

    @move
    def purify(self, recipe: str | None = None, *, defence: str = "purify", **settings: Any) -> None:
        """Put JPEG, blur, resizing or noise before the current extractor, for scraped photos and probes alike.

        Args:
            recipe: e.g. ``jpeg 75`` or ``resize 72, jpeg 75``; absent: of several, the one that does best in a
                rehearsal on other people.
            defence: its name in the registry; one that purifies, and that knows its own recipe.
            settings: the defence's own settings.

        Raises:
            UnknownName: no such defence.
            UsageError: no such recipe, or nobody to rehearse with.
        """
        if recipe is not None:
            settings["recipe"] = recipe
        ours = defence == Purifier.name and not settings
        made = None if ours else defences.make(defence, Purifying, "purifies", **settings)
        self._ready()
        purify(self.state, made)

    @move
    def subtract(self, *, defence: str = "subtract", **settings: Any) -> None:
        """Estimate the mask that a person's photos of one post share, and take it off them, from now on.

        It answers tools that make one mask a person; probes, which nobody posted, stay as they are.

        Args:
            defence: its name in the registry; one that estimates.
            settings: the defence's own settings.

        Raises:
            UnknownName: no such defence.
            UsageError: nothing was scraped, or a setting that does not fit.
        """
        made = defences.make(defence, Estimating, "estimates masks", **settings)
        self._ready()
        subtract(self.state, made)

    @move
    def combine(
        self,
        robust: str | None = None,
        *,
        rule: str = "threshold",
        threshold: float | None = None,
        defence: str = "combine",
        **settings: Any,
    ) -> None:
        """Let a robust extractor answer too: where the current one is unsure, or always as a second answer.

        Args:
            robust: its name; absent: the last one that was made robust.
            rule: ``threshold``: the robust one answers where the nearest photo is less similar than a threshold;
                ``top-2``: both answer, and a human breaks the tie.
            threshold: cosine similarity; absent: what 95 % of clean searches for other people reach.
            defence: its name in the registry; one that combines, and for which rule and threshold say nothing.
            settings: the defence's own settings.

        Raises:
            UnknownName: no such extractor or defence.
            UsageError: there is no robust extractor, no such rule, or a threshold outside [-1, 1].
        """

        def rule_for(pipeline: Pipeline) -> Combining:
            if defence != Hybrid.name:
                return defences.make(defence, Combining, "combines", **settings)
            unknown = rule == "threshold" and threshold is None
            return Hybrid(rule, (sure(self.state, pipeline) if unknown else threshold) or 0.0)

        combine(self.state, robust, rule_for)

    @move
    def answer(self, defence: str, **settings: Any) -> None:
        """Answer with a defence of the registry, whatever its kind.

        Args:
            defence: its name.
            settings: what its verb takes (``adapt``, ``detect``, ``purify``, ``combine`` or ``subtract``), and its own.

        Raises:
            UnknownName: no such defence.
            UsageError: of none of these kinds, or what its verb says.
        """
        verbs: dict[type[Defence], Callable[..., object]] = {
            Training: self.adapt,
            Detecting: self.detect,
            Purifying: self.purify,
            Combining: self.combine,
            Estimating: self.subtract,
        }
        found = DEFENCES.get(defence)
        verb = next((v for kind, v in verbs.items() if issubclass(found, kind)), None)
        if verb is None:
            kinds = ", ".join(kind.__name__ for kind in verbs)
            raise UsageError(f"the defence {defence} is none of {kinds}; derive it from one of facetui.engine's")
        verb(defence=defence, **settings)

    @move
    def choose(self) -> str:
        """Take, of all pipelines it ever had, the one that does best in a rehearsal on people it never trained on.

        Returns:
            The generation it takes.

        Raises:
            UsageError: nothing was scraped, or nobody to rehearse with.
        """
        return choose(self.state)

    def _tools(self, against: Sequence[str] | None, verb: str) -> list[str]:
        """The attacks a defence learns from; sees to it that there is an extractor."""
        self._ready()
        names = list(against) if against is not None else self.state.world.tools.names()
        if not names:
            raise UsageError(f"there is no attack to {verb} yet; name one: lab.trainer.{verb}(['pgd'])")
        return names

    @move
    def enrol(self, *, false_alarms: float = 0.01, rounds: int = 10) -> Enrolment:
        """Give names to scraped photos that came without one, and search them, too, from now on.

        What is more alike to a photo in the gallery than strangers are is enrolled under that photo's name, which may
        be wrong; then the larger gallery is searched with what is left, until nothing is recognised any more. In the
        manner of DynTracker (arXiv 2501.06533).

        Args:
            false_alarms: share of searches for strangers that may end in a name, in (0, 1).
            rounds: at most.

        Returns:
            What was recognised, and how much of it rightly.

        Raises:
            UsageError: nothing without a name was scraped, a classifier without similarities, or too few strangers.
        """
        self._ready()
        return enrol(self.state, false_alarms, rounds)

    @move
    def link(self) -> list[Linkage]:
        """Match posted photos with each other, without any names: are those of one person more alike?

        Returns:
            An entry for each cohort that was scraped.

        Raises:
            UsageError: no cohort with several photos of somebody was scraped.
        """
        self._ready()
        return link(self.state)

    @move
    def rescan(self, until: str = "") -> None:
        """Search the stored archive again with the current extractor, at will only up to a date.

        Photos from before a tool existed, or from when its attack has since been broken, name people today.

        Args:
            until: ISO date; only photos posted by then are searched. Empty: all.

        Raises:
            UsageError: not a date, or nothing was scraped.
        """
        state = self.state
        if until and not DATE.fullmatch(until):
            raise UsageError(f"expected a date like '2020-07', got {until!r}")
        if not state.archive:
            raise UsageError("the archive is empty; let the trainer scrape before it rescans")
        current = state.current
        state.pipelines.append(replace(current, until=until))
        n = sum(len(post.who) for post in state.archive if not until or post.t[: len(until)] <= until)
        self.recorder.emit(
            DefenceApplied(
                actor="trainer",
                defence=RESCAN,
                against=[],
                extractor=current.extractor,
                n_photos=n,
                detail=f"searches the {n} photos posted until {until}" if until else f"searches all {n} photos again",
            )
        )
