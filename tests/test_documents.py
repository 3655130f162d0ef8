"""Documents: their links lead somewhere, and their commands are ones that the program takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from facetui.tui.cli.main import app, with_address

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
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
