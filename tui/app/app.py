"""The app's keys: what each does to the stage."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from textual import actions, events, on
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen

from facetui.engine.records.errors import FacetuiError
from facetui.tui.app import config
from facetui.tui.app.actions import comparing, exports, home, pointing, room, what_if
from facetui.tui.app.canvas import Canvas
from facetui.tui.app.console.session import NOT_HERE, ConsoleSession
from facetui.tui.app.presenter import NOT_PUBLISHED, NOT_YOURS
from facetui.tui.app.terminal.themes import CYCLE
from facetui.tui.app.viewer import Viewer
from facetui.tui.runs.cues import LONGEST
from facetui.tui.runs.recent import Story
from facetui.tui.screens import console
from facetui.tui.screens.keys import KEYS, works
from facetui.tui.session import messages

if TYPE_CHECKING:
    from facetui.engine.runs.branches.comparison import Comparison
    from facetui.tui.app.actions.play import Playing
    from facetui.tui.app.console.prompt import Prompt


ACTIONS = {actions.parse(key.action)[1:]: key for key in KEYS}
"""Keys by the name and the parameters of what they do."""


class Heard(Message):
    """The console's process said something."""

    def __init__(self, answer: messages.Answer) -> None:
        super().__init__()
        self.answer = answer


class FacetApp(Viewer):
    """Facetui in a terminal: what every key does.

    Attributes:
        published: the address under which the run can be followed; empty: it is not published.
        has_console: whether Python may be typed here.
        session: what runs it.
        prompt: the field to type in, once it was wanted.
        begin_with: a game that is to be begun: its role, strength and seed.
        compared: two runs, to begin with their comparison.
    """

    published = ""
    has_console = True
    prompt: Prompt | None = None
    begin_with: Mapping[str, Any] | None = None
    compared: Comparison | None = None

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key.keys, key.action, key.help, show=False, priority=key.keys in ("ctrl+c", "ctrl+p")) for key in KEYS
    ]

    @cached_property
    def session(self) -> ConsoleSession:
        """What runs text that is typed into the console."""
        return ConsoleSession(self.stage, self.runs, self)

    @cached_property
    def playing(self) -> Playing:
        """The game that is played here, if one is."""
        from facetui.tui.app.actions.play import Playing

        return Playing(self, self.session)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What Ctrl+P finds."""
        yield from pointing.commands(self)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a key does anything where one is; in the console letters are typed, and Ctrl+P finds everything."""
        key = ACTIONS.get((action, parameters))
        return key is None or self.stage.view == "console" or works(key, self.stage)

    def after_first_frame(self) -> None:
        """As the viewer; then the comparison that the command asked for."""
        super().after_first_frame()
        if self.compared is not None:
            from facetui.tui.app.dialogs.comparison import Compared

            self.push_screen(Compared(self.compared))

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
        """The model that the trainer's own test picks, or the one in use."""
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
        """Home: run a story or open a run; events, and the chart's cursor: put the play head there."""
        stage = self.stage
        if stage.view == "timeline" and stage.selection.slot is not None:
            stage.go_to_slot(stage.selection.slot)
            self._changed()
            return
        if stage.view == "events":
            stage.player.jump(stage.selection.event)
            stage.view = "timeline"
            self._changed()
            return
        if stage.view == "home":
            home.open_chosen(self)
            self._changed()

    def action_watch(self) -> None:
        """Home: a recording of the chosen story; on the chart: what if a move were another."""
        if self.stage.view == "timeline":
            what_if.ask(self)
            return
        if isinstance(self.stage.chosen, Story):
            home.watch(self, self.stage.chosen.name)
            self._changed()

    async def on_canvas_pointed(self, message: Canvas.Pointed) -> None:
        """A click: on a key, a line of a list, a cell, a place of the chart; the second on the same opens it."""
        if message.target == "key":
            await self.run_action(message.argument)
            return
        if pointing.choose(self, message.target, message.argument):
            self.action_choose()
        self._changed()

    def on_canvas_scrolled(self, message: Canvas.Scrolled) -> None:
        """The wheel."""
        pointing.scroll(self, message.lines)
        self._changed()

    def action_filter(self) -> None:
        """Ask for words; what is without them disappears as one types: at home stories and runs, elsewhere events."""
        self.stage.selection.typing = True
        if self.stage.view == "home":
            self.refresh_home()
        else:
            self.stage.view = "events"
        self._changed()

    def action_compare(self) -> None:
        """Home: mark the run under the cursor, or compare it with the marked one; on the chart of a branch: both."""
        if self.stage.view == "timeline":
            comparing.show(self, self.stage.run.base, str(self.stage.run.folder))
            return
        comparing.mark_or_compare(self)
        self._changed()

    def action_rename(self) -> None:
        """Call the run under the cursor something else."""
        home.ask(self, "name")

    def action_note(self) -> None:
        """Keep a line about the run under the cursor."""
        home.ask(self, "note")

    def on_key(self, event: events.Key) -> None:
        """While the filter is open, characters are its words and no bindings."""
        chosen = self.stage.selection
        at_home, ours = self.stage.view == "home", self.screen is self.screen_stack[0]
        if chosen.typing and ours and chosen.type(event.key, event.character, at_home=at_home):
            event.prevent_default().stop()
            self._changed()

    def action_close(self) -> None:
        """Close the filter, forget it, to the timeline, home."""
        stage = self.stage
        if stage.run.cue is not None:
            stage.run.cue = None
        elif stage.view == "events" and stage.selection.words:
            stage.selection.words = ""
        elif stage.view == "home" and stage.selection.sought:
            stage.selection.sought = ""
        elif stage.view == "timeline" and stage.selection.slot is not None:
            stage.selection.slot = None
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
        self._set("theme", self.theme)

    def action_motion(self) -> None:
        """Glide or step."""
        self.stage.motion = not self.stage.motion
        self._set("motion", self.stage.motion)
        self._changed()

    def _set(self, name: str, value: object) -> None:
        """Keep for the next start what was chosen with a key."""
        if self.remembered is None:
            return
        try:
            config.put(name, value)
        except FacetuiError as error:
            self.notify(f"This is not kept for the next start: {error}", severity="warning")

    def action_help(self) -> None:
        """Every key."""
        from facetui.tui.app.dialogs.help import Help

        self.push_screen(Help())

    # --- the console ---------------------------------------------------------------------------------------------

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
            from facetui.tui.app.console.prompt import (
                Prompt,
            )  # what it needs takes time to load: not before it is wanted

            self.prompt = Prompt(self.stage.console)
            self.mount(self.prompt)
        if not self.prompt.display or self.focused is not self.prompt:
            self.prompt.display = True
            if len(self.screen_stack) == 1:
                self.prompt.focus()
        self.stage.console.hint = self.session.hint
        self.stage.console.prompt = console.rows(self.prompt.text, self.canvas.size.height)
        self.prompt.styles.height = self.stage.console.prompt

    def on_prompt_typed(self) -> None:
        """The field changed."""
        self.draw()

    def on_prompt_left(self) -> None:
        """From the field back to the timeline."""
        self.action_view("timeline")

    def on_prompt_submitted(self, message: Prompt.Submitted) -> None:
        """Run typed text."""
        self.session.submit(message.text)
        self.draw()

    def on_prompt_wanted(self, message: Prompt.Wanted) -> None:
        """Ask how text may go on."""
        self.session.complete(message.text)

    @property
    def columns(self) -> int:
        """How wide what the console prints may be."""
        return max(40, self.canvas.size.width - 2)

    def hear(self, answer: messages.Answer) -> None:
        """Take what the console's process says, from another thread."""
        self.post_message(Heard(answer))

    @on(Heard)
    def _heard(self, heard: Heard) -> None:
        if isinstance(heard.answer, messages.Completed):
            if self.prompt is not None:
                self.prompt.go_on(heard.answer)
        else:
            self.session.take(heard.answer)
            if self.stage.game:
                self.playing.hear(heard.answer)
        if not isinstance(heard.answer, messages.Said):  # of lines there may be many: the clock draws them
            self.draw()

    # --- a game --------------------------------------------------------------------------------------------------

    def on_ready(self) -> None:
        """Begin a game that was asked for on the command line."""
        if self.begin_with is not None:
            self.call_after_refresh(self._begin_game, **self.begin_with)

    def _begin_game(self, role: str, strength: str, seed: int, me: str) -> None:
        if role:
            self.playing.begin(role, strength, seed, me)
        else:
            self.playing.ask_who(strength, seed, me)

    def action_game(self) -> None:
        """Begin a game, or go on with it."""
        if not self.has_console:
            self.notify(NOT_HERE)
        elif self.playing.game is not None:
            self.playing.ask()
        else:
            self.playing.ask_who()

    # --- cues ----------------------------------------------------------------------------------------------------

    def action_cue(self) -> None:
        """Tell followers to look at what is shown here."""
        if self.mirror is not None or self.stage.run.folder is None or self.stage.player.head < 0:
            self.notify(NOT_YOURS)
            return
        from facetui.tui.app.dialogs.words import Words

        asked = "look here: words for those who follow, or none; enter sends, esc does not"
        self.push_screen(Words(asked, LONGEST), self._send_cue)

    def _send_cue(self, words: str | None) -> None:
        if words is None:
            return
        try:
            self.cueing.send(words)
        except FacetuiError as error:
            self.notify(str(error), severity="error")
            return
        self.notify("Those who follow are told to look here.")

    def action_go_to_cue(self) -> None:
        """Vote on what is asked, else go where the presenter's cue points; the presenter asks the room."""
        if self.stage.run.vote is not None:
            room.offer(self)
        elif self.cueing.go():
            self._changed()
        else:
            room.ask(self)

    def look_at_room(self) -> None:
        """What the room is asked, and how it answers; who follows is asked once without a key."""
        super().look_at_room()
        room.offer_once(self)

    def action_address(self) -> None:
        """Where others can follow this run."""
        if not self.published:
            self.notify(NOT_PUBLISHED)
            return
        from facetui.tui.app.dialogs.address import Address

        self.push_screen(Address(self.published))

    # --- what is taken away --------------------------------------------------------------------------------------

    def action_picture(self) -> None:
        """Save the screen as SVG."""
        exports.picture(self)

    def action_export(self) -> None:
        """Save the table and the chart."""
        exports.table_and_chart(self)

    def action_copy(self) -> None:
        """The screen as text, to the clipboard of the terminal."""
        exports.text(self)

    # --- leaving -------------------------------------------------------------------------------------------------

    def action_interrupt(self) -> None:
        """Ctrl+C: stop the run, or what the console does; the second time, or without one, leave."""
        if self.session.stop():
            return
        if self.stage.view == "console" and not self.stopping:
            self.notify("Nothing is being done. Esc leaves the console, q on another screen leaves facetui.")
        elif self.engine is not None and self.stage.running and not self.stopping:
            self.stopping = True
            self.engine.stop()
            self.notify("The run stops at its next step; Ctrl+C again leaves at once.")
        else:
            self.exit(130 if self.stopping else self.ended)

    async def action_quit(self) -> None:
        """Ctrl+Q, which the screen library knows: the same."""
        self.action_leave()

    def action_leave(self) -> None:
        """Leave; while a run goes on that was started here, ask what becomes of it."""
        stage = self.stage
        if self.engine is None or not stage.running or stage.run.folder is None:
            self.exit(self.ended)
            return
        from facetui.tui.app.dialogs.leave import Leave

        self.push_screen(Leave(stage.run.folder.name), self._answered)

    def _answered(self, answer: str | None) -> None:
        if answer == "stop" and self.engine is not None:
            self.stopping = self.leaving = True
            self.engine.stop()
            self.notify("The run stops at its next step.")
        elif answer == "leave":
            self.left = self.stage.run.folder
            self.exit(0)

    def on_unmount(self) -> None:
        """What was unpacked for now goes."""
        self.opened.close()

    def stop_for(self, number: int) -> None:
        """A signal ended the app: the run that it started ends, too, and a copy is not left behind."""
        if self.engine is not None and self.stage.running:
            self.engine.stop(number)
        self.opened.close()
        if self.copied is not None:
            shutil.rmtree(self.copied, ignore_errors=True)
