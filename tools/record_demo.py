"""Record the run that `facetui demo` plays: arms_race with the real engine, packed. Takes ten minutes on two cores.

python tools/record_demo.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from facetui.engine.records import journal
from facetui.tui.runs.archive import RECORDING, pack

TARGET = Path(__file__).resolve().parents[1] / "tui" / "runs" / RECORDING


def main() -> None:
    """Play it, and replace what is there."""
    with tempfile.TemporaryDirectory() as place:
        command = [
            sys.executable,
            "-m",
            "facetui.tui.cli.main",
            "run",
            "arms_race",
            "--out",
            place,
            "--display",
            "plain",
        ]
        subprocess.run(command, check=True)
        (folder,) = journal.runs(Path(place))
        TARGET.unlink(missing_ok=True)
        print(f"{TARGET.name}: {pack(folder, TARGET) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
