"""What a sweep asks of whoever computes its units."""

from __future__ import annotations

import queue
from abc import ABC, abstractmethod

from facetui.engine.applications.sweep.outcome import Asked, Outcome


class Executor(ABC):
    """Computes units; which one comes next is not its business."""

    def __init__(self) -> None:
        self.ended: queue.SimpleQueue[Outcome] = queue.SimpleQueue()

    @property
    @abstractmethod
    def at_once(self) -> int:
        """How many units it computes at a time now; 0 while nobody is there."""

    @abstractmethod
    def start(self, name: str, asked: Asked) -> None:
        """Begin a unit; what becomes of it comes out of ``wait``, also if whoever computes it dies."""

    def wait(self, seconds: float) -> list[Outcome]:
        """What ended since the last call; waits so long for something to end."""
        found = []
        try:
            found.append(self.ended.get(timeout=seconds))
            while True:
                found.append(self.ended.get_nowait())
        except queue.Empty:
            return found

    @abstractmethod
    def cancel(self, name: str) -> None:
        """Stop whoever still computes a unit; what becomes of that need not come out of ``wait``."""

    @abstractmethod
    def close(self) -> None:
        """Stop everything."""
