"""For tests of what must end, and say why in one sentence."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from facetui.engine.records.errors import FacetuiError
from facetui.tui.cli import main

SENTENCE_MOST = 700
"""Characters of a sentence that somebody reads; paths of temporary folders are long."""


class Endless(BaseException):
    """It did not end in time; no handler of the program takes it for its own."""


@contextlib.contextmanager
def ends_within(seconds: float) -> Iterator[None]:
    """Fail where this goes on for longer."""

    def ring(*_: object) -> None:
        raise Endless(f"it did not end within {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def check_sentence(text: str, *holds: str) -> None:
    """One line that can be read, with these words in it."""
    assert text.strip() and "\n" not in text, text[:SENTENCE_MOST]
    assert len(text) < SENTENCE_MOST, f"{len(text)} characters: {text[:200]}"
    for sign in ("Traceback", "this is a bug", "msgspec", "0x7f"):
        assert sign not in text, text
    for word in holds:
        assert word in text, f"{word!r} is missing from: {text}"


def check_error(error: FacetuiError, *holds: str) -> None:
    check_sentence(str(error), *holds)


def command(monkeypatch, capfd, *arguments: str, seconds: float = 20) -> tuple[int, str, str]:
    """A command of facetui in this process: exit code, output and what it said of errors."""
    monkeypatch.setattr(sys, "argv", ["facetui", *map(str, arguments)])
    for stream in ("stdin", "stdout", "stderr"):  # which the program makes anew
        monkeypatch.setattr(sys, stream, getattr(sys, stream))
    capfd.readouterr()
    with ends_within(seconds):
        try:
            main.main()
            code = 0
        except SystemExit as left:
            code = int(left.code or 0)
    out, err = capfd.readouterr()
    return code, out, err


def journal_of(folder: Path) -> Path:
    return folder / "events.jsonl"
