"""The trainer: scrapes what is posted, keeps all of it, and moves last, as often as it likes."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from facetui.engine import cache as caching
from facetui.engine.casts import DATE
from facetui.engine.defences import DEFENCES
from facetui.engine.errors import UsageError
from facetui.engine.events import (
    RESCAN,
    Candidate,
    DefenceApplied,
    ExtractorReleased,
    PhotosScraped,
    PicturesShown,
    ProtectionMeasured,
    SearchMeasured,
    generation_name,
)
from facetui.engine.gallery import NearestNeighbour
from facetui.engine.interfaces import Bank
from facetui.engine.metrics import discovery_at_k, error_rate, identity_uniformity_at_k, recall_at_k, wilson
from facetui.engine.recognition import Pipeline, gallery, rates
from facetui.engine.web import Post

if TYPE_CHECKING:
    from facetui.engine.lab import Lab

TRAINING_SHARE = 2 / 3
"""Of the unprotected people: those the trainer may train on; the rest tell what training did to accuracy."""

TRAINING_PAIRS = 42
MAX_TRAINING_PHOTOS = 16
"""Photos of each that are perturbed for training: about as many in all, however many people there are."""


class Trainer:
    """Everybody who scrapes, as one."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._archive: list[Post] = []
        self._pipelines: list[Pipeline] = []
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

    def _pipeline(self, extractor: str, defence: str | None = None, until: str = "") -> Pipeline:
        classifier, metric = self._classify_by
        return Pipeline(extractor, defence, until, classifier, metric)

    def classify_by(self, classifier: str = "nearest", *, metric: str = "cosine") -> None:
        """Choose how embeddings become a name, from now on.

        Args:
            classifier: ``nearest``, as a search engine does it, or ``linear``: standardised embeddings and logistic
                regression.
            metric: of the nearest neighbour: ``cosine`` or ``euclidean``.

        Raises:
            UsageError: no such classifier or metric.
        """
        Pipeline("", classifier=classifier, metric=metric).classify()  # says what is wrong, if anything
        self._classify_by = (classifier, metric)
        if self._pipelines:
            last = self._pipelines[-1]
            changed = self._pipeline(last.extractor, last.defence, last.until)
            if changed != last:
                self._pipelines.append(changed)

    def adapt(self, against: Sequence[str] | None = None, *, defence: str = "adapt", **settings: Any) -> None:
        """Train an extractor that sees through public tools.

        The trainer runs each tool on photos of people who are not evaluated, and fine-tunes its current extractor
        on clean and perturbed copies.

        Args:
            against: names of attacks; absent: every attack that was used so far.
            defence: its name in the registry.
            settings: the defence's own settings, e.g. ``steps=100``.

        Raises:
            UnknownName: no such attack or defence.
            UsageError: there is nothing to adapt to, or nobody to train on.
        """
        lab = self._lab
        if not self._pipelines:
            self.use("newest")
        names = list(against) if against is not None else list(lab.users.tools)
        if not names:
            raise UsageError("there is no attack to adapt to yet; name one: lab.trainer.adapt(['pgd'])")
        try:
            trainer = DEFENCES.get(defence)(**settings)
        except TypeError as error:
            raise UsageError(f"the defence {defence} cannot take these settings: {error}") from error
        base = self._pipelines[-1].extractor
        people, held_out = self._may_train_on()
        clean = lab.training_photos(people, max(1, min(MAX_TRAINING_PHOTOS, TRAINING_PAIRS // len(people))))
        copies = []
        for policy in [policy for name in names for policy in lab.users.public_tools(name)]:
            task = f"run {policy.attack.name} on {len(clean.photos)} photos of {len(people)} other people"
            copies.append(
                lab.perturb(policy.attack, policy.budget, clean.photos, clean.people, actor="trainer", task=task)
            )
        poisoned = torch.cat(copies)
        robust = self._train(trainer, base, clean, poisoned, f"{base.removesuffix(' robust')} robust")
        before, n_probes = self._accuracy(base, held_out)
        after, _ = self._accuracy(robust, held_out)
        self._pipelines.append(self._pipeline(robust, defence))
        lab.emit(
            DefenceApplied(
                actor="trainer",
                defence=defence,
                against=names,
                extractor=robust,
                n_people=len(people),
                n_photos=len(clean.photos),
                accuracy_before=before,
                accuracy_after=after,
                n_probes=n_probes,
            )
        )

    def _may_train_on(self) -> tuple[list[int], list[int]]:
        """Unprotected people to train on, and those kept to tell what it did to accuracy."""
        lab = self._lab
        others = [lab.others[i] for i in torch.randperm(len(lab.others), generator=lab.generator("training")).tolist()]
        count = max(1, round(len(others) * TRAINING_SHARE))
        return sorted(others[:count]), sorted(others[count:])

    def _train(self, trainer: Any, base: str, clean: Bank, poisoned: Tensor, name: str) -> str:
        """Train or take from the cache; returns a name that is not taken by other weights."""
        lab = self._lab
        key = caching.key(
            "robust",
            trainer.name,
            vars(trainer),
            lab.networks.weights(base),
            lab.seed,
            clean.photos,
            clean.people,
            poisoned,
        )
        network = lab.networks.get(base)
        kept = lab.cache.load(key)
        if kept is None:
            tick = lab.progress("trainer", f"train {name} on {len(poisoned)} pairs", unit="pairs")
            robust = trainer.train(network, clean, poisoned, generator=lab.generator("train", key), progress=tick)
            lab.cache.save(key, {k: v for k, v in robust.state_dict().items()})
        else:
            robust = copy.deepcopy(network)
            robust.load_state_dict(kept)
        taken = {pipeline.extractor for pipeline in self._pipelines}
        robust.name = next(n for n in [name, *(f"{name} {i}" for i in range(2, 100))] if n not in taken)
        lab.networks.add(robust.eval())
        return str(robust.name)

    def _accuracy(self, extractor: str, people: list[int]) -> tuple[float | None, int]:
        """Rank-1 accuracy on clean probes of unprotected people, the archive enrolled; ``None`` without people."""
        lab = self._lab
        if not people or not self._archive:
            return None, 0
        held = gallery(lab, Pipeline(extractor), self._archive)
        # Embedded together with everybody else's, as ``measure`` does it: what it asks for next is in the cache.
        probes, truth = lab.probes(lab.others)
        asked = torch.isin(truth, torch.tensor(people))
        search = NearestNeighbour(self._metric).fit(held.embeddings, held.people)
        named = search.predict(lab.networks.embeddings(extractor, probes)[asked])
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
        label = f"{RESCAN} until {until}" if until else RESCAN
        self._pipelines.append(self._pipeline(current.extractor, label, until))
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

    def measure(self) -> list[ProtectionMeasured]:
        """Measure the whole archive and each cohort alone with the current pipeline; emits and returns the events.

        Raises:
            UsageError: nothing was scraped.
        """
        lab = self._lab
        if not self._archive:
            raise UsageError("the archive is empty; let the trainer scrape before you measure")
        cohorts = list(dict.fromkeys(post.cohort for post in self._archive if post.cohort))
        attacks = {post.cohort: post.attack for post in self._archive if post.cohort}
        found = {pipeline: rates(lab, pipeline, self._archive, cohorts) for pipeline in self._pipelines}
        current = self._pipelines[-1]
        measured = []
        for cohort in found[current]:
            (missed, n), (others_missed, n_others) = found[current][cohort]
            able = [pipeline for pipeline in found if cohort in found[pipeline]]
            best = min(able, key=lambda pipeline: found[pipeline][cohort][0][0])
            event = ProtectionMeasured(
                actor="trainer",
                cohort=cohort,
                attack=attacks.get(cohort) or (attacks[cohorts[0]] if len(cohorts) == 1 else None),
                extractor=current.extractor,
                defence=current.defence,
                classifier=current.classifier,
                protection_rate=missed / n,
                n_probes=n,
                interval=wilson(missed, n),
                unprotected_error=others_missed / n_others if n_others else None,
                n_unprotected=n_others,
                best_protection_rate=found[best][cohort][0][0] / n,
                best_generation=generation_name(best.extractor, best.defence, best.classifier),
                law=lab.law.words,
            )
            lab.emit(event)
            measured.append(event)
        return measured

    def search(self, k: int, people: int | None = None) -> SearchMeasured:
        """Search the archive with the current pipeline for clean probes of protected people; emits and returns."""
        lab = self._lab
        if not self._archive:
            raise UsageError("the archive is empty; let the trainer scrape before you search")
        if k < 1:
            raise UsageError(f"expected k of at least 1, got {k}")
        if lab.law.bans(lab.t):
            raise UsageError(f"nobody may be searched for at {lab.t}: a moratorium is in force")
        pipeline = self._pipelines[-1]
        held = gallery(lab, pipeline, self._archive)
        photos, who = lab.probes(lab.first(people))
        found = NearestNeighbour(self._metric).fit(held.embeddings, held.people)
        _, named = found.search(lab.networks.embeddings(pipeline.extractor, photos), k)
        candidates, truth = named.tolist(), who.tolist()
        enrolled = torch.bincount(held.people, minlength=len(lab.people))[who].tolist()
        event = SearchMeasured(
            actor="trainer",
            extractor=pipeline.extractor,
            defence=pipeline.defence,
            k=k,
            recall=recall_at_k(candidates, truth, enrolled, k),
            discovery=discovery_at_k(candidates, truth, k),
            identity_uniformity=identity_uniformity_at_k(candidates, len(held.people.unique()), k),
            n_probes=len(truth),
            n_enrolled=int(held.protected.sum()),
            n_decoys=sum(len(post.who) for post in self._archive if post.decoys),
        )
        lab.emit(event)
        return event

    def pictures(
        self, cohort: str, person: int, original: str, posted: str, probe_index: int, probe: str
    ) -> PicturesShown:
        """The event that shows a photo and whom the trainer names for a probe of the same person."""
        lab = self._lab
        pipeline = self._pipelines[-1]
        held = gallery(lab, pipeline, self._archive)
        photo = lab.people.persons[person].photos[probe_index : probe_index + 1]
        search = NearestNeighbour(self._metric).fit(*held.only(cohort))
        # Several photos of one person may come first: look far enough for three different people.
        values, people = search.search(lab.networks.embeddings(pipeline.extractor, photo), len(held.people))
        best: dict[int, float] = {}
        for value, candidate in zip(values[0].tolist(), people[0].tolist(), strict=True):
            best.setdefault(candidate, value)
        return PicturesShown(
            actor="trainer",
            person=lab.people.persons[person].name,
            cohort=cohort,
            original=original,
            posted=posted,
            probe=probe,
            extractor=pipeline.extractor,
            candidates=[Candidate(lab.people.persons[p].name, round(value, 3)) for p, value in list(best.items())[:3]],
        )
