"""Text from elsewhere, as it is shown and as it is written."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facetui.engine.records import text


@pytest.mark.parametrize(
    ("foreign", "shown"),
    [
        ("\x1b[31mred", " [31mred"),
        ("\x9b31mred", " 31mred"),
        ("a\r\nb", "a b"),
        ("Jos\udce9", "Jos\ufffd"),
        ("\u202eevil", " evil"),
        ("👩\u200d🔬", "👩\u200d🔬"),
        ("José", "José"),
    ],
)
def test_what_is_shown_holds_no_command(foreign, shown):
    assert text.clean(foreign) == shown


@given(st.text())
def test_what_is_shown_can_be_printed_anywhere(foreign):
    shown = text.clean(foreign)
    shown.encode()
    assert all(unicodedata.category(c) != "Cc" and not 0xD800 <= ord(c) < 0xE000 for c in shown)
    assert text.clean(shown) == shown


def test_names_are_composed():
    assert text.name(unicodedata.normalize("NFD", "José")) == unicodedata.normalize("NFC", "José")


@pytest.mark.parametrize("foreign", ["=1+1", "+1", "-1+cmd", "@SUM(A1)", "\t=1", " =1", "\uff1d1", "\r-1"])
def test_a_cell_is_never_a_formula(foreign):
    assert str(text.csv_cell(foreign)).startswith("'")


def test_other_cells_stay_as_they_are():
    assert text.csv_cell("2020-07 fawkes-0.3") == "2020-07 fawkes-0.3"
    assert text.csv_cell(-0.5) == -0.5
    assert text.csv_cell(None) is None
