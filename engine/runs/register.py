"""One's own attack, answer or extractor, known by name: for this process, and for stories that it plays."""

from __future__ import annotations

from collections.abc import Callable

from facetui.engine.attacks import ATTACKS
from facetui.engine.core.interfaces import Attack, Defence, Extractor
from facetui.engine.defences import DEFENCES
from facetui.engine.extractors import EXTRACTORS
from facetui.engine.records.errors import UsageError
from facetui.engine.records.registry import Registry


def register(
    name: str,
    thing: type[Attack] | type[Defence] | Callable[[str], Extractor],
    summary: str = "",
    *,
    again: bool = False,
) -> None:
    """Make something known under a name, as ``lab.users.protect(name)`` and the like take it.

    Args:
        name: which nothing else has.
        thing: a class of attacks or of defences; or a loader, which makes an extractor of its name.
        summary: one line for ``facetui list``.
        again: replace what was registered under that name, as a notebook's cell does that runs twice.

    Raises:
        UsageError: the name is taken, or it is none of these.
    """
    registry: Registry[object]
    if isinstance(thing, type) and issubclass(thing, Attack):
        registry = ATTACKS  # type: ignore[assignment]
    elif isinstance(thing, type) and issubclass(thing, Defence):
        registry = DEFENCES  # type: ignore[assignment]
    elif callable(thing) and not isinstance(thing, type):
        registry = EXTRACTORS  # type: ignore[assignment]
    else:
        raise UsageError(
            f"expected a class of attacks or defences, or a function that loads an extractor, got {thing!r}"
        )
    if again:
        registry.forget(name)
    registry.register(name, thing, summary)
