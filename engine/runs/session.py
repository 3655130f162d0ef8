"""A lab that is played by hand: every move is kept, can be taken back, and can be saved as a scenario."""

from __future__ import annotations

import ast
import shutil
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facetui.engine import system
from facetui.engine.core.device import telling
from facetui.engine.lab.lab import Lab
from facetui.engine.records.cohort_table import CohortTable
from facetui.engine.records.errors import FacetuiError, UsageError
from facetui.engine.records.events import Event, Note, RunEnded, RunFailed, answers_in
from facetui.engine.records.journal import Journal, new_run_folder
from facetui.engine.records.text import clean, html
from facetui.engine.runs.run import Display
from facetui.engine.runs.scenario import Scenario, Value
from facetui.engine.runs.setup import Setup, audience_of, begin, open_lab

TITLE = "Played by hand."


@dataclass(frozen=True)
class Move:
    """One verb as it was called.

    Attributes:
        verb: ``trainer.adapt`` or ``at``.
        args: its arguments.
        kwargs: its named arguments.
    """

    verb: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def __str__(self) -> str:
        given = [*map(repr, self.args), *(f"{name}={value!r}" for name, value in self.kwargs.items())]
        return f"lab.{self.verb}({', '.join(given)})"


@dataclass
class Cell:
    """Something that was typed, and the moves it made.

    Attributes:
        source: its text; empty when only its moves count, because the rest of it failed.
        moves: in order.
    """

    source: str
    moves: list[Move] = field(default_factory=list)


