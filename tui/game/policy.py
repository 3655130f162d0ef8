"""How the machine plays, all of it. It knows what everybody knows: which tools and networks are out, and its own moves.

The trainer cannot know whom it fails to name, and the user cannot know what the trainer has: neither looks at what was
measured.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """What a player knows before a move.

    Attributes:
        turn: from 0.
        tools: that are out, in the order in which they came.
        tools_before: those that were out a turn ago; learning a tool takes a turn.
        learnt: tools that the trainer's models were trained against.
        networks: that are out, oldest first.
        used: networks that the trainer has taken so far.
        photos: that a user can still post.
        turns_left: this one among them.
    """

    turn: int
    tools: tuple[str, ...]
    tools_before: tuple[str, ...]
    learnt: frozenset[str]
    networks: tuple[str, ...]
    used: tuple[str, ...]
    photos: int
    turns_left: int


def trainer(known: Known) -> str:
    """Learn a tool the turn after it came out; else take a newer network; else the best of what it had; else wait."""
    if set(known.tools_before) - known.learnt:
        return "adapt"
    if known.networks[-1] not in known.used:
        return "use"
    if len(known.used) + bool(known.learnt) > 1 and known.turns_left == 1:
        return "choose"
    return "wait"


def user(known: Known) -> tuple[str, int]:
    """The newest tool there is, and as many photos each turn as last to the end."""
    return known.tools[-1], -(-known.photos // known.turns_left)
