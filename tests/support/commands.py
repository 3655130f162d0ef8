"""The command line as people use it: in a process of its own, with a story that takes no time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from facetui.engine.records import journal
from facetui.engine.records.events import ProtectionMeasured

MAIN = [sys.executable, "-m", "facetui.tui.cli.main"]
SHORT = '''"""A short story."""


def scenario(lab):
    lab.at("2020-07")
    lab.users.protect("pgd", steps=4)
    lab.users.post(4)
    lab.trainer.scrape()
    lab.measure()
    lab.show()
    lab.trainer.adapt(steps=6)
    lab.measure()
    lab.note("the end")
'''


def facetui(*arguments: object, **settings) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MAIN, *map(str, arguments)], capture_output=True, text=True, timeout=300, env={**os.environ, **settings}
    )


def rates(folder: Path) -> list[tuple[str, str, float]]:
    return [
        (e.cohort, e.generation, e.protection_rate) for e in journal.read(folder) if isinstance(e, ProtectionMeasured)
    ]
