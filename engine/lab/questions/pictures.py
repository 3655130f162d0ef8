"""Posted photos beside their originals, and whom the trainer names for a clean one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facetui.engine.lab.questions.identification import _nearest
from facetui.engine.lab.recognition.gallery import Gallery, gallery
from facetui.engine.records.events import Candidate, PicturesShown

if TYPE_CHECKING:
    from facetui.engine.lab.lab import Lab


class Shower:
    """Shows whom the trainer names for clean probes, beside the photo that was posted; the gallery is made once."""

    def __init__(self, lab: Lab, cohort: str) -> None:
        self._lab = lab
        self._cohort = cohort
        self._pipeline = lab.trainer.pipelines[-1]
        held: Gallery = gallery(lab, self._pipeline, lab.trainer.archive)
        rows = held.only(cohort)
        self._size = int(rows.sum())
        self._search = _nearest(self._pipeline).fit(held.embeddings[rows], held.people[rows])

    def pictures(self, person: int, original: str, posted: str, probe_index: int, probe: str) -> PicturesShown:
        """The event about one person; pictures by their hashes."""
        lab, pipeline = self._lab, self._pipeline
        photo = lab.people.persons[person].photos[probe_index : probe_index + 1]
        # Several photos of one person may come first: look far enough for three different people.
        seen = lab.networks.embeddings(pipeline.extractor, pipeline.purified(photo))
        values, people = self._search.search(seen, self._size)
        best: dict[int, float] = {}
        for value, candidate in zip(values[0].tolist(), people[0].tolist(), strict=True):
            best.setdefault(candidate, value)
        return PicturesShown(
            actor="trainer",
            person=lab.people.persons[person].name,
            cohort=self._cohort,
            original=original,
            posted=posted,
            probe=probe,
            extractor=pipeline.extractor,
            candidates=[Candidate(lab.people.persons[p].name, round(value, 3)) for p, value in list(best.items())[:3]],
        )
