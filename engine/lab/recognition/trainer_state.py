"""What the trainer has: an archive that only grows, and every pipeline and detector it ever made."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from facetui.engine.core.interfaces import Bank, Detecting, Estimating
from facetui.engine.lab.law import Law
from facetui.engine.lab.recognition.pipeline import Pipeline
from facetui.engine.lab.world.web import Post
from facetui.engine.lab.world.world import World


class TrainerState:
    """The trainer's possessions, for whoever computes with them.

    Args:
        world: in which it lives.
        law: what it must not do.

    Attributes:
        archive: everything scraped so far, in order.
        pipelines: every pipeline it has had, the current one last; none is ever thrown away.
        enrolled: photos that came without a name, under the names that the trainer gave them.
        given: of each scraped post without names, by digest, which photos have been given one, ``(N,)`` bool.
        uploads: what public demonstrations made of photos that it uploaded: originals and copies, by the attack.
    """

    def __init__(self, world: World, law: Law) -> None:
        self.world = world
        self.law = law
        self.archive: list[Post] = []
        self.pipelines: list[Pipeline] = []
        self.enrolled: list[Post] = []
        self.given: dict[str, Tensor] = {}
        self.uploads: dict[str, list[tuple[Bank, Tensor]]] = {}
        self._detectors: dict[str, Detecting] = {}
        self._flags: dict[tuple[str, str], Tensor] = {}
        self._seen: dict[tuple[object, ...], Tensor] = {}
        self._cleaned: dict[tuple[Estimating, str], tuple[Tensor, Tensor]] = {}

    @property
    def current(self) -> Pipeline:
        """The pipeline in use; there must be one."""
        return self.pipelines[-1]

    def keep(self, detector: Detecting) -> str:
        """Keep a trained detector; returns the name by which pipelines know it."""
        name = f"detector {len(self._detectors) + 1}"
        self._detectors[name] = detector
        return name

    def seen(self, pipeline: Pipeline, extractor: str, post: Post) -> Tensor:
        """What an extractor sees in a post, cleaned and purified as a pipeline does it: embeddings ``(N, D)``.

        They are kept by the post's own digest: an archive is asked again and again, and hashing all its photos anew
        takes longer than comparing them.
        """
        networks, purifier, estimator = self.world.networks, pipeline.purifier, pipeline.estimator
        before = purifier and (purifier.name, purifier.recipe), estimator and (estimator.name, estimator.recipe)
        key = networks.weights(extractor), pipeline.raw, *before, post.digest
        if key not in self._seen:
            if estimator:
                # Most photos are as they were, and what is seen in them is known.
                rows, photos = self.cleaned(estimator, post)
                found = self.seen(replace(pipeline, estimator=None), extractor, post)
                if len(rows):
                    found = found.clone()
                    found[rows] = networks.embeddings(extractor, pipeline.purified(photos), raw=pipeline.raw)
            else:
                # Nobody's purifier or detector gets at what was posted; embedding it, thousands of photos need no copy.
                photos = pipeline.purified(post.photos) if purifier else post.seen
                found = networks.embeddings(extractor, photos, raw=pipeline.raw)
            self._seen[key] = found
        return self._seen[key]

    def photos(self, pipeline: Pipeline, post: Post) -> Tensor:
        """The photos of a post ``(N, 3, 112, 112)`` uint8 as the extractor gets to see them."""
        photos = post.photos
        if pipeline.estimator:
            rows, cleaned = self.cleaned(pipeline.estimator, post)
            photos[rows] = cleaned
        return pipeline.purified(photos)

    def cleaned(self, estimator: Estimating, post: Post) -> tuple[Tensor, Tensor]:
        """Which photos of a post an estimate changes ``(n,)``, and what it makes of them ``(n, 3, 112, 112)`` uint8."""
        key = estimator, post.digest
        if key not in self._cleaned:
            photos = post.photos
            # Of a photo beside its copy everybody knows which is which, and that they are alike.
            made = photos if post.pairs else estimator.clean(photos, post.people)
            rows = (made != photos).flatten(1).any(1).nonzero()[:, 0]
            self._cleaned[key] = rows, made[rows]
        return self._cleaned[key]

    def flags(self, detector: str, post: Post) -> Tensor:
        """Which photos of a post a detector takes for perturbed, ``(N,)`` bool."""
        key = detector, post.digest
        if key not in self._flags:
            self._flags[key] = self._detectors[detector].flags(post.photos)
        return self._flags[key]
