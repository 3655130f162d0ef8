"""Names to things, without importing the things."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar

from facetui.engine.records.errors import UnknownName, UsageError, lack_of_lab

T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
    """One name of a registry.

    Attributes:
        target: ``package.module:attribute``, imported on first use; or the thing itself.
        summary: one line for ``facetui list``.
        facts: further columns for ``facetui list``, by heading.
    """

    target: Any
    summary: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


class Registry(Generic[T]):
    """Built-in names, names that other packages bring as entry points, and names registered while running.

    Args:
        kind: what one of them is called in messages, e.g. ``attack``.
        group: entry point group, e.g. ``facetui.attacks``.
        builtin: the names this package brings.
        patterns: names without end, by how they are written: ``onnx:PATH`` stands for every name that begins with
            ``onnx:``.
    """

    def __init__(
        self, kind: str, group: str, builtin: Mapping[str, Entry], patterns: Mapping[str, Entry] | None = None
    ) -> None:
        self.kind = kind
        self.group = group
        self.patterns = dict(patterns or {})
        self._entries = dict(builtin)
        self._looked_for_plugins = False
        self._registered: set[str] = set()

    def _all(self) -> dict[str, Entry]:
        if not self._looked_for_plugins:
            self._looked_for_plugins = True
            for point in entry_points(group=self.group):
                origin = f"from {point.dist.name}" if point.dist else ""
                self._entries.setdefault(point.name, Entry(point.value, origin))
        return self._entries

    def names(self) -> list[str]:
        """Every name, built-in ones first."""
        return list(self._all())

    def offered(self) -> list[str]:
        """What completion offers: every name, and the beginnings of names without end, e.g. ``onnx:``."""
        return [*self._all(), *(pattern.partition(":")[0] + ":" for pattern in self.patterns)]

    def __contains__(self, name: object) -> bool:
        return name in self._all() or (isinstance(name, str) and self._pattern(name) is not None)

    def _pattern(self, name: str) -> str | None:
        """The pattern that a name follows, e.g. ``onnx:PATH`` for ``onnx:net.onnx``; none for a bare ``onnx:``."""
        head, _, rest = name.partition(":")
        return next((p for p in self.patterns if rest and p.partition(":")[0] == head), None)

    def _nearest(self, name: str) -> list[str]:
        """Names that look alike, best first; a prefix that was mistyped or left out is put right."""
        head, colon, rest = name.partition(":")
        prefixes = {pattern.partition(":")[0]: pattern for pattern in self.patterns}
        if colon:
            alike = difflib.get_close_matches(head, prefixes, n=1, cutoff=0.5)
            return [f"{prefix}:{rest}" if rest else prefixes[prefix] for prefix in alike]
        ending = name.rpartition(".")[2]
        if ending in prefixes:
            return [f"{ending}:{name}"]
        return difflib.get_close_matches(name, [*self._all(), *self.patterns], n=3, cutoff=0.5)

    def entry(self, name: str) -> Entry:
        """The entry under a name.

        Raises:
            UnknownName: there is none; the message names the nearest.
        """
        entries = self._all()
        if name in entries:
            return entries[name]
        pattern = self._pattern(name)
        if pattern is None:
            raise UnknownName(self.kind, name, self._nearest(name), [*entries, *self.patterns])
        return self.patterns[pattern]

    def get(self, name: str) -> T:
        """The thing under a name, imported now.

        Raises:
            UnknownName: there is none.
            UsageError: an entry point of another package that cannot be imported.
            MissingLab: it computes, and what computes is not installed.
        """
        target = self.entry(name).target
        if not isinstance(target, str):
            thing: T = target
            return thing
        module, _, attribute = target.partition(":")
        try:
            thing = getattr(import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            if (lab := lack_of_lab(error)) is not None:
                raise lab from error
            raise UsageError(f"the {self.kind} {name!r} cannot be loaded from {target}: {error}") from error
        return thing

    def register(self, name: str, thing: T, summary: str = "") -> None:
        """Add a name for this process, for instance from a scenario file.

        Raises:
            UsageError: the name is taken by something else.
        """
        taken = self._all().get(name)
        if taken is not None and taken.target is not thing:
            raise UsageError(f"the {self.kind} name {name!r} is taken; choose another")
        self._entries[name] = Entry(thing, summary)
        self._registered.add(name)

    def forget(self, name: str) -> None:
        """Take back a name that was added by :meth:`register`, for instance before a notebook defines it anew."""
        if name in self._registered:
            self._registered.remove(name)
            del self._entries[name]
