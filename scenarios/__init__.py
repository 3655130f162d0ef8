"""The stories: one module each, with ``scenario(lab)`` and a docstring that is the story."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

from facetui.engine.records.registry import Entry, Registry

_TOLD = {
    "arms_race": "arms_race",
    "the_room": "the_room",
    "naive_poisoning": "naive_poisoning",
    "adaptive_defence": "answers.adaptive_defence",
    "retroactive_model": "retroactive_model",
    "false_security": "false_security",
    "leaked_photos": "leaked_photos",
    "clean_era": "clean_era",
    "collective_decoys": "collective_decoys",
    "retention_law": "law.retention_law",
    "law_today": "law.law_today",
    "needle": "answers.needle",
    "recognisers": "answers.recognisers",
    "published_pairs": "answers.published_pairs",
    "two_models": "answers.two_models",
    "learning_gallery": "answers.learning_gallery",
}
"""Every story, and the module that tells it."""


def _path(name: str) -> Path:
    return Path(__file__).parent.joinpath(*_TOLD[name].split(".")).with_suffix(".py")


def _title(name: str) -> str:
    docstring = ast.get_docstring(ast.parse(_path(name).read_text(encoding="utf-8"))) or name
    return docstring.splitlines()[0]


SCENARIOS: Registry[object] = Registry(
    "scenario",
    "facetui.scenarios",
    {name: Entry(f"facetui.scenarios.{module}:scenario", _title(name)) for name, module in _TOLD.items()},
)


def path_of(name: str) -> Path:
    """The file of a story, by name, or of a scenario file, by path.

    Raises:
        UnknownName: neither a story nor a file ending in ``.py``.
    """
    direct = Path(name).expanduser()
    if name not in SCENARIOS and direct.suffix == ".py":
        return direct
    module = str(SCENARIOS.entry(name).target).partition(":")[0]
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(module)
    return Path(spec.origin)
