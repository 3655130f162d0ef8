"""The engine in a process of its own, which survives the terminal: it writes a journal, everybody else reads it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from facetui.engine import system
from facetui.engine.records import files, journal
from facetui.engine.records.errors import FacetuiError
from facetui.engine.records.events import RunFailed
from facetui.tui.runs.interrupts import ASKED_TO_STOP

LOG = "engine.log"
"""What the engine said on its standard streams, beside its journal."""

COURTESY = 5
"""The engine's niceness: keys and screens go before it where processors are scarce."""

MAIN = [sys.executable, "-m", "facetui.tui.cli.main"]


@dataclass
class Engine:
    """A process that plays a story.

    Attributes:
        folder: its run's folder.
        process: the process.
    """

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def code(self) -> int | None:
        """Its exit code; ``None`` while it goes on."""
        return self.process.poll()

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Ask it to stop; it closes its journal with the reason. A background job of a script ignores Ctrl-C."""
        if self.code is not None:
            return
        if system.WINDOWS:  # a detached process there hears no signals
            files.write(self.folder, ASKED_TO_STOP, str(int(number)))
        else:
            self.process.send_signal(number)

    def said(self) -> str:
        """The last thing it said: why it stopped before its journal began."""
        try:
            lines = (self.folder / LOG).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        messages = [line.removeprefix("facetui: ") for line in lines if line.startswith("facetui: ")] or lines
        if messages:
            return messages[-1].strip()
        return f"the engine left with exit code {self.code}" if self.code is not None else ""

    def forget(self) -> None:
        """Remove the folder of a run that never began."""
        if self.code is not None and not (self.folder / journal.EVENTS).exists():
            shutil.rmtree(self.folder, ignore_errors=True)


def start(story: str, arguments: Sequence[str], out: Path, name: str) -> Engine:
    """Start a run in a new session, with its streams in files of its folder.

    Args:
        story: a story's name or a scenario file.
        arguments: further options of ``facetui run``.
        out: the folder in which the run's folder is made.
        name: the scenario's name, for the folder.

    Raises:
        JournalError: the folder cannot be made.
    """
    folder = journal.new_run_folder(out, name)
    command = [*MAIN, "run", story, *arguments, "--display", "none", "--into", str(folder)]
    with (folder / LOG).open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            creationflags=system.DETACHED,
            close_fds=True,
        )
    system.yield_to(process.pid, COURTESY)
    return Engine(folder, process)


def wait_until_begun(
    engine: Engine, sleep: Callable[[float], None] = time.sleep, tell: Callable[[str], None] = lambda text: None
) -> None:
    """Wait until its journal begins.

    Raises:
        FacetuiError: it stopped before, with its own words and exit code.
    """
    tail, said_before = journal.Tail(engine.folder), ""
    while True:
        if (said := engine.said()) != said_before and engine.code is None:
            said_before = said
            tell(said)  # reading people may take minutes
        code, events = engine.code, tail.more()
        failed = next((event for event in events if isinstance(event, RunFailed)), None)
        if failed is not None or (code is not None and not events):
            error = FacetuiError(failed.error if failed else engine.said())
            error.exit_code = failed.exit_code if failed else code or 1
            engine.forget()
            raise error
        if events:
            return
        sleep(0.05)
