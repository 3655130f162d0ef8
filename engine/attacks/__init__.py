"""What users can do to their photos, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facetui.engine.registry import Entry, Registry

if TYPE_CHECKING:
    from facetui.engine.interfaces import Attack

ATTACKS: Registry[type[Attack]] = Registry(
    "attack",
    "facetui.attacks",
    {
        "pgd": Entry(
            "facetui.engine.attacks.pgd:PGD",
            "projected gradient descent towards the least similar person, or away from oneself",
            {
                "actor": "user",
                "year": "2018",
                "norm": "linf",
                "budget": "linf 8/255",
                "passes": "20",
                "source": "Madry et al. 2018, arXiv 1706.06083",
            },
        ),
    },
)
