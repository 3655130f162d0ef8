"""What the trainer has: an archive that only grows, and every pipeline and detector it ever made."""

from __future__ import annotations

from torch import Tensor

from facetui.engine.core.interfaces import Detecting
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
    """

    def __init__(self, world: World, law: Law) -> None:
        self.world = world
        self.law = law
        self.archive: list[Post] = []
        self.pipelines: list[Pipeline] = []
        self._detectors: dict[str, Detecting] = {}
        self._flags: dict[tuple[str, str], Tensor] = {}
        self._seen: dict[tuple[object, ...], Tensor] = {}

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
        """What an extractor sees in a post, purified as a pipeline does it: embeddings ``(N, D)``.

        They are kept by the post's own digest: an archive is asked again and again, and hashing all its photos anew
        takes longer than comparing them.
        """
        networks, purifier = self.world.networks, pipeline.purifier
        key = networks.weights(extractor), pipeline.raw, purifier and (purifier.name, purifier.recipe), post.digest
        if key not in self._seen:
            # Nobody's purifier or detector gets at what was posted; embedding it, thousands of photos need no copy.
            photos = pipeline.purified(post.photos) if pipeline.purifier else post.seen
            self._seen[key] = networks.embeddings(extractor, photos, raw=pipeline.raw)
        return self._seen[key]

    def flags(self, detector: str, post: Post) -> Tensor:
        """Which photos of a post a detector takes for perturbed, ``(N,)`` bool."""
        key = detector, post.digest
        if key not in self._flags:
            self._flags[key] = self._detectors[detector].flags(post.photos)
        return self._flags[key]
