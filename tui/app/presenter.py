"""Cues in the app: the presenter sends them, those who follow see them and go there when they like."""

from __future__ import annotations

from pathlib import Path

from facetui.engine.records.errors import FacetuiError
from facetui.tui.app.console import Consoling
from facetui.tui.runs import cues
from facetui.tui.runs.engine_process import Engine


class Cueing(Consoling):
    """Watches runs, has a console, and knows of cues."""

    published = ""
    """The address under which the run can be followed."""
    _told = 0
    """Cues that were seen."""

    def open(self, folder: Path, *, live: bool, engine: Engine | None = None) -> None:
        """Turn to a run; what was said before one came is not said again."""
        self._told = len(cues.read(folder))
        super().open(folder, live=live, engine=engine)

    def look_for_cues(self) -> None:
        """A new cue of the presenter is shown; it moves nobody."""
        if self.stage.run.folder is None or self.stage.run.owned or (self.mirror is None and not self.stage.running):
            return
        told = cues.read(self.stage.run.folder)
        if len(told) > self._told:
            self.stage.run.cue = told[-1]
        self._told = len(told)

    def action_cue(self) -> None:
        """Tell followers to look at what is shown here."""
        stage = self.stage
        if self.mirror is not None or stage.run.folder is None or stage.player.head < 0:
            self.notify("Cues are sent by the one whose run it is, once something happened.")
            return
        from facetui.tui.app.dialogs import CueWords

        self.push_screen(CueWords(), self._send_cue)

    def _send_cue(self, words: str | None) -> None:
        stage = self.stage
        if words is None or stage.run.folder is None:
            return
        view = "timeline" if stage.view in ("home", "console") else stage.view
        try:
            cues.send(stage.run.folder, stage.player.events[stage.player.head].seq, view, words)
        except FacetuiError as error:
            self.notify(str(error), severity="error")
            return
        self._told += 1
        self.notify("Those who follow are told to look here.")

    def action_go_to_cue(self) -> None:
        """Where the presenter's cue points."""
        stage, cue = self.stage, self.stage.run.cue
        if cue is None:
            self.notify("There is no cue to follow.")
            return
        stage.run.cue = None
        places = [i for i, event in enumerate(stage.player.events) if event.seq <= cue.at]
        stage.player.jump(places[-1] if places else 0)
        stage.view = cue.view if cue.view in ("timeline", "cohorts", "faces", "events") else "timeline"
        stage.fold()
        self.draw()

    def action_address(self) -> None:
        """Where others can follow this run."""
        if not self.published:
            self.notify("This run is not published; facetui run STORY --publish, or facetui publish RUN.")
            return
        from facetui.tui.app.dialogs import Address

        self.push_screen(Address(self.published))
