"""The trainer's strongest answer: a new extractor, trained on what public tools do to other people's photos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch

from facetui.engine.core.interfaces import Extractor, Training
from facetui.engine.lab.recognition.gallery import make_gallery
from facetui.engine.lab.recognition.nearest import NearestNeighbour
from facetui.engine.lab.recognition.pipeline import Pipeline
from facetui.engine.lab.recognition.trainer_state import TrainerState
from facetui.engine.lab.trainer.pair_sources import Pairs
from facetui.engine.lab.trainer.rehearsal import failing, rehearse
from facetui.engine.lab.trainer.training_photos import train
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import DefenceApplied
from facetui.engine.records.rates import error_rate, percent


def adapt(state: TrainerState, training: Training, pairs: Pairs, bare: Pipeline) -> None:
    """Train the current extractor on and use the result from now on.

    Args:
        state: the trainer's.
        training: how.
        pairs: what it learns from.
        bare: the pipeline that the new extractor gets, apart from the extractor.
    """
    world, base = state.world, state.current.extractor
    held_out, clean, names = world.kept, pairs.clean, pairs.names
    name = _name(state, base, _how(training, pairs))
    robust = train(world, training, base, clean, pairs.poisoned, name, partial(_trial, state))
    robust.name = name
    world.networks.add(robust.eval())
    before, n_probes = _accuracy(state, replace(bare, extractor=base), held_out)
    after, _ = _accuracy(state, replace(bare, extractor=name), held_out)
    known = next((p.against for p in state.pipelines if p.extractor == base and p.defence), ())
    against = tuple(dict.fromkeys([*known, *names]))
    state.pipelines.append(replace(bare, extractor=name, defence=training.name, against=against))
    world.recorder.emit(
        DefenceApplied(
            actor="trainer",
            defence=training.name,
            against=list(names),
            extractor=name,
            n_people=len(clean.people.unique()),
            n_photos=len(clean.photos),
            accuracy_before=before,
            accuracy_after=after,
            n_probes=n_probes,
            detail=_detail(pairs, name, before, after, n_probes) if pairs.cost else "",
        )
    )


def _how(training: Training, pairs: Pairs) -> str:
    """What a network is called after the one it began with: ``robust``, ``from 5 pairs``, ``purified from 5 pairs``."""
    if not pairs.how:
        return training.makes
    return pairs.how if training.makes == Training.makes else f"{training.makes} {pairs.how}"


def _detail(pairs: Pairs, name: str, before: float | None, after: float | None, n_probes: int) -> str:
    """What it took to get the pairs, and what came of them, in words."""
    said = f"{pairs.cost} and learns from what comes back: {name}"
    if before is not None and after is not None:
        moved = f"{percent(before)} -> {percent(after)} ({n_probes} probes)"
        said += f"; accuracy on people neither protected nor trained on {moved}"
    return said


def _name(state: TrainerState, base: str, how: str) -> str:
    """A name that no pipeline has yet: ``compact-a robust``, ``compact-a robust 2``, ``compact-a from 5 pairs``."""
    taken = {pipeline.extractor for pipeline in state.pipelines}
    first = f"{base.removesuffix(f' {how}')} {how}"
    return next(name for name in [first, *(f"{first} {i}" for i in range(2, 100))] if name not in taken)


def _trial(state: TrainerState) -> Callable[[Extractor], float] | None:
    """How a network does in the trainer's own test, by which ``choose`` picks, too; ``None`` with nobody to try."""
    try:
        trial = rehearse(state, state.world.kept)
    except UsageError:
        return None
    return lambda network: failing(state.world, trial, network)


def _accuracy(state: TrainerState, pipeline: Pipeline, people: list[int]) -> tuple[float | None, int]:
    """Rank-1 accuracy on clean probes of unprotected people, the archive enrolled; ``None`` without people."""
    world = state.world
    if not people or not state.archive:
        return None, 0
    gallery = make_gallery(state, Pipeline(pipeline.extractor), state.archive)
    # Embedded together with everybody's, as ``measure`` does it: what it asks for next is in the cache.
    sides = [world.probes(who) for who in (world.protected, world.kept)]
    photos, truth = (torch.cat(parts) for parts in zip(*sides, strict=True))
    asked = torch.isin(truth, torch.tensor(people))
    search = NearestNeighbour(pipeline.metric).fit(gallery.embeddings, gallery.people)
    named = search.predict(world.networks.embeddings(pipeline.extractor, photos)[asked])
    missed, _, n = error_rate(named.tolist(), truth[asked].tolist())
    return 1 - missed, n
