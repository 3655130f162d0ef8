"""Face recognition networks by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_data_path

from facetui.engine.errors import DataError
from facetui.engine.registry import Entry, Registry

if TYPE_CHECKING:
    from facetui.engine.interfaces import Extractor

MODELS = "FACETUI_MODELS"
"""Environment variable: the folder with weights that do not come with the package."""


def _compact(letter: str, what: str) -> tuple[str, Entry]:
    facts = {"embedding": "128 or 256", "weights": "embedded"}
    return f"compact-{letter}", Entry(f"facetui.engine.extractors:load_compact_{letter}", what, facts)


def _mobilefacenet(variant: str, what: str) -> tuple[str, Entry]:
    facts = {"embedding": "128", "weights": f"mobilefacenet-{variant}.safetensors"}
    return f"mobilefacenet-{variant}", Entry(f"facetui.engine.extractors:load_mobilefacenet_{variant}", what, facts)


def model_folders() -> list[Path]:
    """Where weights are looked for, in order: ``FACETUI_MODELS``, then the user's data folder."""
    override = os.environ.get(MODELS)
    return [*([Path(override).expanduser()] if override else []), user_data_path("facetui") / "models"]


def find_weights(file: str) -> Path:
    """The weights file of that name.

    Raises:
        DataError: in none of the folders; says where to put it.
    """
    folders = model_folders()
    for folder in folders:
        if (folder / file).is_file():
            return folder / file
    raise DataError(
        f"the weights {file} are not in {' or '.join(map(str, folders))}; "
        f"convert the published weights as the README says ('Real extractors') and set {MODELS} to their folder"
    )


def _load_compact(name: str) -> Extractor:
    from facetui.engine.extractors import compact

    with resources.as_file(resources.files("facetui.engine") / "data" / f"{name}.safetensors") as path:
        return compact.load(path, name)


def _load_mobilefacenet(name: str) -> Extractor:
    from facetui.engine.extractors import mobilefacenet

    return mobilefacenet.load(find_weights(f"{name}.safetensors"), name)


def load_compact_a() -> Extractor:
    """The extractor ``compact-a``; the other loaders below likewise."""
    return _load_compact("compact-a")


def load_compact_b() -> Extractor:
    return _load_compact("compact-b")


def load_compact_c() -> Extractor:
    return _load_compact("compact-c")


def load_compact_d() -> Extractor:
    return _load_compact("compact-d")


def load_mobilefacenet_casia() -> Extractor:
    return _load_mobilefacenet("mobilefacenet-casia")


def load_mobilefacenet_ms1m() -> Extractor:
    return _load_mobilefacenet("mobilefacenet-ms1m")
