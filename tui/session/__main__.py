"""The process behind the app's console, which may be the one to find that there is no lab here.

Run as ``python -m facetui.tui.session RUNS [RUN] [--strength=S] [--seed=N]``: it opens a session in the folder of
runs, after the story of a run if one is given, and ends when its standard input does. SIGINT stops the move that is
being made.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from facetui.engine import system
from facetui.engine.records.errors import lack_of_lab
from facetui.tui.session.messages import Left, Wire


def main() -> None:
    """Keep the standard streams for messages; whatever else writes to them goes to standard error."""
    wire = Wire(os.fdopen(os.dup(1), "wb"))
    questions = os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    system.hear_interrupts()
    out: Any = wire
    sys.stdout = sys.stderr = out
    runs, *after = (Path(text) for text in sys.argv[1:] if not text.startswith("--"))
    changes = dict(text[2:].partition("=")[::2] for text in sys.argv[1:] if text.startswith("--"))
    try:
        from facetui.tui.session.process import serve

        serve(runs, after[0] if after else None, wire, questions, changes)
    except ModuleNotFoundError as error:
        lab = lack_of_lab(error)
        if lab is None:
            raise
        wire.send(Left(str(lab)))


if __name__ == "__main__":
    main()
