"""How long the terminal takes from a key to the screen that answers it, measured when ``FACETUI_PROBE`` asks."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

from facetui.engine import system

BEGAN = time.monotonic()
"""When this module was loaded; the process began a little earlier."""


class Probe:
    """Times from a key's arrival to the end of the write that follows it."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.sent = 0
        self.first_frame: float | None = None
        self._waiting: deque[float] = deque()

    def key(self) -> None:
        """A key arrived."""
        self._waiting.append(time.perf_counter())

    def wrote(self, characters: int) -> None:
        """Something went to the terminal."""
        now = time.perf_counter()
        self.sent += characters
        if self.first_frame is None and characters > 200:
            began = system.since_start()
            self.first_frame = time.monotonic() - BEGAN if began is None else began
        while self._waiting:
            self.latencies.append(now - self._waiting.popleft())

    def report(self) -> dict[str, Any]:
        """Milliseconds and counts."""
        ordered = sorted(self.latencies)
        at = (
            [round(1000 * ordered[int(share * (len(ordered) - 1))], 1) for share in (0.5, 0.95, 1.0)] if ordered else []
        )
        return {
            "keys": len(ordered),
            "median_ms": at[0] if at else None,
            "p95_ms": at[1] if at else None,
            "most_ms": at[2] if at else None,
            "first_frame_ms": round(1000 * self.first_frame) if self.first_frame else None,
            "characters": self.sent,
        }


def write_report(probe: Probe) -> None:
    """Write what was measured to the file named by FACETUI_PROBE; for ``1``, to standard error."""
    where = os.environ.get("FACETUI_PROBE", "")
    text = json.dumps(probe.report()) + "\n"
    with contextlib.suppress(OSError):
        if where in ("", "1"):
            sys.stderr.write(text)
        else:
            Path(where).write_text(text, encoding="utf-8")
