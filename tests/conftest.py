from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from facetui.engine import system
from facetui.engine.extractors import EXTRACTORS
from facetui.engine.lab.lab import Lab
from facetui.engine.people import identities as peoples
from facetui.engine.people.casts import Cast, Generation
from facetui.engine.people.persons import EMBEDDED, People, Person
from facetui.engine.records.journal import Journal
from facetui.tui.runs.remote import Mirror

from .support.builders import tiny_extractor
from .support.hostile_run import PIECES, hostile_run
from .support.presenting import Presenter
from .support.sample_run import write_sample

# Whoever runs the tests in the background ignores signals, and what was ignored stays ignored: not here.
for name, handler in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
    number = getattr(signal, name, None)
    if number is not None and signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)

POSIX = re.compile(r"^(from .* import .*\bPty|import (pty|fcntl|termios|resource|tty))\b", re.MULTILINE)
if system.WINDOWS:  # tests that type into a terminal of POSIX
    here = Path(__file__).parent
    collect_ignore = [
        str(path.relative_to(here))
        for path in here.rglob("test_*.py")
        if POSIX.search(path.read_text(encoding="utf-8"))
    ]


@pytest.fixture(scope="session")
def embedded() -> People:
    return peoples.load(EMBEDDED)


@pytest.fixture(scope="session")
def few(embedded: People) -> People:
    """Eight people with twelve photos each."""
    return People("few", tuple(Person(p.name, p.photos[:12]) for p in embedded.persons[:8]))


@pytest.fixture(scope="session")
def tool(embedded: People) -> People:
    return People("tool", tuple(Person(p.name, p.photos[:3]) for p in embedded.persons[-4:]))


@pytest.fixture
def tiny_cast() -> Iterator[Cast]:
    """A cast of two small networks, whose names exist as long as the test runs."""
    generations = (Generation("tiny-x", "2019-01"), Generation("tiny-y", "2021-03"))
    for generation in generations:
        EXTRACTORS.register(generation.extractor, tiny_extractor)
    yield Cast("tiny", "", "embedded", ("tiny-x", "tiny-y"), generations)
    for generation in generations:
        EXTRACTORS.forget(generation.extractor)


@pytest.fixture
def make_lab(few: People, tool: People, tiny_cast: Cast):
    def make(**settings) -> Lab:
        return Lab(few, settings.pop("cast", tiny_cast), **{"tool": tool, "seed": 3, **settings})

    return make


@pytest.fixture(scope="session")
def common(tmp_path_factory) -> Path:
    """A folder that all tests of this run share, in whatever process they are."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory, common, monkeypatch) -> None:
    """Tests never touch the user's runs, and share one cache among themselves only."""
    monkeypatch.setenv("FACETUI_RUNS", str(tmp_path_factory.mktemp("runs")))
    monkeypatch.setenv("FACETUI_CACHE", str(common / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(common / "data"))  # where the installation keeps its secret
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
    monkeypatch.delenv("FACETUI_DISPLAY", raising=False)


@pytest.fixture
def run(tmp_path) -> Path:
    """The folder of a small finished run."""
    write_sample(tmp_path / "sample-20210101-000000")
    return tmp_path / "sample-20210101-000000"


@pytest.fixture
def presenter(tmp_path):
    """A run that is published while the test writes it."""
    made = Presenter(tmp_path / "run")
    yield made
    made.server.stop()


@pytest.fixture
def follow(tmp_path):
    """Follows an address as long as the test runs."""
    mirrors = []

    def make(url: str) -> Mirror:
        mirrors.append(Mirror(url, tmp_path))
        mirrors[-1].start()
        return mirrors[-1]

    yield make
    for mirror in mirrors:
        mirror.close()


@pytest.fixture
def stranger(tmp_path) -> Path:
    """A run's folder with a hostile name, some of whose bytes are no text, and a hostile journal."""
    folder = tmp_path / os.fsdecode(b"=1\x1b]0;owned\x07\xc2\x9b2J\xe2\x80\xae\xe9 [bold]")
    folder.mkdir()
    book = Journal(folder)
    for event in hostile_run(list(PIECES))[:-1]:
        book.append(event)
    book.close()
    return folder
