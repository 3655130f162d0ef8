"""The screens as a terminal gets them, with their styles: without colours, with sixteen, with 256.

An app with that environment draws a run; what its compositor holds is written as the driver writes it. A golden file
that changed on purpose is written anew by running this file with FACETUI_UPDATE=1.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from facetui.tui.text import spans

from ...support.sample_run import write_sample

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "styled"

TERMINALS = {
    "no-color": {"NO_COLOR": "1", "TERM": "xterm-256color"},
    "16": {"TERM": "screen"},
    "256": {"TERM": "xterm-256color"},
}

DRAW = """
import asyncio, pathlib, sys
from facetui.tui.app import launch
launch.prepare(False)
from facetui.tui.app.app import FacetApp

async def main():
    folder = pathlib.Path(sys.argv[1])
    app = FacetApp(folder.parent, folder, look_for_device=False, motion=False)
    async with app.run_test(size=(80, 24)) as keys:
        await keys.press("G")
        for view, keys_ in (("timeline", ()), ("timeline, asked", ("left",)), ("cohorts", ("2",)), ("events", ("4",))):
            await keys.press(*keys_)
            await keys.pause(0.2)
            print("==", view)
            for strip in app.screen._compositor.render_strips():
                print(strip.render(app.console))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """What such a terminal gets."""
    folder = tmp_path_factory.mktemp("styles") / "run"
    write_sample(folder)
    kept: dict[str, str] = {}

    def draw(terminal: str) -> str:
        if terminal not in kept:
            unwanted = ("NO_COLOR", "COLORTERM", "TERM", "TEXTUAL_THEME", "TEXTUAL_COLOR_SYSTEM", "FORCE_COLOR")
            plain = {name: value for name, value in os.environ.items() if name not in unwanted}
            command = [sys.executable, "-c", DRAW, str(folder)]
            done = subprocess.run(command, capture_output=True, text=True, env={**plain, **TERMINALS[terminal]})
            assert done.returncode == 0, done.stderr[-2000:]
            kept[terminal] = done.stdout.replace("\x1b", "␛")
        return kept[terminal]

    return draw


@pytest.mark.parametrize("terminal", TERMINALS)
def test_a_terminal_gets_what_it_got(terminal, drawn):
    text, kept = drawn(terminal), GOLDEN / f"{terminal}.txt"
    if os.environ.get("FACETUI_UPDATE"):
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(text, encoding="utf-8")
    assert text == kept.read_text(encoding="utf-8")


def test_the_same_is_said_with_every_number_of_colours(drawn):
    texts = {re.sub("␛\\[[0-9;]*m", "", drawn(terminal)) for terminal in TERMINALS}
    assert len(texts) == 1 and spans.cells(texts.pop().split("\n")[1]) == 80


def codes(text: str) -> set[str]:
    """The colours that are asked for: ``38;5`` one of 256, ``38;2`` any, ``31`` one of sixteen."""
    found = set()
    for sequence in re.findall("␛\\[([0-9;]*)m", text):
        for part in re.findall(r"[34]8;2;\d+;\d+;\d+|[34]8;5;\d+|\d+", sequence):
            found.add(";".join(part.split(";")[:2]) if part[1:2] == "8" and ";" in part else part)
    return found


def test_no_terminal_is_asked_for_more_colours_than_it_has(drawn):
    colours = {str(base + i) for base in (30, 40, 90, 100) for i in range(8)}
    assert codes(drawn("no-color")) & (colours | {"38;2", "48;2", "38;5", "48;5"}) == set()
    assert {"1", "7"} <= codes(drawn("no-color")), "bold and reverse say what colours say elsewhere"
    assert codes(drawn("16")) & {"38;2", "48;2", "38;5", "48;5"} == set() and len(codes(drawn("16")) & colours) >= 4
    assert {"38;5"} <= codes(drawn("256")) and "38;2" not in codes(drawn("256"))