class Session:
    """A lab, its journal, and what was typed.

    The lab is one object for the whole session: taking a move back puts it into the state it had before.

    Args:
        setup: people, cast, device, cache, users and seed.
        out: the folder in which the run's folder is made.
        displays: called with every event; not with those that are only played again.
        story: a scenario that is played first.
        values: of its parameters.
        extras: further functions that the lab is to have, by name; they make no moves.

    Raises:
        FacetuiError: the story failed, or the journal cannot be written.
    """

    def __init__(
        self,
        setup: Setup,
        out: Path,
        displays: Sequence[Display] = (),
        story: Scenario | None = None,
        extras: Mapping[str, Callable[..., Any]] | None = None,
        values: Mapping[str, Value] | None = None,
    ) -> None:
        self._setup = setup
        self._out = out
        self._displays = list(displays)
        self._story = story
        self._extras = dict(extras or {})
        self._values = dict(values or {})
        self._name = story.name if story else "session"
        self._depth = 0
        self._muted = False
        self._stop = False
        self.cells: list[Cell] = []
        self.table = CohortTable()
        self.events: list[Event] = []
        self.journal = Journal(new_run_folder(out, self._name))
        self._audience = audience_of(lambda: self.journal.folder, setup.answers)
        self.lab = self._opened()
        self._begin()
        if story is not None:
            with self.cell(""):
                story.play(self.lab, self._values)

    def __repr__(self) -> str:
        made = sum(len(cell.moves) for cell in self.cells)
        return f"<session {self.journal.folder.name}: {made} moves, {len(self.events)} events>"

    def _repr_html_(self) -> str:
        """The session in a notebook: the moves that are kept, and where the lab stands."""
        moves = "".join(f"<li><code>{html(str(move))}</code></li>\n" for cell in self.cells for move in cell.moves)
        return f"<h3>{html(self._name)}</h3>\n<ol>\n{moves}</ol>\n{self.lab._repr_html_()}"

    # --- a lab, and a lab again ---------------------------------------------------------------------------------

    def _opened(self) -> Lab:
        lab = open_lab(
            self._setup,
            emit=self._emit,
            keep_picture=lambda png: self.journal.add_picture(png, fictional=self._setup.people.fictional),
            cancelled=lambda: self._stop,
            on_move=self._move,
            posts=self._story.posts if self._story else (),
            audience=self._audience,
        )
        for name, function in self._extras.items():
            setattr(lab, name, function)
        return lab

    def _begin(self) -> None:
        title, source = (self._story.title, self._story.source) if self._story else (TITLE, "")
        begin(self.lab, self._setup, name=self._name, title=title, source=source, values=self._values)

    def _emit(self, event: Event) -> None:
        self.journal.append(event)
        self.events.append(event)
        self.table.add(event)
        if not self._muted:
            for display in self._displays:
                display(event)

    def _move(self, verb: str, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Make a move of the lab and keep it; one that fails or is stopped leaves no trace."""
        if self._depth or self._muted:  # called by another move, or played again
            return call(*args, **kwargs)
        before = len(self.events)
        self._depth += 1
        try:
            with telling(lambda text: self.lab.recorder.emit(Note(text=text))):
                result = call(*args, **kwargs)
        except (FacetuiError, KeyboardInterrupt):
            self._stop = False
            if len(self.events) > before:
                self._play_again()
            raise
        finally:
            self._depth -= 1
        if self.cells:
            self.cells[-1].moves.append(Move(verb, args, kwargs))
        return result

    def _play_again(self) -> None:
        """Put the lab into the state after the moves that are kept: a new journal, everything from the cache."""
        old = self.journal
        old.close()
        given, said = self._audience.given.copy(), answers_in(self.events)
        self.journal = Journal(new_run_folder(self._out, self._name))
        self.events.clear()
        self.table = CohortTable()
        depth, self._depth, self._muted = self._depth, 0, True
        self._audience.given.clear()
        self._audience.given.extend(said)  # the room is not asked again what it has answered
        try:
            self.lab.restart()
            self._begin()
            for move in [move for cell in self.cells for move in cell.moves]:
                actor, _, name = move.verb.rpartition(".")
                getattr(self.lab.players[actor], name)(*move.args, **move.kwargs)
        finally:
            self._depth, self._muted = depth, False
            self._audience.given.clear()
            self._audience.given.extend(given)
        shutil.rmtree(old.folder, ignore_errors=True)

    # --- what is typed --------------------------------------------------------------------------------------------

    @contextmanager
    def cell(self, source: str) -> Iterator[None]:
        """Everything done inside belongs to one piece of typed text.

        When it fails, the moves it made before stand, but its text will not be saved.
        """
        self.cells.append(Cell(source))
        try:
            yield
        except BaseException:
            self.cells[-1].source = ""
            raise

    def stop(self) -> None:
        """Stop the move that is being made at its next step; it leaves no trace."""
        if self._depth:
            self._stop = True

    @property
    def is_moving(self) -> bool:
        """Whether a move is being made."""
        return self._depth > 0

    def undo(self) -> str:
        """Take back what was last typed that made a move.

        Returns:
            What was taken back.

        Raises:
            UsageError: nothing was done yet, or only the story that the session began with.
        """
        first = 1 if self._story else 0
        for number in reversed(range(first, len(self.cells))):
            if self.cells[number].moves:
                taken = self.cells.pop(number)
                self._play_again()
                return taken.source.strip() or "; ".join(map(str, taken.moves))
        raise UsageError("there is no move to take back")

    def save(self, path: str | Path) -> Path:
        """Write what was typed as a scenario, for ``facetui run``.

        Args:
            path: a file that does not exist yet, ending in ``.py``.

        Raises:
            UsageError: another ending, a file that exists, or nothing was typed.
        """
        target = Path(path).expanduser()
        if target.suffix != ".py":
            raise UsageError(f"expected a file ending in .py, got {target}")
        text = self.as_scenario()
        try:
            with target.open("x", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except FileExistsError:
            raise UsageError(f"{target} exists and is not overwritten; choose another name") from None
        except OSError as error:
            raise UsageError(f"{target} cannot be written ({error.strerror}); choose another folder") from error
        return target

    def as_scenario(self) -> str:
        """What was typed, as the text of a scenario.

        Raises:
            UsageError: nothing was typed.
        """
        own = self.cells[1:] if self._story else self.cells
        parts = [cell.source.strip("\n") or "\n".join(map(str, cell.moves)) for cell in own]
        body = "\n".join(filter(None, map(_indented, parts)))
        if not body and not self._story:
            raise UsageError("there is nothing to save yet: make a move first")
        cast = clean(self._setup.cast.name).replace("\\", "/").replace('"', "'")
        head = f'"""{TITLE}\n\nSeed {self._setup.seed}, cast {cast}; run with the same options.\n"""\n'
        before = ""
        if self._story:
            story = "\n".join(map(str, self.cells[0].moves))
            before = f"    # as {clean(self._story.name)} goes\n{_indented(story)}\n\n"
        return f"{head}\n\ndef scenario(lab):\n{before}{body}\n".rstrip() + "\n"

    def close(self, error: FacetuiError | None = None) -> None:
        """End the journal."""
        if error is None:
            self.lab.recorder.emit(RunEnded(peak_memory=system.peak_memory()))
        else:
            self.lab.recorder.emit(RunFailed(error=str(error), exit_code=error.exit_code))
        self.journal.close()


def _indented(source: str) -> str:
    """Text as a part of a function's body; a string over several lines stays the string it is."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return textwrap.indent(source, "    ")
    if any(
        isinstance(node, ast.Constant | ast.JoinedStr) and node.lineno != node.end_lineno for node in ast.walk(tree)
    ):
        source = ast.unparse(tree)
    return textwrap.indent(source, "    ")
