"""A forecast as a figure: counted and foretold apart, within the page, and nothing of a journal that lacks a part."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facetui.engine.records.events import SearchForecast
from facetui.tui.figures.drawing import HEIGHT, WIDTH, Area, Stroke, Words, png, svg
from facetui.tui.figures.plots import forecast
from facetui.tui.sharing.reports import run_report
from facetui.tui.state.snapshot import Scene
from facetui.tui.text.sentences import many, words

TOLD = SearchForecast(
    extractor="model-b",
    photos=[10**6, 3 * 10**9, 3 * 10**10],
    rates=[0.6, 0.9, 0.95],
    intervals=[(0.5, 0.7), (0.8, 1.0), (0.9, 1.0)],
    unprotected=[0.1, 0.2, 0.3],
    n_probes=64,
    n_people=8,
    counted_among=[100, 1000],
    counted=[0.1, 0.3],
    checked_from=250,
    checked=0.28,
)
SIZES = st.lists(st.integers(1, 10**13), min_size=1, max_size=5).map(sorted)


@settings(max_examples=40, deadline=None)
@given(SIZES, SIZES, st.floats(0, 1))
def test_whatever_the_numbers_all_of_it_is_on_the_page(there, further, rate):
    event = msgspec.structs.replace(
        TOLD,
        counted_among=there,
        counted=[rate] * len(there),
        photos=further,
        rates=[rate] * len(further),
        intervals=[(0.0, 1.0)] * len(further),
        unprotected=[rate] * len(further),
    )
    assert forecast.is_whole(event)
    shapes = forecast.draw(event)
    for shape in shapes:
        for x, y in shape.points if isinstance(shape, Stroke | Area) else [(shape.x, shape.y)]:
            assert 0 <= x <= WIDTH and 0 <= y <= HEIGHT
    assert {s.text for s in shapes if isinstance(s, Words)} >= {"counted", "foretold, not measured"}
    assert svg(shapes).startswith("<svg")
    assert len(forecast.characters(event).splitlines()) == 1 + len(there) + len(further)


def test_it_stands_in_the_report_with_its_check(run):
    assert png(forecast.draw(TOLD))[:4] == b"\x89PNG"
    scene = Scene.of([TOLD])
    heading, sentence, chart = run_report._forecast(scene)
    assert "forecast" in heading.text
    said = words(TOLD)
    assert sentence.text == said and "foretold, not measured" in said and "3 billion, 90 % (80-100 %)" in said
    assert "it said 28 % for all, and 30 % was counted" in said
    assert "foretold; everybody else 30 %" in chart.characters


@pytest.mark.parametrize("lacking", [{"counted": []}, {"rates": [0.5]}, {"photos": [0, 1, 2]}, {"intervals": []}])
def test_of_a_forecast_that_lacks_a_part_there_is_no_figure(lacking):
    event = msgspec.structs.replace(TOLD, **lacking)
    assert not run_report._forecast(Scene.of([event]))
    assert words(event)


def test_numbers_are_said_as_people_say_them():
    assert [many(n) for n in (999, 12_345, 1_000_000, 2_500_000, 30_000_000_000)] == [
        "999",
        "12,345",
        "1 million",
        "2.5 million",
        "30 billion",
    ]
