"""What can be chosen in a game, and what it costs: tools by their dates, and the trainer's answers."""

from __future__ import annotations

from dataclasses import dataclass

from facetui.engine.attacks import ATTACKS
from facetui.engine.people import casts

DATES = ("2020-07", "2021-01-21", "2021-04", "2022-03", "2023-06")
"""A turn each: a tool, another, a third, a newer network; and then, when all has been out for a while."""

PHOTOS = 12
"""That everybody can post in a game: of each person the rest are the probes."""

MOST = 4
"""Photos in one turn."""

CAST = "embedded"


@dataclass(frozen=True)
class Strength:
    """How strongly a tool is run.

    Attributes:
        words: on the form.
        given: arguments of ``lab.users.protect`` beyond the name, as Python.
    """

    words: str
    given: str


@dataclass(frozen=True)
class Tool:
    """What a user can run.

    Attributes:
        name: in the registry of attacks.
        out: ISO date from which on it can be had.
        strengths: from weak to strong.
        released: which of them is the release's own.
    """

    name: str
    out: str
    strengths: tuple[Strength, ...]
    released: int

    @property
    def price(self) -> str:
        """What it costs before anything is computed: time and visibility, as the registry has them."""
        facts = ATTACKS.entry(self.name).facts
        passes = facts["passes"]
        time = "no network consulted" if passes == "0" else f"about {passes} network passes a photo"
        return f"{time}; may change {facts['budget']}"


def _modes(*names: str, released: str) -> tuple[tuple[Strength, ...], int]:
    """Modes by name; the release's own is left to the tool."""
    return tuple(Strength(name, "" if name == released else f'mode="{name}"') for name in names), names.index(released)


def _budgets(*pixels: float, released: float) -> tuple[tuple[Strength, ...], int]:
    """Bounds of a pixel's change, in 255ths; the release's own is left to the tool."""
    made = [Strength(f"{p:g}/255", "" if p == released else f'budget="linf {p:g}/255"') for p in pixels]
    return tuple(made), pixels.index(released)


TOOLS = (
    Tool("fawkes-0.3", "2020-07", *_modes("low", "mid", "high", released="high")),
    Tool("lowkey", "2021-01-21", *_budgets(8, 16, 33.15, released=33.15)),
    Tool("fawkes-1.0", "2021-04", *_modes("low", "mid", "high", released="high")),
    Tool("filters", "2021-04", *_budgets(16, 64, released=64)),
    Tool("opom", "2022-05", *_budgets(8, 16, released=8)),
)

CLEAN = "nothing"
"""Photos are posted as they are."""

ANSWERS = {
    "wait": ("keeps what it has", "costs nothing", ""),
    "use": ("takes the newest network", "costs an embedding of the archive", "lab.trainer.use()"),
    "adapt": ("learns to see through every public tool", "costs training, the longest move", "lab.trainer.adapt()"),
    "purify": ("washes photos: JPEG, blur", "costs a rehearsal, and some recognition", "lab.trainer.purify()"),
    "choose": ("takes the best of all it had, by its own test", "costs a rehearsal", "lab.trainer.choose()"),
}
"""What the trainer can do in a turn: in words, its price, and the Python of it."""


def tools_at(t: str) -> list[Tool]:
    """The tools that are out at a date."""
    return [tool for tool in TOOLS if tool.out <= t]


def networks_at(t: str) -> list[str]:
    """The networks that the trainer can have at a date, oldest first."""
    return [generation.extractor for generation in casts.load(CAST).generations if generation.released <= t]
