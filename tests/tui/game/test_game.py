"""A game by its rules: whatever one does it ends, its Python is a story, and what is said of it was measured."""

from __future__ import annotations

import ast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facetui.engine.attacks import ATTACKS
from facetui.engine.lab.world.strength import tool_of
from facetui.engine.records.events import WHOLE_ARCHIVE, PhotosPosted
from facetui.tui.game import policy
from facetui.tui.game.form import BELIEFS, Asking, Beginning, table
from facetui.tui.game.game import ROLES, Game, Move
from facetui.tui.game.tools import ANSWERS, CLEAN, DATES, MOST, PHOTOS, TOOLS, networks_at, tools_at
from facetui.tui.text.spans import length

from ...support.sample_run import measured

KEYS = st.lists(st.sampled_from(["up", "down", "left", "right"]), max_size=30)


def press(form, keys) -> None:
    for key in keys:
        if key in ("up", "down"):
            form.go(1 if key == "down" else -1)
        else:
            form.turn(1 if key == "right" else -1)


def events_of(move: Move, missed: int) -> list:
    """What a lab would say of a turn."""
    said = [measured(WHOLE_ARCHIVE, "model-a", missed, missed)]
    if move.photos and move.tool != CLEAN:
        said.insert(
            0,
            PhotosPosted(
                cohort="c", attack=move.tool, budget="linf 8/255", n_people=8, n_photos=8, linf=0.03, dssim=0.01
            ),
        )
    return said


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ROLES), st.lists(KEYS, min_size=len(DATES), max_size=len(DATES)), st.integers(40, 160))
def test_whatever_is_pressed_a_game_ends_after_its_turns(role, pressed, width):
    game = Game(role)
    lines = []
    for turn, keys in enumerate(pressed):
        assert not game.over and game.t == DATES[turn]
        form = Asking(game)
        press(form, keys)
        for line in form.lines(width, form.below(width)):
            assert length(line) <= width
        move = form.move
        assert 0 <= move.photos <= min(MOST, game.photos) and move.answer in ANSWERS and 100 * move.believed in BELIEFS
        assert move.tool == CLEAN or move.tool in [tool.name for tool in tools_at(game.t)], "nothing from the future"
        lines += game.python(move)
        game.made(move, events_of(move, turn))
    assert game.over and 0 <= game.photos <= PHOTOS
    ast.parse("\n".join(lines))
    assert sum("lab.measure()" in line for line in lines) == len(DATES)
    rows = table(game, width)
    assert len(rows) == len(DATES) + 1 and all(length(line) == width for line in rows)
    said = game.conclusion([event for turn in game.turns for event in [turn.measured] if event])
    assert said[-1].startswith("Next: ") and "off by" in " ".join(said)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
@pytest.mark.parametrize("strength", ["release", "workshop"])
def test_every_strength_is_one_that_the_tool_can_be_run_at(tool, strength):
    assert tool.name in ATTACKS.names() and tool.price
    for number, one in enumerate(tool.strengths):
        made = tool_of(strength, tool.name, **eval(f"dict({one.given})"))
        assert made.attack.name == tool.name
        assert (one.given == "") == (number == tool.released), "its own strength is left to the tool"


def test_the_machine_learns_a_tool_a_turn_after_it_was_used_and_then_takes_what_is_new():
    game = Game("user")
    answers = []
    for _ in DATES:
        form = Asking(game)
        move = form.move
        answers.append(move.answer)
        game.made(move, events_of(move, 3))
    assert answers[0] == "wait" and answers[1] == "adapt" and "use" in answers
    for turn in game.turns[1:]:
        assert turn.move.answer != "adapt" or game.learnt, "it learns what it has seen"


def test_the_machine_as_the_user_has_photos_for_every_turn_and_runs_the_newest_tool():
    game = Game("trainer")
    for _ in DATES:
        move = Asking(game).move
        assert move.photos >= 1 and move.tool == game.tools()[-1].name
        game.made(move, events_of(move, 3))
    assert game.photos == 0


def test_a_policy_sees_no_measurement():
    assert not any("measured" in name or "rate" in name for name in policy.Known.__dataclass_fields__)


def test_networks_come_in_time():
    counts = [len(networks_at(t)) for t in DATES]
    assert counts == sorted(counts) and counts[0] >= 1 and counts[-1] > counts[0]


def test_what_is_said_in_the_end_is_what_was_measured():
    game = Game("user")
    for missed in (64, 60, 30, 3, 0):
        move = Move(TOOLS[0].name, TOOLS[0].released, 1, "wait", 1.0)
        game.made(move, events_of(move, missed))
    said = " ".join(game.conclusion([]))
    assert "fails on 0 %" in said and f"off by {round(100 * (0 + 4 + 34 + 61 + 64) / 64 / 5)} points" in said
    survived = Game("user")
    for _ in DATES:
        survived.made(move, [measured(WHOLE_ARCHIVE, "model-a", 64, 64)])
    assert "fails on 100 %" in " ".join(survived.conclusion([])), "who survives hears it"
    nothing = Game("user")
    nothing.made(move, [])
    assert nothing.off_by() is None and "Nothing was measured" in Asking(nothing).title


def test_a_cited_figure_is_no_measurement():
    game = Game("user")
    cited = msgspec.structs.replace(measured(WHOLE_ARCHIVE, "model-a", 64, 64), basis="cited", source="somebody")
    game.made(Move(CLEAN, 0, 1, "wait", 0.5), [measured(WHOLE_ARCHIVE, "model-a", 8, 8), cited])
    assert game.turns[0].measured is not None and game.turns[0].measured.protection_rate < 0.5


def test_one_chooses_whom_to_be():
    form = Beginning("workshop")
    assert form.chosen == ("user", "workshop")
    press(form, ["right", "down", "left"])
    assert form.chosen == ("trainer", "release")
