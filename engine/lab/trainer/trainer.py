"""The trainer: scrapes what is posted, keeps all of it, and moves last, as often as it likes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from facetui.engine.core.interfaces import Training
from facetui.engine.defences import DEFENCES
from facetui.engine.defences.detector import Detector
from facetui.engine.lab.recognition.gallery import gallery
from facetui.engine.lab.recognition.nearest import NearestNeighbour
from facetui.engine.lab.recognition.pipeline import Pipeline
from facetui.engine.lab.trainer.combine_and_choose import choose, combine
from facetui.engine.lab.trainer.detect_and_purify import detect, purify
from facetui.engine.lab.trainer.training_photos import may_train_on, perturbed, train, training_photos
from facetui.engine.lab.world.web import Post
from facetui.engine.people.casts import DATE
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import RESCAN, DefenceApplied, DetectionMeasured, ExtractorReleased, PhotosScraped
from facetui.engine.records.rates import error_rate

if TYPE_CHECKING:
    from facetui.engine.lab.lab import Lab


class Trainer:
    """Everybody who scrapes, as one."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._archive: list[Post] = []
        self._pipelines: list[Pipeline] = []
        self._detectors: dict[str, Detector] = {}
        self._flags: dict[tuple[str, str], Tensor] = {}
        self._classify_by = ("nearest", "cosine")

    @property
    def _metric(self) -> Any:
        return self._classify_by[1]

    @property
    def archive(self) -> tuple[Post, ...]:
        """Everything scraped so far."""
        return tuple(self._archive)

    @property
    def pipelines(self) -> tuple[Pipeline, ...]:
        """Every pipeline the trainer has had, the current one last; none is ever thrown away."""
        return tuple(self._pipelines)

    def scrape(self) -> None:
        """Keep everything on the web that is not in the archive yet."""
        lab = self._lab
        if not self._pipelines:
            self.use("newest")
        new = list(lab.web)[len(self._archive) :]
        self._archive.extend(new)
        lab.emit(
            PhotosScraped(
                actor="trainer",
                n_new=sum(len(post.who) for post in new),
                n_archive=sum(len(post.who) for post in self._archive),
            )
        )

    def use(self, extractor: str = "newest") -> None:
        """Take a released extractor as it is and re-embed the whole archive with it.

        Nothing about any attack needs to be known: the oblivious trainer of the paper.

        Args:
            extractor: a name, or ``newest``: the cast's newest at the story's date.

        Raises:
            UnknownName: no such extractor.
        """
        lab = self._lab
        released = {generation.extractor: generation.released for generation in lab.cast.generations}
        name = lab.cast.newest(lab.t).extractor if extractor == "newest" else extractor
        pipeline = self._pipeline(name)
        if self._pipelines and self._pipelines[-1] == pipeline:
            return
        weights = lab.networks.weights(name)
        self._pipelines.append(pipeline)
        lab.emit(ExtractorReleased(actor="trainer", extractor=name, released=released.get(name, ""), weights=weights))

    def _pipeline(self, extractor: str, defence: str | None = None) -> Pipeline:
        classifier, metric = self._classify_by
        return Pipeline(extractor, defence, "", classifier, metric)

    def classify_by(self, classifier: str = "nearest", *, metric: str = "cosine") -> None:
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
        if self._pipelines:
            last = self._pipelines[-1]
            changed = replace(last, classifier=classifier, metric=metric)
            if changed != last:
                self._pipelines.append(changed)

    def adapt(self, against: Sequence[str] | None = None, *, defence: str = "adapt", **settings: Any) -> None:
        """Train an extractor that sees through public tools.

        The trainer runs each tool on photos of people who are not evaluated, and fine-tunes its current extractor
        on clean and perturbed copies.

        Args:
            against: names of attacks; absent: every attack that was used so far.
            defence: its name in the registry; one that trains an extractor.
            settings: the defence's own settings, e.g. ``steps=100`` (else as many as the cast says) or
                ``objective="shared-label"``.

        Raises:
            UnknownName: no such attack or defence.
            UsageError: there is nothing to adapt to, or nobody to train on.
        """
        lab = self._lab
        names = self._tools(against, "adapt")
        kind = DEFENCES.get(defence)
        if not issubclass(kind, Training):
            raise UsageError(f"the defence {defence} trains no extractor; see help(lab.trainer) for its own verb")
        try:
            training = kind(**{"steps": lab.cast.training_steps, **settings})
        except TypeError as error:
            raise UsageError(f"the defence {defence} cannot take these settings: {error}") from error
        base = self._pipelines[-1].extractor
        _, held_out = may_train_on(lab)
        clean = training_photos(lab)
        poisoned = torch.cat([copies for name in names for copies in perturbed(lab, name, clean)])
        taken = {pipeline.extractor for pipeline in self._pipelines}
        name = f"{base.removesuffix(' robust')} robust"
        name = next(n for n in [name, *(f"{name} {i}" for i in range(2, 100))] if n not in taken)
        robust = train(lab, training, base, clean, poisoned, name)
        robust.name = name
        lab.networks.add(robust.eval())
        before, n_probes = self._accuracy(base, held_out)
        after, _ = self._accuracy(name, held_out)
        self.take(replace(self._pipeline(name, defence), against=self._known(base, names)))
        lab.emit(
            DefenceApplied(
                actor="trainer",
                defence=defence,
                against=names,
                extractor=name,
                n_people=len(clean.people.unique()),
                n_photos=len(clean.photos),
                accuracy_before=before,
                accuracy_after=after,
                n_probes=n_probes,
            )
        )

    def detect(
        self,
        against: Sequence[str] | None = None,
        *,
        also: Sequence[str] = (),
        action: str = "drop",
        base_rate: float = 0.001,
    ) -> list[DetectionMeasured]:
        """Train a detector of perturbed photos, test it on people it never saw, and drop or flag what it finds.

        Args:
            against: attacks it learns from; absent: every attack that was used so far.
            also: attacks it is tested on besides those it learnt from and those that were used.
            action: ``drop``: the current pipeline searches no flagged photo from now on; ``flag``: it only says how
                many of whose photos were flagged.
            base_rate: share of perturbed photos in a crawl, for the precision that it would have there.

        Raises:
            UnknownName: no such attack.
            UsageError: nothing to learn from, no such action, or a base rate outside (0, 1).
        """
        return detect(self._lab, self._tools(against, "detect"), also, action, base_rate)

    def take(self, pipeline: Pipeline) -> None:
        """Use a pipeline from now on."""
        self._pipelines.append(pipeline)

    def keep(self, detector: Detector) -> str:
        """Keep a trained detector; returns the name by which pipelines know it."""
        name = f"detector {len(self._detectors) + 1}"
        self._detectors[name] = detector
        return name

    def flags(self, detector: str, post: Post) -> Tensor:
        """Which photos of a post a detector takes for perturbed, ``(N,)`` bool."""
        key = detector, post.digest
        if key not in self._flags:
            self._flags[key] = self._detectors[detector].flags(post.photos)
        return self._flags[key]

    def purify(self, recipe: str | None = None) -> None:
        """Put JPEG, blur, resizing or noise before the current extractor, for scraped photos and probes alike.

        Args:
            recipe: e.g. ``jpeg 75`` or ``resize 72, jpeg 75``; absent: of several, the one that does best in a
                rehearsal on other people.

        Raises:
            UsageError: no such recipe, or nobody to rehearse with.
        """
        purify(self._lab, recipe)

    def combine(self, robust: str | None = None, *, rule: str = "threshold", threshold: float | None = None) -> None:
        """Let a robust extractor answer too: where the current one is unsure, or always as a second answer.

        Args:
            robust: its name; absent: the last one that was made robust.
            rule: ``threshold``: the robust one answers where the nearest photo is less similar than a threshold;
                ``top-2``: both answer, and a human breaks the tie.
            threshold: cosine similarity; absent: what 95 % of clean searches for other people reach.

        Raises:
            UnknownName: no such extractor.
            UsageError: there is no robust extractor, no such rule, or a threshold outside [-1, 1].
        """
        combine(self._lab, robust, rule, threshold)

    def choose(self) -> str:
        """Take, of all pipelines it ever had, the one that does best in a rehearsal on people it never trained on.

        Returns:
            The generation it takes.

        Raises:
            UsageError: nothing was scraped, or nobody to rehearse with.
        """
        return choose(self._lab)

    def _known(self, base: str, names: Sequence[str]) -> tuple[str, ...]:
        """What an extractor was trained against that was made from another one."""
        before = next((p.against for p in self._pipelines if p.extractor == base and p.defence), ())
        return tuple(dict.fromkeys([*before, *names]))

    def _tools(self, against: Sequence[str] | None, verb: str) -> list[str]:
        """The attacks a defence learns from; sees to it that there is an extractor."""
        if not self._pipelines:
            self.use("newest")
        names = list(against) if against is not None else list(self._lab.users.tools)
        if not names:
            raise UsageError(f"there is no attack to {verb} yet; name one: lab.trainer.{verb}(['pgd'])")
        return names

    def _accuracy(self, extractor: str, people: list[int]) -> tuple[float | None, int]:
        """Rank-1 accuracy on clean probes of unprotected people, the archive enrolled; ``None`` without people."""
        lab = self._lab
        if not people or not self._archive:
            return None, 0
        held = gallery(lab, Pipeline(extractor), self._archive)
        # Embedded together with everybody's, as ``measure`` does it: what it asks for next is in the cache.
        sides = [lab.probes(who) for who in (lab.protected, lab.others)]
        photos, truth = (torch.cat(parts) for parts in zip(*sides, strict=True))
        asked = torch.isin(truth, torch.tensor(people))
        search = NearestNeighbour(self._metric).fit(held.embeddings, held.people)
        named = search.predict(lab.networks.embeddings(extractor, photos)[asked])
        missed, _, n = error_rate(named.tolist(), truth[asked].tolist())
        return 1 - missed, n

    def rescan(self, until: str = "") -> None:
        """Search the stored archive again with the current extractor, at will only up to a date.

        Photos from before a tool existed, or from when its attack has since been broken, name people today.

        Args:
            until: ISO date; only photos posted by then are searched. Empty: all.

        Raises:
            UsageError: not a date, or nothing was scraped.
        """
        lab = self._lab
        if until and not DATE.fullmatch(until):
            raise UsageError(f"expected a date like '2020-07', got {until!r}")
        if not self._archive:
            raise UsageError("the archive is empty; let the trainer scrape before it rescans")
        current = self._pipelines[-1]
        self._pipelines.append(replace(current, until=until))
        n = sum(len(post.who) for post in self._archive if not until or post.t[: len(until)] <= until)
        lab.emit(
            DefenceApplied(
                actor="trainer",
                defence=RESCAN,
                against=[],
                extractor=current.extractor,
                n_photos=n,
                detail=f"searches the {n} photos posted until {until}" if until else f"searches all {n} photos again",
            )
        )
