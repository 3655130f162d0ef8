"""The app without its keys: a clock reads the journal, one canvas shows what the pure views draw.

Nothing is computed here: the engine is another process, and its journal is all that is known of it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Literal

from textual import on, work
from textual.app import App, ComposeResult
from textual.driver import Driver
from textual.notifications import SeverityLevel

from facetui.engine import system
from facetui.engine.records import journal
from facetui.engine.records.errors import FacetuiError
from facetui.engine.records.events import Event, RunEnded, RunFailed
from facetui.engine.records.text import clean
from facetui.engine.runs.branches.comparison import compare
from facetui.tui.app.canvas import Canvas
from facetui.tui.app.presenter import Cueing
from facetui.tui.app.remembered import Remembered, keep
from facetui.tui.app.terminal.themes import CYCLE, THEMES, variables
from facetui.tui.figures.photos import Looks
from facetui.tui.runs import engine_process, named, recent
from facetui.tui.runs.engine_process import Engine
from facetui.tui.runs.recent import DEMO, Story
from facetui.tui.screens import frame
from facetui.tui.state.app_state import Stage
from facetui.tui.state.snapshot import Scene
from facetui.tui.text.comparison import in_the_end
from facetui.tui.text.sentences import live

if TYPE_CHECKING:
    from facetui.tui.app.terminal.graphics import Graphics
    from facetui.tui.runs.remote import Mirror

LOCAL, REMOTE = 0.2, 0.25
"""Seconds between two looks at the journal: five updates a second at most, over SSH four."""

DEVICE = "from facetui.engine.core import device as d; print(d.describe(d.choose('auto')))"


class Viewer(App[int]):
    """Shows a run as it is written, or as it was.

    Args:
        runs: the folder of runs.
        folder: a run to open; absent: the home screen.
        live: follow the run's newest event; else play it from the first.
        engine: the process that this app started for it.
        motion: glide between moves.
        look_for_device: find out what computes, in a process of its own.
        mirror: what fetches the run from a presenter; absent: nobody is followed over a network.
        driver: how to speak to the terminal; absent: Textual's own.
        remembered: from the last start; absent: nothing is remembered.
        theme: to begin with.
        trouble: what is wrong with what was set, in words; empty: nothing.
    """

    welcomes = True
    """Whether newcomers see cards first; who came to play sees the game."""

    TITLE = "facetui"
    CSS = """
    Screen { layout: vertical; layers: base over; }
    ToastRack { dock: top; margin: 1 0 0 0; align-horizontal: right; }
    """
    # Toasts come at the top: what is said to the audience stands at the bottom.

    def __init__(
        self,
        runs: Path,
        folder: Path | None = None,
        *,
        live: bool = False,
        engine: Engine | None = None,
        motion: bool = True,
        look_for_device: bool = True,
        mirror: Mirror | None = None,
        driver: type[Driver] | None = None,
        remembered: Remembered | None = None,
        theme: str = "",
        trouble: str = "",
    ) -> None:
        self.remembered = remembered
        self.trouble = trouble
        self.stage = Stage(motion=motion)
        self.canvas = Canvas(id="all")
        self.graphics: Graphics | None = None
        self.cueing = Cueing(self.stage)
        self.mirror = mirror
        self.copied: Path | None = None
        self.opened = ExitStack()
        self.engine = engine
        self.ended = 0
        self.stopping = False
        self.leaving = False
        self.left: Path | None = None
        self.runs = runs
        self._tail: journal.Tail | None = None
        self._base: list[Event] = []
        self._looked_for_base = False
        self._ticked = monotonic()
        self._rested = False
        self._look_for_device = look_for_device
        super().__init__(driver_class=driver)
        for own in THEMES:
            self.register_theme(own)
        if not self.current_theme.ansi:
            self.theme = theme if theme in CYCLE else "facetui"
        if folder is not None:
            self.open(folder, live=live, engine=engine)
        else:
            self._list_stories()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Colours of actors and lines."""
        theme = self.current_theme
        return variables(ansi=theme.ansi, dark=theme.dark)

    def compose(self) -> ComposeResult:
        """One canvas."""
        yield self.canvas

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Tell something for a while; what is foreign in it is neither markup nor a command."""
        super().notify(clean(message), title=clean(title), severity=severity, timeout=timeout, markup=markup)

    def on_mount(self) -> None:
        """Start the clock; what takes time comes after the first frame."""
        self.set_interval(REMOTE if os.environ.get("SSH_CONNECTION") else LOCAL, self.tick)
        self.call_after_refresh(self.after_first_frame)

    def after_first_frame(self) -> None:
        """What takes time, and what is told at the beginning."""
        if self.trouble:
            self.notify(self.trouble, severity="warning", timeout=12)
        if self.stage.view == "home":
            self.refresh_home()
            self._welcome()
        if self.stage.run.recorded:
            began = self.stage.now.began
            again = f" Run it live: {live(began)}" if began else ""
            sentence = f"This is a recording of {self.stage.run.recorded}.{again}"
            self.notify(sentence, timeout=5)

    def _welcome(self) -> None:
        """Four cards, once."""
        if self.welcomes and self.remembered is not None and not self.remembered.welcomed:
            from facetui.tui.app.dialogs.help import Cards

            self.remembered.welcomed = True
            keep(self.remembered)
            self.push_screen(Cards())

    def _list_stories(self) -> None:
        from facetui.scenarios import SCENARIOS  # reads every story: not before they are shown

        stories = [Story(name, SCENARIOS.entry(name).summary) for name in SCENARIOS.names()]
        self.stage.stories = [Story(DEMO, "Begin here: the arms race, recorded and played at once."), *stories]

    def refresh_home(self) -> None:
        """Read what was run before, more of it where one looks for some, and look for the device once."""
        if not self.stage.stories:
            self._list_stories()
        chosen = self.stage.selection
        looks = self.stage.view == "home" and (chosen.typing or chosen.sought)
        self.stage.recent = recent.recent(self.runs, recent.MANY if looks else recent.FEW)
        recent.timed(self.stage.stories, self.stage.recent)
        self.draw()
        if self._look_for_device and not self.stage.device:
            self._look_for_device = False
            self.find_device()

    @work(exit_on_error=False, group="device")
    async def find_device(self) -> None:
        """Load torch where it slows nothing down: in a process of its own."""
        if find_spec("torch") is None:
            self.stage.device = "none: what computes is not installed; facetui doctor says how"
            self.draw()
            return
        command = (sys.executable, "-c", DEVICE)
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            system.yield_to(process.pid, engine_process.COURTESY)
            out, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        self.stage.device = out.decode(errors="replace").strip() or "none found: facetui doctor says more"
        self.draw()

    # --- the run -------------------------------------------------------------------------------------------------

    def open(self, folder: Path, *, live: bool, engine: Engine | None = None) -> None:
        """Turn to a run, and read what there is of it."""
        self.engine, self.ended, self.stopping = engine, 0, False
        self.cueing.opened(folder)
        growing = engine is not None or journal.is_locked(folder)
        self.stage.open(folder, live=live, growing=growing, owned=engine is not None)
        self.stage.run.waiting = "The engine starts: PyTorch is being loaded, then the people and the networks."
        self._tail = journal.Tail(folder)
        self._base, self._looked_for_base = [], False
        self.read_journal()

    def turn_to(self, folder: Path) -> None:
        """Show a run that goes on, on the screen that is being looked at."""
        view = self.stage.view
        self.open(folder, live=True)
        self.stage.player.fast = self.mirror is None or self.stage.fast  # who types reads what came of it
        self.stage.view = view

    def read_journal(self) -> None:
        """Take in what came since the last look; a run whose process is gone has ended."""
        stage = self.stage
        if self._tail is None or stage.run.problem or not (stage.running or stage.known.began is None):
            return
        code = self.engine.code if self.engine is not None else None  # asked first: its last words are in the journal
        gone = code is not None if self.engine is not None else not journal.is_locked(self._tail.folder)
        try:
            stage.extend(self._tail.more())
        except FacetuiError as error:
            stage.run.problem, stage.player.growing, self.ended = str(error), False, error.exit_code
            return
        self._look_for_base()
        if stage.known.began is None and self.engine is not None and code is None:
            stage.run.waiting = self.engine.said() or stage.run.waiting  # how far reading people is
        if isinstance(stage.known.ended, RunFailed):
            self.ended = stage.known.ended.exit_code
        if gone and stage.running:
            stage.player.growing = stage.player.live = False
            self.ended = code or 1
            killed = "the run was killed; run the story again"
            if self.mirror is not None:
                killed = "the presenter's run was killed; this is how far it came"
            before = self.engine.said() if self.engine is not None else killed
            stage.run.problem = before if stage.known.began is None else killed
        if stage.running and stage.known.began is not None and self.mirror is None:
            stage.run.memory = system.memory_of(stage.known.began.pid)

    def _look_for_base(self) -> None:
        """Of a run that branches from another, read that one, too; in the end, say by how much they differ."""
        stage, began = self.stage, self.stage.known.began
        if began is None or not began.branch_of or stage.run.folder is None:
            return
        if not self._looked_for_base:
            self._looked_for_base = True
            name = named.base_of(stage.run.folder, began)
            self._base = named.read_base(name, began) if name else []
            if self._base:
                stage.run.base, stage.base = name, Scene.of(self._base)
        if self._base and not stage.run.against and isinstance(stage.known.ended, RunEnded):
            stage.run.against = in_the_end(compare(("a", "b"), (self._base, stage.player.events)))

    def tick(self) -> None:
        """Let time pass, read the journal, draw; a terminal that does not keep up is left alone."""
        now = monotonic()
        passed, self._ticked = now - self._ticked, now
        if self.mirror is not None:
            self._look_at_mirror(self.mirror)
        self.look_at_room()
        self.cueing.look(following=self.mirror is not None)
        self.read_journal()
        if self.leaving and not self.stage.running:
            self.exit(self.ended)
        self.stage.tick(min(passed, 0.5))
        rests = self.stage.rests and self.mirror is None
        if getattr(self._driver, "congested", False):
            return
        if not (rests and self._rested):
            self.draw()  # what stands still costs nothing
        self._rested = rests

    def look_at_room(self) -> None:
        """What the room is asked, and how it answers."""
        if said := self.cueing.look_at_room(self.mirror.voter if self.mirror is not None else None):
            self.notify(said)

    def _look_at_mirror(self, mirror: Mirror) -> None:
        """How the connection is, and whether the presenter's run was begun anew."""
        if mirror.folder != self.stage.run.folder and mirror.folder.is_dir():
            self.turn_to(mirror.folder)
        self.stage.run.link = mirror.trouble
        if self.stage.known.began is None:
            self.stage.run.waiting = mirror.trouble or "The presenter's run is about to begin."
        if mirror.failed is not None:
            self.stage.run.problem, self.stage.player.growing = str(mirror.failed), False
            self.ended = mirror.failed.exit_code

    def draw(self) -> None:
        """Show the stage as it is."""
        width, height = self.canvas.size
        if width and height:
            self.canvas.paint(frame.paint(self.stage, width, height, self.looks))
            if self.graphics is not None:
                self.graphics.place(self, frame.pictures(self.stage, width, height))

    @property
    def looks(self) -> Looks:
        """What the terminal can show of pictures."""
        colours: Literal["true", "256", "none"] = "none"
        if not self.no_color and self.console.color_system in ("256", "truecolor"):
            colours = "true" if self.console.color_system == "truecolor" else "256"
        return Looks(colours, self.graphics is not None)

    @on(Canvas.Resized)
    def _resized(self) -> None:
        self.draw()
