"""Documents: their links lead somewhere, their commands and programs run, and what they show is what one sees."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from typer.main import get_command

from facetui.engine import ATTACKS
from facetui.engine.runs.scenario import Scenario
from facetui.tui.cli.main import app, with_address

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
PYTHON = re.compile(r"^( *)```python\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(facetui [a-z][^`]*)`")


def commands(page: Path) -> list[str]:
    """Every ``facetui`` command of a page, without comments and continued lines in one."""
    text = page.read_text(encoding="utf-8")
    found = [line for block in FENCE.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    parts = [part for line in [*found, *INLINE.findall(text)] for part in line.partition("  #")[0].split(";")]
    plain = [re.sub(r"^(\w+=\S+ )+", "", part.strip()) for part in parts]
    return [part for part in plain if part.startswith("facetui ") and "…" not in part]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def parsed(line: str) -> None:
    """Take a command's words as the program would, and do nothing."""
    words = with_address(shlex.split(line)[1:])
    command, context = get_command(app), None
    if words[0].startswith("-"):
        command.make_context("facetui", words, resilient_parsing=True)
        return
    name, *rest = words
    found = command.get_command(command.make_context("facetui", [name], resilient_parsing=True), name)
    assert found is not None, f"no command {name}"
    while rest and hasattr(found, "get_command"):
        context = found.make_context(name, rest[:1], parent=context, resilient_parsing=True)
        below = found.get_command(context, rest[0])
        if below is None:
            break
        found, name, rest = below, rest[0], rest[1:]
    if "--help" not in rest:
        found.make_context(name, list(rest), parent=context)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_are_ones_that_the_program_takes(page):
    for line in commands(page):
        try:
            parsed(line)
        except Exception as error:
            if type(error).__name__ == "MissingParameter" and f"`{line}`" in page.read_text(encoding="utf-8"):
                continue  # a sentence names a command without all it takes
            raise AssertionError(f"{page.name}: {line}: {error}") from error


def test_commands_are_found_and_a_wrong_one_would_be_seen():
    assert sum(len(commands(page)) for page in PAGES) > 30
    for wrong in ("facetui rnu arms_race", "facetui run arms_race --sed 3", "facetui protect"):
        with pytest.raises(BaseException):  # noqa: B017  a library's own kinds
            parsed(wrong)


def test_the_readme_is_one_page():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200


# --- what is shown, and what can be run for nothing ---------------------------------------------------------------

CHEAP = re.compile(r"facetui( --help| --version| list( \w+)?| runs| models| doctor|)$")
"""Commands that compute nothing and write nothing."""


def test_commands_that_compute_nothing_end_well():
    lines = sorted({line for page in PAGES for line in commands(page) if CHEAP.fullmatch(line)} | {"facetui --help"})
    assert len(lines) > 3
    for line in lines:
        words = [sys.executable, "-m", "facetui.tui.cli.main", *line.split()[1:]]
        ran = subprocess.run(words, capture_output=True, text=True, timeout=120)
        assert ran.returncode == 0 and ran.stdout.strip(), f"{line}: {ran.stderr}"


def shape(text: str) -> list[str]:
    """Lines without their digits, marks and columns: what is named, in which order."""
    return [" ".join(re.sub(r"[0-9.]+ %!?( ↑)?", "#", line).split()) for line in text.strip().splitlines()]


def test_the_table_in_the_readme_is_the_one_that_the_recording_ends_with():
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    shown, _, _ = page[page.index("share of clean probes") :].partition("```")
    words = [sys.executable, "-m", "facetui.tui.cli.main", "demo", "--display", "plain"]
    wide = {**os.environ, "COLUMNS": "100"}
    ran = subprocess.run(words, capture_output=True, text=True, timeout=120, env=wide)
    assert ran.returncode == 0, ran.stderr
    table = ran.stdout[ran.stdout.rindex("share of clean probes") :]
    assert shape(table)[: len(shape(shown))] == shape(shown)


def programs(page: str) -> list[str]:
    return [textwrap.dedent(body) for _, body in PYTHON.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))]


@pytest.mark.slow
def test_the_story_in_the_documents_is_one(make_lab, tmp_path):
    (source,) = programs("stories.md")
    events = []
    Scenario.parse(source, tmp_path / "mine.py").play(make_lab(emit=events.append))
    assert "once it adapted" in events[-1].text and "probes" in events[-1].text


def test_the_moves_in_the_documents_can_be_made(make_lab):
    (source,) = programs("WORKSHOP.md")
    lab = make_lab()
    exec(compile(source, "WORKSHOP.md", "exec"), {"lab": lab})
    assert [m.extractor for m in lab.measurements][-1] == "compact-b"


def test_the_attack_in_the_documents_is_one(make_lab):
    (source,) = programs("attacks.md")
    try:
        exec(compile(source, "attacks.md", "exec"), {"__name__": "mine"})
        lab = make_lab()
        lab.at("2020-07")
        lab.users.protect("noise")
        lab.users.post(2)
        assert lab.web[-1].attack == "noise"
    finally:
        ATTACKS.forget("noise")


def test_the_lock_file_knows_every_dependency():
    locked = {entry["name"]: entry["version"] for entry in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(d for extra in project["optional-dependencies"].values() for d in extra)]
    for requirement in map(Requirement, wanted):
        version = locked.get(canonicalize_name(requirement.name))
        assert version is not None and version in requirement.specifier, f"uv lock: {requirement}"
