"""What the screens show, without any screen: folds, play head, chart, and text-grid snapshots of every page.

A snapshot that changed on purpose is written anew by running this file with FACETUI_UPDATE=1.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facetui.engine.records.cohort_table import cohort_table
from facetui.engine.records.events import (
    WHOLE_ARCHIVE,
    Note,
    PicturesShown,
    Progress,
    ProtectionMeasured,
    RunBegan,
    RunFailed,
)
from facetui.tui.figures import axis, chart
from facetui.tui.figures.photos import Looks
from facetui.tui.runs.recent import Recent, Story
from facetui.tui.screens import frame
from facetui.tui.screens.pages import PAGES
from facetui.tui.sharing.reports import export
from facetui.tui.state.app_state import Stage
from facetui.tui.state.playhead import SPEEDS, Player, reading_seconds
from facetui.tui.state.snapshot import Scene
from facetui.tui.text import spans
from facetui.tui.text.sentences import short_label, words

from ...support.sample_run import BEGAN, sample_events, write_sample

VIEWS = tuple(page.name for page in PAGES)

SCREENS = Path(__file__).resolve().parents[2] / "golden" / "screens"
SIZES = ((160, 50), (120, 40), (80, 24), (40, 12))


def staged(folder: Path, view: str, head: int | None = None) -> Stage:
    stage = Stage()
    stage.open(folder, live=False)
    stage.extend(write_sample(folder))
    stage.player.jump(len(stage.player.events) - 1 if head is None else head)
    stage.fold()
    stage.view = view
    stage.device = "cpu, 2 threads"
    stage.stories = [Story("arms_race", "The arms race that is none", 41.0), Story("clean_era", "The clean era", None)]
    stage.recent = [Recent(Path("sample-20210101-000000"), "sample", "finished", 28.0, "2021-01-01 00:00")]
    stage.selection.event = stage.player.head
    return stage


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("view", VIEWS)
def test_every_page_looks_as_it_did(view, size, tmp_path):
    lines = frame.paint(staged(tmp_path / "sample-20210101-000000", view), *size)
    assert len(lines) == size[1] and all(spans.length(line) == size[0] for line in lines)
    text = spans.text_of(lines) + "\n"
    assert "\x1b" not in text and "\x07" not in text
    kept = SCREENS / f"{view}-{size[0]}x{size[1]}.txt"
    if os.environ.get("FACETUI_UPDATE"):
        kept.write_text(text, encoding="utf-8")
    assert text == kept.read_text(encoding="utf-8")


@pytest.mark.parametrize("view", ["timeline", "faces"])
@pytest.mark.parametrize("looks", [Looks("none"), Looks("256"), Looks("true", pixels=True)], ids=str)
def test_without_colours_and_with_pixels_the_same_is_said(view, looks, tmp_path):
    """Sixteen colours, none at all, 256, or pictures in pixels: only what pictures are made of changes."""
    stage = staged(tmp_path / "run", view)
    lines = frame.paint(stage, 120, 40, looks)
    assert len(lines) == 40 and all(spans.length(line) == 120 for line in lines)
    told = spans.text_of(lines)
    assert "p01" in told and ("named right" in told or "right" in told)
    pictures = frame.pictures(stage, 120, 40)
    assert len(pictures) >= 2
    for one, other in itertools.combinations(pictures, 2):  # none lies over another
        apart = one.x + one.width <= other.x or other.x + other.width <= one.x
        assert apart or one.y + one.width // 2 <= other.y or other.y + other.width // 2 <= one.y
    for picture in pictures:
        rows = [row for row in told.split("\n")[picture.y : picture.y + picture.width // 2]]
        here = {row.ljust(120)[picture.x : picture.x + picture.width].strip() for row in rows}
        assert here == {""} if looks.pixels and picture.picture else here != {""} or looks.colours != "none", picture


@settings(deadline=None)
@given(width=st.integers(1, 170), height=st.integers(1, 60), head=st.integers(0, 28), view=st.sampled_from(VIEWS))
def test_any_size_at_any_moment_is_filled_exactly(width, height, head, view, tmp_path_factory):
    stage = staged(tmp_path_factory.mktemp("run"), view, head)
    lines = frame.paint(stage, width, height)
    assert len(lines) == height and all(spans.length(line) == width for line in lines)
    assert (width >= 40 and height >= 12) or not any("▲" in text for line in lines for text, _ in line)


def test_text_from_a_journal_is_foreign(tmp_path):
    stage = staged(tmp_path / "run", "timeline", 2)
    text = spans.text_of(frame.paint(stage, 120, 40))
    assert "[red]not red[/red]" in text and "\x1b" not in text


def test_a_run_that_failed_says_where(tmp_path):
    stage = staged(tmp_path / "run", "timeline")
    stage.extend([RunFailed(error="mine.py, line 3: ZeroDivisionError: division by zero", exit_code=1)])
    stage.player.latest()
    stage.fold()
    text = spans.text_of(frame.paint(stage, 80, 24))
    assert "mine.py, line 3: ZeroDivisionError" in text and "failed" in text


@pytest.mark.parametrize("cohort", ["2020-07 pgd", "2021-01-21 fawkes-0.3 weakened"])
def test_the_sentence_over_the_named_is_never_cut_off(cohort, tmp_path):
    stage = Stage()
    stage.open(tmp_path / "run", live=False)
    events = write_sample(tmp_path / "run")
    stage.extend([msgspec.structs.replace(e, cohort=cohort) if isinstance(e, PicturesShown) else e for e in events])
    stage.player.latest()
    stage.fold()
    stage.view = "faces"
    text = " ".join(spans.text_of(frame.paint(stage, 80, 24)).split())
    assert f"posted {cohort.strip()}, the trainer names" in text


# --- folds --------------------------------------------------------------------------------------------------------


def test_the_scene_of_a_head_is_the_fold_of_the_events_before_it(tmp_path):
    events = sample_events()
    stage = staged(tmp_path / "run", "timeline", 0)
    for head in [*range(len(events)), *reversed(range(len(events))), 13, 3, 20]:
        stage.player.jump(head)
        stage.fold()
        alone = Scene.of(events[: head + 1])
        assert (stage.now.t, stage.now.slots, list(stage.now.curves)) == (alone.t, alone.slots, list(alone.curves))
        assert stage.now.table.cells.keys() == cohort_table(events[: head + 1]).cells.keys()


def test_curves_and_lanes():
    scene = Scene.of(sample_events())
    assert scene.cohorts == ["2020-07 pgd", "2021-03 lowkey", WHOLE_ARCHIVE]
    kept = [point.value(True) for point in scene.curves[WHOLE_ARCHIVE]]
    assert kept[0] > 0.9 and max(kept[1:]) < 0.1, "up once, and then only down"
    assert [c.event.extractor for c in scene.cited] == ["CLIP"]
    moved = {actor for slot in scene.slots for actor, *_ in slot.moves}
    assert {"users", "friends", "trainer", "law"} <= moved
    fell = scene.curves[WHOLE_ARCHIVE][1].slot
    assert scene.slots[fell].label("trainer") == "adapts", "protection falls right above the move that made it fall"
    assert short_label(sample_events()[11]) == "adapts"


@given(width=st.integers(1, 200), spare=st.integers(0, 8), n=st.integers(0, 28))
def test_moves_keep_their_order_on_the_axis(width, spare, n):
    slots = Scene.of(sample_events()[:n]).slots
    columns = axis.positions(slots, width, spare)
    assert columns == sorted(columns) and all(0 <= column < width for column in columns)


def test_every_kind_of_event_has_words():
    for event in sample_events():
        text = words(event)
        assert text and "\x1b" not in text
    assert "not trained against" in words(
        next(e for e in sample_events() if isinstance(e, ProtectionMeasured) and e.is_news)
    )


# --- the play head ------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    moves=st.lists(
        st.sampled_from(
            ["next", "back", "move", "unmove", "first", "latest", "toggle", "tick", "fast", "slow", "more"]
        ),
        max_size=40,
    )
)
def test_the_play_head_never_leaves_the_journal(moves):
    events = sample_events()
    player, known = Player(growing=True, live=True), 5
    player.extend(events[:known])
    for move in moves:
        match move:
            case "next" | "back":
                player.step(1 if move == "next" else -1)
            case "move" | "unmove":
                player.step_move(1 if move == "move" else -1)
            case "tick":
                player.tick(0.7)
            case "fast" | "slow":
                player.faster(1 if move == "fast" else -1)
            case "more" if known < len(events):
                player.extend(events[known : known + 4])
                known = len(player.events)
            case "first" | "latest" | "toggle":
                getattr(player, move)()
        assert 0 <= player.head < len(player.events) and player.speed in SPEEDS
        assert not player.live or player.growing


def test_no_caption_is_replaced_before_it_could_be_read(tmp_path):
    """Live as in a replay: a run that comes out of the cache all at once is shown at a pace that can be followed."""
    for live in (True, False):
        stage = Stage()
        stage.open(tmp_path / f"run {live}", live=live, growing=live)
        events = write_sample(tmp_path / f"run {live}")
        stage.extend(events[:2])
        stage.extend(events[2:])
        stayed: list[tuple[str, float]] = [(stage.now.caption, 0.0)]
        for _ in range(3000):
            stage.tick(0.1)
            if stage.now.caption == stayed[-1][0]:
                stayed[-1] = (stayed[-1][0], stayed[-1][1] + 0.1)
            elif stage.now.caption.startswith(stayed[-1][0][:40]):  # a round of measurements that is not whole yet
                stayed[-1] = (stage.now.caption, stayed[-1][1])
            else:
                stayed.append((stage.now.caption, 0.0))
            if stage.player.at_end:
                break
        assert len(stayed) >= 6 and stage.player.at_end, "it is played to its end all the same"
        for caption, seconds in stayed[:-1]:
            assert seconds >= reading_seconds(caption) - 0.5, (caption, seconds)
        assert stayed[-1][0] == "It began at 98 % and ends at 6 %."


def test_what_is_computed_goes_on_while_a_caption_is_read():
    player = Player(live=True, growing=True)
    player.extend([RunBegan(**BEGAN)])
    player.extend([Note(text="one"), Progress(task="x", done=1, total=9), Progress(task="x", done=2, total=9)])
    player.tick(0.1)
    assert player.at_end, "progress replaces no caption"
    player.extend([Note(text="two"), Progress(task="x", done=3, total=9)])
    player.tick(0.1, unread=2.0)
    assert player.head == 3
    player.tick(0.1, unread=0.0)
    assert player.at_end and player.state == "live"


def test_a_line_falls_while_one_looks_and_steps_without_motion(tmp_path):
    def heights(motion):
        stage = Stage(motion=motion)
        stage.open(tmp_path / f"run {motion}", live=False)
        stage.extend(write_sample(tmp_path / f"run {motion}"))
        seen = []
        while stage.now.t < "2021-03":
            stage.tick(0.05)
            shown = chart.Look(fall=stage.fall if stage.motion else 1.0)
            points = stage.now.curves.get(WHOLE_ARCHIVE, [])
            if len(points) == 2:
                seen.append(shown.value(points, 1))
        return seen

    glided, stepped = heights(True), heights(False)
    assert glided == sorted(glided, reverse=True) and glided[0] > 0.9 > 0.1 > glided[-1]
    assert len({round(value, 2) for value in glided}) >= 10, "it is seen to fall"
    assert len(set(stepped)) == 1


def test_time_never_runs_backwards_while_a_move_is_computed(tmp_path):
    stage = Stage()
    stage.open(tmp_path / "run", live=True, growing=True)
    stage.extend(sample_events()[:3])
    ways = []
    for task in ("perturb", "train", "measure"):
        for done in (1, 5, 9):
            stage.extend([Progress(task=task, done=done, total=9)])
            stage.tick(0.3)
            ways.append(stage.glide())
    assert ways == sorted(ways) and 0 < ways[0] < ways[-1] < 1


@pytest.mark.parametrize("size", SIZES)
def test_under_the_cursor_stands_what_a_value_rests_on(size, tmp_path):
    stage = staged(tmp_path / "run", "timeline")
    stage.move(0, -1)
    stage.move(1, 0)
    told = " ".join(spans.text_of(frame.paint(stage, *size)).split())
    if size[0] >= 64:
        assert "of 64 probes of 8 people, 95 % interval" in told and "with model-" in told and "measured" in told
    assert stage.selection.slot is not None
    stage.go_to_slot(2)
    assert stage.selection.slot is None and len(stage.now.slots) <= 3


def test_labels_keep_their_numbers_and_never_lie_over_each_other(tmp_path):
    stage = staged(tmp_path / "run", "timeline")
    for width in range(64, 110, 3):
        lines = frame.paint(stage, width, 24)
        for number in ("31 %", "12 %", "11 %", "24 % cited", "1.0 %"):
            assert sum(number in "".join(text for text, _ in line) for line in lines) == 1, (width, number)


def test_scrubbing_back_does_not_lose_what_goes_on_and_g_goes_back_to_it():
    events = sample_events()
    player = Player(growing=True, live=True)
    player.extend(events[:10])
    player.step_move(-1)
    stood = player.head
    player.extend(events[10:])
    assert player.head == stood < len(events) - 1 and player.state == "paused"
    player.latest()
    assert player.live and player.at_end


def test_a_replay_plays_to_the_end_and_steps_skip_progress():
    player = Player()
    player.extend(sample_events())
    heads = []
    for _ in range(400):
        player.tick(0.25)
        heads.append(player.head)
    assert heads == sorted(heads) and player.at_end and not player.playing
    assert max(after - before for before, after in itertools.pairwise(heads)) <= 3, "nothing is jumped over"
    player.first()
    seen = []
    while not player.at_end:
        player.step(1)
        seen.append(player.events[player.head])
    assert not any(isinstance(event, Progress) for event in seen) and any(isinstance(event, Note) for event in seen)


# --- keys, files --------------------------------------------------------------------------------------------------


def test_the_table_and_the_chart_can_be_taken_away():
    scene = Scene.of(sample_events())
    saved = export.exported(scene, kept=True)
    assert set(saved) == {"table.csv", "table.json", "chart.svg", "chart.png"}
    assert "2021-03 lowkey" in saved["table.csv"].decode() and "cited" in saved["table.json"].decode()
    svg = saved["chart.svg"].decode()
    assert svg.startswith("<svg")
    assert "whole archive" in svg and "script" not in svg
    assert saved["chart.png"].startswith(b"\x89PNG")


def test_views_and_replay_load_neither_textual_nor_torch():
    code = (
        "import sys; import facetui.tui.screens.frame, facetui.tui.state.playhead;"
        "import facetui.tui.figures.drawing, facetui.tui.app.launch;"
        "print([m for m in ('textual', 'torch', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_megabyte_of_foreign_text_is_drawn_in_no_time(tmp_path):
    huge = "<b>[red]\x1b[31m x " * 60_000
    began, *rest = sample_events()
    events = [msgspec.structs.replace(began, title=huge), Note(seq=1, text=huge), *rest]
    events += [Note(text=huge), RunFailed(error=huge, exit_code=1)]
    stage = Stage(motion=False)
    stage.open(tmp_path, live=True)
    stage.extend([msgspec.structs.replace(event, seq=seq) for seq, event in enumerate(events)])
    stage.player.latest()
    stage.fold()
    for view, (width, height) in itertools.product(VIEWS, SIZES):
        stage.view = view
        began_at = time.perf_counter()
        told = spans.text_of(frame.paint(stage, width, height))
        assert time.perf_counter() - began_at < 0.5, view
        assert "\x1b" not in told and len(told) <= (width + 1) * height
