"""What the trainer can answer, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facetui.engine.registry import Entry, Registry

if TYPE_CHECKING:
    from facetui.engine.interfaces import Defence

DEFENCES: Registry[type[Defence]] = Registry(
    "defence",
    "facetui.defences",
    {
        "adapt": Entry(
            "facetui.engine.defences.adapt:Adapt",
            "fine-tune on clean and perturbed photos of other people until both look alike",
            {
                "actor": "trainer",
                "year": "2021",
                "source": "Radiya-Dixit et al., ICLR 2022, arXiv 2106.14851",
            },
        ),
    },
)
