"""What stands beside the chart while a tool works and at the end, and plain words where newcomers stumbled."""

from __future__ import annotations

import itertools

import pytest

from facetui.engine.records import journal
from facetui.engine.records.events import Progress
from facetui.engine.records.rates import percent
from facetui.tui.runs.recordings import unpacked as demo
from facetui.tui.screens import frame
from facetui.tui.screens.welcome import glossary_lines
from facetui.tui.state.app_state import Stage
from facetui.tui.state.snapshot import cohort_label
from facetui.tui.text.spans import length, text_of


@pytest.fixture(scope="module")
def recording():
    with demo() as (folder, when):
        yield folder, when, journal.read(folder)


@pytest.fixture
def stage(recording):
    folder, when, events = recording
    made = Stage(motion=False)
    made.open(folder, live=False)
    made.extend(events)
    made.run.recorded = when
    return made


def at(stage: Stage, head: int) -> Stage:
    stage.player.jump(head)
    stage.fold()
    return stage


def beside(told: str) -> list[str]:
    """The rows right of the chart, without their frames."""
    return [row.rsplit("││", 1)[1].strip("│ ") for row in told.split("\n") if "││" in row]


@pytest.mark.parametrize("size", [(120, 40), (160, 50)], ids=str)
def test_a_photo_as_it_was_as_it_is_and_their_difference(stage, size):
    previews = [i for i, e in enumerate(stage.player.events) if isinstance(e, Progress) and e.preview]
    for head in (previews[0], previews[len(previews) // 2], previews[-1]):  # before any face was named, and after
        pictures = frame.pictures(at(stage, head), *size)
        assert [picture.title for picture in pictures] == ["original", "now", "difference x10"]
        assert all(picture.picture is not None and picture.width >= 16 for picture in pictures)
        for one, other in itertools.combinations(pictures, 2):
            apart = one.x + one.width <= other.x or other.x + other.width <= one.x
            assert apart or one.y + one.width // 2 < other.y or other.y + other.width // 2 < one.y
        told = " ".join(beside(text_of(frame.paint(stage, *size))))
        assert "like the original" in told and f"{stage.now.progress.preview.similarity:.2f}" in told
        assert "image-steps" not in told and "steps, each on one photo" in told


def test_at_the_end_it_is_said_who_is_hidden_and_what_to_press(stage):
    lines = frame.paint(at(stage, len(stage.player.events) - 1), 120, 40)
    told = text_of(lines)
    assert "hidden now, from how many models" in told and "3 the faces" in told and "0 another story" in told
    inner = beside(told)
    for cohort, points in stage.now.curves.items():
        met = [event for (its, _), event in stage.now.table.cells.items() if its == cohort]
        row = next(row for row in inner if row.startswith(cohort_label(cohort, stage.now.curves)) and " of " in row)
        assert percent(points[-1].rate) in row and row.endswith(f" of {len(met)}")
    below = inner[next(i for i, row in enumerate(inner) if row.startswith("· the story is over")) :]
    assert sum(not row for row in below) <= 3, "no empty room"
    assert all(length(line) == 120 for line in lines)


@pytest.mark.parametrize("size", [(160, 50), (120, 40), (80, 24)], ids=str)
def test_plain_words_stand_where_newcomers_stumbled(stage, size):
    first = text_of(frame.paint(at(stage, 2), *size))
    assert "The trainer scrapes what people post" in first and "as a camera in the" in first
    assert "░ uncertain" in first
    assert ("recording of" in first and "in the story it is 2020-07" in first) or size[0] < 100
    assert size[0] >= 100 or ("recorded" in first and "story 2020-07" in first)
    last = text_of(frame.paint(at(stage, len(stage.player.events) - 1), *size))
    assert "━ all photos it kept" in last and "┄ one tool's alone" in last
    stage.view = "faces"
    faces = " ".join(text_of(frame.paint(stage, *size)).split())
    assert "-1 to 1; no percentages" in faces
    assert size[0] < 110 or "alike, from -1 to 1 (no per cent)" in last


def test_the_glossary_has_the_words():
    told = " ".join(text_of(glossary_lines(78)).split())
    for word in (
        "trainer",
        "clean photo",
        "thick and thin line",
        "░, 95 % interval",
        "similarity",
        "image-step",
        "story",
    ):
        assert word in told
