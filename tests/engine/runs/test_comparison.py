"""Two runs beside each other: what differs, which figures belong together, and what their intervals say."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facetui.engine.records.errors import JournalError
from facetui.engine.records.events import WHOLE_ARCHIVE, Event, PhotosPosted, ProtectionMeasured, RunBegan
from facetui.engine.records.rates import difference_interval, people_interval
from facetui.engine.runs.branches.comparison import FEWEST, Comparison, Difference, compare
from facetui.tui.text.comparison import how, in_words, lines, screen, summary
from facetui.tui.text.spans import length, text_of

from ...support.hostile_run import ROUNDS, runs, unsafe
from ...support.sample_run import BEGAN, sample_events

USERS = [f"p{number:02}" for number in range(1, 9)]


def began(**changed: Any) -> RunBegan:
    return RunBegan(**{**BEGAN, "users": USERS, "per_person": 48, **changed})


def figure(cohort: str, model: str, missed: list[int], probes: list[int] | None = None, **more: Any) -> Event:
    probes = probes or [8] * len(missed)
    fields: dict[str, Any] = {"attack": "lowkey", "defence": None, "classifier": "nearest"}
    return ProtectionMeasured(
        cohort=cohort,
        extractor=model,
        protection_rate=sum(missed) / sum(probes),
        n_probes=sum(probes),
        people=probes,
        missed=missed,
        **{"interval": people_interval(missed, probes), **fields, **more},
    )


def both(first: list[Event], second: list[Event]) -> Comparison:
    return compare(("one", "two"), (first, second))


def only_cell(first: list[int], second: list[int], **more: Any) -> Difference:
    (cell,) = both(
        [began(), figure("2021-01 lowkey", "compact-c", first)],
        [began(**more), figure("2021-01 lowkey", "compact-c", second)],
    ).cells
    return cell


def test_nothing_differs_between_a_run_and_itself():
    events = [began(), *sample_events()[1:]]
    found = both(events, events)
    assert found.settings == () and found.only == ((), ()) and len(found.cells) == 8
    told = "\n".join(lines(found))
    assert "nothing differs in their settings" in told


def test_the_same_people_and_probes_are_compared_person_by_person():
    before, after = [8, 8, 8, 8, 8, 8, 8, 6], [0, 1, 4, 0, 0, 2, 0, 3]
    cell = only_cell(before, after)
    fell = difference_interval(after, before, [8] * 8)
    assert cell.paired and cell.interval == fell and cell.change == (sum(after) - sum(before)) / 64
    assert cell.verdict == "lower" and cell.interval[1] < 0
    said = in_words(cell, ["2021-01 lowkey"])
    assert said.startswith("lowkey on compact-c: 97 % -> 16 %, 81 points less (") and said.endswith("): lower")
    assert only_cell(after, before).verdict == "higher"


def test_people_are_matched_by_name_and_not_by_place():
    missed = [8, 7, 6, 5, 4, 3, 2, 1]
    found = both([began(), figure("x", "m", missed)], [began(users=USERS[::-1]), figure("x", "m", missed[::-1])])
    assert found.cells[0].same and found.cells[0].paired and found.cells[0].change == 0
    assert "the same for each of 8 people" in in_words(found.cells[0], ["x"])


@pytest.mark.parametrize("count", range(1, 10))
def test_so_few_people_tell_nothing_and_those_who_all_differ_alike_are_no_certainty(count):
    users = [f"u{number}" for number in range(count)]
    first = [began(users=users), figure("x", "m", [8] * count)]
    second = [began(users=users), figure("x", "m", [0] * count)]
    (cell,) = both(first, second).cells
    assert cell.change == -1 and cell.interval[0] == -1 and cell.interval[1] > -1, "other people might not"
    assert cell.verdict == ("lower" if count >= FEWEST else "cannot tell")
    assert in_words(cell, ["x"]).endswith("lower" if count >= FEWEST else "cannot tell with so few")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"seed": 1}, "seeds 0 and 1 keep other photos of them as probes"),
        ({"per_person": 12}, "of some other photos were read"),
        ({"users": [*USERS[:3], *"abcde"]}, "8 in the first run, 8 in the second, 3 in both"),
        ({"people": "faces", "fictional": False}, "fictional ones, and the folder faces"),
        ({"users": ["p01"] * 8}, "do not say whose figures are whose"),
    ],
)
def test_others_are_not_compared_by_pairs_and_it_says_why(changed, why):
    first = [began(), figure("x", "m", [8] * 8)]
    found = both(first, [began(**changed), figure("x", "m", [0] * 8)])
    assert why in found.unpaired and why in how(found) and how(found).startswith("Not comparable by pairs")
    (cell,) = found.cells
    assert not cell.paired and cell.change == -1 and -1 <= cell.interval[0] < cell.interval[1] < 0


def test_a_person_with_other_probes_is_no_pair():
    found = both([began(), figure("x", "m", [4] * 8)], [began(), figure("x", "m", [4] * 8, [8, 8, 8, 8, 8, 8, 8, 7])])
    assert not found.unpaired and not found.cells[0].paired and not found.cells[0].same


def test_what_a_law_decides_and_what_older_versions_kept_has_no_pairs():
    decided = msgspec.structs.replace(figure("x", "m", [8] * 8), interval=None, law="moratorium")
    (cell,) = both([began(), decided], [began(), decided]).cells
    assert cell.interval is None and "a law decides" in in_words(cell, ["x"]) and cell.verdict == "cannot tell"
    old = msgspec.structs.replace(figure("x", "m", [8] * 8), people=[], missed=[])
    (cell,) = both([began(), old], [began(), old]).cells
    assert not cell.paired and cell.verdict == "cannot tell"


def test_only_what_differs_is_listed_and_figures_of_one_run_alone():
    first = [began(), figure("2021-01 lowkey", "m", [4] * 8), figure("2021-01 lowkey", "old", [4] * 8)]
    second = [
        began(seed=0, strength="workshop", extractors={"model-a": "xyz"}, parameters={"photos": 4}),
        figure("2021-03 lowkey weakened", "m", [2] * 8),
        figure("2021-04 pgd", "m", [1] * 8, attack="pgd"),
    ]
    found = both(first, second)
    assert [(s.name, s.first, s.second) for s in found.settings] == [
        ("strength of tools", "unknown", "workshop"),
        ("weights of model-a", "abc", "xyz"),
        ("set photos", "none", "4"),
    ]
    (cell,) = found.cells
    assert (cell.cohort, cell.second.cohort) == ("2021-01 lowkey", "2021-03 lowkey weakened"), "the only of its kind"
    assert [[(e.cohort, e.generation) for e in side] for side in found.only] == [
        [("2021-01 lowkey", "old")],
        [("2021-04 pgd", "m")],
    ]
    told = "\n".join(lines(found))
    assert "only in a: 2021-01 lowkey on old 50 %" in told and "only in b: 2021-04 pgd on m 12 %" in told


def test_two_of_a_kind_are_not_taken_for_each_other():
    first = [began(), figure("2021-01 lowkey", "m", [4] * 8), figure("2021-02 lowkey", "m", [4] * 8)]
    second = [began(), figure("2021-03 lowkey", "m", [4] * 8)]
    found = both(first, second)
    assert not found.cells and len(found.only[0]) == 2 and "nothing in common" in summary(found)


def test_a_post_of_a_branch_with_another_tool_is_compared_with_the_storys(tmp_path):
    post = {"n_people": 8, "n_photos": 16, "actor": "users", "t": "2021-01", "budget": None}
    first = [began(), PhotosPosted(cohort="2021-01 pgd", attack="pgd", **post), figure("2021-01 pgd", "m", [8] * 8)]
    second = [
        began(changes=["1: attack=lowkey"], branch_of="one"),
        PhotosPosted(cohort="2021-01 lowkey", attack="lowkey", **post),
        figure("2021-01 lowkey", "m", [1] * 8),
    ]
    (cell,) = both(first, second).cells
    assert cell.paired and in_words(cell, []).startswith("2021-01 pgd -> lowkey on m: 100 % -> 12 %, 88 points less (")
    assert "2021-01 pgd -> lowkey" in "\n".join(lines(both(first, second)))
    second[0] = began()
    assert both(first, second).cells == (), "otherwise photos under another attack are something else"


def test_a_run_that_did_not_begin_is_said():
    with pytest.raises(JournalError, match="two ends before the run began"):
        both([began()], [])


people = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=8, max_size=8)


@settings(deadline=None)
@given(people)
def test_what_is_said_is_what_the_interval_says(counts):
    cell = only_cell([a for a, _ in counts], [b for _, b in counts])
    low, high = cell.interval
    assert -1 <= low <= high <= 1 and abs(cell.change - sum(b - a for a, b in counts) / 64) < 1e-12
    said = in_words(cell, ["2021-01 lowkey"])
    if cell.same:
        assert said.endswith("the same for each of 8 people") and low < 0 < high
    elif low > 0:
        assert cell.verdict == "higher" and said.endswith("higher") and "more (" in said
    elif high < 0:
        assert cell.verdict == "lower" and said.endswith("lower") and "less (" in said
    else:
        assert said.endswith("cannot tell with so few")


@ROUNDS
@given(runs, runs, st.sampled_from([(80, 24), (40, 12), (120, 40), (1, 1)]), st.integers(-3, 30))
def test_a_strangers_run_is_text(first, second, size, at):
    found = compare(("one\x1b[2J", "two\u202e"), (first, second))
    assert unsafe("".join(lines(found))) == []
    drawn = screen(found, at, *size)
    assert len(drawn) == size[1] and all(length(line) == size[0] for line in drawn)
    assert unsafe(text_of(drawn), "\n") == []


def test_counts_that_cannot_be_are_no_pairs():
    wrong = msgspec.structs.replace(figure("x", "m", [8] * 8), missed=[9] * 8)
    (cell,) = both([began(), wrong], [began(), wrong]).cells
    assert not cell.paired
    whole = figure(WHOLE_ARCHIVE, "m", [0] * 8, [0] * 7 + [8])
    (cell,) = both([began(), whole], [began(), whole]).cells
    assert cell.paired and cell.interval[0] < 0 < cell.interval[1]
