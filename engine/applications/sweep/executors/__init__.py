"""Who computes a sweep's units: processes here, or the scheduler of a cluster. One file each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from facetui.engine.applications.sweep.executors.base import Executor
from facetui.engine.records.errors import UsageError
from facetui.engine.records.text import brief

FORMS = ("local:2", "dask:ADDRESS", "ray:ADDRESS", "slurm")
"""What can be asked for."""

KINDS = {"local": "local:Local", "dask": "dask:Dask", "ray": "ray:Ray", "slurm": "slurm:Slurm"}


def check(on: str) -> str:
    """Which kind of executor is asked for.

    Raises:
        UsageError: there is none of that kind.
    """
    kind = on.partition(":")[0]
    if kind not in KINDS:
        raise UsageError(f"expected --on {', '.join(FORMS[:-1])} or {FORMS[-1]}, got {brief(on)!r}")
    return kind


def start(on: str, folder: Path, options: Mapping[str, Mapping[str, Any]]) -> Executor:
    """Start what somebody asked for.

    Args:
        on: one of ``FORMS``.
        folder: of the sweep, for what executors write.
        options: by kind, what the plan says of it.

    Raises:
        UsageError: there is no such executor, or its address or number does not fit.
        MissingExtra: its package is not installed.
        DataError: nobody answers at its address.
    """
    kind, rest = check(on), on.partition(":")[2]
    module, _, name = KINDS[kind].partition(":")
    make: Callable[..., Executor] = getattr(import_module(f"{__name__}.{module}"), name)
    return make(rest, folder, options.get(kind, {}))
