"""Record what `facetui demo STORY` plays: stories with the real engine, packed. A quarter of an hour on two cores.

python tools/record_stories.py [STORY...]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from facetui.engine.records import journal
from facetui.scenarios import SCENARIOS
from facetui.tui.runs import recordings
from facetui.tui.runs.archive import pack


def main(stories: list[str]) -> None:
    """Play stories, all for none, and replace what is there.

    Each is played with a cache of its own: what comes from a cache shows no progress.
    """
    for story in stories or SCENARIOS.names():
        target = Path(recordings.__file__).with_name(f"{story}{recordings.ENDING}")
        with tempfile.TemporaryDirectory() as place:
            runs, cache = Path(place, "runs"), Path(place, "cache")
            words = ["run", story, "--out", str(runs), "--display", "plain"]
            environment = {**os.environ, "FACETUI_CACHE": str(cache)}
            subprocess.run([sys.executable, "-m", "facetui.tui.cli.main", *words], check=True, env=environment)
            (folder,) = journal.runs(runs)
            target.unlink(missing_ok=True)
            print(f"{target.name}: {pack(folder, target) / 1000:.0f} kB", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
