"""A Python whose facetui believes that it runs on Windows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

MAIN = [sys.executable, "-m", "facetui.tui.cli.main"]


def environment(**other: str) -> dict[str, str]:
    """For processes that believe it."""
    path = [str(Path(__file__).parent), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), **other}


def run(*words: str, timeout: float = 120, **other: Any) -> subprocess.CompletedProcess[str]:
    """A command of facetui there."""
    return subprocess.run([*MAIN, *words], env=environment(), capture_output=True, text=True, timeout=timeout, **other)


def program(text: str, *words: str, **other: str) -> subprocess.CompletedProcess[str]:
    """A program whose imports of facetui believe it."""
    command = [sys.executable, "-c", text, *words]
    return subprocess.run(command, env=environment(**other), capture_output=True, text=True, timeout=120)
