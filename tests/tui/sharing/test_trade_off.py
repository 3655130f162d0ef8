"""Accuracy against robustness: the points, where they lie, and when there is a curve at all."""

from __future__ import annotations

import itertools

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from facetui.engine.records import journal
from facetui.engine.records.cohort_table import cohort_table
from facetui.engine.records.events import WHOLE_ARCHIVE
from facetui.tui.figures.drawing import HEIGHT, WIDTH, Stroke, Words, png, svg
from facetui.tui.figures.plots import trade_off
from facetui.tui.sharing.reports import run_report
from facetui.tui.state.snapshot import Scene

from ...support.sample_run import measured

RATES = st.tuples(st.integers(0, 64), st.floats(0, 1))


def table(rates, **changes):
    """A table in which every model misses so many probes of the archive, and so many of everybody else's photos."""
    events = [
        msgspec.structs.replace(
            measured(WHOLE_ARCHIVE, f"model-{i}", missed, missed), unprotected_error=others, **changes
        )
        for i, (missed, others) in enumerate(rates)
    ]
    return cohort_table(events)


@settings(max_examples=40, deadline=None)
@given(st.lists(RATES, min_size=3, max_size=9))
def test_every_model_is_a_point_with_its_name_on_the_page(rates):
    models = trade_off.points(table(rates))
    assert [(point.robustness, point.accuracy) for point in models] == [(1 - m / 64, 1 - o) for m, o in rates]
    for point in models:
        low, high = point.interval
        assert low <= point.robustness <= high
    shapes = trade_off.draw(models)
    for shape in shapes:
        for x, y in shape.points if isinstance(shape, Stroke) else [(shape.x, shape.y)]:
            assert 0 <= x <= WIDTH and 0 <= y <= HEIGHT
    names = [shape for shape in shapes if isinstance(shape, Words) and shape.text.startswith("model-")]
    assert sorted(shape.text for shape in names) == [point.model for point in models]
    for above, below in itertools.pairwise(sorted(shape.y for shape in names)):
        assert below - above >= trade_off.GAP - 1e-6, "labels do not cover each other"
    assert svg(shapes).count("<polyline") == sum(isinstance(shape, Stroke) for shape in shapes)
    assert png(shapes)[:4] == b"\x89PNG"
    lines = trade_off.characters(models).splitlines()
    assert len(lines) == len(models) + 1 and len({len(line) for line in lines}) == 1


def test_whoever_names_more_stands_higher_and_further_to_the_right():
    worse, better, best = trade_off.points(table([(60, 0.1), (30, 0.05), (0, 0.0)]))
    diamonds = [s for s in trade_off.draw([worse, better, best]) if isinstance(s, Stroke) and s.width == 3.0]
    places = sorted((min(x for x, _ in s.points), min(y for _, y in s.points)) for s in diamonds)
    assert [y for _, y in places] == sorted((y for _, y in places), reverse=True)


def test_two_models_and_laws_make_no_curve():
    assert not trade_off.points(table([(10, 0.0), (20, 0.1)]))
    assert not trade_off.points(table([(10, 0.0), (20, 0.1), (30, 0.2)], interval=None, law="moratorium"))
    assert not trade_off.points(table([(10, 0.0), (20, 0.1), (30, 0.2)], basis="cited", source="somebody"))


def test_the_report_has_it_where_there_are_enough_models(run):
    events = journal.read(run)
    began = journal.began(events, run)
    fewer = [event for event in events if getattr(event, "extractor", "") != "model-b"]
    for shown, wanted in ((events, True), (fewer, False)):
        text = run_report.document.html("x", run_report.blocks(run, shown, began, Scene.of(shown)))
        assert ("Accuracy against robustness" in text) == wanted
