"""``facetui models``: the weights of extractors, at hand or to be fetched, and whether they are what they say."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from facetui.engine.extractors import EXTRACTORS, at_hand, weights
from facetui.engine.records.errors import DataError, UsageError
from facetui.engine.records.places import short
from facetui.tui.cli import shell_completion as shell
from facetui.tui.cli.machine import frbench_models as frbench
from facetui.tui.cli.options import TrustOption
from facetui.tui.text.plain import say

app = typer.Typer(add_completion=False, help="Weights of extractors: list, pull, verify, rm.", rich_markup_mode=None)

NameArgument = Annotated[
    str,
    typer.Argument(
        autocompletion=shell.extractors, help="An extractor's name: facetui list extractors.", metavar="NAME"
    ),
]
NamesArgument = Annotated[
    list[str],
    typer.Argument(
        autocompletion=shell.extractors, help="Extractors' names: facetui list extractors.", metavar="NAME..."
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; for scripts.")]

MARKS = {True: "ok", False: "WRONG", None: "-"}


@app.callback(invoke_without_command=True)
def _models(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        list_models()


@app.command("list")
def list_models() -> None:
    """List extractors, and whether their weights are at hand."""
    for name in EXTRACTORS.names():
        facts = EXTRACTORS.entry(name).facts
        say(f"{name:<20} {_state(name):<44} {facts.get('licence', '')}".rstrip())
    for pattern, entry in EXTRACTORS.patterns.items():
        say(f"{pattern:<20} {entry.summary}")
    for name in frbench.at_hand():
        say(f"{name}  {_state(name)}")
    say(f"weights are looked for in {', then '.join(short(folder) for folder in weights.model_folders())}")


def missing(names: Iterable[str]) -> dict[str, list[str]]:
    """Extractors of ``names`` that cannot be used yet, by the command that helps, or the place that says how."""
    helps: dict[str, list[str]] = {}
    for name in names:
        if name in EXTRACTORS and (state := _state(name)).startswith("missing; "):
            help_ = state.removeprefix("missing; ").removesuffix(f" {name}")
            helps.setdefault(help_, []).append(name)
    return {f"{way} {' '.join(of)}" if way.endswith(" pull") else way: of for way, of in helps.items()}


def _state(name: str) -> str:
    if name.startswith(frbench.PREFIX):
        return frbench.state(name)
    facts = EXTRACTORS.entry(name).facts
    where = facts.get("weights", "")
    if where.startswith("pip"):
        missing = at_hand.way(name)
        return f"missing; {missing}" if missing else "installed by pip"
    if not where.startswith("file"):
        return where or "brought by another package"
    path = weights.weights_at_hand(name)
    if path is not None:
        return f"{_size(name, path) / 1e6:.1f} MB, {short(path.parent)}"
    if name in weights.PUBLISHED:
        return f"missing; facetui models pull {name}"
    return "missing; docs/real-networks.md says how"


def _files(name: str, path: Path) -> list[Path]:
    """The files of an extractor whose first one is there."""
    published = weights.PUBLISHED.get(name)
    beside = published.beside if published is not None and path.name == published.file else ()
    return [path, *(path.with_name(file.file) for file in beside)]


def _size(name: str, path: Path) -> int:
    return sum(file.stat().st_size for file in _files(name, path))


@app.command()
def pull(names: NamesArgument, yes: YesOption = False) -> None:
    """Fetch published weights: says size, licence and SHA-256, and asks first."""
    for name in names:
        _pull(name, yes)


def _pull(name: str, yes: bool) -> None:
    facts = EXTRACTORS.entry(name).facts
    if name.startswith(frbench.PREFIX):
        frbench.pull(name, lambda: _ask("fetch it?", yes), _percent)
        return
    published = weights.PUBLISHED.get(name)
    if published is None:
        raise UsageError(f"nothing is fetched for {name}: {_how(name)}")
    there = weights.weights_at_hand(name)
    if there is not None:
        say(f"{name} is at hand: {short(there)}")
        return
    say(f"{name}: {facts.get('source', '')}")
    for file in published.files:
        say(f"from     {file.url}")
        say(f"to       {short(weights.model_folders()[0] / file.file)}")
        say(f"SHA-256  {file.sha256}")
    say(f"size     {sum(file.size for file in published.files) / 1e6:.1f} MB")
    say(f"licence  {published.licence}")
    _ask("fetch it?", yes)
    path = weights.pull(published, _percent)
    say(f"fetched {short(path)}, SHA-256 as published; facetui models verify {name} tries it out")


def _how(name: str) -> str:
    """Where the weights of an extractor come from that ``pull`` does not fetch."""
    where = EXTRACTORS.entry(name).facts.get("weights", "")
    if where.startswith("pip"):
        return f"its weights come by {where}"
    if where.startswith("file"):
        return "its weights are a file of yours, see docs/real-networks.md"
    return "its weights come with the package"


def _ask(question: str, yes: bool) -> None:
    if not yes and not typer.confirm(question, default=False):
        raise typer.Exit(1)


def _percent(done: int, total: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\r{done / 1e6:.1f} of {total / 1e6:.1f} MB", end=end, file=sys.stderr, flush=True)


@app.command()
def verify(name: NameArgument, trust: TrustOption = False) -> None:
    """Try an extractor out: preprocessing, embedding, gradient, and against another library where there is one."""
    EXTRACTORS.entry(name)
    from facetui.engine.extractors import selftest
    from facetui.engine.extractors.from_files.trial import ReadWrongly

    wrong = 0
    try:
        for check in selftest.verify(name):
            say(f"{MARKS[check.good]:<6} {check.what:<20} {check.detail}")
            wrong += check.good is False
    except ReadWrongly as error:
        for line in error.toml.splitlines():  # nothing else is printed, so this can be sent into the file
            say(line)
        raise
    if wrong:
        raise DataError(f"{name} is not what it says it is: {wrong} of its checks went wrong")


@app.command()
def rm(name: NameArgument, yes: YesOption = False) -> None:
    """Delete the weights of an extractor from the folder with weights."""
    if name.startswith(frbench.PREFIX):
        frbench.rm(name, lambda: _ask("delete them?", yes))
        return
    if not EXTRACTORS.entry(name).facts.get("weights", "").startswith("file") or ":" in name:
        raise UsageError(f"there is nothing to delete for {name}: {_how(name)}")
    path: Path | None = weights.weights_at_hand(name)
    if path is None:
        raise DataError(f"the weights of {name} are not at hand; facetui models list says what is")
    files = _files(name, path)
    say(f"{', '.join(map(short, files))}, {_size(name, path) / 1e6:.1f} MB")
    _ask("delete it?", yes)
    for file in files:
        file.unlink()
    say(f"deleted {', '.join(map(short, files))}")
