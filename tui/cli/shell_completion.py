"""What a shell offers after Tab: names of stories, runs, attacks, extractors, casts and people; without torch.

Whatever is offered is typed into a shell as it stands. So names that a shell would read as more than a word, as a
stranger's run folder may be called, are not offered.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable
from importlib import resources
from pathlib import Path
from typing import Any

from facetui.engine.records import journal, places
from facetui.engine.records.text import name as clean_name

WORD = re.compile(r"[\w.+@%,:=/][\w.+@%,:=/-]*")
"""What every shell takes as one word and as nothing else."""

Found = list[tuple[str, str]]


def _offered(names: Iterable[tuple[str, str]], typed: str) -> Found:
    """Names that go on from what was typed, each with a few words about it."""
    return [(name, about) for name, about in names if name.startswith(typed) and WORD.fullmatch(name)]


def _last_of(names: Callable[[str], Iterable[tuple[str, str]]]) -> Callable[[str], Found]:
    """Completion of the last entry of a list that is separated by commas; ``names`` gets what is typed of it."""

    def complete(incomplete: str) -> Found:
        before, comma, typed = incomplete.rpartition(",")
        used = set(before.split(","))
        return [(f"{before}{comma}{name}", about) for name, about in _offered(names(typed), typed) if name not in used]

    return complete


def _registered(kind: str) -> list[tuple[str, str]]:
    from facetui.tui.cli.names import REGISTRIES

    registry = REGISTRIES[kind]
    begun = {pattern.partition(":")[0] + ":": entry.summary for pattern, entry in registry.patterns.items()}
    return [(name, begun[name] if name in begun else registry.entry(name).summary) for name in registry.offered()]


def _extractors(typed: str) -> list[tuple[str, str]]:
    from facetui.engine.extractors.frbench import catalogue

    return [*_registered("extractors"), *catalogue.completions(typed)]


def _casts() -> list[tuple[str, str]]:
    from facetui.engine.people import casts

    return [(name, casts.load(name).title) for name in casts.names()]


def _embedded_people() -> list[str]:
    data = resources.files("facetui.engine") / "data" / "people.zip"
    with data.open("rb") as file, zipfile.ZipFile(file) as archive:
        return sorted({name.partition("/")[0] for name in archive.namelist()})


def _people_of(folder: str | None) -> list[tuple[str, str]]:
    if folder in (None, "", "embedded"):
        return [(name, "fictional") for name in _embedded_people()]
    try:
        entries = sorted(places.expanded(Path(str(folder))).iterdir())
    except OSError:
        return []
    return [(clean_name(entry.name), "") for entry in entries if entry.is_dir() and not entry.name.startswith(".")]


def stories(incomplete: str) -> Found:
    """Stories that come along; a shell completes scenario files by itself."""
    return _offered(_registered("stories"), incomplete)


def runs(incomplete: str) -> Found:
    """Runs in one's own folder, newest first, by their folders' names and by what they are called."""
    from facetui.tui.runs import labels

    called = [(folder.name, labels.read(folder).name) for folder in journal.runs(journal.runs_folder())]
    return _offered([*called, *((label, folder) for folder, label in called if label)], incomplete)


def attacks(incomplete: str) -> Found:
    """Attacks of the registry."""
    return _offered(_registered("attacks"), incomplete)


def extractors(incomplete: str) -> Found:
    """Extractors of the registry, and those of FRBench once something is typed."""
    return _offered(_extractors(incomplete), incomplete)


def casts(incomplete: str) -> Found:
    """Casts that come along."""
    return _offered(_casts(), incomplete)


def people(incomplete: str) -> Found:
    """The people that come along; a shell completes folders by itself."""
    return _offered([("embedded", "48 fictional people")], incomplete)


def kinds(incomplete: str) -> Found:
    """What ``facetui list`` can list."""
    from facetui.tui.cli.names import KINDS

    return _offered(((kind, "") for kind in KINDS), incomplete)


def one_of(*names: str) -> Callable[[str], Found]:
    """Completion of an option that has but a few values."""
    return lambda incomplete: _offered(((name, "") for name in names), incomplete)


def users(ctx: Any, incomplete: str) -> Found:
    """Names of the people that ``--people`` brings, the last of a list."""
    given = ctx.params.get("people")
    return _last_of(lambda _: _people_of(given))(incomplete)


extractor_list = _last_of(_extractors)
attack_list = _last_of(lambda _: _registered("attacks"))
