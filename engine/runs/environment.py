"""What a run takes place in: versions, memory, and how well the device repeats."""

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


def repeats(kind: str) -> str:
    """How well a kind of device, ``cpu`` or another, repeats with the same seed what it computed before.

    On GPUs, gradients of what torch knows no ordered sum for, such as bicubic sampling, come out in another order each
    time, and steps along signs make a grey level of the difference.
    """
    return "to the byte" if kind == "cpu" else "within a tolerance"
