"""What is done with questions to the room: one who follows votes, the presenter asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facetui.engine.records.errors import FacetuiError
from facetui.tui.app.presenter import NO_VOTES
from facetui.tui.runs.cues import LONGEST
from facetui.tui.state.room import question

if TYPE_CHECKING:
    from facetui.tui.app.viewer import Viewer

ASKED = "ask the room: What now? / wait / go; without options yes or no; enter asks, esc does not"


def offer_once(app: Viewer) -> None:
    """Put a new question to who follows; one that is over goes."""
    from facetui.tui.app.dialogs.vote import Vote

    now = app.stage.run.vote
    if not app.is_running or (now is None and not app.stage.run.offered):
        return
    over = app.screen
    if isinstance(over, Vote) and (now is None or now.question != over.number):
        over.dismiss(None)
    elif now is not None and now.question != app.stage.run.offered and len(app.screen_stack) == 1:
        offer(app)


def offer(app: Viewer) -> None:
    """Ask who follows for their vote."""
    from facetui.tui.app.dialogs.vote import Vote

    asked = question(app.stage)
    if asked is None or app.stage.run.vote is None or asked.number != app.stage.run.vote.question:
        return  # its words have not come yet
    app.stage.run.offered = asked.number

    def send(choice: int | None) -> None:
        if choice is not None:
            app.run_worker(lambda: _send(app, asked.number, choice), thread=True, exit_on_error=False, group="vote")

    app.push_screen(Vote(app.stage), send)


def _send(app: Viewer, number: str, choice: int) -> None:
    """Vote, in a thread: the presenter's side may take its time."""
    if app.mirror is not None:
        said = app.mirror.voter.vote(number, choice)
        app.call_from_thread(app.notify, said or "Your vote counts; v changes it while the question is open.")


def ask(app: Viewer) -> None:
    """Let the presenter ask the room something beside the story."""
    if app.mirror is not None:
        app.notify("There is no cue to follow, and nothing is asked.")
        return
    if app.stage.run.ballots is None or app.stage.player.head < 0:
        app.notify(NO_VOTES)
        return
    from facetui.tui.app.dialogs.words import Words

    def send(words: str | None) -> None:
        if not words:
            return
        try:
            app.cueing.ask(words)
        except FacetuiError as error:
            app.notify(str(error), severity="error")

    app.push_screen(Words(ASKED, LONGEST), send)
