"""Nothing was fitted to the people that results are reported of."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import re
import sys
from importlib import resources
from pathlib import Path

import pytest

from facetui.engine.people import identities

ROOT = Path(__file__).resolve().parents[3]
TOOLS = ROOT / "tools"

FITTING = ("face_model", "faces", "make_pool", "train_compact")
"""Tools that fit something, or make what something is fitted to."""

REPORTING = ("make_people", "make_references", "measure_compact", "record_stories", "transfer")
"""Tools that write the sealed people, or report on them."""

SEALED = ("people.zip", "crowd.zip", "identities", "EMBEDDED", "embedded_people")
"""How somebody would get at them."""


def names_in(path: Path) -> set[str]:
    """Every name, attribute and piece of text in a module."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                found.add(name)
            case ast.ImportFrom(module=module) if module:
                found |= {module, *module.split(".")}
            case ast.Constant(value=str(text)):
                found.add(text)
    return found


def test_every_tool_is_one_that_fits_or_one_that_reports():
    assert {path.stem for path in TOOLS.glob("*.py")} == {*FITTING, *REPORTING}


@pytest.mark.parametrize("tool", FITTING)
def test_no_tool_that_fits_anything_gets_at_sealed_people(tool):
    names = names_in(TOOLS / f"{tool}.py")
    assert not names & set(SEALED)
    assert not [name for name in names if "people.zip" in name or "crowd.zip" in name]


def test_a_tool_that_got_at_them_would_be_seen(tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text("from facetui.engine.people import identities\nidentities.load('embedded')\n", encoding="utf-8")
    assert "identities" in names_in(bad)


def test_development_sealed_and_training_people_are_other_draws():
    kinds, pool = (_module(name) for name in ("make_people", "make_pool"))
    seeds = [kind.seed for kind in kinds.KINDS.values()] + [pool.SEED]
    assert len(set(seeds)) == len(seeds) == 4
    assert kinds.KINDS["development"].out is None, "they are not installed"


def _module(name: str):
    sys.path.insert(0, str(TOOLS))
    try:
        spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(TOOLS))


@pytest.mark.parametrize("file", ["people.zip", "crowd.zip"])
def test_the_sealed_people_are_those_that_were_drawn(file):
    data = (resources.files("facetui.engine") / "data" / file).read_bytes()
    expected = {"people.zip": identities.FICTIONAL_SHA256, "crowd.zip": identities.CROWD_SHA256}[file]
    assert hashlib.sha256(data).hexdigest() == expected


def test_no_default_was_changed_for_the_sealed_people():
    """Where a default says on whom it was tuned, these are development people."""
    for path in (ROOT / "engine").rglob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if re.search(r"\btuned on\b", line):
                assert "development" in line, f"{path.name}: {line.strip()}"
