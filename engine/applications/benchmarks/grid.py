"""Attacks by extractors: who is protected from whom, every cell measured.

Each attack has a lab of its own: the same people, the same posted photos and the same clean probes; only what the
protected people run differs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from facetui.engine import attacks
from facetui.engine import extractors as families
from facetui.engine.attacks import ATTACKS
from facetui.engine.core.cache import Cache
from facetui.engine.lab.lab import Lab
from facetui.engine.lab.questions import identification
from facetui.engine.people.casts import Cast, Generation
from facetui.engine.people.persons import People, Person
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import Event, PhotosPosted, ProtectionMeasured
from facetui.engine.records.measurements import Measurements

CLEAN = "clean"


@dataclass(frozen=True)
class Row:
    """One attack as it is run.

    Attributes:
        attack: its name, or ``clean`` for no attack at all; several, joined by ``+``, share out each user's photos.
        settings: its settings.
        surrogates: extractors it may use.
        budget: e.g. ``linf 8/255``; ``None`` is the attack's own.
        share: of each user's photos that are perturbed, in [0, 1]; the others are posted as they are.
    """

    attack: str
    settings: dict[str, Any]
    surrogates: tuple[str, ...]
    budget: str | None = None
    share: float = 1.0

    @classmethod
    def parse(cls, text: str, surrogates: Sequence[str]) -> Row:
        """Read ``lowkey``, ``fawkes-0.3:mode=high`` or ``lowkey@compact-a+mobilefacenet-casia``.

        Args:
            text: a name, or several joined by ``+``; after ``:`` settings, separated by ``;``, the budget and the share
                of perturbed photos among them; after ``@`` surrogates, separated by ``+``.
            surrogates: where the text names none.

        Raises:
            UnknownName: no such attack or extractor.
            UsageError: a setting without ``=``, or a share that is none.
        """
        head, _, own = text.partition("@")
        name, _, rest = head.partition(":")
        settings: dict[str, Any] = {}
        for part in filter(None, rest.split(";")):
            key, equals, value = part.partition("=")
            if not equals:
                raise UsageError(f"expected settings like 'fawkes-0.3:mode=high', got {text!r}")
            settings[key] = _value(value)
        names = [] if name == CLEAN else name.split("+")
        for one in names:
            ATTACKS.entry(one)
        if len(names) > 1 and set(settings) - {"share"}:
            raise UsageError(f"a mix of tools takes no settings but a share, got {text!r}")
        chosen = tuple(own.split("+")) if own else tuple(surrogates)
        for surrogate in chosen:
            families.EXTRACTORS.entry(surrogate)
        budget, share = settings.pop("budget", None), settings.pop("share", 1.0)
        if isinstance(share, str) or not 0 <= share <= 1:
            raise UsageError(f"expected a share in [0, 1], got {share!r} in {text!r}")
        return cls(name, settings, chosen, None if budget is None else str(budget), float(share))

    @property
    def names(self) -> tuple[str, ...]:
        """The attacks; none for ``clean``."""
        return () if self.attack == CLEAN else tuple(self.attack.split("+"))

    @property
    def words(self) -> str:
        """``fawkes-0.3 mode=high``."""
        settings = [f"{key}={value}" for key, value in self.settings.items()]
        share = [f"{self.share:.0%} of photos".replace("%", " %")] if self.share < 1 else []
        return " ".join([self.attack, *settings, *([self.budget] if self.budget else []), *share])


def _value(text: str) -> Any:
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


@dataclass(frozen=True)
class Line:
    """A row of the grid, measured.

    Attributes:
        row: the attack.
        surrogates: those it used.
        posted: how visible the posted photos are; ``None`` for clean ones.
        cells: by extractor; the whole archive against a trainer who uses it.
    """

    row: Row
    surrogates: tuple[str, ...]
    posted: PhotosPosted | None
    cells: dict[str, ProtectionMeasured]


def measure(
    rows: Sequence[Row],
    extractors: Sequence[str],
    people: People,
    tool: People,
    *,
    users: Sequence[str] | None = None,
    photos: int = 20,
    crowd: Sequence[Person] = (),
    seed: int = 0,
    device: torch.device | None = None,
    cache: Cache | None = None,
    emit: Callable[[Event], None] = lambda event: None,
) -> Iterator[Line]:
    """Measure row after row; what is in the cache is not computed again.

    Args:
        rows: the attacks.
        extractors: what the trainer recognises with, one a column.
        people: everybody in the game.
        tool: people whom targeted attacks aim at.
        users: who protects their photos; absent: a quarter, by the seed.
        photos: posted by everybody.
        crowd: people who are only searched among.
        seed: of every random draw.
        device: where to compute.
        cache: results of earlier runs.
        emit: receives every event, for progress.

    Raises:
        UsageError: people with too few photos, an attack that protects somebody else.
    """
    generations = tuple(Generation(name, "2020-01") for name in extractors)
    for row in rows:
        events: list[Event] = []

        def hear(event: Event, events: list[Event] = events) -> None:
            events.append(event)
            emit(event)

        cast = Cast("grid", "", people.source, row.surrogates, generations)
        where: dict[str, Any] = {"seed": seed, "device": device, "cache": cache}
        lab = Lab(people, cast, tool=tool, users=users, crowd=crowd, emit=hear, **where)
        used: tuple[str, ...] = ()
        lab.at("2020-01")
        if row.attack != CLEAN:
            made = [attacks.make(name, **row.settings) for name in row.names]
            used = tuple(dict.fromkeys(name for attack in made for name in lab.world.surrogates(attack)))
            lab.users.protect(list(row.names), budget=row.budget, share=row.share, **row.settings)
        lab.users.post(photos)
        lab.trainer.use(extractors[0])
        lab.trainer.scrape()
        cells = {}
        for name in extractors:
            lab.trainer.use(name)
            # Not by the lab's own verb: that also lets the trainer try which of the extractors it would pick.
            cells[name] = Measurements(identification.measure(lab.trainer.state)).whole
        posted = next((e for e in events if isinstance(e, PhotosPosted) and e.attack), None)
        yield Line(row, used, posted, cells)
