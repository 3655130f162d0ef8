"""The app's keys: what each does to the stage."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from functools import partial
from typing import ClassVar

from textual import events
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from facetui.engine.records.errors import FacetuiError
from facetui.engine.records.places import short
from facetui.tui.app.console import NOT_HERE
from facetui.tui.app.presenter import Cueing
from facetui.tui.app.terminal.themes import CYCLE
from facetui.tui.runs import engine_process
from facetui.tui.runs.recent import Recent, Story
from facetui.tui.screens.keys import KEYS
from facetui.tui.text.spans import text_of


class FacetApp(Cueing):
    """Facetui in a terminal."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key.keys, key.action, key.help, show=False, priority=key.keys == "ctrl+c") for key in KEYS
    ]

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every key's action, by its words, for Ctrl+P."""
        for key in KEYS:
            yield SystemCommand(f"{key.help} ({key.shown})", "", partial(self.run_action, key.action))
        yield SystemCommand("choose a theme", "", self.action_change_theme)

    def _changed(self) -> None:
        self.stage.fold()
        self.draw()

    # --- the play head -------------------------------------------------------------------------------------------

    def action_play(self) -> None:
        """Play or pause."""
        self.stage.player.toggle()
        self._changed()

    def action_step(self, direction: int) -> None:
        """To the next or previous event."""
        self.stage.player.step(direction)
        self._changed()

    def action_step_move(self, direction: int) -> None:
        """To the next or previous move."""
        self.stage.player.step_move(direction)
        self._changed()

    def action_first(self) -> None:
        """To the beginning."""
        self.stage.player.first()
        self._changed()

    def action_latest(self) -> None:
        """To the newest event, and on with it."""
        self.stage.player.latest()
        self._changed()

    def action_faster(self, by: int) -> None:
        """Play faster or slower."""
        self.stage.player.faster(by)
        self._changed()

    # --- what is looked at ---------------------------------------------------------------------------------------

    def action_view(self, view: str) -> None:
        """Another screen."""
        if view == "console" and not self.has_console:
            self.notify(NOT_HERE)
            return
        self.stage.view = view
        if view == "home":
            self.refresh_home()
        if view == "events":
            self.stage.selection.event = self.stage.player.head
        self._changed()

    def action_kept(self) -> None:
        """The best model so far, or the one in use."""
        self.stage.kept = not self.stage.kept
        self._changed()

    def action_move(self, down: int, right: int) -> None:
        """The cursor of the screen; on the timeline left and right step."""
        self.stage.move(down, right)
        self._changed()

    def action_faces(self, person: int, photo: int) -> None:
        """Another person, or another photo of theirs."""
        self.stage.choose_face(person, photo)
        self._changed()

    def action_choose(self) -> None:
        """Home: run a story or open a run; events: put the play head there."""
        stage = self.stage
        if stage.view == "events":
            stage.player.jump(stage.selection.event)
            stage.view = "timeline"
            self._changed()
            return
        chosen = stage.chosen if stage.view == "home" else None
        if chosen is None:
            return
        if stage.running and self.engine is not None:
            self.notify("The other run goes on; it is in the list of runs.")
        if isinstance(chosen, Recent):
            self.open(chosen.folder, live=chosen.state == "running")
        else:
            self._start(chosen)
        self._changed()

    def _start(self, story: Story) -> None:
        try:
            engine = engine_process.start(story.name, [], self._runs, story.name)
        except FacetuiError as error:
            self.notify(str(error), severity="error")
            return
        self.open(engine.folder, live=True, engine=engine)

    def action_filter(self) -> None:
        """Ask for words; events without them disappear as one types."""
        self.stage.view, self.stage.selection.typing = "events", True
        self._changed()

    def on_key(self, event: events.Key) -> None:
        """While the filter is open, characters are its words and no bindings."""
        stage = self.stage
        if not stage.selection.typing or self.screen is not self.screen_stack[0]:
            return
        if event.key in ("enter", "escape"):
            stage.selection.typing = False
            stage.selection.words = "" if event.key == "escape" else stage.selection.words
        elif event.key in ("backspace", "ctrl+h"):
            stage.selection.words = stage.selection.words[:-1]
        elif event.is_printable and event.character:
            stage.selection.words += event.character
        else:
            return
        event.prevent_default().stop()
        self._changed()

    def action_close(self) -> None:
        """Close the filter, forget it, to the timeline, home."""
        stage = self.stage
        if stage.run.cue is not None:
            stage.run.cue = None
        elif stage.view == "events" and stage.selection.words:
            stage.selection.words = ""
        elif stage.view == "timeline" or stage.run.folder is None:
            self.action_view("home")
        else:
            stage.view = "timeline"
        self._changed()

    def action_next_theme(self) -> None:
        """The next theme."""
        place = CYCLE.index(self.theme) if self.theme in CYCLE else -1
        self.theme = CYCLE[(place + 1) % len(CYCLE)]
        self.canvas.repaint()

    def action_motion(self) -> None:
        """Glide or step."""
        self.stage.motion = not self.stage.motion
        self._changed()

    def action_help(self) -> None:
        """Every key."""
        from facetui.tui.app.dialogs import Help

        self.push_screen(Help())

    # --- what is taken away --------------------------------------------------------------------------------------

    def action_picture(self) -> None:
        """Save the screen as SVG."""
        from facetui.tui.sharing.reports.export import without_remote_fonts

        saved = self.keep({f"{self.stage.view}.svg": without_remote_fonts(self.export_screenshot())})
        if saved is not None:
            self.notify(f"saved {saved[0]}")

    def action_export(self) -> None:
        """Save the table and the chart."""
        from facetui.tui.sharing.reports.export import exported

        stage = self.stage
        if stage.run.folder is None or not stage.now.curves:
            self.notify("nothing was measured yet", severity="warning")
            return
        saved = self.keep(exported(stage.now, kept=stage.kept))
        if saved is not None:
            names = ", ".join(path.name for path in saved)
            self.notify(f"saved {names} in {short(saved[0].parent)}")

    def action_copy(self) -> None:
        """The screen as text, to the clipboard of the terminal."""
        self.copy_to_clipboard(text_of(self.canvas.lines))
        self.notify("copied this screen as text")

    # --- leaving -------------------------------------------------------------------------------------------------

    def action_interrupt(self) -> None:
        """Ctrl+C: stop the run, or what the console does; the second time, or without one, leave."""
        if self.stop_move():
            return
        if self.stage.view == "console" and not self.stopping:
            self.notify("Nothing is being done. Esc leaves the console, q on another screen leaves facetui.")
        elif self.engine is not None and self.stage.running and not self.stopping:
            self.stopping = True
            self.engine.stop()
            self.notify("The run stops at its next step; Ctrl+C again leaves at once.")
        else:
            self.exit(130 if self.stopping else self.ended)

    def action_leave(self) -> None:
        """Leave; while a run goes on that was started here, ask what becomes of it."""
        stage = self.stage
        if self.engine is None or not stage.running or stage.run.folder is None:
            self.exit(self.ended)
            return
        from facetui.tui.app.dialogs import Leave

        self.push_screen(Leave(stage.run.folder.name), self._answered)

    def _answered(self, answer: str | None) -> None:
        if answer == "stop" and self.engine is not None:
            self.stopping = self.leaving = True
            self.engine.stop()
            self.notify("The run stops at its next step.")
        elif answer == "leave":
            self.left = self.stage.run.folder
            self.exit(0)

    def stop_for(self, number: int) -> None:
        """A signal ended the app: the run that it started ends, too, and a copy is not left behind."""
        if self.engine is not None and self.stage.running:
            self.engine.stop(number)
        if self.copied is not None:
            shutil.rmtree(self.copied, ignore_errors=True)
