"""What can be named on the command line, and where it is registered."""

from __future__ import annotations

from facetui.engine.attacks import ATTACKS
from facetui.engine.defences import DEFENCES
from facetui.engine.extractors import EXTRACTORS
from facetui.engine.records.registry import Registry
from facetui.scenarios import SCENARIOS

KINDS = ("stories", "attacks", "defences", "extractors", "people", "casts")
ALSO = {
    "scenarios": "stories",
    "scenario": "stories",
    "story": "stories",
    "attack": "attacks",
    "defence": "defences",
    "defenses": "defences",
    "extractor": "extractors",
    "models": "extractors",
    "person": "people",
    "cast": "casts",
}
"""Other words for what can be listed."""

REGISTRIES: dict[str, Registry] = {
    "stories": SCENARIOS,
    "attacks": ATTACKS,
    "defences": DEFENCES,
    "extractors": EXTRACTORS,
}
