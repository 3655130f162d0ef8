"""What if: a story of which some moves are made otherwise; all before the first of them comes out of the cache."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import RESCAN, Event
from facetui.engine.runs.branches.changes import NONE, Change, MoveCount

TOOL = ("attack", "budget", "share")
"""What belongs to the tool that users have chosen before they post."""

SILENT = frozenset({"at", "note", "show", "ask", "guess", "users.protect", "trainer.classify_by"})
"""Calls of a story that are no move on the timeline."""

TAKES: Mapping[str, Mapping[str, str]] = {
    "users.post": {"attack": "", "budget": "", "share": "", "photos": "n"},
    "users.publish_pairs": {"attack": "attack", "budget": "budget", "people": "people"},
    "users.decoy": {"budget": "budget", "people": "people"},
    "friends.post": {"photos": "n"},
    "trainer.use": {"extractor": "extractor", "answer": ""},
    "trainer.adapt": {"answer": "", "against": "against"},
    "trainer.detect": {"answer": "", "against": "against"},
    "trainer.purify": {"answer": ""},
    "trainer.combine": {"answer": ""},
    "trainer.subtract": {"answer": ""},
    "trainer.answer": {"answer": ""},
    "trainer.rescan": {"answer": "", "until": "until"},
    "trainer.choose": {"answer": ""},
    "law.retention": {"months": "months"},
    "law.moratorium": {"since": "since", "until": "until"},
    "law.no_scraping": {"since": "since"},
}
"""What can be changed of a move besides its date, and which argument of its call that is."""


class Branch:
    """Makes the moves of a story, some of them otherwise.

    Args:
        changes: what is otherwise, and of which move.

    Attributes:
        lab: on which the story is played; set before it is.

    Raises:
        UsageError: a value that does not fit, or two for the same.
    """

    def __init__(self, changes: Sequence[Change]) -> None:
        self.lab: Any = None
        self._pending = list(changes)
        self._counter = MoveCount()
        self._policy: tuple[tuple[Any, ...], dict[str, Any]] | None = None
        self._dated: Change | None = None
        for change in changes:
            change.read()
            if change.name == "budget":
                from facetui.engine.core.budget import Budget

                Budget.parse(change.value)
            if [(other.move, other.name) for other in changes].count((change.move, change.name)) > 1:
                raise UsageError(f"{change.name} of move {change.move} is changed twice")

    def heard(self, event: Event) -> None:
        """An event of the story."""
        self._counter.add(event)

    def make(self, verb: str, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Make a move of the story, changed if it is one of those.

        Raises:
            UsageError: what is to be changed is nothing of this move.
        """
        if verb == "at":
            return self._move_clock(call, args, kwargs)
        if verb == "users.protect":
            args, kwargs = self._policy = self._protecting(call, args, kwargs)
            return call(*args, **kwargs)
        if verb in SILENT:
            return call(*args, **kwargs)
        number = self._counter.count + 1
        self._refuse(verb, call, number)
        made = self._made(verb, call, args, kwargs)
        late = next((change for change in self._pending if change.move <= self._counter.count), None)
        if late is not None:
            raise UsageError(f"move {late.move} is made together with move {number}: change that one")
        return made

    def finish(self) -> None:
        """The story is over.

        Raises:
            UsageError: something was to be changed of a move that it did not make.
        """
        if self._pending:
            count = self._counter.count
            raise UsageError(f"the story makes {count} moves; there is no move {self._pending[0].move}")

    def _take(self, *names: str) -> dict[str, Any]:
        """What is changed of the next move, of some names; it is then done."""
        due = [c for c in self._pending if c.move == self._counter.count + 1 and c.name in names]
        self._pending = [c for c in self._pending if c not in due]
        if (dated := next((c for c in due if c.name == "date"), None)) is not None:
            self._dated = dated
        return {change.name: change.read() for change in due}

    def _refuse(self, verb: str, call: Callable[..., Any], number: int) -> None:
        player = getattr(call, "args", (None,))[0]
        takes = {**TAKES.get(verb, {}), "date": ""}
        if verb.startswith("trainer.") and not getattr(player, "pipelines", True):
            takes["extractor"] = ""  # it takes its first one on the way
        wrong = next((c for c in self._pending if c.move == number and c.name not in takes), None)
        if wrong is not None:
            what = verb.replace(".", " ")
            raise UsageError(f"move {number} is {what}; of it can be changed: {', '.join(takes)}; not {wrong.name}")

    def _move_clock(self, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if (new := self._take("date")) != {}:
            args, kwargs = (new["date"],), {}
        try:
            return call(*args, **kwargs)
        except UsageError as error:
            if self._dated is None or new:
                raise
            raise UsageError(
                f"move {self._dated.move} is put at {self._dated.value}, and later the story says: {error}; choose a "
                "date before that"
            ) from None

    def _protecting(
        self, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The tool as the story chooses it, or as it is changed."""
        number, new = self._counter.count + 1, self._take(*TOOL)
        given = inspect.signature(call).bind_partial(*args, **kwargs)
        if "attack" in new:  # the budget and settings were those of another tool
            kept: dict[str, Any] = {
                name: given.arguments[name] for name in ("share", "public") if name in given.arguments
            }
            return (new.pop("attack"),), {**kept, **new}
        if new and given.arguments.get("attack") is None:
            raise UsageError(f"photos are posted as they are in move {number}; choose a tool, too: attack=lowkey")
        return args, {**kwargs, **new}

    def _made(self, verb: str, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        number = self._counter.count + 1
        if any(c.move == number and c.name == "date" for c in self._pending):
            self.lab.at("")  # which comes back here, and has the date then
        if verb == "users.post" and any(c.move == number and c.name in TOOL for c in self._pending):
            policy, more = self._policy or ((None,), {})
            self.lab.users.protect(*policy, **more)
        answer = self._take("answer").get("answer", "") if "answer" in TAKES.get(verb, {}) else ""
        if answer and f"trainer.{answer}" != verb:
            return self._answered(verb, answer)
        takes = {name: argument for name, argument in TAKES.get(verb, {}).items() if argument}
        if new := self._take(*takes):
            given = inspect.signature(call).bind_partial(*args, **kwargs)
            given.arguments.update({takes[name]: value for name, value in new.items()})
            return call(*given.args, **given.kwargs)
        return call(*args, **kwargs)

    def _answered(self, verb: str, answer: str) -> Any:
        """Another answer of the trainer in the place of the story's; a move that is left out keeps its number."""
        trainer = self.lab.trainer
        if answer == NONE:
            self._pending = [c for c in self._pending if c.move != self._counter.count + 1]
            self._counter.count += 1
        elif answer == "use":
            trainer.use()
        elif answer == RESCAN:
            trainer.rescan()
        else:
            against = self._take("against")
            trainer.answer(answer, **against)
        if verb == "trainer.choose":  # stories name what it chose
            return trainer.pipelines[-1].generation if trainer.pipelines else NONE
        return [] if verb == "trainer.detect" else None
