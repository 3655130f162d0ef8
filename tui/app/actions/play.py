"""A game in the app: forms ask, the console's session plays, and what was measured is asked for again."""

from __future__ import annotations

from time import strftime
from typing import TYPE_CHECKING

from facetui.tui.app.dialogs.play import Ask, End, Said
from facetui.tui.game.form import Asking, Beginning
from facetui.tui.game.game import Game, Move, Role
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
    """

    def __init__(self, app: Viewer, session: ConsoleSession) -> None:
        self.game: Game | None = None
        self._app = app
        self._session = session
        self._doing: Move | None = None
        self._saving = ""

    def ask_who(self, strength: str = "release", seed: int = 0) -> None:
        """Ask whom one plays, and how strong the tools are.

        Args:
            strength: that the form begins with.
            seed: who protects their photos.
        """
        if self._session.process is not None:
            self._app.notify(BUSY, severity="warning")
            return
        form = Beginning(strength)

        def begin(said: Said) -> None:
            if said == "do":
                self.begin(*form.chosen, seed)

        self._app.push_screen(Ask(form), begin)

    def begin(self, role: str, strength: str, seed: int = 0) -> None:
        """Open a session for a new game.

        Args:
            role: ``user`` or ``trainer``.
            strength: of tools: ``release`` or ``workshop``.
            seed: who protects their photos.
        """
        self.game = Game(_role(role))
        self._doing, self._saving = None, ""
        self._app.stage.game, self._app.stage.view = True, "timeline"
        self._app.notify("The lab opens; that takes a few seconds.")
        self._session.open({"strength": strength, "seed": seed})

    @property
    def waits(self) -> bool:
        """Whether the session does something for the game."""
        return self._doing is not None or bool(self._saving)

    def hear(self, answer: messages.Answer) -> None:
        """Go on when the session has done what it was asked, and end when it is gone."""
        if self.game is None:
            return
        match answer:
            case messages.Ready():
                self._app.stage.view = "timeline"
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
        if saved:
            self._app.notify(f"Saved: facetui run {saved}" if ok else "It could not be saved; : says why.")
        elif move is None:
            return  # typed into the console meanwhile
        elif ok:
            self.game.made(move, self._app.stage.player.events)
        else:
            self._app.notify("That was stopped, or could not be done; : says why. Choose again.", severity="warning")
        self.ask()

    def ask(self) -> None:
        """The form of the next turn, or what the game came to."""
        game = self.game
        if game is None or self.waits:
            return
        if game.over:
            self._app.push_screen(End(game, game.conclusion(self._app.stage.player.events)), self._ended)
            return
        form = Asking(game)

        def answered(said: Said) -> None:
            if said == "do":
                self._doing = form.move
                self._session.submit("\n".join(game.python(form.move)))
            elif said == "save":
                self._save()
            else:
                self._app.notify("The game waits: p goes on with it, q leaves.")

        self._app.push_screen(Ask(form), answered)

    def _ended(self, said: Said) -> None:
        if said == "save":
            self._save()
        elif said == "again":
            self.ask_again = True
            self._session.end()

    def _save(self) -> None:
        if self.game is None or not self.game.turns:
            self._app.notify("There is nothing to save yet: make a move first.")
            self.ask()
            return
        self._saving = f"game-{strftime('%H%M%S')}.py"
        self._session.submit(f'save("{self._saving}")')

    ask_again = False
    """Whether another game is wanted once the session of this one is gone."""


def _role(name: str) -> Role:
    return "trainer" if name == "trainer" else "user"
