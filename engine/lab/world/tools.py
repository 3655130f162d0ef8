"""The tools that users run on their photos: most are public, so that the trainer can run them too."""

from __future__ import annotations

from dataclasses import dataclass

from facetui.engine.core.budget import Budget
from facetui.engine.core.interfaces import Attack


@dataclass(frozen=True)
class Tool:
    """An attack as users run it.

    Attributes:
        attack: with its settings.
        budget: how far it may move a photo.
    """

    attack: Attack
    budget: Budget

    @property
    def weakened(self) -> str:
        """What makes it another than its release, in words: fewer steps, and then another budget; else empty."""
        own = self.attack.default_budget
        wider = f", {self.budget} for {own}" if self.attack.weakened and self.budget != own else ""
        return self.attack.weakened + wider

    def is_like(self, other: Tool) -> bool:
        """Whether both do the same to a photo."""
        return (self.attack.name, self.attack.settings(), self.budget) == (
            other.attack.name,
            other.attack.settings(),
            other.budget,
        )


class PublicTools:
    """Every tool that was ever used and that anybody can run, by the attack's name; and which ones nobody else can."""

    def __init__(self) -> None:
        self._known: dict[str, list[Tool]] = {}
        self._closed: set[str] = set()

    def names(self) -> list[str]:
        """The attacks that were used and can be run by anybody, the first one first."""
        return list(self._known)

    def publish(self, tool: Tool) -> None:
        """Make a tool known."""
        known = self._known.setdefault(tool.attack.name, [])
        self._closed.discard(tool.attack.name)
        if not any(tool.is_like(other) for other in known):
            known.append(tool)

    def close(self, tool: Tool) -> None:
        """Say that a tool is sold as a service: only those who protect themselves can run it."""
        if tool.attack.name not in self._known:
            self._closed.add(tool.attack.name)

    def is_closed(self, attack: str) -> bool:
        """Whether only those who protect themselves can run it."""
        return attack in self._closed

    def settings_of(self, attack: str) -> list[Tool]:
        """The settings in which an attack was used; none when it was not."""
        return list(self._known.get(attack, []))
