"""Open-set identification: a trainer that names nobody where the nearest face is not near enough.

As NIST's FRVT 1:N reports it: false negatives at a false positive identification rate, the share of searches for
people who are *not* enrolled that end in a name.
"""

from __future__ import annotations

from torch.nn.functional import normalize

from facetui.engine.lab.recognition.gallery import make_galleries
from facetui.engine.lab.recognition.recogniser import seen_by
from facetui.engine.lab.recognition.strangers import threshold_at
from facetui.engine.lab.recognition.trainer_state import TrainerState
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import WHOLE_ARCHIVE, OpenSetMeasured
from facetui.engine.records.rates import people_interval


def identify(state: TrainerState, false_alarms: float) -> OpenSetMeasured:
    """Search with a threshold that lets few strangers be named; emits and returns.

    The strangers are the unprotected people on whom the trainer may train, and the crowd, each searched for in a
    gallery that lacks them: nobody who is evaluated decides where the threshold lies.

    Args:
        state: the trainer's.
        false_alarms: share of searches for strangers that may end in a name, in (0, 1).

    Raises:
        UsageError: nothing was scraped, a share outside (0, 1), a classifier without similarities, or too few
            strangers for such a share.
    """
    world, archive = state.world, state.archive
    if not 0 < false_alarms < 1:
        raise UsageError(f"expected a share of false alarms in (0, 1), got {false_alarms}")
    if not archive:
        raise UsageError("the archive is empty; let the trainer scrape before it names anybody")
    if state.law.bans(world.t):
        raise UsageError(f"nobody may be searched for at {world.t}: a moratorium is in force")
    pipeline = state.current
    if pipeline.classifier != "nearest":
        raise UsageError("saying nobody needs similarities; classify_by('nearest') first")
    galleries = make_galleries(state, pipeline, archive)
    strangers = [*world.trainable, *world.crowd]
    threshold, n_strangers = threshold_at(galleries.clean or galleries.posted, strangers, false_alarms)

    def missed(person: int) -> int:
        gallery = galleries.of(person, WHOLE_ARCHIVE) if person in world.protected else galleries.posted
        photos, _ = world.probes([person])
        seen = seen_by(world, pipeline, pipeline.purified(photos))
        similarity = normalize(seen) @ normalize(gallery.embeddings).T
        best, row = similarity.max(1)
        return int(((gallery.people[row] != person) | (best <= threshold)).sum())

    each = [len(world.split[person][0]) for person in world.protected]
    misses = [missed(person) for person in world.protected]
    n_others = sum(len(world.split[person][0]) for person in world.kept)
    event = OpenSetMeasured(
        actor="trainer",
        extractor=pipeline.extractor,
        steps=pipeline.steps,
        false_alarms=false_alarms,
        threshold=round(threshold, 4),
        false_negatives=sum(misses) / sum(each),
        interval=people_interval(misses, each),
        people=each,
        missed=misses,
        unprotected_error=sum(map(missed, world.kept)) / n_others if n_others else 0.0,
        n_unprotected=n_others,
        n_strangers=n_strangers,
        n_gallery=len(galleries.posted.people.unique()),
    )
    world.recorder.emit(event)
    return event
