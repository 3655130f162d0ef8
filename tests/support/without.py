"""A machine on which some packages are not installed, for the processes that a test starts."""

from __future__ import annotations

import os
from pathlib import Path


def without(folder: Path, *packages: str) -> dict[str, str]:
    """Settings under which a process finds none of these packages, as it would where nobody installed them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in packages:
        missing = f'raise ModuleNotFoundError("No module named {name!r}", name={name!r})\n'
        (folder / f"{name}.py").write_text(missing, encoding="utf-8")
    return {"PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])}
