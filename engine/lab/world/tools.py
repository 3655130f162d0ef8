"""The tools that users run on their photos: most are public, so that the trainer can run them too."""

from __future__ import annotations

from dataclasses import dataclass

from facetui.engine.core.budget import Budget
from facetui.engine.core.interfaces import Attack
from facetui.engine.records.errors import UsageError


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


DEMONSTRATION = 60
"""Photos of any one party that a closed tool's public demonstration takes in all."""


class PublicTools:
    """Every tool that was ever used, by the attack's name: those that anybody can run, and those that nobody else can.

    A closed tool may have a public demonstration: a server that perturbs a few photos for whoever uploads them.
    """

    def __init__(self) -> None:
        self._known: dict[str, list[Tool]] = {}
        self._closed: dict[str, list[Tool]] = {}
        self._demonstrated: set[str] = set()
        self._uploaded: dict[str, int] = {}

    def names(self) -> list[str]:
        """The attacks that were used and can be run by anybody, the first one first."""
        return list(self._known)

    def publish(self, tool: Tool) -> None:
        """Make a tool known."""
        self._closed.pop(tool.attack.name, None)
        _add(self._known.setdefault(tool.attack.name, []), tool)

    def close(self, tool: Tool, demonstration: bool = True) -> None:
        """Say that a tool is sold as a service: only those who protect themselves can run it.

        Args:
            tool: which.
            demonstration: whether its public demonstration perturbs a few photos of anybody's.
        """
        name = tool.attack.name
        if name in self._known:
            return
        _add(self._closed.setdefault(name, []), tool)
        (self._demonstrated.add if demonstration else self._demonstrated.discard)(name)

    def is_closed(self, attack: str) -> bool:
        """Whether only those who protect themselves can run it."""
        return attack in self._closed

    def demonstrated(self) -> list[str]:
        """The closed tools that have a public demonstration, the first one first."""
        return [name for name in self._closed if name in self._demonstrated]

    def closed(self, attack: str) -> Tool:
        """A closed tool in the setting in which it was last sold; it must be one."""
        return self._closed[attack][-1]

    def upload(self, attack: str, n: int) -> Tool:
        """The tool behind a public demonstration, in the setting in which it was last sold, which takes ``n`` photos.

        Raises:
            UsageError: the attack is no closed tool with a demonstration, or it takes no more so many.
        """
        if attack in self._known:
            raise UsageError(f"{attack} is public here: the trainer can run it on as many photos as it likes, adapt()")
        if attack not in self._closed:
            raise UsageError(
                f"nobody has used {attack} as a closed tool; lab.users.protect({attack!r}, public=False) does"
            )
        if attack not in self._demonstrated:
            raise UsageError(
                f"{attack} has no public demonstration here; the trainer can learn from what others show of it: "
                "lab.users.publish_pairs(...), and then lab.trainer.adapt(pairs='published')"
            )
        left = DEMONSTRATION - self._uploaded.get(attack, 0)
        if not left:
            raise UsageError(f"the demonstration of {attack} has taken {DEMONSTRATION} photos, and takes no more")
        if not 1 <= n <= left:
            raise UsageError(
                f"expected 1 to {left} uploads, for the demonstration of {attack} takes {DEMONSTRATION} photos in all, "
                f"got {n}"
            )
        self._uploaded[attack] = self._uploaded.get(attack, 0) + n
        return self.closed(attack)

    def settings_of(self, attack: str) -> list[Tool]:
        """The settings in which an attack was used; none when it was not."""
        return list(self._known.get(attack, []))


def _add(tools: list[Tool], tool: Tool) -> None:
    if not any(tool.is_like(other) for other in tools):
        tools.append(tool)
