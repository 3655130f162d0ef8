"""Record what `facetui demo STORY` plays: stories with the real engine, packed. A quarter of an hour on two cores.

python tools/record_stories.py [STORY...]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from facetui.engine.records import journal
from facetui.scenarios import SCENARIOS
from facetui.tui.runs import recordings
from facetui.tui.runs.archive import pack

PREVIEWS = 3
"""Photos that are shown while a tool works on them, of each of its tasks; in what a newcomer is shown, all of them."""


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
            if story != recordings.FIRST:
                thin(folder)
            target.unlink(missing_ok=True)
            # Nobody in them exists; and after thinning the folder no longer counts as what the engine wrote.
            print(f"{target.name}: {pack(folder, target, 'all') / 1000:.0f} kB", flush=True)


def thin(folder: Path) -> None:
    """Leave out most photos that are shown while a tool works: three in four bytes of a recording are such pictures."""
    path = folder / journal.EVENTS
    events = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    shown: dict[str, list[dict[str, object]]] = {}
    for event in events:
        if event.get("preview"):
            shown.setdefault(event["task"], []).append(event)
    for of_task in shown.values():
        kept = {round(i * (len(of_task) - 1) / (PREVIEWS - 1)) for i in range(PREVIEWS)}
        for number, event in enumerate(of_task):
            if number not in kept:
                event["preview"] = None
    lines = [json.dumps(event, ensure_ascii=False, separators=(",", ":")) for event in events]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    named = path.read_text(encoding="utf-8")
    for picture in folder.glob("pictures/*"):
        if picture.stem not in named:
            picture.unlink()


if __name__ == "__main__":
    main(sys.argv[1:])
