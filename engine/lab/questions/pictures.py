"""Posted photos beside their originals, and whom the trainer names for a clean one."""

from __future__ import annotations

import torch
from torch.nn.functional import normalize

from facetui.engine.lab.recognition.gallery import make_galleries
from facetui.engine.lab.recognition.recogniser import seen_by
from facetui.engine.lab.recognition.trainer_state import TrainerState
from facetui.engine.records.events import WHOLE_ARCHIVE, Candidate, PicturesShown


class Shower:
    """Shows whom the trainer names for clean probes, beside the photo that was posted; the gallery is made once."""

    def __init__(self, state: TrainerState, cohort: str) -> None:
        self._world = state.world
        self._cohort = cohort
        self._pipeline = state.current
        self._galleries = make_galleries(state, self._pipeline, state.archive)

    def pictures(self, person: int, original: str, posted: str, probe_index: int, probe: str) -> PicturesShown:
        """The event about one person; pictures by their hashes."""
        world, pipeline = self._world, self._pipeline
        photo = world.people.persons[person].photos[probe_index : probe_index + 1]
        # By everything the trainer holds, as it would be asked; several photos of one person may come first.
        gallery = self._galleries.of(person, WHOLE_ARCHIVE)
        known, seen = gallery.embeddings, seen_by(world, pipeline, pipeline.purified(photo))
        cosine = (normalize(seen) @ normalize(known).T)[0]
        nearness = -torch.cdist(seen, known)[0] if pipeline.raw else cosine
        best: dict[int, float] = {}
        for row in nearness.argsort(descending=True).tolist():
            best.setdefault(int(gallery.people[row]), float(cosine[row]))
        first = next(iter(best))
        return PicturesShown(
            actor="trainer",
            person=world.people.persons[person].name,
            cohort=self._cohort,
            original=original,
            posted=posted,
            probe=probe,
            extractor=pipeline.extractor,
            candidates=[
                Candidate(world.people.persons[p].name, round(value, 3)) for p, value in list(best.items())[:3]
            ],
            own=round(best[person], 3) if person in best else None,
            named=world.recorder.picture(world.people.persons[first].photos[world.split[first][1][0]]),
        )
