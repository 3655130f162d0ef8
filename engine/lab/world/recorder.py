"""The recorder: the story's clock, and every event numbered, dated and handed on."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from torch import Tensor

from facetui.engine.people.alignment import to_picture
from facetui.engine.records.errors import Cancelled
from facetui.engine.records.events import Actor, Event, Preview, Progress

PROGRESS_SECONDS = 0.25

OnMove = Callable[[str, Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]
"""``on_move(verb, call, args, kwargs)`` makes a move and returns what it returns."""


class Tell(Protocol):
    """Tells the audience how far a task is."""

    def __call__(self, done: int, total: int, *, preview: Preview | None = None, failing: float | None = None) -> None:
        """``done`` of ``total``, and what there is to see of it."""


def make_move(verb: str, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Make a move, and nothing else."""
    return call(*args, **kwargs)


class Recorder:
    """The clock and the audience of one run.

    Args:
        emit: receives every event, numbered and dated.
        keep_picture: stores a PNG and returns its hash; absent: pictures are not kept.
        cancelled: asked between steps; when true the run stops with ``Cancelled``.
        scenario_file: file name of the running scenario's code, whose line numbers events carry.
        on_move: makes the moves that a story calls.

    Attributes:
        t: ISO date in the story; empty before there is one.
        on_move: as above.
    """

    def __init__(
        self,
        emit: Callable[[Event], None] = lambda event: None,
        *,
        keep_picture: Callable[[bytes], str] | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        scenario_file: str = "",
        on_move: OnMove = make_move,
    ) -> None:
        self.t = ""
        self.on_move = on_move
        self._emit = emit
        self._keep_picture = keep_picture
        self._cancelled = cancelled
        self._scenario_file = scenario_file
        self._began = time.monotonic()
        self._seq = 0

    @property
    def keeps_pictures(self) -> bool:
        """Whether pictures are kept."""
        return self._keep_picture is not None

    def picture(self, photo: Tensor) -> str:
        """Keep a photo ``(3, 112, 112)`` uint8 as PNG; returns its hash, or nothing where pictures are not kept."""
        buffer = io.BytesIO()
        to_picture(photo).save(buffer, "PNG")
        return self._keep_picture(buffer.getvalue()) if self._keep_picture else ""

    def check(self) -> None:
        """Stop here if the run was cancelled.

        Raises:
            Cancelled: it was.
        """
        if self._cancelled():
            raise Cancelled("stopped on request; what was computed is in the cache")

    def progress(self, actor: Actor, task: str, unit: str = "image-steps") -> Tell:
        """A progress callback that emits a few events a second and stops a cancelled run."""
        began = last = time.monotonic()

        def tick(done: int, total: int, *, preview: Preview | None = None, failing: float | None = None) -> None:
            nonlocal last
            self.check()
            now = time.monotonic()
            if now - last >= PROGRESS_SECONDS or (done >= total and now - began >= PROGRESS_SECONDS):
                last = now
                rate = done / (now - began)
                seen: dict[str, Any] = {"preview": preview, "failing": failing}
                self.emit(Progress(task=task, done=done, total=total, unit=unit, rate=rate, actor=actor, **seen))

        return tick

    def emit(self, event: Event) -> None:
        """Number, date and hand on an event."""
        wall = round(time.monotonic() - self._began, 3)
        self._emit(msgspec.structs.replace(event, seq=self._seq, t=self.t, wall=wall, line=self._line()))
        self._seq += 1

    def _line(self) -> int | None:
        frame = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_filename == self._scenario_file:
                return frame.f_lineno
            frame = frame.f_back  # type: ignore[assignment]
        return None
