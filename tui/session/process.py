"""What the process behind the app's console does: IPython over a session, asked and answered through messages."""

from __future__ import annotations

import dataclasses
import io
import os
import queue
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from facetui.engine.core.cache import default_folder
from facetui.engine.people.persons import EMBEDDED
from facetui.engine.records import installation, journal, places
from facetui.engine.records.errors import FacetuiError, UsageError
from facetui.engine.records.events import answers_in
from facetui.engine.runs.scenario import Scenario
from facetui.engine.runs.session import Session
from facetui.engine.runs.settings import Settings
from facetui.tui.session import messages
from facetui.tui.session.ipython import configured, taught
from facetui.tui.session.open_session import open_session, scope

REMEMBERED = 200
"""Pieces of typed text that the app gets of earlier sessions."""


class Shell(InteractiveShell):
    """IPython without a terminal; ``exit`` ends the session."""

    leaving = False

    def ask_exit(self) -> None:
        """Leave after this piece of text."""
        self.leaving = True


def settings_after(folder: Path | None, runs: Path) -> tuple[Settings, Scenario | None]:
    """What a session depends on that goes on from the end of a run, and the story to play first.

    Raises:
        UsageError: the run is about people whose folder its journal does not name.
        FacetuiError: its journal cannot be read.
    """
    if folder is None:
        return Settings(out=runs, cache=default_folder()), None
    if not installation.made_here(folder):  # its story is a program of whoever made it
        raise UsageError("this run was made elsewhere, and its story is not played here; facetui repl opens a session")
    events = journal.read(folder)
    began = journal.began(events, folder)
    around = f" among those of {began.crowd!r}" if began.crowd not in ("", EMBEDDED) else ""
    if not began.fictional or around:
        raise UsageError(
            f"this run is about the people of {began.people!r}{around}, and a journal does not say where it is; "
            f"leave the app and type: facetui repl {began.scenario} --people FOLDER"
        )
    story = Scenario.parse(began.source, Path(f"{began.scenario}.py")) if began.source else None
    settings = Settings(
        out=runs,
        cast=began.cast,
        people=EMBEDDED,
        users=tuple(began.users),
        seed=began.seed,
        cache=default_folder(),
        values=began.parameters,
        strength=began.strength or "release",
        crowd=str(began.n_crowd),
        together=began.asked != "alone",
        with_what_is_there=bool(began.left_out),
        answers=answers_in(events),
    )
    return settings, story


def changed(settings: Settings, changes: Mapping[str, str]) -> Settings:
    """Settings with another strength of tools or seed."""
    strength, seed = changes.get("strength", settings.strength), int(changes.get("seed", settings.seed))
    me = Path(changes["me"]) if "me" in changes else None
    return dataclasses.replace(settings, strength=strength, seed=seed, me=me)


def serve(
    runs: Path,
    after: Path | None,
    wire: messages.Wire,
    questions: io.BufferedReader,
    changes: Mapping[str, str] | None = None,
) -> None:
    """Open a session and answer until there are no more questions.

    Args:
        runs: the folder of runs.
        after: the run from whose end it goes on.
        wire: where answers go.
        questions: where they come from.
        changes: of the settings: ``strength``, ``seed`` and ``me``.
    """
    try:
        settings, story = settings_after(after, runs)
        settings = changed(settings, changes or {})
        session = open_session(settings, story, quiet=False, progress=False)
    except (FacetuiError, KeyboardInterrupt) as error:
        wire.send(messages.Left(str(error) or "stopped"))
        return
    signal.signal(signal.SIGINT, lambda *_: None)  # between moves there is nothing to stop
    shell = _shell(session)
    run_cell = taught(shell, session)
    wire.send(messages.Ready(str(session.journal.folder), _history(shell)))
    asked: queue.SimpleQueue[messages.Run | None] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(questions, asked, session, shell, wire), daemon=True).start()
    while not shell.leaving and (piece := asked.get()) is not None:
        os.environ["COLUMNS"] = str(piece.width)
        ok = False
        try:
            ok = run_cell(piece.text, store_history=True).success
        except KeyboardInterrupt:
            print("stopped")
        finally:
            wire.finish()
            wire.send(messages.Done(ok, str(session.journal.folder)))
    session.close()
    if shell.history_manager is not None:
        shell.history_manager.end_session()  # what was typed last is written, too
    wire.send(messages.Left())


def _shell(session: Session) -> Shell:
    config = configured(places.state() / "history.sqlite")
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.xmode = "Plain"
    config.InteractiveShell.cache_size = 0  # no `Out[1]:` before what is answered
    config.InteractiveShell.separate_in = config.InteractiveShell.separate_out = ""
    shell = Shell.instance(config=config, user_ns=scope(session))
    shell.set_hook("show_in_pager", _show)
    return shell


def _show(shell: InteractiveShell, data: Any, **_: Any) -> None:
    """What IPython would page, as `lab.at?`: printed, the console scrolls."""
    print(data["text/plain"] if isinstance(data, dict) else data)


def _history(shell: InteractiveShell) -> list[str]:
    manager = shell.history_manager
    remembered = (
        [piece for _, _, piece in manager.get_tail(REMEMBERED, include_latest=True)] if manager is not None else []
    )
    return [piece for i, piece in enumerate(remembered) if piece and piece not in remembered[i + 1 :]]


def _listen(
    questions: io.BufferedReader,
    asked: queue.SimpleQueue[messages.Run | None],
    session: Session,
    shell: InteractiveShell,
    wire: messages.Wire,
) -> None:
    """Pass pieces of text on, answer what can be answered meanwhile; at the end stop what is being done."""
    for text in questions:
        message = messages.question(text)
        if isinstance(message, messages.Run):
            asked.put(message)
        else:
            line = message.text.rpartition("\n")[2]
            fragment, matches = shell.complete(None, line, len(line))
            wire.send(messages.Completed(message.text, fragment, matches))
    session.stop()
    asked.put(None)
