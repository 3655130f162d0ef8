"""Cues and questions: the presenter sends them, those who follow see them, go there when they like, and vote."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from facetui.engine.records.errors import UsageError
from facetui.engine.runs import ballots
from facetui.tui.runs import cues
from facetui.tui.runs.voter import Voter
from facetui.tui.state.app_state import Stage
from facetui.tui.state.room import question

NOT_YOURS = "Cues are sent by the one whose run it is, once something happened."
NOT_PUBLISHED = "This run is not published; facetui run STORY --publish, or facetui publish RUN."


NO_VOTES = "Nobody can vote on this run; facetui run STORY --publish --votes, or facetui publish RUN --votes."
ASKED_ALREADY = "The room is being asked already; ask again once it has answered."
ASK_SECONDS = 30.0
"""For which what a presenter asks beside the story is open."""

YES_OR_NO = ("yes", "no")


class Cueing:
    """The cues of the run that is shown.

    Args:
        stage: where a new cue appears.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._seen = 0

    def opened(self, folder: Path) -> None:
        """Another run is looked at; what was said before one came is not said again."""
        self._seen = len(cues.read(folder))

    def look(self, *, following: bool) -> None:
        """Show a new cue of the presenter's; it moves nobody.

        Args:
            following: whether somebody else's run is followed over a network.
        """
        run = self._stage.run
        if run.folder is None or run.owned or not (following or self._stage.running):
            return
        sent = cues.read(run.folder)
        if following:
            open_now = run.vote.question if run.vote is not None else ""
            run.asking = next((cue for cue in reversed(sent) if cue.question and cue.question == open_now), None)
        if new := [cue for cue in sent[self._seen :] if not cue.question]:
            run.cue = new[-1]
        self._seen = len(sent)

    def look_at_room(self, voter: Voter | None) -> str:
        """How the room stands, as one who follows hears it or as the presenter's own server says it.

        Returns:
            What the room answered to what the presenter asked beside the story, once; empty: nothing new.
        """
        run = self._stage.run
        if voter is not None:
            run.vote, run.voted = voter.open, voter.choice
            return ""
        run.ballots = ballots.read(run.folder) if run.folder is not None and self._stage.running else None
        now, asking = run.ballots, run.asking
        if asking is None:
            return ""
        story = self._stage.known.room
        if now is not None and now.question != asking.question and story is not None and story.answered is None:
            run.asking = None
            return "The story asks the room something itself; what you asked is over."
        if now is not None and (now.question != asking.question or not now.closed):
            return ""
        run.asking = None
        counts = now.counts(len(asking.options)) if now else ()
        said = ", ".join(f"{option} {count}" for option, count in zip(asking.options, counts, strict=False))
        if not said:
            return "Nobody can vote any more."
        told = f"The room was asked: {asking.text} It answers: {said}."
        self.send(told)
        assert run.folder is not None
        with suppress(OSError):
            ballots.say(run.folder, told)
        return told

    def ask(self, words: str) -> None:
        """Ask the room something beside the story: ``What now? / this / that``; without options yes or no.

        Raises:
            FacetuiError: the run's folder takes no question, there is one already, or there are no words.
        """
        stage = self._stage
        text, *options = (part.strip() for part in words.split("/"))
        options = [option for option in options if option] or list(YES_OR_NO)
        if question(stage) is not None:
            raise UsageError(ASKED_ALREADY)
        if not text or not 2 <= len(options) <= cues.OPTIONS_MOST:
            raise UsageError(f"expected a question / and 2 to {cues.OPTIONS_MOST} options, like: What now? / wait / go")
        assert stage.run.folder is not None
        seq = stage.player.events[stage.player.head].seq
        stage.run.asking = cues.send(stage.run.folder, max(0, seq), stage.view, text, options, ASK_SECONDS)
        self._seen += 1

    def send(self, words: str) -> None:
        """Tell followers to look at what is shown here.

        Raises:
            FacetuiError: the run's folder takes none.
        """
        stage = self._stage
        assert stage.run.folder is not None, "whoever asks for words has looked"
        view = "timeline" if stage.view in ("home", "console") else stage.view
        cues.send(stage.run.folder, stage.player.events[stage.player.head].seq, view, words)
        self._seen += 1

    def go(self) -> bool:
        """Go where the newest cue points; whether there was one."""
        stage, cue = self._stage, self._stage.run.cue
        if cue is None:
            return False
        stage.run.cue = None
        places = [i for i, event in enumerate(stage.player.events) if event.seq <= cue.at]
        stage.player.jump(places[-1] if places else 0)
        stage.view = cue.view if cue.view in ("timeline", "cohorts", "faces", "events") else "timeline"
        return True
