"""What is taken away of a run: its table and chart as files."""

from __future__ import annotations

import json
import re

from facetui.engine.records.text import clean
from facetui.tui.figures.drawing import draw, draws_pixels, png, svg
from facetui.tui.figures.table_data import rows, table_csv
from facetui.tui.state.snapshot import Scene


def exported(scene: Scene, *, kept: bool) -> dict[str, bytes]:
    """Names and contents of ``table.csv``, ``table.json``, ``chart.svg`` and, where Pillow is installed, ``chart.png``.

    Args:
        scene: the run up to an event.
        kept: draw what is left with the model that the trainer's own test picks, else with the one in use.
    """
    drawing = draw(scene, kept=kept)
    made = {
        "table.csv": table_csv(scene.table).encode(),
        "table.json": json.dumps(rows(scene.table), indent=1).encode(),
        "chart.svg": svg(drawing).encode(),
    }
    return {**made, "chart.png": png(drawing)} if draws_pixels() else made


def without_remote_fonts(picture: str) -> str:
    """A screen's SVG that loads nothing from anywhere: it is shown in whatever fixed-width font there is."""
    local = re.sub(r"@font-face\s*\{.*?\}", "", picture, flags=re.DOTALL)
    return "\n".join(map(clean, local.replace("Fira Code", "monospace").split("\n")))
