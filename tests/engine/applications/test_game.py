"""The game: its asymmetry over any figures, what dates do, and what belongs into one matrix."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facetui.engine.applications.benchmarks.cells import Results
from facetui.engine.applications.game import dates
from facetui.engine.applications.game.matrix import Matrix, Outcome, Reply, matrix
from facetui.engine.applications.game.solve import (
    an_attack_for_all_models,
    fall,
    for_all_models_an_attack,
    play,
    survived,
    survivors,
)
from facetui.engine.attacks import ATTACKS
from facetui.engine.records.errors import UsageError

from ...support.cells import SETTINGS, cell

DATES = ("2020-01", "2021-01", "2022-01", "2023-01")


@st.composite
def games(draw):
    tools = {f"tool {i}": draw(st.sampled_from(DATES)) for i in range(draw(st.integers(1, 4)))}
    replies = [Reply(f"model {i}", "nearest", (), draw(st.sampled_from(DATES))) for i in range(draw(st.integers(1, 4)))]
    outcomes = {
        (tool, reply): Outcome([draw(st.integers(0, 8)) for _ in range(3)], [8] * 3)
        for tool in tools
        for reply in replies
    }
    return Matrix(tools, tuple(replies), outcomes)


@settings(max_examples=100, deadline=None)
@given(games())
def test_an_attack_for_all_models_is_never_worth_more_than_for_all_models_an_attack(game):
    assert an_attack_for_all_models(game) <= for_all_models_an_attack(game)


@settings(max_examples=100, deadline=None)
@given(games(), st.sampled_from(DATES))
def test_waiting_never_helps_the_user(game, posted):
    values = [play(game, posted, months).value for months in (0, 6, 12, 24, None)]
    assert values == sorted(values, reverse=True)


@settings(max_examples=100, deadline=None)
@given(games(), st.sampled_from(DATES), st.data())
def test_more_answers_never_help_the_user_and_more_tools_never_hurt_her(game, posted, data):
    before = play(game, posted, None).value
    if len(game.replies) > 1:
        fewer = tuple(data.draw(st.lists(st.sampled_from(game.replies), min_size=1, unique=True)))
        assert play(Matrix(game.tools, fewer, game.outcomes), posted, None).value >= before
    there = [tool for tool, date in game.tools.items() if date <= posted]
    if len(there) > 1:
        some = data.draw(st.lists(st.sampled_from(there), min_size=1, unique=True))
        fewer_tools = {tool: date for tool, date in game.tools.items() if tool in some}
        assert play(Matrix(fewer_tools, game.replies, game.outcomes), posted, None).value <= before


@settings(max_examples=100, deadline=None)
@given(games())
def test_who_survives_is_never_found_by_the_best_reply(game):
    for tool in survivors(game):
        assert min(game.rate(tool, reply) for reply in game.replies) > 0.5


def grid(seed=0, tools=("lowkey",), users=20, **cells):
    settings = msgspec.structs.replace(SETTINGS, seed=seed, tools=list(tools), users=[f"p{i}" for i in range(users)])
    made = [
        cell(attack, extractor, answer, missed=[missed] * users)
        for attack, answers in cells.items()
        for (extractor, answer), missed in answers.items()
    ]
    return Results(settings, {one.key: one for one in made})


NEAREST, ADAPTED = ("compact-b", "nearest"), ("compact-b", "adapted")


def test_seeds_are_pooled_by_person_and_what_was_learnt_is_part_of_an_answer():
    first = grid(0, lowkey={NEAREST: 8, ADAPTED: 0}, clean={NEAREST: 0, ADAPTED: 0})
    second = grid(1, lowkey={NEAREST: 6, ADAPTED: 4}, clean={NEAREST: 0, ADAPTED: 0})
    knows_more = grid(0, ("lowkey", "strongest"), lowkey={ADAPTED: 1}, clean={ADAPTED: 0})
    found = matrix([first, second, knows_more])
    assert list(found.tools.items()) == [("clean", ""), ("lowkey", "2021-01")] and found.people == 20
    assert [reply.date for reply in found.replies] == ["2021-03", "2021-04", "2026-12"]
    nearest, adapted, later = found.replies
    assert found.rate("lowkey", nearest) == 14 / 16 and sum(found.outcomes["lowkey", nearest].probes) == 20 * 16
    assert found.rate("lowkey", adapted) == 4 / 16 and found.rate("lowkey", later) == 1 / 8
    at_once, waits = play(found, "2021-03", 0), play(found, "2021-03", 1)
    assert (at_once.tool, at_once.reply, at_once.value) == ("lowkey", nearest, 14 / 16)
    assert waits.reply == adapted and play(found, "2021-03", None).reply == later
    assert play(found, "2021-01", 0).reply is None, "the network is not there yet"
    assert fall(found, "lowkey") == adapted and survived(found, "lowkey") is None
    assert survivors(found) == [] and survivors(matrix([grid(lowkey={NEAREST: 8})])) == ["lowkey"]


def test_what_was_not_measured_against_every_tool_is_left_out_and_said():
    found = matrix([grid(lowkey={NEAREST: 8, ADAPTED: 1}, clean={NEAREST: 0})])
    assert [reply.answer for reply in found.replies] == ["nearest"]
    assert [reply.answer for reply in found.left_out] == ["adapted"]


def test_grids_that_do_not_belong_together_are_refused():
    one = grid(lowkey={NEAREST: 8})
    with pytest.raises(UsageError, match="twice with seed 0"):
        matrix([one, one])
    other = Results(msgspec.structs.replace(one.settings, photos=9, seed=1), one.cells)
    with pytest.raises(UsageError, match="photos is 4 in one and 9"):
        matrix([one, other])
    with pytest.raises(UsageError, match="at least one folder"):
        matrix([])
    with pytest.raises(UsageError, match="every tool"):
        matrix([grid(lowkey={NEAREST: 8}, clean={ADAPTED: 0})])


@pytest.mark.parametrize("name", ATTACKS.names())
def test_every_tool_has_a_date(name):
    date = dates.tool_date(f"{name} steps=3")
    assert date[:4] == ATTACKS.entry(name).facts["year"] or name == "opom" or date > "2019"
    assert dates.tool_date(f"{name}+strongest") == "2026-11"


def test_dates():
    assert dates.later("2021-12", 1) == "2022-01" and dates.later("2021-01-21", 25) == "2023-02"
    assert dates.later("", 3) == "" and dates.later("2021-01-21", 0) == "2021-01-21"
    assert dates.released()["compact-c"] == "2022-03"
