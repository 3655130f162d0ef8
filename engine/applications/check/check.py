"""Does it protect? A user's photos, before and after any tool, against every trainer of a cast.

The question is the one that matters once photos are out there: a trainer has enrolled what was posted, and is shown a
*clean* photo; does it name the user? Comparing a photo with its own protected copy, as many do, asks another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from facetui.engine.applications.check.album import Album, Tell
from facetui.engine.applications.check.crowd import without_user
from facetui.engine.applications.check.order import Order, refuse_if_swapped
from facetui.engine.applications.check.pairing.pair import RECODINGS, UNDONE
from facetui.engine.applications.check.result import Detection, Pairwise, Photo, Purification, Recoded, Report, Row
from facetui.engine.applications.check.search import Search, Share
from facetui.engine.applications.check.trainers import (
    TOOLS,
    Crowd,
    Trial,
    adapted,
    choose_purifier,
    enrolled,
    make_world,
    run_tools,
    tools_in_words,
    try_out,
)
from facetui.engine.applications.check.warnings import strangers, warnings
from facetui.engine.core.cache import Cache
from facetui.engine.core.memory import give_back
from facetui.engine.defences.detector import Detector
from facetui.engine.defences.purifier import Purifier
from facetui.engine.lab.questions.verification import FALSE_MATCHES
from facetui.engine.lab.trainer.training_photos import training_photos
from facetui.engine.lab.world.recorder import Recorder
from facetui.engine.lab.world.strength import Strength
from facetui.engine.lab.world.world import World
from facetui.engine.people.casts import Cast
from facetui.engine.people.identities import crowd as embedded_crowd
from facetui.engine.people.persons import People
from facetui.engine.people.same_photo import firsts
from facetui.engine.records.events import Event, Progress


def check(
    album: Album,
    crowd: People,
    cast: Cast,
    *,
    cache: Cache | None = None,
    seed: int = 0,
    device: torch.device | None = None,
    strength: Strength = "release",
    as_given: bool = False,
    tell: Tell = lambda task, done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Report:
    """Check photos against every trainer.

    Args:
        album: the user's photos, as ``album.gather`` reads them.
        crowd: everybody else; with the embedded people comes the crowd around them, so that 530 are searched among.
        cast: the trainer's generations; extractors that are surrogates only are tried too.
        cache: everything computed is kept there, so a check that was stopped goes on where it was.
        seed: of every random draw.
        device: where to compute.
        strength: of the tools that the trainers learn from, ``release`` or ``workshop``.
        as_given: believe that the folders are not swapped, and that nobody in the crowd is the user, whatever the
            photos look like.
        tell: called as ``tell(task, done, total)``; may raise ``Cancelled``.
        cancelled: asked between steps.

    Raises:
        DataError: the originals look perturbed and the copies do not; the crowd is nobody but the user.
        Cancelled: on request; what was computed is in the cache.
    """

    def emit(event: Event) -> None:
        if isinstance(event, Progress):
            tell(event.task, event.done, event.total)

    def world_of(people: People) -> World:
        recorder = Recorder(emit, cancelled=cancelled)
        where: dict[str, Any] = {"seed": seed, "device": device, "cache": cache, "recorder": recorder}
        return make_world(people, cast, album.clean, around.persons if around else (), strength=strength, **where)

    around = embedded_crowd(None, crowd)

    world = world_of(crowd)
    if not as_given:
        tell("look for you in the crowd", 0, 1)
        others = _without_user(crowd, world, album)
        crowd, world = (crowd, world) if others is crowd else (others, world_of(others))
        give_back()
    return _Check(album, world, tell).run(crowd, as_given)


def _without_user(people: People, world: World, album: Album) -> People:
    """As ``without_user``; what is enrolled for it is not kept beside what is enrolled later."""
    crowd = enrolled(world)
    return without_user(people, world, album, crowd, strangers(album, world, crowd))


PURIFIED = 512
"""Photos that are purified before they are embedded."""


@dataclass(frozen=True)
class _Trainer:
    """How one trainer sees photos: an extractor, what it puts before it, and what it throws away."""

    kind: str
    extractor: str
    recipe: str = ""
    drops: bool = False


class _Check:
    """One check under way."""

    def __init__(self, album: Album, world: World, tell: Tell) -> None:
        self.album, self.world, self._tell = album, world, tell
        self.clean, self.protected = album.clean, album.protected
        first = firsts(album.groups)
        self.probes = self.clean[first] if album.probes is None else album.probes
        # A photo is searched for while no copy of it, and none of the same moment, is enrolled.
        self._own = album.groups[first, None] == album.groups if album.probes is None else None
        self.crowd: Crowd = enrolled(world)
        generations = [generation.extractor for generation in world.cast.generations]
        self.released = list(dict.fromkeys([*generations, *world.cast.surrogates]))
        self._kinds = {name: "newer" for name in generations[1:]} | {generations[0]: "naive"}
        self._flags: dict[str, Tensor] = {}

    def run(self, people: People, as_given: bool) -> Report:
        training = training_photos(self.world)
        copies = run_tools(self.world, training, "other people")
        trial = try_out(self.world)
        self._tell("train the detector", 0, 1)
        detector = Detector().fit(training.photos, torch.cat(copies))
        sets = {"clean": self.clean, "protected": self.protected, "crowd": self.crowd.photos}
        self._flags = {name: detector.flags(photos) for name, photos in sets.items()}
        detection = self._detection(detector, trial)
        if not as_given:
            refuse_if_swapped(Order(training.photos, copies).forward(self.clean, self.protected))
        pairwise = [self._pairwise(extractor) for extractor in self.released]
        self._tell("try purifiers on other people", 0, 1)
        recipe, named, n_searches = choose_purifier(self.world, self.crowd, trial)
        robust = adapted(self.world)
        rows = [self._row(trainer) for trainer in self._trainers(recipe, robust, detection.tells)]
        self._tell("encode photos anew", 0, 1)
        order = sorted(range(len(self.album.pairs)), key=lambda i: self._visible(i), reverse=True)
        return Report(
            protocol="leave-one-out" if self.album.probes is None else "probes",
            n_pairs=len(self.clean),
            n_groups=self.album.n_groups,
            n_probes=len(self.probes),
            by_content=sum(pair.by_content for pair in self.album.pairs),
            hidden=len(self.album.hidden),
            undone={name: sum(name in pair.undone for pair in self.album.pairs) for name in UNDONE},
            unchanged=sum(pair.linf == 0 for pair in self.album.pairs),
            crowd=people.source,
            fictional=people.fictional,
            n_crowd=self.crowd.size,
            n_enrolled=len(self.crowd.people),
            cast=self.world.cast.name,
            preprocessing={name: self.world.networks.get(name).preprocessing for name in self.released},
            tools=tools_in_words(self.world),
            n_training=(len(training.photos), len(training.people.unique())),
            rows=rows,
            pairwise=pairwise,
            recoded=list(self._recoded()),
            detection=detection,
            purification=Purification(recipe, named, n_searches),
            photos=[self._photo(i) for i in order],
            warnings=[*warnings(self.album, self.world, self.crowd, people.fictional), *people.left_out],
            left_out=self.album.left_out,
            seed=self.world.seed,
            pictures=[self.album.pairs[i] for i in order],
        )

    def _trainers(self, recipe: str, robust: str, detects: bool) -> Iterator[_Trainer]:
        yield from (_Trainer(self._kinds.get(name, "other"), name) for name in self.released)
        yield _Trainer("adapted", robust)
        yield from (_Trainer("purified", name, recipe) for name in self.released)
        if detects:
            yield from (_Trainer("detected", name, drops=True) for name in self.released)

    def _row(self, trainer: _Trainer) -> Row:
        self._tell(f"{trainer.kind} {trainer.extractor}: search", 0, 1)
        clean, protected, crowd = (
            self._seen(trainer, photos) for photos in (self.clean, self.protected, self.crowd.photos)
        )
        search = Search(self._seen(trainer, self.probes), crowd, self.crowd.people, self._own)
        drop = {name: flags & trainer.drops for name, flags in self._flags.items()}
        dropped = int(drop["protected"].sum())
        return Row(
            trainer.kind,
            trainer.extractor,
            trainer.recipe or (f"drops {dropped} of {len(protected)}" if trainer.drops else ""),
            search.ranks(protected, drop["protected"], drop["crowd"]),
            search.ranks(clean, drop["clean"], drop["crowd"]),
            search.mixed(
                protected,
                clean,
                self.world.generator("leaked", len(protected)),
                torch.stack([drop["protected"], drop["clean"]]),
                drop["crowd"],
            ),
        )

    def _seen(self, trainer: _Trainer, photos: Tensor) -> Tensor:
        if not trainer.recipe:
            return self.world.networks.embeddings(trainer.extractor, photos)
        purify, embeddings = Purifier(trainer.recipe), self.world.networks.embeddings
        # What is purified is no longer bytes: a large crowd would take four times its memory.
        return torch.cat([embeddings(trainer.extractor, purify(some)) for some in photos.split(PURIFIED)])

    def _pairwise(self, extractor: str) -> Pairwise:
        crowd, before, after = (
            self.world.networks.embeddings(extractor, photos)
            for photos in (self.crowd.photos, self.clean, self.protected)
        )
        strangers = (crowd @ crowd.T)[self.crowd.people[:, None] != self.crowd.people[None]].sort().values
        threshold = float(strangers[int((1 - FALSE_MATCHES) * (len(strangers) - 1))])
        groups = self.album.groups
        different = groups[:, None] != groups
        own, clean, posted = (before * after).sum(1), (before @ before.T)[different], (before @ after.T)[different]

        def match(similar: Tensor) -> Share:
            return Share.of(int((similar >= threshold).sum()), len(similar))

        means = float(own.mean()), float(clean.mean()), float(posted.mean())
        return Pairwise(extractor, *means, threshold, match(own), match(clean), match(posted))

    def _recoded(self) -> Iterator[Recoded]:
        for number, recoding in enumerate(("", *RECODINGS)):
            copies = [pair.recoded[number - 1] if number else pair.protected for pair in self.album.pairs]
            # A photo without a face is enrolled by nobody; its row stays, so that no probe meets its own copy.
            gone = torch.tensor([copy is None for copy in copies])
            photos = torch.stack([self.clean[0] if copy is None else copy for copy in copies])
            for extractor in self.released:
                trainer = _Trainer("", extractor)
                probes, crowd = self._seen(trainer, self.probes), self._seen(trainer, self.crowd.photos)
                ranks = Search(probes, crowd, self.crowd.people, self._own).ranks(self._seen(trainer, photos), gone)
                yield Recoded(recoding, extractor, ranks.first, len(copies) - int(gone.sum()))

    def _detection(self, detector: Detector, trial: Trial) -> Detection:
        def share(flags: Tensor) -> Share:
            return Share.of(int(flags.sum()), len(flags))

        recall = {name: share(detector.flags(copies)) for name, copies in zip(TOOLS, trial.perturbed, strict=True)}
        unseen = torch.cat([trial.clean.photos, trial.rehearsal.queries])
        return Detection(
            share(self._flags["clean"]), share(self._flags["protected"]), share(detector.flags(unseen)), recall
        )

    def _visible(self, i: int) -> tuple[float, ...]:
        pair = self.album.pairs[i]
        return pair.dssim or 0.0, pair.linf

    def _photo(self, i: int) -> Photo:
        pair: Any = self.album.pairs[i]
        flagged = bool(self._flags["protected"][i])
        figures = pair.name, pair.protected_name, pair.linf, pair.dssim, pair.psnr, flagged
        return Photo(*figures, list(pair.undone), pair.by_content, round(pair.sure, 3))
