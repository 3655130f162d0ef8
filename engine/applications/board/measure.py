"""A tool on everybody's photos, one person after the other, each scored as ``facetui check`` scores."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch

from facetui.engine import extractors
from facetui.engine.applications.board.posters import Poster, check_size, draw, write
from facetui.engine.applications.board.record import Cell, Person, Settings
from facetui.engine.applications.board.tools import Tool, ToolFailed
from facetui.engine.applications.check.album import LEAST, Album, Tell, gather
from facetui.engine.applications.check.check import check
from facetui.engine.applications.check.result import Report, Row
from facetui.engine.core.cache import Cache
from facetui.engine.core.memory import give_back
from facetui.engine.lab.world.strength import Strength
from facetui.engine.people import identities as peoples
from facetui.engine.people.casts import Cast
from facetui.engine.people.persons import EMBEDDED, People
from facetui.engine.records.errors import DataError
from facetui.engine.records.text import brief

SAID = 20
"""Photos that took no part whose sentences are kept, of one person."""


@dataclass(frozen=True)
class Plan:
    """On whom tools are tried, and against which trainers.

    Attributes:
        cast: the trainers' extractors, and what attacks of this package attack.
        n_people: who give photos to the tool.
        n_photos: that each of them gives.
        size: pixels of a photo's side.
        seed: of every random draw.
        strength: of the tools that trainers learn from.
        device: where to compute.
        cache: everything computed is kept there; without a folder, only as long as this board takes.
    """

    cast: Cast
    n_people: int = 8
    n_photos: int = 8
    size: int = 448
    seed: int = 0
    strength: Strength = "release"
    device: torch.device | None = None
    cache: Cache = field(default_factory=lambda: Cache(None))

    def settings(self) -> Settings:
        """What boards have to share; loads every network.

        Raises:
            UsageError: a number that does not fit.
        """
        check_size(self.size)
        people = peoples.load(EMBEDDED)
        _, others = draw(people, self.n_people, self.n_photos, self.seed)
        game, _ = peoples.tool_faces(others)
        around = peoples.crowd(None, people)
        return Settings(
            people=people.source,
            fictional=people.fictional and (around is None or around.fictional),
            n_crowd=len(game) + (len(around) if around else 0),
            n_people=self.n_people,
            photos=self.n_photos,
            size=self.size,
            cast=self.cast.name,
            strength=self.strength,
            seed=self.seed,
            weights={name: extractors.load(name).weights_hash() for name in self.cast.networks},
        )


def measure(
    plan: Plan, tool: Tool, tell: Tell = lambda task, done, total: None, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[Person]:
    """Run a tool on everybody's photos; yields what became of each person's, also where the tool failed.

    Args:
        plan: on whom.
        tool: what is tried.
        tell: called as ``tell(task, done, total)``, often; may raise ``Cancelled``.
        cancelled: asked between steps.

    Raises:
        UsageError: a number of the plan that does not fit.
        Cancelled: on request; what was yielded stays measured.
    """
    check_size(plan.size)
    posters, others = draw(peoples.load(EMBEDDED), plan.n_people, plan.n_photos, plan.seed)
    with tempfile.TemporaryDirectory(prefix="facetui-board-", ignore_cleanup_errors=True) as made:
        folder = Path(made).resolve()
        # Trainers are taught once and found in the cache for everybody else.
        cache = plan.cache if plan.cache.folder else Cache(folder / "cache")
        for number, poster in enumerate(posters, 1):
            where = f"{poster.name}, {number} of {len(posters)}"

            def about(task: str, done: int, total: int, where: str = where) -> None:
                tell(f"{where}: {task}", done, total)

            one = _Trial(plan, tool, poster, folder / poster.name, cache, about)
            yield one.run(others, cancelled)
            shutil.rmtree(folder / poster.name, ignore_errors=True)
            give_back()


class _Trial:
    """One person's photos on their way through a tool and a check."""

    def __init__(self, plan: Plan, tool: Tool, poster: Poster, folder: Path, cache: Cache, tell: Tell) -> None:
        self._plan, self._tool, self._poster, self._folder = plan, tool, poster, folder
        self._cache, self._tell = cache, tell

    def run(self, others: People, cancelled: Callable[[], bool]) -> Person:
        given, seconds = len(self._poster.posted), 0.0
        try:
            clean, out, seconds = self._protect()
            album = self._gather(clean, out)
        except DataError as error:
            why = brief(self._plain(str(error)), 400)
            return Person(name=self._poster.name, state="failed", why=why, photos=given, seconds=seconds)
        figures = {"photos": given, "pairs": len(album.pairs), "hidden": len(album.hidden), "seconds": seconds}
        left_out = [brief(self._plain(entry.text)) for entry in album.left_out[:SAID]]
        if album.n_groups < LEAST:
            why = f"no face is found any more in {len(album.hidden)} of {given} photos"
            return Person(name=self._poster.name, state="hidden", why=why, left_out=left_out, **figures)  # type: ignore[arg-type]
        plan = self._plan
        report = check(
            album,
            others,
            plan.cast,
            cache=self._cache,
            seed=plan.seed,
            device=plan.device,
            strength=plan.strength,
            as_given=True,
            tell=self._tell,
            cancelled=cancelled,
        )
        return Person(
            name=self._poster.name,
            state="measured",
            left_out=left_out,
            unchanged=report.unchanged,
            linf=max(photo.linf for photo in report.photos),
            dssim=_mean_dssim(report),
            cells=[_cell(row) for row in report.rows],
            **figures,  # type: ignore[arg-type]
        )

    def _protect(self) -> tuple[Path, Path, float]:
        """The originals, what the tool made of a copy of them, and how long that took."""
        clean = write(self._folder / "clean", self._poster.posted, self._plan.size)
        # The tool gets copies: some write over what they are given.
        photos, out = Path(shutil.copytree(clean, self._folder / "input")), self._folder / "output"
        out.mkdir()
        self._tell("the tool", 0, 1)
        began = time.monotonic()
        self._tool.run(photos, out, lambda: self._tell("the tool", 0, 1))
        return clean, out, time.monotonic() - began

    def _gather(self, clean: Path, out: Path) -> Album:
        probes = write(self._folder / "probes", self._poster.probes, self._plan.size)
        try:
            return gather(clean, out, probes, self._cache, self._tell)
        except DataError as error:
            raise ToolFailed(f"the tool's output cannot be used: {error}") from None

    def _plain(self, said: str) -> str:
        return said.replace(f"{self._folder}/", "").replace(str(self._folder), "")


def _mean_dssim(report: Report) -> float | None:
    seen = [photo.dssim for photo in report.photos if photo.dssim is not None]
    return max(0.0, sum(seen) / len(seen)) if seen else None


def _cell(row: Row) -> Cell:
    shares = row.protected.first, row.leaked.first, row.clean.first
    missed, leaked, clean = (share.n - share.hits for share in shares)
    return Cell(
        trainer=row.trainer,  # type: ignore[arg-type]
        extractor=row.extractor,
        detail=row.detail,
        probes=row.protected.first.n,
        missed=missed,
        leaked=leaked,
        clean=clean,
    )
