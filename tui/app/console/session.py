"""The console's session: the process that runs what is typed, and what it answers."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Protocol

import msgspec

from facetui.engine import system
from facetui.engine.records import installation
from facetui.tui.runs import engine_process
from facetui.tui.session import messages
from facetui.tui.state.app_state import Stage

NOT_HERE = "There is no console here: only runs in your own folder (FACETUI_RUNS) have one, and not with --no-console."
STILL_RUNS = "the run still goes on, and the console goes on from where it ends: wait for it, or stop it with Ctrl+C"


class Host(Protocol):
    """Who shows a session: the app."""

    @property
    def columns(self) -> int:
        """How wide what is printed may be."""

    def hear(self, answer: messages.Answer) -> None:
        """Take what the process says, from another thread."""

    def turn_to(self, folder: Path) -> None:
        """Show the session's run, on the screen that is being looked at."""

    def read_journal(self) -> None:
        """Take in what came since the last look."""


class ConsoleSession:
    """One session after the other, each a process; none before something is typed.

    Args:
        stage: whose console it is.
        runs: the folder of runs.
        host: who shows it.

    Attributes:
        process: which runs what is typed; ``None`` while no session is open.
        folder: the session's run.
    """

    def __init__(self, stage: Stage, runs: Path, host: Host) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.folder: Path | None = None
        self._stage = stage
        self._runs = runs
        self._host = host
        self._waiting: list[str] = []
        """Typed before it was its turn: they run in order."""

    @property
    def hint(self) -> str:
        """What typing would do, while no session is open."""
        return "" if self.process is not None else f"What you type opens a session{self._after()}."

    # --- what is typed -------------------------------------------------------------------------------------------

    def submit(self, text: str) -> None:
        """Run typed text; the first opens a session."""
        state = self._stage.console
        state.submit(text)
        if not text.strip():
            return
        if state.doing:
            self._waiting.append(text)
            state.waiting = len(self._waiting) - (self.folder is None)  # the first one opens the session
        elif self.process is not None:
            self._ask(text)
        elif self._stage.running and self._stage.run.folder is not None:
            state.say(STILL_RUNS, "bad")
        else:
            self._waiting = [text]
            after = self._after()
            state.doing = f"opening a session{after}{', which is played again from the cache' if after else ''}"
            self._start(self._played())

    def open(self, changes: dict[str, str | int]) -> None:
        """Open a session on nothing, with settings of its own.

        Args:
            changes: of a session's settings, by name.
        """
        self._waiting = []
        self._stage.console.doing = "opening a session"
        self._start(None, changes)

    def end(self) -> None:
        """Let the session close by itself: it is asked nothing more."""
        if self.process is not None and self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()

    def _ask(self, text: str) -> None:
        self._stage.console.doing = "working; Ctrl+C stops it"
        if self.folder is not None and self._stage.run.folder != self.folder:
            self._turn_to(self.folder)
        self._write(messages.Run(text, self._host.columns))

    def complete(self, text: str) -> None:
        """Ask how text may go on; only an open session knows."""
        if self.folder is not None:
            self._write(messages.Complete(text))

    def _write(self, message: messages.Question) -> None:
        if self.process is not None and self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.write(messages.line(message))
                self.process.stdin.flush()

    def stop(self) -> bool:
        """Stop what is being done; whether there was anything to stop."""
        if self.process is None or not self._stage.console.doing:
            return False
        system.interrupt(self.process)
        if self._waiting:
            self._stage.console.say(f"not run: {len(self._waiting)} that waited", "dim")
            self._waiting, self._stage.console.waiting = [], 0
        return True

    # --- what is answered ----------------------------------------------------------------------------------------

    def _played(self) -> Path | None:
        """The run that a session goes on from: what is shown, unless its story is a stranger's program."""
        folder = self._stage.run.folder
        return folder if folder is not None and installation.made_here(folder) else None

    def _after(self) -> str:
        """`` after arms_race``, for the run that is shown; empty where there is no story to play first."""
        began = self._stage.known.began
        return f" after {began.scenario}" if began is not None and began.source and self._played() else ""

    def _start(self, after: Path | None, changes: dict[str, str | int] | None = None) -> None:
        """Start the process; a thread takes in what it says, so that the screen never waits for it."""
        command = [sys.executable, "-m", "facetui.tui.session", str(self._runs)]
        command += [str(after)] if after is not None else []
        command += [f"--{name}={value}" for name, value in (changes or {}).items()]
        errors = tempfile.TemporaryFile()  # noqa: SIM115  open as long as the process is
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            creationflags=system.OWN_GROUP,
            env={**os.environ, "COLUMNS": str(self._host.columns)},
        )
        system.yield_to(self.process.pid, engine_process.COURTESY)
        threading.Thread(target=self._listen, args=(self.process, errors), daemon=True).start()

    def _listen(self, process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        """Pass on every answer, the last one being why the session closed."""
        assert process.stdout is not None
        last = None
        for text in process.stdout:
            try:
                last = messages.answer(text)
            except msgspec.DecodeError:
                continue  # not ours: a library that writes where it should not
            if not isinstance(last, messages.Left):
                self._host.hear(last)
        code = process.wait()
        if not isinstance(last, messages.Left):
            errors.seek(max(0, errors.seek(0, os.SEEK_END) - 2000))
            last_line = errors.read().decode(errors="replace").strip().rpartition("\n")[2]
            last = messages.Left(
                f"the console's process ended with exit code {code}{f': {last_line}' if last_line else ''}"
            )
        errors.close()
        self._host.hear(last)

    def take(self, answer: messages.Answer) -> None:
        """Bring the stage to what the process says; completions are the field's."""
        state = self._stage.console
        match answer:
            case messages.Ready():
                state.remember([text for text in answer.history if text not in self._waiting])
                self._turn_to(Path(answer.folder))
                state.doing = ""
                self._go_on()
            case messages.Said():
                if answer.text.strip() or state.lines[-1][0].strip():
                    state.say(answer.text)
            case messages.Done():
                if Path(answer.folder) != self.folder:  # a move was taken back
                    self._turn_to(Path(answer.folder))
                self._host.read_journal()  # what was done is shown before it is one's turn again
                state.doing = ""
                self._go_on()
            case messages.Left():
                if answer.problem:
                    state.say(answer.problem, "bad")
                state.say("The session is closed; what you type next opens another.", "dim")
                self.process, self.folder, self._waiting = None, None, []
                state.doing, state.matches, state.waiting = "", [], 0

    def _go_on(self) -> None:
        """Run what was typed next while something else was done."""
        if self._waiting:
            text = self._waiting.pop(0)
            self._stage.console.waiting = len(self._waiting)
            self._ask(text)

    def _turn_to(self, folder: Path) -> None:
        self.folder = folder
        self._host.turn_to(folder)
