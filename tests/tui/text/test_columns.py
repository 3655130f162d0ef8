"""Columns of a terminal: joined emoji, wide characters, and lines that are exactly as wide as asked."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from facetui.engine.records import text
from facetui.engine.records.events import Note, Progress
from facetui.tui.text import plain, spans

from ...support.hostile_run import hostile, unsafe

# --- columns ---------------------------------------------------------------------------------------------------------

shown = st.one_of(hostile, st.text(st.sampled_from("a日한é🔬👩🇩🇪👍🏽e\u0301\u200d\ufe0f☺✌▲ "), max_size=30)).map(
    text.clean
)


@pytest.mark.parametrize(
    ("said", "columns"),
    [
        ("👩\u200d🔬", 2),
        ("👨\u200d👩\u200d👧", 2),
        ("日本", 4),
        ("e\u0301", 1),
        ("a\u200db", 2),
        ("\u200d\ufe0fa", 1),
        ("", 0),
    ],
)
def test_a_joined_emoji_is_one_character(said, columns):
    assert spans.cells(text.clean(said)) == columns
    assert text.clean(f"\ufe0f{said}") == text.clean(said), "nothing changes what stands before it"


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.lists(hostile | shown, max_size=4), st.integers(0, 40))
def test_a_line_fits_exactly(texts, width):
    line = spans.fit([(said, "") for said in texts], width)
    assert sum(cell_len(said) for said, _ in line) == width


@settings(derandomize=True, max_examples=300, deadline=None)
@given(shown, st.integers(0, 40))
def test_what_is_cut_keeps_whole_characters(said, width):
    kept = spans.cut(said, width)
    assert spans.cells(kept) <= width
    if kept != said and width:
        rest = said[len(kept) - 1 :]
        assert said.startswith(kept[:-1]) and kept[-1] == "…"
        assert rest[0] not in "\u200d\ufe0f\u0301" and kept[-2:-1] != "\u200d", "nothing is parted that is one"
    assert cell_len(spans.left(said, width)) == cell_len(spans.right(said, width)) == width


@settings(derandomize=True, max_examples=300, deadline=None)
@given(hostile | shown, st.integers(2, 40), st.integers(1, 6))
def test_rows_are_not_wider_than_asked(said, width, rows):
    lines = spans.wrap(said, width, rows)
    assert 1 <= len(lines) <= rows and all(cell_len(line) <= width for line in lines)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 12), hostile | shown, st.booleans()), max_size=6))
def test_a_grid_keeps_its_columns(puts):
    grid = spans.Grid(10, 1)
    for x, said, under in puts:
        grid.put(x, 0, said, "", under=under)
    assert cell_len("".join(said for said, _ in grid.lines()[0])) == 10


def test_progress_and_notes_of_strangers_are_cleaned_on_a_stream(capsys):
    show = plain.Plain(sys.stdout)
    show(Progress(task="\x1b[2J", done=1, total=2, unit="\x9b"))
    show(Note(text="\x1b]0;x\x07"))
    told = capsys.readouterr()
    assert unsafe(told.out + told.err, "\n") == [] and "1 of 2" in told.err
