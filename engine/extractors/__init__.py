"""Face recognition networks by name."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from platformdirs import user_data_path

from facetui.engine.errors import DataError
from facetui.engine.registry import Entry, Registry

if TYPE_CHECKING:
    from facetui.engine.interfaces import Extractor

MODELS = "FACETUI_MODELS"
"""Environment variable: the folder with weights that do not come with the package."""


class Loader(Protocol):
    """What the registry holds: from a name to the network, in evaluation mode, on the CPU."""

    def __call__(self, name: str) -> Extractor: ...


def _embedded(what: str) -> Entry:
    facts = {"family": "compact", "weights": "embedded"}
    return Entry("facetui.engine.extractors:load_embedded", what, facts)


def _published(variant: str, what: str) -> Entry:
    facts = {"family": "mobilefacenet", "weights": f"{variant}.safetensors"}
    return Entry("facetui.engine.extractors:load_published", what, facts)


EXTRACTORS: Registry[Loader] = Registry(
    "extractor",
    "facetui.extractors",
    {
        "compact-a": _embedded("the first generation, which users attack"),
        "compact-b": _embedded("a newer relative of compact-a and compact-d"),
        "compact-c": _embedded("the newest, a stranger to compact-a"),
        "compact-d": _embedded("a second surrogate for attacks on several extractors"),
        "mobilefacenet-casia": _published("mobilefacenet-casia", "MobileFaceNet, trained on CASIA-WebFace"),
        "mobilefacenet-ms1m": _published("mobilefacenet-ms1m", "MobileFaceNet, trained on refined MS-Celeb-1M"),
    },
)


def load(name: str) -> Extractor:
    """The extractor of that name, in evaluation mode, on the CPU.

    Raises:
        UnknownName: not in the registry.
        DataError: its weights are missing or damaged.
    """
    return EXTRACTORS.get(name)(name)


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


def load_embedded(name: str) -> Extractor:
    """A compact extractor, from the package."""
    from facetui.engine.extractors import compact

    with resources.as_file(resources.files("facetui.engine") / "data" / f"{name}.safetensors") as path:
        return compact.load(path, name)


def load_published(name: str) -> Extractor:
    """A published network, from the folder with weights.

    Raises:
        DataError: the weights are missing or damaged.
    """
    from facetui.engine.extractors import mobilefacenet

    return mobilefacenet.load(find_weights(f"{name}.safetensors"), name)
