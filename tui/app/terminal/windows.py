"""The console of Windows, as Textual drives it: what is asked of a terminal elsewhere it does not tell.

Neither its latency is measured here nor what it can draw, and a console that is closed ends the app by itself.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType

from textual.drivers.windows_driver import WindowsDriver

from facetui.tui.app.terminal.modes import RESTORE
from facetui.tui.app.terminal.probe import Probe
from facetui.tui.runs import interrupts

assert sys.platform == "win32"  # driver.py takes another module elsewhere


class Terminal(WindowsDriver):
    """Textual's driver, telling how much waits to be written."""

    probe: Probe | None = None
    stalled = False
    shown: Terminal | None = None

    @property
    def congested(self) -> bool:
        """Whether the console has not yet taken what was written."""
        return self._writer_thread is not None and self._writer_thread._queue.qsize() > 1

    def start_application_mode(self) -> None:
        """As Textual does, but its queue never makes the app wait."""
        super().start_application_mode()
        Terminal.shown = self
        if self._writer_thread is not None:
            self._writer_thread._queue.maxsize = 0

    def restore(self) -> None:
        """Leave the alternate screen and give the console its settings back, at once."""
        with contextlib.suppress(OSError):
            os.write(1, RESTORE)
        if self._restore_console is not None:
            self._restore_console()


@contextlib.contextmanager
def guarded(on_signal: Callable[[int], None]) -> Iterator[None]:
    """Around the app: Ctrl-Break restores the console, and ends the process with 128 + its number.

    Args:
        on_signal: called with the signal first; it must be quick.
    """

    def leave(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)
        on_signal(number)
        if Terminal.shown is not None:
            Terminal.shown.restore()
        os._exit(128 + number)

    with interrupts.handled(leave):
        yield
