"""Cues: the presenter sends them, those who follow see them and go there when they like."""

from __future__ import annotations

from pathlib import Path

from facetui.tui.runs import cues
from facetui.tui.state.app_state import Stage

NOT_YOURS = "Cues are sent by the one whose run it is, once something happened."
NOT_PUBLISHED = "This run is not published; facetui run STORY --publish, or facetui publish RUN."


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
        if len(sent) > self._seen:
            run.cue = sent[-1]
        self._seen = len(sent)

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
