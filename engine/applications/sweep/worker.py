"""A process that computes units one after the other: asked on standard input, answering on standard output.

Both are lines of JSON. ``python -m facetui.engine.applications.sweep.worker``.
"""

from __future__ import annotations

import os
import signal
import sys

import msgspec

from facetui.engine.applications.sweep.outcome import Asked


def main() -> None:
    """Compute what is asked for, until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it ends it
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    from facetui.engine.applications.sweep.compute import compute

    for line in sys.stdin.buffer:
        outcome = compute(msgspec.json.decode(line, type=Asked))
        try:
            answers.write(msgspec.json.encode(outcome) + b"\n")
            answers.flush()
        except OSError:
            return  # whoever asked is no more; what came out is in the folder


if __name__ == "__main__":
    main()
