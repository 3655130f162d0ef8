"""``facetui new``: a scenario to begin with, and what ``--help-scenario`` says about one."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facetui.engine.records.errors import UsageError
from facetui.engine.records.text import clean
from facetui.tui.text.plain import say

if TYPE_CHECKING:
    from facetui.engine.runs.scenario import Scenario

TEMPLATE = '''\
"""{title}: one line that says what this story shows.

What happens, in your words. Dates are the story's; figures of others need a source, see lab.cite.
"""

from facetui.engine import in_words


def scenario(lab, photos: int = 8, tool: str = "pgd"):
    # Whatever stands after lab can be set: facetui run {file} --set photos=4
    lab.at("2020-07")
    lab.note("Protected people run a tool on what they post; everybody else posts photos as they are.")
    lab.users.protect(tool, steps=10)  # facetui list attacks
    lab.users.post(photos)

    # The trainer keeps everything it scrapes, and is then shown clean photos that nobody posted.
    lab.trainer.scrape()
    before = lab.measure().whole

    lab.at("2021-01")
    lab.note("The tool is public: the trainer runs it on photos of other people, and learns to see through it.")
    lab.trainer.adapt()
    after = lab.measure().whole

    # Also: lab.friends.post(1), lab.trainer.use("newest"), .purify(), .detect(), .choose(), lab.law.retention(12);
    # facetui repl explains each: help(lab.trainer.adapt)

    lab.note(
        f"The trainer failed to name {{in_words(before)}} of the clean photos of the "
        f"protected people, and once it had adapted {{in_words(after)}}."
    )
'''


def write_new(path: Path) -> Path:
    """Write a commented scenario that runs; nothing is overwritten.

    Raises:
        UsageError: another ending than ``.py``, a file that exists, or a folder that cannot be written.
    """
    if path.suffix != ".py":
        raise UsageError(f"expected a file ending in .py, got {path}")
    try:
        with path.open("x", encoding="utf-8") as file:
            title = clean(path.stem).translate({ord("_"): " ", ord('"'): "'", ord("\\"): "/"}).capitalize()
            file.write(TEMPLATE.format(title=title, file=clean(path.name)))
    except FileExistsError:
        raise UsageError(f"{path} exists and is not overwritten; choose another name") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}); choose another folder") from error
    return path


def explained(scenario: Scenario, width: int = 100) -> Iterator[str]:
    """What a scenario tells, what it needs, and what can be set."""
    from facetui.engine.lab.world.albums import n_needed

    for paragraph in scenario.story.split("\n\n"):
        yield from textwrap.wrap(paragraph, width)
        yield ""
    if scenario.posts:
        all_of_it, least = n_needed(sum(scenario.posts)), n_needed(len(scenario.posts))
        yield f"needs {all_of_it} photos of each protected person; with {least} or more it posts fewer"
    if not scenario.parameters:
        yield "nothing can be set"
    for parameter in scenario.parameters:
        yield f"--set {parameter.name}={parameter.default}   ({parameter.kind.__name__})"


def new(file: Annotated[Path, typer.Argument(help="Where to write it, ending in .py.", metavar="FILE.py")]) -> None:
    """Write a commented scenario to begin with, one that runs."""
    from facetui.tui.cli.stories.new import write_new

    path = write_new(file.expanduser())
    say(f"wrote {path}; facetui run {path}")
