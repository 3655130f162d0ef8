"""How strongly tools are run: as their releases run them, or weakened, for a workshop that has a minute."""

from __future__ import annotations

from typing import Any, Literal, get_args

from facetui.engine import attacks
from facetui.engine.core.budget import Budget
from facetui.engine.lab.world.tools import Tool
from facetui.engine.records.errors import UsageError

Strength = Literal["release", "workshop"]

STRENGTHS: tuple[Strength, ...] = get_args(Strength)

WORKSHOP: dict[str, dict[str, Any]] = {
    "fawkes-0.3": {"steps": 20, "budget": "dssim 0.03"},
    "fawkes-1.0": {"steps": 20},
    "lowkey": {"steps": 10},
    "foggysight": {"steps": 100},
    "personal-mask": {"steps": 20},
    "strongest": {"steps": 12},
    "unlinkable": {"steps": 12},
}
"""What a workshop's quick run changes; what comes out protects less, or shows more, than what users of the tool get."""


def check(strength: str) -> Strength:
    """A strength by its name.

    Raises:
        UsageError: there is none.
    """
    for known in STRENGTHS:
        if strength == known:
            return known
    raise UsageError(f"expected the strength {' or '.join(STRENGTHS)}, got {strength!r}")


def tool_of(strength: Strength, attack: str, budget: str | Budget | None = None, **settings: Any) -> Tool:
    """An attack as it is run at a strength; what is asked for by name stays as it is asked for.

    Args:
        strength: of everything that is not asked for.
        attack: its name.
        budget: absent: the attack's own.
        settings: the attack's own settings.

    Raises:
        UnknownName: no such attack.
        UsageError: a budget or setting that does not fit.
    """
    if strength == "workshop" and not {"steps", "mode"} & set(settings):
        quick = WORKSHOP.get(attack, {})
        budget = budget or quick.get("budget")
        settings |= {name: value for name, value in quick.items() if name != "budget"}
    chosen = attacks.make(attack, **settings)
    return Tool(chosen, Budget.parse(budget) if isinstance(budget, str) else budget or chosen.default_budget)
