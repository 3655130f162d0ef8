"""Pictures in pixels: only where a terminal says that it can draw them."""

from __future__ import annotations

import importlib.util
import os
import time

import pytest

from facetui.tui.cli.machine.bench_screens import MAIN, Pty

from ...support.sample_run import write_sample

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("textual_image") is None, reason="the package textual-image is not installed"
)
ASKED, SIXEL = b"\x1b[c", b"\x1bP"


def faces(tmp_path, answer: bytes, **environment: str) -> bytes:
    """What reaches a terminal that answers so when it is asked what it is, up to the screen of faces."""
    write_sample(tmp_path / "sample")
    settings = {"FACETUI_RUNS": str(tmp_path), "FACETUI_DISPLAY": "tui", "CI": "", **environment}
    terminal = Pty([*MAIN, "replay", str(tmp_path / "sample")], (120, 40), settings)
    seen, pressed, end = b"", False, time.monotonic() + 15
    while time.monotonic() < end and not (pressed and b"difference" in seen and seen.count(SIXEL) > 2):
        data = terminal.read(0.1)
        if ASKED in data and answer:
            os.write(terminal.master, answer)
        if b"\x1b[16t" in data and answer:
            terminal.type("\x1b[6;20;10t")
        seen += data
        if b"quit" in seen and not pressed:
            terminal.type("G3")
            pressed = True
        if not data and b"difference" in seen and "▀".encode() in seen:
            break
    terminal.type("q")
    terminal.drain()
    terminal.close()
    return seen


def test_a_terminal_with_sixels_gets_them(tmp_path):
    seen = faces(tmp_path, b"\x1b[?62;4;22c")
    assert seen.count(SIXEL) >= 3, "original, as posted, difference"
    assert "▀▀▀▀".encode() not in seen


@pytest.mark.parametrize(
    ("answer", "more"), [(b"", {}), (b"\x1b[?62;22c", {}), (b"\x1b[?62;4c", {"FACETUI_PICTURES": "text"})]
)
def test_others_get_characters(answer, more, tmp_path):
    seen = faces(tmp_path, answer, **more)
    assert SIXEL not in seen and "▀".encode() in seen
