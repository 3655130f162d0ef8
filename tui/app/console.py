"""The app's console: a field to type in, over the canvas, and the process that runs what is typed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec
from textual import on
from textual.message import Message

from facetui.engine.records import installation
from facetui.tui.app.viewer import Watching
from facetui.tui.runs import engine_process
from facetui.tui.screens import console
from facetui.tui.session import messages

if TYPE_CHECKING:
    from facetui.tui.app.prompt import Prompt

NOT_HERE = "There is no console here: only runs in your own folder (FACETUI_RUNS) have one, and not with --no-console."
STILL_RUNS = "the run still goes on, and the console goes on from where it ends: wait for it, or stop it with Ctrl+C"


class Heard(Message):
    """The console's process said something."""

    def __init__(self, answer: messages.Answer) -> None:
        super().__init__()
        self.answer = answer


class Consoling(Watching):
    """Watches runs, and has a console unless it was told not to."""

    has_console = True
    kernel: subprocess.Popen[bytes] | None = None
    session: Path | None = None
    prompt: Prompt | None = None
    _waiting: str | None = None
    """Typed before the session was open."""

    def draw(self) -> None:
        """Show the stage, and the field to type in where it belongs."""
        if self.stage.view == "console":
            self._place_prompt()
        elif self.prompt is not None and self.prompt.display:
            self.prompt.display = False
            self.canvas.focus()
        super().draw()

    def _place_prompt(self) -> None:
        if self.prompt is None:
            from facetui.tui.app.prompt import Prompt  # what it needs takes time to load: not before it is wanted

            self.prompt = Prompt()
            self.mount(self.prompt)
        if not self.prompt.display or self.focused is not self.prompt:
            self.prompt.display = True
            if len(self.screen_stack) == 1:
                self.prompt.focus()
        self.stage.console.hint = "" if self.kernel is not None else f"What you type opens a session{self._after()}."
        self.stage.console.prompt = console.rows(self.prompt.text, self.canvas.size.height)
        self.prompt.styles.height = self.stage.console.prompt

    # --- what is typed -------------------------------------------------------------------------------------------

    def submit(self, text: str) -> None:
        """Run typed text; the first opens a session."""
        state = self.stage.console
        state.submit(text)
        if not text.strip():
            self.draw()
            return
        if self.kernel is None and self.stage.running and self.stage.run.folder is not None:
            state.say(STILL_RUNS, "bad")
        elif self.kernel is None:
            self._waiting = text
            after = self._after()
            state.doing = f"opening a session{after}{', which is played again from the cache' if after else ''}"
            self._talk(self._played())
        else:
            self._ask(text)
        self.draw()

    def _ask(self, text: str) -> None:
        self.stage.console.doing = "working; Ctrl+C stops it"
        if self.session is not None and self.stage.run.folder != self.session:
            self._turn_to(self.session)
        self._write(messages.Run(text, self._columns))

    def complete(self, text: str) -> None:
        """Ask how text may go on; only an open session knows."""
        if self.kernel is not None and self.session is not None:
            self._write(messages.Complete(text))

    def _write(self, message: messages.Question) -> None:
        if self.kernel is not None and self.kernel.stdin is not None:
            with contextlib.suppress(OSError):
                self.kernel.stdin.write(messages.line(message))
                self.kernel.stdin.flush()

    def stop_move(self) -> bool:
        """Stop what the console does; whether there was anything to stop."""
        if self.kernel is None or not self.stage.console.doing:
            return False
        with contextlib.suppress(ProcessLookupError):
            self.kernel.send_signal(signal.SIGINT)
        return True

    # --- what is answered ----------------------------------------------------------------------------------------

    def _played(self) -> Path | None:
        """The run that a session goes on from: what is shown, unless its story is a stranger's program."""
        folder = self.stage.run.folder
        return folder if folder is not None and installation.made_here(folder) else None

    def _after(self) -> str:
        """`` after arms_race``, for the run that is shown; empty where there is no story to play first."""
        began = self.stage.known.began
        return f" after {began.scenario}" if began is not None and began.source and self._played() else ""

    def _talk(self, after: Path | None) -> None:
        """Start the console's process; a thread takes in what it says, so that the screen never waits for it."""
        command = [sys.executable, "-m", "facetui.tui.session.process", str(self._runs)]
        command += [str(after)] if after is not None else []
        errors = tempfile.TemporaryFile()  # noqa: SIM115  open as long as the process is
        self.kernel = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            env={**os.environ, "COLUMNS": str(self._columns)},
        )
        engine_process.yield_to_others(self.kernel.pid)
        threading.Thread(target=self._listen, args=(self.kernel, errors), daemon=True).start()

    @property
    def _columns(self) -> int:
        return max(40, self.canvas.size.width - 2)

    def _listen(self, kernel: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
        """Pass on every answer, the last one being why the session closed."""
        assert kernel.stdout is not None
        last = None
        for text in kernel.stdout:
            try:
                last = messages.answer(text)
            except msgspec.DecodeError:
                continue  # not ours: a library that writes where it should not
            if not isinstance(last, messages.Left):
                self.post_message(Heard(last))
        code = kernel.wait()
        if not isinstance(last, messages.Left):
            errors.seek(max(0, errors.seek(0, os.SEEK_END) - 2000))
            told = errors.read().decode(errors="replace").strip().rpartition("\n")[2]
            last = messages.Left(f"the console's process ended with exit code {code}{f': {told}' if told else ''}")
        errors.close()
        self.post_message(Heard(last))

    @on(Heard)
    def _heard(self, heard: Heard) -> None:
        self._take(heard.answer)
        if not isinstance(heard.answer, messages.Said):  # of lines there may be many: the clock draws them
            self.draw()

    def _take(self, answer: messages.Answer) -> None:
        state = self.stage.console
        match answer:
            case messages.Ready():
                state.remember([text for text in answer.history if text != self._waiting])
                self._turn_to(Path(answer.folder))
                if self._waiting is not None:
                    self._ask(self._waiting)
                    self._waiting = None
            case messages.Said():
                if answer.text.strip() or state.lines[-1][0].strip():
                    state.say(answer.text)
            case messages.Done():
                if Path(answer.folder) != self.session:  # a move was taken back
                    self._turn_to(Path(answer.folder))
                self._read()  # what was done is in the journal by now, and is shown before it is one's turn again
                state.doing = ""
            case messages.Completed():
                if self.prompt is not None:
                    self.prompt.go_on(answer)
            case messages.Left():
                if answer.problem:
                    state.say(answer.problem, "bad")
                state.say("The session is closed; what you type next opens another.", "dim")
                self.kernel = self.session = self._waiting = None
                state.doing, state.matches = "", []

    def _turn_to(self, folder: Path) -> None:
        """Show the session's run, on the screen that is being looked at."""
        self.session, view = folder, self.stage.view
        self.open(folder, live=True)
        self.stage.view = view
