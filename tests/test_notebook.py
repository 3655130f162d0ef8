"""The notebook in the documents: it is one, its cells run as in a notebook, and what they give draws itself."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch

from facetui.engine import Settings, prepare
from facetui.engine.core.cache import Cache
from facetui.engine.records import journal
from facetui.engine.runs.read import Run
from facetui.engine.runs.session import Session
from facetui.engine.runs.setup import Setup
from facetui.tui.runs import recordings

NOTEBOOK = Path(__file__).resolve().parents[1] / "docs" / "notebook.ipynb"
PLAYER = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(colors="NoColor")
for source in json.load(sys.stdin):
    ran = shell.run_cell(source, store_history=True)
    ran.raise_error()
    shown = getattr(ran.result, "_repr_html_", lambda: "")()
    print("\\n=====" + json.dumps({"html": shown, "torch": "torch" in sys.modules}), flush=True)
"""
TAGS = {"h3", "table", "caption", "thead", "tbody", "tr", "th", "td", "p", "ol", "li", "code"}


def sources() -> list[str]:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


class Tags(HTMLParser):
    """Which tags and attributes there are, and all text."""

    def __init__(self, shown: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(shown)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text += data


def test_it_is_a_notebook_without_outputs():
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
    for cell in notebook["cells"]:
        assert set(cell) == {"id", "cell_type", "metadata", "source"} | (
            {"outputs", "execution_count"} if cell["cell_type"] == "code" else set()
        )
        assert not cell.get("outputs") and cell.get("execution_count") is None
    assert all(ast.parse(source).body for source in sources()) and len(sources()) >= 4


def played(cells: list[str], tmp_path: Path) -> list[dict]:
    ran = subprocess.run(
        [sys.executable, "-c", PLAYER],
        input=json.dumps(cells),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return [json.loads(line[5:]) for line in ran.stdout.splitlines() if line.startswith("=====")]


def test_its_first_part_needs_no_torch(tmp_path):
    shown = played(sources()[:2], tmp_path)
    assert not any(cell["torch"] for cell in shown)
    tags = Tags(shown[0]["html"])
    assert {"table", "caption", "h3"} <= tags.tags <= TAGS and "fawkes-1.0" in tags.text


@pytest.mark.slow
def test_it_runs_and_protection_decays(tmp_path):
    shown = played(sources(), tmp_path)
    assert sum("<table>" in cell["html"] for cell in shown) >= 4
    text = Tags(shown[-1]["html"]).text
    row = next(line for line in shown[-1]["html"].splitlines() if "whole archive" in line)
    first, newer, robust = (
        float(cell.split()[0]) for cell in Tags(row).text.removeprefix("whole archive").split("%")[:3]
    )
    assert first > newer > robust and first >= 80 and robust <= 30, text


def test_a_recording_is_read_though_it_lies_nowhere():
    run = recordings.read()
    assert run.began is not None and run.table.cells and not run.folder.exists()


def test_a_strangers_text_stays_text(stranger):
    shown = Tags(Run(stranger, tuple(journal.read(stranger)))._repr_html_())
    assert shown.tags <= TAGS and shown.attributes <= {"scope", "title"}
    assert "\x1b" not in shown.text and "\u202e" not in shown.text


def test_a_session_and_its_setting_draw_themselves(few, tool, tiny_cast, tmp_path):
    setup = Setup(tiny_cast, few, tool, torch.device("cpu"), Cache(None), ("2",), 3)
    shown = Tags(setup._repr_html_())
    assert (
        shown.tags == {"table", "tr", "th", "td"} and "tiny-x" in shown.text and "2, chosen by the seed" in shown.text
    )
    assert len(repr(setup)) < 1000, "no photos are printed"
    session = Session(setup, tmp_path)
    with session.cell(""):
        session.lab.at("2020-07")
        session.lab.note("<script>alert(1)</script>")
    shown = Tags(session._repr_html_())
    assert shown.tags <= TAGS and "lab.note('<script>alert(1)</script>')" in shown.text
    assert "2 moves" in repr(session)
    session.close()


def test_what_one_asks_for_is_shown_before_it_is_played():
    assert "at workshop strength" in repr(prepare(Settings(strength="workshop", crowd="0", device="cpu")))
