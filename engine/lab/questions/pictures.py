"""Posted photos beside their originals, and whom the trainer names for a clean one."""

from __future__ import annotations

from facetui.engine.lab.questions.identification import nearest
from facetui.engine.lab.recognition.gallery import Gallery, make_gallery
from facetui.engine.lab.recognition.trainer_state import TrainerState
from facetui.engine.records.events import Candidate, PicturesShown


class Shower:
    """Shows whom the trainer names for clean probes, beside the photo that was posted; the gallery is made once."""

    def __init__(self, state: TrainerState, cohort: str) -> None:
        self._world = state.world
        self._cohort = cohort
        self._pipeline = state.current
        gallery: Gallery = make_gallery(state, self._pipeline, state.archive)
        rows = gallery.only(cohort)
        self._size = int(rows.sum())
        self._search = nearest(self._pipeline).fit(gallery.embeddings[rows], gallery.people[rows])

    def pictures(self, person: int, original: str, posted: str, probe_index: int, probe: str) -> PicturesShown:
        """The event about one person; pictures by their hashes."""
        world, pipeline = self._world, self._pipeline
        photo = world.people.persons[person].photos[probe_index : probe_index + 1]
        # Several photos of one person may come first: look far enough for three different people.
        seen = world.networks.embeddings(pipeline.extractor, pipeline.purified(photo))
        values, people = self._search.search(seen, self._size)
        best: dict[int, float] = {}
        for value, candidate in zip(values[0].tolist(), people[0].tolist(), strict=True):
            best.setdefault(candidate, value)
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
        )
