"""The tools that users run on their photos: public, so that the trainer can run them too."""

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
    """Every tool that was ever used, by the attack's name."""

    def __init__(self) -> None:
        self._known: dict[str, list[Tool]] = {}

    def names(self) -> list[str]:
        """The attacks that were used, the first one first."""
        return list(self._known)

    def publish(self, tool: Tool) -> None:
        """Make a tool known."""
        known = self._known.setdefault(tool.attack.name, [])
        if not any(tool.is_like(other) for other in known):
            known.append(tool)

    def settings_of(self, attack: str) -> list[Tool]:
        """The settings in which an attack was used; none when it was not."""
        return list(self._known.get(attack, []))
