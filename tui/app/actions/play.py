"""A game in the app: forms ask, the console's session plays, and what was measured is asked for again."""

from __future__ import annotations

from time import strftime
from typing import TYPE_CHECKING

from facetui.engine.records.events import Progress
from facetui.tui.app.dialogs.play import Ask, End, Said, Seen
from facetui.tui.figures.photos import difference, load
from facetui.tui.game.form import Asking, Beginning
from facetui.tui.game.game import ROLES, Game, Move
from facetui.tui.game.tools import PHOTOS
from facetui.tui.session import messages

if TYPE_CHECKING:
    from facetui.tui.app.console.session import ConsoleSession
    from facetui.tui.app.viewer import Viewer

BUSY = "A session is open already: what it does would be mixed with the game. Close it first: : and exit()."


class Playing:
    """One game: whose turn it is, and what waits for an answer of the session.

    Args:
        app: on which it is played.
        session: that makes its moves.

    Attributes:
        game: ``None``: it was not begun.
        again: another game is wanted, with the same settings, once the session of this one is gone.
    """

    def __init__(self, app: Viewer, session: ConsoleSession) -> None:
        self.game: Game | None = None
        self.again = False
        self._settings: tuple[str, int, str] = ("release", 0, "")
        self._app = app
        self._session = session
        self._doing: Move | None = None
        self._saving = ""
        self._trying: Asking | None = None
        self._undoing = False

    def ask_who(self, strength: str = "release", seed: int = 0, me: str = "") -> None:
        """Ask whom one plays, and how strong the tools are.

        Args:
            strength: that the form begins with.
            seed: who protects their photos.
            me: a folder of the player's own photos; empty: fictional people protect theirs.
        """
        if self._session.process is not None:
            self._app.notify(BUSY, severity="warning")
            return
        form = Beginning(strength)

        def begin(said: Said) -> None:
            if said == "do":
                self.begin(*form.chosen, seed, me)

        self._app.push_screen(Ask(form), begin)

    def begin(self, role: str, strength: str, seed: int = 0, me: str = "") -> None:
        """Open a session for a new game.

        Args:
            role: ``user`` or ``trainer``.
            strength: of tools: ``release`` or ``workshop``.
            seed: who protects their photos.
            me: a folder of the player's own photos; empty: fictional people protect theirs.
        """
        self.game = Game(next(known for known in ROLES if known == role))
        self._settings = (strength, seed, me)
        self._doing, self._saving, self._trying, self._undoing = None, "", None, False
        self._app.stage.game, self._app.stage.view = True, "timeline"
        self._app.notify("The lab opens; that takes a few seconds.")
        self._session.open({"strength": strength, "seed": seed, **({"me": me} if me else {})})

    @property
    def waits(self) -> bool:
        """Whether the session does something for the game."""
        return self._undoing or self._doing is not None or self._trying is not None or bool(self._saving)

    def hear(self, answer: messages.Answer) -> None:
        """Go on when the session has done what it was asked, and end when it is gone."""
        if self.game is None:
            return
        match answer:
            case messages.Left() if self.again:
                self.again, self.game, self._app.stage.game = False, None, False
                self.ask_who(*self._settings)
            case messages.Ready():
                self._app.stage.view = "timeline"
                self._app.read_journal()
                began = self._app.stage.known.began
                self.game.postable = (began.n_postable if began else 0) or PHOTOS
                self.ask()
            case messages.Done():
                self._done(answer.ok)
            case messages.Left():
                self.game, self._app.stage.game = None, False
                if answer.problem:
                    self._app.notify(f"The game ends: {answer.problem}", severity="error", timeout=12)

    def _done(self, ok: bool) -> None:
        assert self.game is not None
        move, self._doing = self._doing, None
        saved, self._saving = self._saving, ""
        tried, self._trying = self._trying, None
        undone, self._undoing = self._undoing, False
        if tried is not None:
            self.ask(tried, self._seen() if ok else None)
            return
        told = ""
        if undone:
            told = "What was begun of the turn is taken back. Choose again."
        elif saved:
            told = f"Saved: facetui run {saved}" if ok else "It could not be saved; : says why."
        elif move is None:
            return  # typed into the console meanwhile
        elif ok:
            self.game.made(move, self._app.stage.player.events)
        elif self._app.stage.known.t == self.game.t:  # its first move is the date: some of it was done
            self._undoing = True
            self._session.submit("undo()")
            return
        else:
            told = "That was stopped, or could not be done; : says why. Choose again."
        self.ask(told=told)

    def _seen(self) -> Seen | None:
        """What the tool made of the photo that it was tried on; ``None`` where no pictures are kept."""
        shown, folder = self._app.stage.player.events[-1:], self._app.stage.run.folder
        if folder is None or not shown or not isinstance(shown[0], Progress) or shown[0].preview is None:
            return None
        was, now = shown[0].preview.original, shown[0].preview.now
        return Seen((load(folder, was), load(folder, now), difference(folder, was, now)), self._app.looks)

    def ask(self, form: Asking | None = None, seen: Seen | None = None, told: str = "") -> None:
        """The form of the next turn, or what the game came to.

        Args:
            form: one that was filled in already; absent: a new one.
            seen: what the tool in it makes of a photo.
            told: what came of what was asked for before, above it.
        """
        game = self.game
        if game is None or self.waits:
            return
        self._app.clear_notifications()  # they would lie over it
        if game.over:
            self._app.push_screen(End(game, game.conclusion(self._app.stage.player.events), told), self._ended)
            return
        form = form or Asking(game)

        def answered(said: Said) -> None:
            if said == "do":
                self._doing = form.move
                self._session.submit("\n".join(game.python(form.move)))
            elif said == "save":
                self._save()
            elif said == "see":
                self._trying = form
                self._app.notify("The tool is tried on one photo; that is no move.")
                self._session.submit(game.trying(form.move))
            else:
                self._app.notify("The game waits: p goes on with it, q leaves.")

        self._app.push_screen(Ask(form, seen, told), answered)

    def _ended(self, said: Said) -> None:
        if said == "save":
            self._save()
        elif said == "again":
            self.again = True
            self._session.end()

    def _save(self) -> None:
        if self.game is None or not self.game.turns:
            self.ask(told="There is nothing to save yet: make a move first.")
            return
        self._saving = f"game-{strftime('%H%M%S')}.py"
        self._session.submit(f'save("{self._saving}")')
