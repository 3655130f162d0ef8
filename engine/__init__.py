"""The engine: attacks, extractors, the trainer's answers, and the lab in which they meet.

What people build on can be taken from here; it is imported when it is asked for, so that ``read_run`` needs no torch::

    from facetui.engine import ATTACKS, Attack, Budget
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facetui.engine.attacks import ATTACKS as ATTACKS
    from facetui.engine.core.budget import Budget as Budget
    from facetui.engine.core.interfaces import Attack as Attack
    from facetui.engine.core.interfaces import Bank as Bank
    from facetui.engine.core.interfaces import Classifier as Classifier
    from facetui.engine.core.interfaces import Combining as Combining
    from facetui.engine.core.interfaces import Defence as Defence
    from facetui.engine.core.interfaces import Detecting as Detecting
    from facetui.engine.core.interfaces import Estimating as Estimating
    from facetui.engine.core.interfaces import Extractor as Extractor
    from facetui.engine.core.interfaces import Purifying as Purifying
    from facetui.engine.core.interfaces import Training as Training
    from facetui.engine.defences import DEFENCES as DEFENCES
    from facetui.engine.extractors import EXTRACTORS as EXTRACTORS
    from facetui.engine.lab.lab import Lab as Lab
    from facetui.engine.records.cohort_table import cohort_table as cohort_table
    from facetui.engine.records.measurements import in_words as in_words
    from facetui.engine.records.rates import percent as percent
    from facetui.engine.runs.read import Run as Run
    from facetui.engine.runs.read import read_run as read_run
    from facetui.engine.runs.register import register as register
    from facetui.engine.runs.settings import Settings as Settings
    from facetui.engine.runs.setup import open_lab as open_lab
    from facetui.engine.runs.setup import prepare as prepare

PUBLIC = {
    "ATTACKS": "attacks:ATTACKS",
    "Attack": "core.interfaces:Attack",
    "Bank": "core.interfaces:Bank",
    "Budget": "core.budget:Budget",
    "Classifier": "core.interfaces:Classifier",
    "DEFENCES": "defences:DEFENCES",
    "Combining": "core.interfaces:Combining",
    "Detecting": "core.interfaces:Detecting",
    "Purifying": "core.interfaces:Purifying",
    "Defence": "core.interfaces:Defence",
    "EXTRACTORS": "extractors:EXTRACTORS",
    "Estimating": "core.interfaces:Estimating",
    "Extractor": "core.interfaces:Extractor",
    "Lab": "lab.lab:Lab",
    "Training": "core.interfaces:Training",
    "cohort_table": "records.cohort_table:cohort_table",
    "in_words": "records.measurements:in_words",
    "open_lab": "runs.setup:open_lab",
    "percent": "records.rates:percent",
    "prepare": "runs.setup:prepare",
    "Run": "runs.read:Run",
    "Settings": "runs.settings:Settings",
    "read_run": "runs.read:read_run",
    "register": "runs.register:register",
}
"""Names that stay, and where they are."""

__all__ = [
    "ATTACKS",
    "DEFENCES",
    "EXTRACTORS",
    "Attack",
    "Bank",
    "Budget",
    "Classifier",
    "Combining",
    "Defence",
    "Detecting",
    "Estimating",
    "Extractor",
    "Lab",
    "Purifying",
    "Run",
    "Settings",
    "Training",
    "cohort_table",
    "in_words",
    "open_lab",
    "percent",
    "prepare",
    "read_run",
    "register",
]


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        raise AttributeError(f"module 'facetui.engine' has no attribute {name!r}")
    module, _, attribute = PUBLIC[name].partition(":")
    return getattr(import_module(f"facetui.engine.{module}"), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *PUBLIC])
