"""Moves: what a story may do on a lab and its actors, and the one place through which all of it goes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar

from facetui.engine.lab.world.recorder import Recorder

P = ParamSpec("P")
R = TypeVar("R")


class Player:
    """Somebody on whom a story calls moves.

    Attributes:
        actor: the name under which a lab has it, ``users``; empty for the lab itself.
        recorder: is told of every move.
    """

    actor: ClassVar[str] = ""
    recorder: Recorder


A = TypeVar("A", bound=Player)


def move(method: Callable[Concatenate[A, P], R]) -> Callable[Concatenate[A, P], R]:
    """Mark a verb that a story may call: a session keeps it, takes it back and explains it."""

    @functools.wraps(method)
    def call(player: A, /, *args: P.args, **kwargs: P.kwargs) -> R:
        verb = f"{player.actor}.{method.__name__}".lstrip(".")
        done: R = player.recorder.on_move(verb, functools.partial(method, player), args, kwargs)
        return done

    call.is_move = True  # type: ignore[attr-defined]
    return call


def moves_of(player: Player | type[Player]) -> Mapping[str, Callable[..., Any]]:
    """The moves of a player by name, as its class has them, in alphabetical order."""
    kind = player if isinstance(player, type) else type(player)
    methods = {name: getattr(kind, name) for name in dir(kind)}
    return {name: method for name, method in methods.items() if getattr(method, "is_move", False)}
