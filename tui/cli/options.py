"""Options that several commands share."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facetui.engine.people import PER_PERSON
from facetui.engine.records import journal
from facetui.engine.records.errors import UsageError
from facetui.engine.records.events import NOBODY, answers_in
from facetui.engine.records.text import brief
from facetui.tui.cli import shell_completion as shell
from facetui.tui.runs import labels

if TYPE_CHECKING:
    from facetui.engine.runs.settings import Settings


def comma_list(text: str) -> tuple[str, ...]:
    """Names that are separated by commas; empty ones are left out."""
    return tuple(filter(None, map(str.strip, text.split(","))))


ANSWER = re.compile(r"-|\d{1,3}( ?%)?", re.ASCII)
_SIZES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_SIZES |= {"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}
_TIMES = {"h": 3600, "d": 86400, "w": 7 * 86400}


def size_of(text: str) -> int:
    """Bytes of a size as people write it: ``500MB``, ``1.5 GB``, ``2GiB``.

    Raises:
        UsageError: it is none.
    """
    found = re.fullmatch(r"(\d{1,12}(?:\.\d{1,6})?)\s*([a-z]*)", text.strip().lower(), re.ASCII)
    if found is None or found[2] not in _SIZES:
        raise UsageError(f"expected a size like 500MB or 2GB, got {brief(repr(text))}")
    return int(float(found[1]) * _SIZES[found[2]])


def seconds_of(text: str) -> float:
    """Seconds of a time as people write it: ``12h``, ``30d``, ``8w``.

    Raises:
        UsageError: it is none.
    """
    found = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)\s*([hdw])", text.strip().lower(), re.ASCII)
    if found is None:
        raise UsageError(f"expected a time like 12h, 30d or 8w, got {brief(repr(text))}")
    return float(found[1]) * _TIMES[found[2]]


def _pace(value: str) -> str:
    if value not in ("read", "fast"):
        raise UsageError(f"expected the pace read or fast, got {value!r}")
    return value


def _trusting(value: bool) -> bool:
    if value:
        from facetui.engine.extractors.weights import TRUST

        os.environ[TRUST] = "1"
    return value


DisplayOption = Annotated[
    str,
    typer.Option(
        "--display",
        autocompletion=shell.one_of("auto", "tui", "plain", "json", "none"),
        help="auto, tui, plain, json or none; also FACETUI_DISPLAY.",
    ),
]
PeopleOption = Annotated[
    str | None,
    typer.Option(autocompletion=shell.people, help="'embedded', or a folder with one folder of photos a person."),
]
UsersOption = Annotated[
    list[str] | None,
    typer.Option(
        autocompletion=shell.users,
        help="Who protects their photos: names, separated by commas (again for one that holds a comma), or how many.",
    ),
]
StrictOption = Annotated[
    bool, typer.Option("--strict", help="A picture that cannot be read ends it; otherwise it is left out, and said.")
]
PerPersonOption = Annotated[
    int, typer.Option("--per-person", help="Of a folder: how many photos a person at most.", min=1)
]
StrengthOption = Annotated[
    str,
    typer.Option(
        "--strength",
        autocompletion=shell.one_of("release", "workshop"),
        help="Of the tools: release, as their users run them, or workshop: weakened, quick, and said everywhere.",
    ),
]
CrowdOption = Annotated[
    str | None,
    typer.Option(
        autocompletion=shell.people,
        help="Among how many further people everybody is searched for: 0 to 490 fictional ones, or a folder of people.",
    ),
]
TogetherOption = Annotated[
    bool,
    typer.Option(
        "--together", help="Ask for protected people together; otherwise each alone among everybody's clean photos."
    ),
]
CastOption = Annotated[
    str,
    typer.Option(autocompletion=shell.casts, help="Surrogates and the trainer's extractors: a name or a TOML file."),
]
PartlyOption = Annotated[
    bool,
    typer.Option("--with-what-is-there", help="Play the cast with those of its networks whose weights are at hand."),
]
DeviceOption = Annotated[
    str, typer.Option(autocompletion=shell.one_of("auto", "cpu", "mps", "cuda"), help="auto, cpu, mps, cuda or cuda:N.")
]
SeedOption = Annotated[int, typer.Option(help="Of every random draw.", min=0)]
TrustOption = Annotated[
    bool,
    typer.Option(
        "--trust", callback=_trusting, help="Open TorchScript files, which can run code of their own on this machine."
    ),
]
PicturesOption = Annotated[
    str,
    typer.Option(
        "--pictures",
        autocompletion=shell.one_of("none", "fictional", "all"),
        help="Which pictures leave this machine: none, fictional (people) or all.",
    ),
]
VotesOption = Annotated[
    bool,
    typer.Option(
        "--votes/--no-votes", help="Those who follow may vote where the story asks the room; else they only read."
    ),
]
AnswersOption = Annotated[
    str | None,
    typer.Option(
        help="Answers to what the story asks: 2,1,40 (an option's number, a guess in %, - for nobody), or a run.",
        metavar="ANSWERS|RUN",
    ),
]
NoCacheOption = Annotated[bool, typer.Option("--no-cache", help="Compute everything anew and keep no results.")]
NoMotionOption = Annotated[bool, typer.Option("--no-motion/--motion", help="The app steps instead of gliding.")]
NoConsoleOption = Annotated[bool, typer.Option("--no-console", help="The app offers no Python console.")]
PaceOption = Annotated[
    str,
    typer.Option(
        "--pace",
        autocompletion=shell.one_of("read", "fast"),
        callback=_pace,
        help="In the app: read (captions stay as long as reading them takes) or fast (only the end matters).",
    ),
]
NoMouseOption = Annotated[
    bool, typer.Option("--no-mouse/--mouse", help="Leave the mouse to the terminal, for its selection.")
]

RunArgument = Annotated[
    str,
    typer.Argument(autocompletion=shell.runs, help="A run's name, the beginning of it, or its folder.", metavar="RUN"),
]


def settings_of(
    people: str | None,
    users: list[str] | None,
    cast: str,
    seed: int,
    device: str,
    out: Path | None,
    no_cache: bool,
    strict: bool = False,
    strength: str = "release",
    crowd: str | None = None,
    together: bool = False,
    partly: bool = False,
    per_person: int = PER_PERSON,
    answers: str | None = None,
) -> Settings:
    """What a run depends on, as asked for on the command line."""
    from facetui.engine.runs.settings import Settings

    names = tuple(users) if users else None  # an empty list is what the option gives where it was left out
    if names and not any(name.strip(" ,") for name in names):
        raise UsageError("--users expects names separated by commas, got none; leave it out to choose by the seed")
    cache_folder = None
    if not no_cache:
        from facetui.engine.core.cache import default_folder

        cache_folder = default_folder()
    return Settings(
        out=(out or journal.runs_folder()).expanduser(),
        cast=cast,
        people=people,
        users=names,
        strict=strict,
        strength=strength,
        crowd=crowd,
        together=together,
        with_what_is_there=partly,
        per_person=per_person,
        answers=answers_of(answers),
        seed=seed,
        device=device,
        cache=cache_folder,
    )


def answers_of(text: str | None) -> tuple[int, ...]:
    """Answers to what a story asks, from ``2,1,40`` or from the journal of a run.

    Raises:
        UsageError: neither is of that form.
        JournalError: the run cannot be read.
    """
    if text is None:
        return ()
    parts = [part.strip() for part in text.split(",")]
    if all(ANSWER.fullmatch(part) for part in parts):
        return tuple(NOBODY if part == "-" else int(part.removesuffix("%").rstrip()) for part in parts)
    try:
        return answers_in(journal.read(labels.find(text)))
    except UsageError:
        expected = "expected --answers 2,1,40 (an option's number, a guess in %, or - for nobody) or a run's name"
        raise UsageError(f"{expected}, got {text!r}") from None


def typed_in(context: typer.Context) -> set[str]:
    """Parameters of a command that somebody has typed.

    By the name of the source: Typer may have its own copy of the kinds that click names so, by version.
    """
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}
