"""START HERE: what an extractor, an attack, a classifier and a defence are.

Shapes and ranges, once and for all:

* photos ``(N, 3, 112, 112)``, float32 RGB in [0, 1], aligned to the ArcFace five-point template;
* embeddings ``(N, D)``, unit length, so that a dot product is a cosine similarity;
* people ``(N,)``, int64: who is in each photo, as an index into a list of identities.

The **user** runs an attack (poisons photos before posting them); the **trainer** answers with a defence.
"""

from __future__ import annotations

import copy
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from facetui.engine.core.budget import Budget
from facetui.engine.core.cache import Checkpoint
from facetui.engine.core.device import repeatable
from facetui.engine.records.errors import UsageError

SIDE = 112
"""Height and width of an aligned photo, in pixels."""

Progress = Callable[[int, int], None]
"""Called as ``progress(done, total)`` between steps; may raise ``Cancelled``."""


def no_progress(done: int, total: int) -> None:
    """Take ``(done, total)`` and do nothing."""


Watch = Callable[[Tensor, Tensor], None]
"""``watch(rows, photos)``: the rows ``(n,)`` of an album that an attack works on, and their photos ``(n, 3, 112, 112)``
as they are by then, not yet held to the budget."""


def unwatched(*_: object) -> None:
    """Take what is shown and do nothing."""


View = Callable[[Tensor, Tensor], Tensor]
"""``view(photos, rows)``: what an extractor gets to see of perturbed photos ``(n, 3, 112, 112)``, which are the rows
``(n,)`` of the album; differentiable, same shape."""


def as_it_is(photos: Tensor, rows: Tensor) -> Tensor:
    """The view of photos that are posted as they are."""
    return photos


def check_photos(photos: Tensor) -> None:
    """Raise ``UsageError`` unless ``photos`` is ``(N, 3, 112, 112)`` floating point."""
    if photos.ndim != 4 or tuple(photos.shape[1:]) != (3, SIDE, SIDE):
        raise UsageError(f"expected photos of shape (N, 3, {SIDE}, {SIDE}), got {tuple(photos.shape)}")
    if not photos.is_floating_point():
        raise UsageError(f"expected photos as floating point in [0, 1], got {photos.dtype}")


