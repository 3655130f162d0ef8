"""The house: one direction, no circle, and rooms that one can take in at a glance."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import grimp
import pytest

import facetui.engine

ROOT = Path(facetui.engine.__file__).resolve().parents[1]
MOST = 12
"""Entries of a folder beside its own ``__init__.py``."""


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("facetui.engine", "facetui.scenarios", "facetui.tui", cache_dir=None)


def circles(imports: grimp.ImportGraph) -> list[list[str]]:
    """Groups of modules that reach each other (Tarjan 1972)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    waiting: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        number[module] = low[module] = len(number)
        waiting.append(module)
        for other in sorted(imports.find_modules_directly_imported_by(module)):
            if other not in number:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in waiting:
                low[module] = min(low[module], number[other])
        if low[module] == number[module]:
            at = waiting.index(module)
            group = waiting[at:]
            del waiting[at:]
            if len(group) > 1:
                found.append(sorted(group))

    for module in sorted(imports.modules):
        if module not in number:
            visit(module)
    return found


def test_no_modules_name_each_other_not_even_for_types():
    assert circles(graph()) == []


def test_a_circle_would_be_found():
    imports = grimp.ImportGraph()
    for module in ("a", "b", "c", "d"):
        imports.add_module(module)
    for importer, imported in (("a", "b"), ("b", "c"), ("c", "a"), ("c", "d")):
        imports.add_import(importer=importer, imported=imported)
    assert circles(imports) == [["a", "b", "c"]]


@pytest.mark.parametrize("top", ["engine", "tui", "scenarios"])
def test_no_folder_is_too_full_to_take_in(top):
    for folder in [ROOT / top, *(path for path in (ROOT / top).rglob("*") if path.is_dir())]:
        if "__pycache__" in folder.parts or folder.name == "data" or "data" in folder.relative_to(ROOT).parts:
            continue
        entries = [path.name for path in folder.iterdir() if path.name not in ("__init__.py", "__pycache__")]
        entries = [name for name in entries if not name.endswith(".tar.zst")]  # one a story, as there are stories
        assert len(entries) <= MOST, f"{folder.relative_to(ROOT)}: {sorted(entries)}"
        assert list(folder.glob("*.py")) == [] or (folder / "__init__.py").is_file()
