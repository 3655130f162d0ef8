"""What a run takes place in."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version


def versions() -> dict[str, str]:
    """Of facetui, Python and what computes."""
    found = {"python": platform.python_version(), "facetui": version("facetui-core")}
    for package in ("torch", "numpy", "kornia", "facenet-pytorch"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
