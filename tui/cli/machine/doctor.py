"""``facetui doctor``: what this machine can do, and what is missing."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import typer

from facetui.engine import system
from facetui.engine.records.errors import FacetuiError, lab_command, lack_of_lab
from facetui.engine.records.journal import runs_folder
from facetui.engine.records.places import short
from facetui.tui.text.plain import say


def examine() -> int:
    """Print one line a finding; returns 0 when everything works that is installed, else 1."""
    problems = 0

    def tell(good: bool | None, what: str, finding: str) -> None:
        nonlocal problems
        problems += good is False
        say(f"{'ok' if good else 'no' if good is False else '--'}  {what:<22} {finding}")

    tell(sys.version_info >= (3, 11), "python", sys.version.split()[0])
    if untested := system.untested():
        tell(None, "system", untested)
    try:
        _examine_lab(tell)
    except ModuleNotFoundError as error:
        if lack_of_lab(error) is None:
            raise
        tell(True, "facetui-core", f"{version('facetui-core')}: follows, replays and reads runs")
        tell(None, "lab", f"not installed, so nothing is computed here; {lab_command()}")
    tell(*_writable("runs", runs_folder()))
    tell(*_settings())
    encoding = (sys.stdout.encoding or "unknown").lower()
    tell("utf" in encoding or None, "encoding", encoding + ("" if "utf" in encoding else ": plain ASCII is used"))
    size = shutil.get_terminal_size((0, 0))
    tell(True if size.columns >= 80 else None, "terminal", f"{size.columns} x {size.lines}, {_colours()}")
    return 1 if problems else 0


def _examine_lab(tell: Callable[[bool | None, str, str], None]) -> None:
    """What computes: packages, device, people, networks, the cache.

    Raises:
        ModuleNotFoundError: it is not installed; nothing was told yet.
    """
    began = time.perf_counter()
    import torch

    from facetui.engine import extractors
    from facetui.engine.core import device
    from facetui.engine.core.cache import default_folder
    from facetui.engine.people import casts, identities
    from facetui.engine.people.persons import EMBEDDED
    from facetui.engine.runs.environment import repeats, versions

    found = versions()
    tell(True, "torch", f"{found.get('torch', '?')}, imported in {time.perf_counter() - began:.1f} s")
    tell(True, "packages", ", ".join(f"{k} {v}" for k, v in found.items() if k not in ("torch", "python")))
    best = device.choose("auto")
    tell(True, "device", f"{device.describe(best)}; {os.cpu_count()} processors, {_memory()}")
    tell(True, "repeats", f"the same seed gives the same results {repeats(best.type)} on this device")
    tell(*_load(torch.get_num_threads()))
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        tell(True, "device memory", f"{free / 1e9:.1f} of {total / 1e9:.1f} GB free")
    try:
        everybody = identities.load(EMBEDDED)
        tell(True, "embedded people", f"{len(everybody)} people")
    except (FacetuiError, OSError) as error:
        tell(False, "embedded people", f"{error}; install facetui again")
    needed = {name for g in casts.load("embedded").generations for name in (g.extractor,)}
    needed.update(casts.load("embedded").surrogates)
    for name in extractors.EXTRACTORS.names():
        try:
            network = extractors.load(name)
            tell(True, name, f"{sum(p.numel() for p in network.parameters()):,} weights, {network.weights_hash()}")
        except FacetuiError as error:
            tell(False if name in needed else None, name, str(error))
    tell(*_writable("cache", default_folder()))


def _memory() -> str:
    there = system.memory()
    return "memory unknown" if there is None else f"{there / 1e9:.0f} GB memory"


def _load(threads: int) -> tuple[bool | None, str, str]:
    """Threads that compute, and how busy the processors are already: timings of a busy machine mean nothing."""
    policy, spins = (os.environ.get(name) for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"))
    said = f"{threads} compute, waiting {f'{spins} rounds' if spins else (policy or 'as OpenMP likes').lower()}"
    load, there = system.load(), os.cpu_count() or 1
    if load is None:
        return True, "threads", said
    busy = load > there / 2
    more = ": others compute here, too, so everything takes longer" if busy else ""
    return None if busy else True, "threads", f"{said}; load {load:.1f} on {there} processors{more}"


def _colours() -> str:
    term = os.environ.get("TERM", "")
    if "NO_COLOR" in os.environ or term in (("dumb",) if system.WINDOWS else ("", "dumb")):
        return "no colours"
    if os.environ.get("COLORTERM", "") in ("truecolor", "24bit"):
        return "24-bit colours"
    if system.WINDOWS and not term:
        return "24-bit colours"
    return "256 colours" if "256" in term else "16 colours"


def _settings() -> tuple[bool, str, str]:
    """What is set once and for all, and where."""
    from facetui.tui.app import config

    try:
        found = {name: setting.value for name, setting in config.settings().items() if setting.value is not None}
    except FacetuiError as error:
        return False, "settings", str(error)
    said = ", ".join(
        f"{name} = {str(value).lower() if isinstance(value, bool) else value}" for name, value in found.items()
    )
    return True, "settings", f"{short(config.place())}: {said or 'nothing is set; facetui config lists what can be'}"


def _writable(what: str, folder: Path) -> tuple[bool, str, str]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return False, what, f"{short(folder)} cannot be written ({error.strerror})"
    used = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    return True, what, f"{short(folder)}: {used / 1e6:.0f} MB used, {shutil.disk_usage(folder).free / 1e9:.0f} GB free"


def doctor() -> None:
    """Say what this machine can do, and what is missing."""
    from facetui.tui.cli.machine.doctor import examine

    raise typer.Exit(examine())
