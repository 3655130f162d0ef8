"""What a run depends on, as somebody asks for it; read without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from facetui.engine.people import PER_PERSON
from facetui.engine.runs.branches.changes import Change
from facetui.engine.runs.scenario import Value

EMBEDDED_CROWD = 490
"""People of the embedded crowd; all of them are there unless asked otherwise, around the embedded people."""


@dataclass(frozen=True)
class Settings:
    """What a run depends on, as asked for.

    Attributes:
        cast: name or TOML file.
        people: ``embedded`` or a folder; absent: what the cast says.
        users: names of those who protect their photos; absent: chosen by the seed.
        seed: of every random draw.
        device: as for ``device.choose``.
        out: the folder in which the run's folder is made.
        cache: folder of results; absent: nothing is kept or reused.
        values: of the scenario's parameters; what is left out has its default.
        folder: the run's folder, existing and without a journal; absent: one is made in ``out``.
        strict: a picture that cannot be read ends the run; otherwise it is left out and named.
        strength: of the tools: ``release``, or ``workshop``, which weakens them and says so.
        crowd: how many further people are searched among, or a folder of them; absent: see ``identities.crowd``.
        with_what_is_there: the cast may be played without those of its networks whose weights are missing.
        per_person: how many photos of each person of a folder are taken at most.
        me: a folder of one's own photos: who is on them protects them, among fictional people; nothing of them is kept.
        changes: what is otherwise than the story has it, see ``changes``.
        branch_of: the run that it branches from with them; empty: none is known.
        together: protected people are asked for together; otherwise each alone among everybody else's clean photos.
        answers: to what the story asks the room, in order: an option's number from 1, a guess in per cent, or -1 for
            nobody's; what is asked beyond them is asked of the room.
    """

    out: Path = Path("runs")
    cast: str = "embedded"
    people: str | None = None
    users: tuple[str, ...] | None = None
    seed: int = 0
    device: str = "auto"
    cache: Path | None = None
    values: Mapping[str, Value] = field(default_factory=dict)
    folder: Path | None = None
    strict: bool = False
    strength: str = "release"
    crowd: str | None = None
    together: bool = False
    with_what_is_there: bool = False
    per_person: int = PER_PERSON
    me: Path | None = None
    changes: tuple[Change, ...] = ()
    branch_of: str = ""
    answers: tuple[int, ...] = ()