class Extractor(nn.Module, ABC):
    """A face recognition network: photos in, unit-length embeddings out.

    A family subclasses it and writes ``features``: everything from pixels in [0, 1] to the raw embedding, its own
    pre-processing included, so that nobody outside can get the pre-processing wrong.

    Attributes:
        name: as in casts and on screen, e.g. ``compact-a``.
        embedding_size: ``D``.
        preprocessing: what it does to pixels x in [0, 1] before its first layer, in words; shown with every run.
    """

    name: str
    embedding_size: int
    preprocessing: str = ""

    def prepare(self, photos: Tensor) -> Tensor:
        """What the first layer sees of photos ``(N, 3, 112, 112)`` in [0, 1]: ``preprocessing`` in numbers."""
        return photos

    @abstractmethod
    def features(self, photos: Tensor) -> Tensor:
        """Raw embeddings ``(N, D)`` of photos ``(N, 3, 112, 112)`` in [0, 1]."""

    def forward(self, photos: Tensor) -> Tensor:
        """Unit-length embeddings ``(N, D)`` of photos ``(N, 3, 112, 112)`` in [0, 1]."""
        return F.normalize(self.features(photos), dim=1)

    def weights_hash(self) -> str:
        """Twelve hexadecimal digits that change when any weight changes."""
        digest = hashlib.sha256(type(self).__name__.encode())
        for key, value in sorted(self.state_dict().items()):
            digest.update(key.encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()[:12]


@dataclass(frozen=True)
class Bank:
    """Photos of other people that an attack may aim at, or a defence may train on; never anybody evaluated.

    Attributes:
        photos: ``(M, 3, 112, 112)`` in [0, 1].
        people: ``(M,)`` int64.
    """

    photos: Tensor
    people: Tensor


@dataclass(frozen=True)
class Album:
    """What an attack gets to work on.

    Attributes:
        photos: ``(N, 3, 112, 112)`` in [0, 1], clean; N at least 1.
        people: ``(N,)`` int64, who is in each photo.
        bank: other people, for attacks that aim at somebody; for decoys, the protected person.
        budget: how far a photo may move; what is returned is projected onto it.
        generator: on the CPU; every random draw comes from it.
        view: what an extractor sees of a photo that was perturbed.
        progress: called between steps as ``progress(done, total)``, in forward+backward passes.
        watch: called between steps with rows of the album and how their photos look so far.
    """

    photos: Tensor
    people: Tensor
    bank: Bank | None
    budget: Budget
    generator: torch.Generator
    view: View = as_it_is
    progress: Progress = no_progress
    watch: Watch = unwatched


class Attack(ABC):
    """What a user does to photos before posting them.

    A subclass writes ``_optimise``; ``perturb`` checks what goes in, projects what comes out onto the budget and onto
    [0, 1], and never asks whether the attack worked: that is measured elsewhere, by others.

    Attributes:
        name: as in the registry, e.g. ``fawkes-1.0``.
        year: when it was published.
        default_budget: what a user gets who asks for nothing else; may depend on the settings.
        source: the paper or the release it follows.
        ensemble: whether it uses all surrogates there are, or only the first.
        anticipate: whether it also uses robust copies of the surrogates, trained against the tools there were before.
        decoy: whether it protects the people of the bank instead of those in the photos.
        about: what differs from the release, for the audience.
        release_steps: optimisation steps that its release takes; 0: it has no release, or none are needed.
        steps: those that it takes.
        revision: raised when the same settings and draws give other photos than before.
    """

    name: str
    year: int
    default_budget: Budget
    source: str
    ensemble: bool = False
    anticipate: bool = False
    decoy: bool = False
    about: str = ""
    release_steps: int = 0
    steps: int = 0
    revision: int = 1

    @property
    def weakened(self) -> str:
        """``weakened, 10 of 50 steps`` where it takes fewer steps than its release does; else empty."""
        return f"weakened, {self.steps} of {self.release_steps:,} steps" if self.steps < self.release_steps else ""

    @abstractmethod
    def _optimise(self, album: Album, surrogates: Sequence[Extractor]) -> Tensor:
        """Perturbed photos, same shape; the caller projects them."""

    @abstractmethod
    def passes(self, n_surrogates: int) -> int:
        """Forward+backward passes an image costs at most, all surrogates together."""

    def settings(self) -> dict[str, object]:
        """Every setting that changes the result, as plain values: part of the cache key."""
        # The budget has its own place in the key; words, and what a release does, change no pixel.
        hidden = {"default_budget", "about", "release_steps"}
        found = {k: v for k, v in sorted(vars(self).items()) if not k.startswith("_") and k not in hidden}
        return found | ({"revision": self.revision} if self.revision > 1 else {})

    def perturb(
        self,
        photos: Tensor,
        surrogates: Sequence[Extractor],
        *,
        budget: Budget | None = None,
        generator: torch.Generator,
        people: Tensor | None = None,
        bank: Bank | None = None,
        view: View = as_it_is,
        progress: Progress = no_progress,
        watch: Watch = unwatched,
    ) -> Tensor:
        """Perturb photos of one or many people, in batches.

        Args:
            photos: ``(N, 3, 112, 112)`` in [0, 1], clean.
            surrogates: the extractors the user can run; at least one.
            budget: how far a photo may move; ``default_budget`` when absent.
            generator: on the CPU; every random draw comes from it.
            people: ``(N,)`` who is in each photo; absent means that all show one person.
            bank: other people, for attacks that aim at somebody.
            view: what an extractor sees of a perturbed photo; differentiable.
            progress: called between steps.
            watch: called between steps with which photos are worked on, and how they look so far.

        Returns:
            ``(N, 3, 112, 112)`` in [0, 1], within the budget.

        Raises:
            UsageError: photos of a wrong shape or range, no surrogate, or an attack that needs a bank got none.
        """
        check_photos(photos)
        if photos.numel() and (photos.min() < 0 or photos.max() > 1):
            low, high = photos.min().item(), photos.max().item()
            raise UsageError(f"expected photos in [0, 1], got [{low:.3g}, {high:.3g}]; divide by 255?")
        if not surrogates:
            raise UsageError(f"{self.name} needs at least one surrogate extractor, got none")
        if people is None:
            people = torch.zeros(len(photos), dtype=torch.int64, device=photos.device)
        if people.shape != (len(photos),):
            raise UsageError(f"expected one person index a photo, got {tuple(people.shape)} for {len(photos)}")
        budget = budget or self.default_budget
        if not len(photos):
            return photos.clone()
        album = Album(photos, people, bank, budget, generator, view, progress, watch)
        with repeatable(photos.device):
            poisoned = self._optimise(album, surrogates).detach()
        for clean, part in zip(photos.split(64), poisoned.split(64), strict=True):  # in place: an album may be large
            part.copy_(budget.project(clean, part))
        return poisoned


class Classifier(ABC):
    """How the trainer turns embeddings into a name."""

    name: str

    @abstractmethod
    def fit(self, embeddings: Tensor, people: Tensor) -> Classifier:
        """Enrol embeddings ``(N, D)`` of people ``(N,)``; returns itself."""

    @abstractmethod
    def predict(self, embeddings: Tensor) -> Tensor:
        """Whom the trainer names ``(N,)`` for embeddings ``(N, D)``."""


class Defence(ABC):
    """How the trainer answers.

    Attributes:
        name: as in the registry, e.g. ``adapt``.
        source: the paper or the release it follows.
    """

    name: str
    source: str


class Training(Defence):
    """A defence that makes a new extractor from one it has and photos of people it may use.

    Attributes:
        makes: what the extractor is called that results, after the name of the first: ``compact-a robust``.
    """

    makes: str = "robust"

    def shell(self, extractor: Extractor) -> Extractor:
        """An extractor with the layers of what ``train`` makes of one, for weights that were kept: as a rule a copy."""
        return copy.deepcopy(extractor)

    def suited(self, extractor: Extractor) -> Training:
        """The same training with everything decided that depends on the network; by default itself."""
        return self

    @abstractmethod
    def train(
        self,
        extractor: Extractor,
        clean: Bank,
        poisoned: Tensor,
        *,
        anchors: Bank,
        generator: torch.Generator,
        progress: Progress = no_progress,
        watch: Callable[[Extractor], None] = unwatched,
        checkpoint: Checkpoint | None = None,
    ) -> Extractor:
        """A new extractor, trained on clean photos and the perturbed copies of the same photos.

        Args:
            extractor: where training starts; left unchanged.
            clean: photos of people who are not evaluated, one a row of ``poisoned``.
            poisoned: ``(M, 3, 112, 112)`` in [0, 1], row for row the perturbed copies.
            anchors: more clean photos of people who are not evaluated, to stay where they are.
            generator: on the CPU; every random draw comes from it.
            progress: called between steps.
            watch: called between steps with the network as it is by then.
            checkpoint: where to go on from, and where to leave what is done when it stops.
        """


class Detecting(Defence):
    """A defence that tells perturbed photos from clean ones."""

    @abstractmethod
    def fit(self, clean: Tensor, poisoned: Tensor) -> Detecting:
        """Learn from clean photos ``(N, 3, 112, 112)`` uint8 and perturbed ones ``(M, ...)``; returns itself."""

    @abstractmethod
    def flags(self, photos: Tensor) -> Tensor:
        """Which photos ``(N, 3, 112, 112)`` uint8 it takes for perturbed, ``(N,)`` bool, on the CPU."""


class Purifying(Defence):
    """A defence that washes every photo, scraped ones and probes alike, before an extractor sees it.

    Attributes:
        recipe: what it does, in a few words: its name in tables, and what makes two of a kind the same.
    """

    recipe: str

    @abstractmethod
    def __call__(self, photos: Tensor) -> Tensor:
        """Photos ``(N, 3, 112, 112)`` uint8, purified, uint8; the same photo always gives the same bytes."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Purifying) and (self.name, self.recipe) == (other.name, other.recipe)

    def __hash__(self) -> int:
        return hash((self.name, self.recipe))


class Estimating(Defence):
    """A defence that finds what a person's photos have in common and no person's should, and takes it off them.

    Only scraped photos go through it, of which the trainer knows who is in them; probes stay as they are.

    Attributes:
        recipe: what it does, in a few words: its name in tables, and what makes two of a kind the same.
    """

    recipe: str

    @abstractmethod
    def fit(self, clean: Bank) -> Estimating:
        """Learn from clean photos of other people what photos have in common anyway; returns itself."""

    @abstractmethod
    def clean(self, photos: Tensor, people: Tensor) -> Tensor:
        """Scraped photos ``(N, 3, 112, 112)`` uint8 of people ``(N,)``, cleaned, uint8, in the same order."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Estimating) and (self.name, self.recipe) == (other.name, other.recipe)

    def __hash__(self) -> int:
        return hash((self.name, self.recipe))


class Combining(Defence):
    """A defence that makes one answer or several of an accurate extractor's and a robust one's.

    Attributes:
        words: when the robust one is asked, for tables: ``under 0.55``.
        detail: the same for the audience, after "asks A, and B ...": ``where it is unsure``.
    """

    words: str
    detail: str

    @abstractmethod
    def answers(self, accurate: Tensor, similarity: Tensor, robust: Tensor) -> Tensor:
        """Whom the trainer names, ``(N, answers)``.

        Args:
            accurate: ``(N,)`` whom the accurate extractor names.
            similarity: ``(N,)`` of its nearest photo, cosine.
            robust: ``(N,)`` whom the robust one names.
        """
