"""What was set, in a real terminal: the app begins as set, and what its keys set is there at the next start."""

from __future__ import annotations

from pathlib import Path

from facetui.tui.app import config, remembered
from facetui.tui.cli.machine.bench_screens import MAIN, Pty

LIGHT, DARK = b"48;2;251;251;248", b"48;2;15;20;26"
"""Backgrounds of two themes, as a terminal is told them."""


def seen(tmp_path: Path, typed: str = "", wanted: bytes = b"stories", **more: str) -> bytes:
    """Everything that the app draws from its start until it is left."""
    settings = {
        "FACETUI_RUNS": str(tmp_path / "runs"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "FACETUI_DISPLAY": "tui",
        "COLORTERM": "truecolor",
        "CI": "",
        **more,
    }
    terminal = Pty(MAIN, (100, 30), settings)
    data = b""
    for _ in range(100):
        data += terminal.read(0.2)
        if wanted in data:
            break
    for key in typed:
        terminal.type(key)
        data += terminal.read(0.5)
    terminal.type("q")
    terminal.drain()
    terminal.close()
    return data


def test_the_app_begins_as_set_and_keeps_what_its_keys_set(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    remembered.keep(remembered.Remembered(welcomed=True, theme="facetui-light"))  # by a version without the file
    assert LIGHT in seen(tmp_path)
    assert config.from_file() == {"theme": "facetui-light"}, "it is in the one place now"
    assert DARK in seen(tmp_path, FACETUI_THEME="facetui")
    seen(tmp_path, typed="tm")
    assert config.from_file() == {"theme": "facetui-contrast", "motion": False}
    config.place().write_text("themes = 1\n")
    assert b"'themes'" in seen(tmp_path, wanted=b"'themes'"), "it begins, and says what is wrong"
